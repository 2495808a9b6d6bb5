#!/usr/bin/env bash
# The README's second command: every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo test --quiet --no-run
exec tests/moto/serve.sh cargo test
