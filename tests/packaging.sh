#!/usr/bin/env bash
# Packs, describes and installs a release without the network: the archive of a built program, its formula, and the action
# setup-kmsctl, for which `curl` and `gh` are stand-ins:
#   tests/packaging.sh PROGRAM
set -euo pipefail
built=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "tests/packaging.sh: $1" >&2; exit 1; }
passed=0
ok() { passed=$((passed + 1)); }

# A debug build has hundreds of megabytes, so what is packed is a script that runs it.
program=$work/kmsctl
printf '#!/bin/sh\nexec "%s" "$@"\n' "$built" >"$program"
chmod +x "$program"

version=$("$program" --version)
version=${version#kmsctl }
targets=({aarch64,x86_64}-{apple-darwin,unknown-linux-musl})
for target in "${targets[@]}"; do .github/release/pack.sh "$program" "$target" "$work/release" >/dev/null; done
(cd "$work/release" && sha256sum kmsctl-* >SHA256SUMS)
name=kmsctl-v$version-x86_64-unknown-linux-musl

# Everything is in one folder, named like the archive.
list=$(tar -tzf "$work/release/$name.tar.gz")
for file in kmsctl README.md LICENSE completions/{kmsctl.bash,_kmsctl,kmsctl.fish,kmsctl.elv,_kmsctl.ps1}; do
  grep -qx "$name/$file" <<<"$list" || fail "the archive has no $file"
done
if grep -qv "^$name/" <<<"$list"; then fail "the archive has more than its folder"; fi
ok

# `cargo binstall` looks for that archive and that program.
binstall() {
  sed -n "s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml |
    sed "s/{ name }/kmsctl/g; s/{ bin }/kmsctl/; s/{ version }/$version/g; s/{ target }/x86_64-unknown-linux-musl/g"
}
[ "$(binstall pkg-url)" = "{ repo }/releases/download/v$version/$name.tar.gz" ] || fail "pkg-url names no archive of a release"
[ "$(binstall bin-dir)" = "$name/kmsctl" ] || fail "bin-dir does not name the program"
ok

# The formula has the checksum of each archive, and nothing is left to fill in.
formula=$(.github/release/formula.sh owner/kmsctl "$version" "$work/release/SHA256SUMS")
for target in "${targets[@]}"; do
  sum=$(sha256sum "$work/release/kmsctl-v$version-$target.tar.gz")
  pair=$(grep -A 1 "releases/download/v$version/kmsctl-v$version-$target.tar.gz\"" <<<"$formula")
  grep -q "sha256 \"${sum%% *}\"" <<<"$pair" || fail "the formula has another checksum for $target"
done
if grep '@' <<<"$formula"; then fail "the formula is not filled in"; fi
grep -v x86_64-apple <"$work/release/SHA256SUMS" >"$work/three"
if .github/release/formula.sh owner/kmsctl "$version" "$work/three" >/dev/null 2>&1; then fail "a formula without a checksum"; fi
ok

mkdir "$work/bin"
cat >"$work/bin/curl" <<'STUB'
#!/usr/bin/env bash
# Takes the file that the address ends with from $RELEASE.
while [ "$1" != --output ]; do shift; done
[[ $3 == https://github.com/owner/kmsctl/releases/download/v*/"$2" ]] || exit 3
cp "$RELEASE/$2" "$2"
STUB
cat >"$work/bin/gh" <<'STUB'
#!/usr/bin/env bash
echo "$*" >>"$CALLS"
exit "${GH_EXIT:-0}"
STUB
chmod +x "$work/bin/curl" "$work/bin/gh"
# Runs the action's script with the given variables; what it would install is in $work/installed.
install() {
  rm -rf "$work/installed"
  mkdir "$work/installed"
  env PATH="$work/bin:$PATH" RELEASE="$work/release" CALLS="$work/installed/calls" RUNNER_TEMP="$work/installed" RUNNER_OS=Linux \
    RUNNER_ARCH=X64 GITHUB_PATH="$work/installed/path" GITHUB_OUTPUT="$work/installed/output" GITHUB_SERVER_URL=https://github.com \
    REPOSITORY=owner/kmsctl VERSION="$version" SHA256='' "$@" .github/actions/setup-kmsctl/install.sh >"$work/installed/log" 2>&1
}
# Nothing may be installed with the given variables, for the given reason.
refused() {
  if install "${@:2}"; then fail "installed although: $1"; fi
  grep -q "^::error::.*$1" "$work/installed/log" || fail "another reason than: $1"
  [ ! -e "$work/installed/path" ] || fail "the PATH was changed although: $1"
  [ ! -e "$work/installed/$name/kmsctl" ] || fail "the program is there although: $1"
  ok
}

install || { cat "$work/installed/log" >&2; fail "not installed"; }
cmp "$program" "$(cat "$work/installed/path")/kmsctl"
grep -q -- "--repo owner/kmsctl --signer-workflow owner/kmsctl/.github/workflows/release.yaml --source-ref refs/tags/v$version " \
  "$work/installed/calls" || fail "the provenance was not verified"
ok
install VERSION="v$version" || fail "not installed with a version that begins with v"
ok
sum=$(sha256sum "$work/release/$name.tar.gz")
install SHA256="${sum%% *}" || fail "not installed with its checksum"
ok
refused "instead of 0" SHA256="$(printf '0%.0s' {1..64})"
refused "must be 64 lower-case" SHA256=abc
refused "provenance .* could not be verified" GH_EXIT=1
for wrong in '' 1.0 '1.0.0;id' '1.0.0-/../../x' $'1.0.0\nx'; do refused "version must be" VERSION="$wrong"; done
for wrong in kmsctl owner/../kmsctl 'owner/kmsctl?x' 'owner/kmsctl --help'; do refused "must be OWNER/REPOSITORY" REPOSITORY="$wrong"; done
refused "no kmsctl for Windows on X64" RUNNER_OS=Windows
refused "could not be downloaded" VERSION=999.0.0
printf x >>"$work/release/$name.tar.gz"
refused "has the SHA-256"
grep -v "$name" "$work/release/SHA256SUMS" >"$work/others"
mv "$work/others" "$work/release/SHA256SUMS"
refused "must be 64 lower-case"

# What runs with the rights of a release is named by commits, which nobody can move, and takes no text into its scripts.
files=(.github/workflows/release.yaml .github/workflows/image.yaml .github/actions/setup-kmsctl/action.yaml)
uses=$(grep -h 'uses:' "${files[@]}")
if grep -vE 'uses: [A-Za-z0-9_./-]+@[0-9a-f]{40} # v[0-9.]+$' <<<"$uses"; then fail "an action is not pinned"; fi
if grep -nE '^ *(- )?run: .*\$\{\{' "${files[@]}"; then fail "a script has an expression in it"; fi
ok
echo "packaging: $passed passed, 0 failed"
