#!/usr/bin/env bash
# Packs a built program the way a release does:
#   .github/release/pack.sh PROGRAM TARGET FOLDER
# FOLDER then has kmsctl-vVERSION-TARGET.tar.gz: the program, its man pages and shell completions, the README and the licence.
# Cargo.toml (binstall), kmsctl.rb and the action setup-kmsctl rely on this name and on the one folder inside, named alike.
set -euo pipefail
program=$1 target=$2 out=$3
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
version=$("$program" --version)
version=${version##* }
name=kmsctl-v$version-$target

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/$name/completions" "$work/$name/man" "$out"
cp "$program" "$work/$name/kmsctl"
chmod 755 "$work/$name/kmsctl"
cp "$top/LICENSE" "$top/README.md" "$work/$name"

completions() { "$program" completions "$1" >"$work/$name/completions/$2"; }
completions bash kmsctl.bash
completions zsh _kmsctl
completions fish kmsctl.fish
completions elvish kmsctl.elv
completions powershell _kmsctl.ps1
if "$program" man --help >/dev/null 2>&1; then "$program" man --out "$work/$name/man"; fi

# Without COPYFILE_DISABLE, the tar of macOS adds a file `._NAME` for each file with extended attributes.
COPYFILE_DISABLE=1 tar -C "$work" -czf "$out/$name.tar.gz" "$name"
echo "$out/$name.tar.gz"
