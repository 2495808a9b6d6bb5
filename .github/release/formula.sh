#!/usr/bin/env bash
# Prints the Homebrew formula of a release:
#   .github/release/formula.sh OWNER/REPOSITORY VERSION SHA256SUMS
# The checksums are those of the archives. A missing one is an error.
set -euo pipefail
repository=$1 version=$2 sums=$3
formula=$(cat "$(dirname "${BASH_SOURCE[0]}")/kmsctl.rb")
formula=${formula//@REPOSITORY@/$repository}
formula=${formula//@VERSION@/$version}
for target in {aarch64,x86_64}-{apple-darwin,unknown-linux-musl}; do
  sum=$(awk -v name="kmsctl-v$version-$target.tar.gz" '$2 == name { print $1 }' "$sums")
  [[ $sum =~ ^[0-9a-f]{64}$ ]] || { echo "$sums has no SHA-256 of kmsctl-v$version-$target.tar.gz" >&2; exit 1; }
  formula=${formula//@SHA256-$target@/$sum}
done
echo "$formula"
