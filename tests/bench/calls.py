"""Counts AWS calls, wall time and peak memory of plan and apply at several sizes.

  cargo build --release
  tests/moto/serve.sh python3 tests/bench/calls.py 10 100 1000

N keys with an alias, a policy and a grant each. Calls are exact; times come from whatever machine this
is, behind a local AWS that answers some hundred calls a second.
"""
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request

top = pathlib.Path(__file__).resolve().parents[2]
target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", top / "target"))
kmsctl = target / "release" / "kmsctl"
proxy = subprocess.Popen(
    [sys.executable, top / "tests/moto/proxy.py", os.environ["AWS_ENDPOINT_URL"]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)
url = proxy.stdout.readline().strip()
regions = iter(["eu-north-1", "eu-south-1", "eu-west-3", "ca-central-1"])


def counts():
    with urllib.request.urlopen(f"{url}/counts") as answer:
        return json.load(answer)


def run(what, folder, region, *args):
    before, began = counts(), time.monotonic()
    command = [kmsctl, "-f", f"{folder}/kmsctl.yaml", "--state", f"{folder}/state", "--region", region, *args]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "AWS_ENDPOINT_URL": url})
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    made = {name: n - before.get(name, 0) for name, n in counts().items() if n != before.get(name, 0)}
    code = os.waitstatus_to_exitcode(status)
    print(f"{what}: exit {code}, {sum(made.values())} calls, {seconds:.1f} s, {usage.ru_maxrss // 1024} MB")
    print("   " + ", ".join(f"{name} {n}" for name, n in sorted(made.items())))
    if code != 0:
        print(errors.decode()[-2000:])


for size in map(int, sys.argv[1:]):
    region = next(regions)
    with tempfile.TemporaryDirectory() as folder:
        keys = "".join(
            f"  k{n}: {{aliases: [n{size}/{n}], policy: {{administrators: [role/Admin]}}, "
            f"grants: {{batch: {{grantee: role/Batch, operations: [Decrypt]}}}}}}\n"
            for n in range(size)
        )
        pathlib.Path(folder, "kmsctl.yaml").write_text(f"stack: n{size}\nkeys:\n{keys}")
        run(f"{size} keys, apply from nothing", folder, region, "apply", "--auto-approve")
        run(f"{size} keys, plan without changes", folder, region, "plan", "--detailed-exitcode")
proxy.kill()
