#!/usr/bin/env bash
# The README's first command: a local AWS, the storage example planned and applied, what AWS then
# holds, and a second plan that finds nothing to do.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
if [ "${1:-}" != inside ]; then
  cargo build --quiet
  exec tests/moto/serve.sh "$0" inside
fi
kmsctl=${CARGO_TARGET_DIR:-target}/debug/kmsctl
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
run() { echo "\$ kmsctl $*"; "$kmsctl" -f examples/storage/kmsctl.yaml --state "$state" "$@"; echo; }
run plan
run apply --auto-approve
echo "What AWS holds now:"
python3 tests/moto/show.py
echo
run plan --detailed-exitcode
