#!/usr/bin/env bash
# Runs a command against a local AWS (moto's server on loopback) and ends it afterwards:
#   tests/moto/serve.sh COMMAND...
# Where `moto_server` is not installed, it is installed into a private virtual environment first.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${KMSCTL_MOTO_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/kmsctl-moto}
log=$(mktemp)

works() { "$1" --help >/dev/null 2>&1; }
server=$(command -v moto_server || true)
if [ -z "$server" ] || ! works "$server"; then
  server=$home/bin/moto_server
  if ! works "$server"; then
    echo "Installing the local AWS into a private virtual environment (once)." >&2
    python3 -m venv "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  fi
fi

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MOTO_EC2_LOAD_DEFAULT_AMIS=false
"$server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
pid=$!
folder=$(mktemp -d)
trap 'kill "$pid" 2>/dev/null || true; rm -rf "$log" "$folder"' EXIT

up() { python3 -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=2)' "http://127.0.0.1:$port/moto-api/" >/dev/null 2>&1; }
for _ in $(seq 120); do
  if up; then break; fi
  if ! kill -0 "$pid" 2>/dev/null; then cat "$log" >&2; exit 1; fi
  sleep 0.5
done
up || { echo "the local AWS did not start" >&2; cat "$log" >&2; exit 1; }

# The proxy answers what moto does not have. It ends when its standard input does: with this script.
mkfifo "$folder/address" "$folder/open"
python3 "$here/proxy.py" "http://127.0.0.1:$port" <"$folder/open" >"$folder/address" &
exec 9>"$folder/open"
read -r address <"$folder/address"

unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ENDPOINT_URL=$address AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
python3 "$here/identities.py" 9>&-
"$@" 9>&-
