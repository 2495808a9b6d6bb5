#!/usr/bin/env bash
# Downloads, verifies and installs the release VERSION of REPOSITORY for this machine, as the action setup-kmsctl.
# SHA256 may name the archive's checksum.
set -euo pipefail
stop() { echo "::error::setup-kmsctl: $1" >&2; exit 1; }

version=${VERSION#v}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || stop "the version must be one such as 0.1.0"
[[ $REPOSITORY =~ ^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$ ]] || stop "the repository must be OWNER/REPOSITORY"
case $RUNNER_OS-$RUNNER_ARCH in
  Linux-X64) target=x86_64-unknown-linux-musl ;;
  Linux-ARM64) target=aarch64-unknown-linux-musl ;;
  macOS-X64) target=x86_64-apple-darwin ;;
  macOS-ARM64) target=aarch64-apple-darwin ;;
  *) stop "there is no kmsctl for $RUNNER_OS on $RUNNER_ARCH, only for Linux and macOS on X64 and ARM64" ;;
esac
name=kmsctl-v$version-$target

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
releases=${GITHUB_SERVER_URL:-https://github.com}/$REPOSITORY/releases/download
download() {
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --output "$1" "$releases/v$version/$1" \
    || stop "$releases/v$version/$1 could not be downloaded"
}
download "$name.tar.gz"

expected=${SHA256:-}
if [ -z "$expected" ]; then
  download SHA256SUMS
  expected=$(awk -v name="$name.tar.gz" '$2 == name { print $1 }' SHA256SUMS)
fi
[[ $expected =~ ^[0-9a-f]{64}$ ]] || stop "the expected SHA-256 of $name.tar.gz must be 64 lower-case hexadecimal digits"
if command -v sha256sum >/dev/null; then actual=$(sha256sum "$name.tar.gz"); else actual=$(shasum -a 256 "$name.tar.gz"); fi
[ "${actual%% *}" = "$expected" ] || stop "$name.tar.gz has the SHA-256 ${actual%% *} instead of $expected"

# Only the release workflow, run for this tag, may have made the archive.
if command -v gh >/dev/null; then
  gh attestation verify "$name.tar.gz" --repo "$REPOSITORY" --signer-workflow "$REPOSITORY/.github/workflows/release.yaml" \
    --source-ref "refs/tags/v$version" --deny-self-hosted-runners || stop "the provenance of $name.tar.gz could not be verified"
else
  echo "::warning::setup-kmsctl: the provenance is not verified, because gh is not installed" >&2
fi

tar -xzf "$name.tar.gz" "$name/kmsctl"
bin=$RUNNER_TEMP/$name
mkdir -p "$bin"
mv -f "$name/kmsctl" "$bin/kmsctl"
"$bin/kmsctl" --version
echo "$bin" >>"$GITHUB_PATH"
echo "path=$bin/kmsctl" >>"$GITHUB_OUTPUT"
