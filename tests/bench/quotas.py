"""Times plan and apply against a KMS with AWS's default request quotas, and compares the times with the quotas' own.

  cargo build --release
  python3 tests/bench/quotas.py 300 1000            # plan and apply of so many keys
  python3 tests/bench/quotas.py --plan 300 1000     # plan only; the keys are made without quotas
  python3 tests/bench/quotas.py --export 100 1000   # export of so many keys, and the plan with it
  python3 tests/bench/quotas.py --binary PATH 300

N keys with an alias, a policy, a rotation and a grant each. The quotas' own time is that of the operation that needs longest, its
calls divided by its quota. It is a little too long, because the requests of the first second are answered at once.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from kms import RATES

top = pathlib.Path(__file__).resolve().parents[2]
target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", top / "target"))
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("sizes", type=int, nargs="+")
parser.add_argument("--plan", action="store_true", help="make the keys without quotas")
parser.add_argument("--export", action="store_true", help="make the keys without quotas, and export them")
parser.add_argument("--binary", default=target / "release" / "kmsctl")
parser.add_argument("--latency", default="20", help="milliseconds")
parser.add_argument("--port", type=int, default=4577)
options = parser.parse_args()
url = f"http://127.0.0.1:{options.port}"
secrets = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1"}


def ask(path, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url + path, method=method)) as answer:
        return json.load(answer)


def run(what, folder, *arguments):
    ask(f"/quotas/{0 if what == 'setup' else 1}", "POST")
    files = [f"{folder}/kmsctl.yaml"] if what != "plan of the export" else [f"{folder}/out/kmsctl.yaml", f"{folder}/out/keys"]
    files = [word for file in files if os.path.exists(file) for word in ("-f", file)]
    command = [options.binary, *files, "--state", f"{folder}/state", *arguments]
    began = time.monotonic()
    child = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | secrets, check=False)
    took = time.monotonic() - began
    counts = ask("/counts")
    own = {name: calls / RATES[name] for name, (calls, _) in counts.items() if name in RATES}
    slowest = max(own, key=own.get)
    throttled = {name: refused for name, (_, refused) in counts.items() if refused}
    print(f"{what}: exit {child.returncode}, {took:.2f} s, {took / max(own[slowest], 0.01):.3f} times the {own[slowest]:.2f} s of "
          f"{slowest}; {sum(calls for calls, _ in counts.values())} calls, throttled {throttled or 'none'}")
    if child.returncode:
        print(child.stderr.decode()[-2000:])


server = subprocess.Popen([
    sys.executable, pathlib.Path(__file__).with_name("kms.py"), "--port", str(options.port), "--latency", options.latency,
])
try:
    for _ in range(100):
        try:
            ask("/counts")
            break
        except OSError:
            time.sleep(0.05)
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            lines = [f"stack: bench{size}", "keys:"]
            for n in range(size):
                lines.append(f"  k{n}: {{aliases: [bench{size}/{n}], policy: {{}}, rotation: {{enabled: true}}, grants: "
                             f"{{g: {{grantee: 'arn:aws:iam::111122223333:role/app', operations: [Decrypt]}}}}}}")
            pathlib.Path(folder, "kmsctl.yaml").write_text("\n".join(lines) + "\n")
            made = options.plan or options.export
            run("setup" if made else f"apply of {size} keys", folder, "apply", "--auto-approve")
            if options.export:
                ask("/strange", "POST")
                shutil.rmtree(f"{folder}/state")
                run(f"export of {size} keys", folder, "export", "--out", f"{folder}/out")
                run("plan of the export", folder, "plan", "--detailed-exitcode")
                peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
                print(f"most memory so far: {peak // 1024} MiB")
            else:
                run(f"plan of {size} keys", folder, "plan")
            ask("/clear", "POST")
finally:
    server.terminate()
