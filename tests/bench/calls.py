"""Counts AWS calls, wall time and peak memory of plan and apply at several sizes.

  cargo build --release
  tests/moto/serve.sh python3 tests/bench/calls.py 10 100 1000
  tests/moto/serve.sh python3 tests/bench/calls.py consumers 10

N keys with an alias, a policy and a grant each; after `consumers`, one key with N of every kind of consumer that the local
AWS has. Calls are exact; times come from whatever machine this
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


CONSUMERS = """
ebs:
  default: {encryption: true}
  volumes: %(volumes)s
efs:
  file_systems: %(systems)s
rds:
  instances: %(instances)s
  clusters: %(clusters)s
es:
  domains: %(domains)s
cloudtrail:
  trails: %(trails)s
dynamodb:
  tables: %(tables)s
auto_scaling:
  groups: {web: {key: main}}
"""
BUCKET = "consumers-logs"
SCOPE = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def bucket():
    """The bucket that trails write to, with a policy that lets them."""
    arn = f"arn:aws:s3:::{BUCKET}"
    who = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [{**who, "Action": "s3:GetBucketAcl", "Resource": arn}, {**who, "Action": "s3:PutObject", "Resource": f"{arn}/*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    for path, body in ((f"/{BUCKET}", b""), (f"/{BUCKET}?policy", policy.encode())):
        request = urllib.request.Request(url + path, body, {"Authorization": SCOPE, "Content-Type": "text/plain"}, method="PUT")
        urllib.request.urlopen(request, timeout=10).read()


def consumers(size):
    bucket()
    of = lambda name, text: "{" + ", ".join(f"{name}{n}: {{key: main, {text}}}" for n in range(size)) + "}"
    database = "master_username: admin, master_password: managed"
    domain = "engine_version: OpenSearch_2.19, instance_type: t3.small.search, instance_count: 1, volume_size_gib: 10"
    return "keys: {main: {aliases: [main], policy: {}}}" + CONSUMERS % {
        "volumes": of("v", "availability_zone: us-east-1a, size_gib: 10"),
        "systems": of("f", "throughput_mode: elastic"),
        "instances": of("i", f"engine: mysql, instance_class: db.t3.micro, allocated_storage_gib: 20, {database}"),
        "clusters": of("c", f"engine: aurora-postgresql, {database}"),
        "domains": of("dom", domain),
        "trails": of("trail", f"bucket: {BUCKET}"),
        "tables": of("tab", "partition_key: {name: id, type: S}"),
    }


sizes = sys.argv[1:]
if sizes[:1] == ["consumers"]:
    region = "us-east-1"
    for size in map(int, sizes[1:2]):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "kmsctl.yaml").write_text(f"stack: c{size}\n{consumers(size)}")
            run(f"{size} of each, apply from nothing", folder, region, "apply", "--auto-approve")
            run(f"{size} of each, plan without changes", folder, region, "plan", "--detailed-exitcode")
    sizes = []
for size in map(int, sizes):
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
