"""Proves that the policies that `kmsctl permissions` prints are enough, and that each of their actions is needed.

  tests/moto/serve.sh tests/moto/least.py KMSCTL [EXAMPLE ...]

The examples are those of the product, and those of `least`. Every example lives its life through a proxy that allows exactly the printed policies: created, planned, changed,
drifted, repaired, destroyed and created again. Then it lives again without each action in turn, which must make a
command fail or say something else. KMSCTL_LEAST_ACTIONS limits the number of actions that are tried (0: all); without
it 6 are, evenly chosen. Actions that AWS checks besides the requests are never seen on the wire; the table of
kmsctl names their sources. Prints what it measured, and exits with 1 if the proof fails.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
UPSTREAM = os.environ["AWS_ENDPOINT_URL"]
# The statements about what AWS checks besides the requests.
DEPENDENT = re.compile(r"^(GrantsFor|KeysOf(?!Aliases)|ServicesFor|First|CreateReplicas)")
# What no step of the scenarios sends, and why.
NO_OTHERS = "needed if the account has such a resource, which may depend on the key"
UNSENT = {
    "kms:UpdateAlias": "an alias moves only between two keys of the stack",
    "elasticfilesystem:UpdateFileSystem": "the local AWS does not have it",
    "elasticfilesystem:DescribeMountTargets": "needed if somebody else has added a mount target",
    "cloudtrail:GetEventDataStore": NO_OTHERS,
    "cloudtrail:ListTags": NO_OTHERS,
    "dynamodb:DescribeTable": NO_OTHERS,
    "es:DescribeDomains": NO_OTHERS,
    "s3:GetEncryptionConfiguration": NO_OTHERS,
}
# What kmsctl asks and goes without: the name of the account, the simulator, the tags of the keys of others, and a
# bucket whose Region S3 names with the denial.
TOLERATED = {"iam:ListAccountAliases", "iam:SimulatePrincipalPolicy", "kms:ListResourceTags", "s3:ListBucket"}
# The changes of each example.
CHANGES = {
    "storage": [("size_gib: 20", "size_gib: 30"), ("allocated_storage_gib: 20", "allocated_storage_gib: 30")],
    "cloudtrail": [("multi_region: true", "multi_region: false")],
    "relations": [("app: batch", "app: batches")],
    "dynamodb": [("sort_key:", "point_in_time_recovery: true\n      sort_key:"), ("key: sessions", "deletion_protection: false\n      key: sessions")],
}


def aws(service, region, headers, body):
    scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(UPSTREAM, body.encode(), {"Authorization": scope, **headers})
    return urllib.request.urlopen(request, timeout=60).read()


def kms(region, operation, **body):
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
    return json.loads(aws("kms", region, headers, json.dumps(body)) or "{}")


def s3(region, path, body):
    scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/s3/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(f"{UPSTREAM}{path}", body.encode(), {"Authorization": scope, "Content-Type": "application/xml"}, method="PUT")
    urllib.request.urlopen(request, timeout=60).read()


def reset(region):
    """Empties the local AWS, and makes the identities and the bucket that the examples name."""
    urllib.request.urlopen(urllib.request.Request(f"{UPSTREAM}/moto-api/reset", b""), timeout=60).read()
    subprocess.run([sys.executable, HERE / "identities.py"], check=True)
    s3(region, f"/{BUCKET}", f"<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>")
    s3(region, f"/{BUCKET}?policy", json.dumps({"Version": "2012-10-17", "Statement": OF_CLOUDTRAIL}))


BUCKET = "my-trail-bucket"
OF_CLOUDTRAIL = [
    {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": action,
        "Resource": f"arn:aws:s3:::{BUCKET}{path}",
    }
    for action, path in [("s3:GetBucketAcl", ""), ("s3:PutObject", "/AWSLogs/123456789012/*")]
]
BY_HAND = {
    "Sid": "ByHand",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:role/Admin"},
    "Action": "kms:Decrypt",
    "Resource": "*",
}


def tamper(region):
    """Changes the keys of the stack outside of kmsctl."""
    for key in kms(region, "ListKeys")["Keys"]:
        tags = [tag["TagKey"] for tag in kms(region, "ListResourceTags", KeyId=key["KeyId"])["Tags"]]
        if "kmsctl:name" in tags:
            kms(region, "UpdateKeyDescription", KeyId=key["KeyId"], Description="changed by hand")
            policy = json.loads(kms(region, "GetKeyPolicy", KeyId=key["KeyId"], PolicyName="default")["Policy"])
            policy["Statement"].append(BY_HAND)
            kms(region, "PutKeyPolicy", KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(policy))


class Proxy:
    def __init__(self, allow):
        command = [sys.executable, HERE / "proxy.py", UPSTREAM, "--allow", allow]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def checked(self):
        return json.load(urllib.request.urlopen(f"{self.address}/checked", timeout=10))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)


class Example:
    """An example, and the steps of its life: a configuration, a command, and whether the key was changed before."""

    def __init__(self, kmsctl, name, folder):
        self.kmsctl, self.name, self.folder = kmsctl, name, folder
        own = HERE / "least" / f"{name}.yaml"
        text = (own if own.exists() else EXAMPLES / name / "kmsctl.yaml").read_text()
        self.region = re.search(r"^region: (\S+)", text, re.M)[1]
        free = re.sub(r"^keys:", "defaults: {protect: false}\nkeys:", text, flags=re.M)
        changed = re.sub(r"description: .*", "description: Another description", free)
        for before, after in CHANGES[name]:
            assert before in changed, before
            changed = changed.replace(before, after)
        tagged = changed.replace("{protect: false}", "{protect: false, tags: {team: data}}")
        stopped = re.sub(r"(      log_readers:)", r"      logging: false\n\1", tagged)
        stopped = stopped.replace("deletion_protection: false", "deletion_protection: true")
        self.texts = {"free": free, "tagged": stopped, "changed": changed}
        for variant, body in self.texts.items():
            (folder / f"{variant}.yaml").write_text(body)
        approve = "--auto-approve"
        self.steps = [
            ("free", ["plan", "--detailed-exitcode"], False),
            ("free", ["apply", approve], False),
            ("free", ["plan", "--detailed-exitcode"], False),
            ("tagged", ["apply", approve], False),
            ("changed", ["apply", approve], False),
            ("changed", ["drift"], False),
            ("changed", ["drift"], True),
            ("changed", ["apply", approve], False),
            ("changed", ["destroy", approve], False),
            ("changed", ["apply", approve], False),
        ]

    def run(self, command, variant, endpoint):
        command = [self.kmsctl, "-f", self.folder / f"{variant}.yaml", "--state", self.folder / "state", *command]
        env = {**os.environ, "AWS_ENDPOINT_URL": endpoint, "KMSCTL_SETTLE_TIME": "0", "KMSCTL_PATIENCE": "0"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
        return done.returncode, done.stdout + done.stderr

    def documents(self, variant, *options, part=""):
        """Returns the printed policies, or those of a part."""
        code, text = self.run(["permissions", "--format", "iam", *options], variant, UPSTREAM)
        assert code == 0, text
        found, _ = json.JSONDecoder().raw_decode(text)
        found = {"kmsctl": found} if "Version" in found else found
        return [document for name, document in found.items() if name.startswith(part)]

    def saved(self):
        """Applies saved plans: planned with the reader's policies, and applied with those of exactly the plan."""
        reset(self.region)
        subprocess.run(["rm", "-rf", self.folder / "state"], check=True)
        allow, plan = self.folder / "allow.json", self.folder / "plan.json"
        with Proxy(allow) as proxy:
            for variant in self.texts:
                allow.write_text(json.dumps(self.documents(variant, "--split", part="reader")))
                yield "plan", *self.run(["plan", "--out", plan], variant, proxy.address)
                allow.write_text(json.dumps(self.documents(variant, "--plan", plan)))
                yield "apply", *self.run(["apply", plan], variant, proxy.address)
            allow.write_text(json.dumps(self.documents("changed", "--for", "drift")))
            yield "drift", *self.run(["drift"], "changed", proxy.address)

    def live(self, without=None):
        """Returns the exit code and the text of every step, and what the proxy decided."""
        reset(self.region)
        subprocess.run(["rm", "-rf", self.folder / "state"], check=True)
        results = []
        allow = self.folder / "allow.json"
        with Proxy(allow) as proxy:
            for variant, command, tampered in self.steps:
                documents = self.documents_without(variant, without)
                allow.write_text(json.dumps(documents))
                if tampered:
                    tamper(self.region)
                results.append((command[0], *self.run(command, variant, proxy.address)))
                if without and results[-1][1:] != self.expected[len(results) - 1][1:] and self.differs(results):
                    break
            return results, proxy.checked()

    def documents_without(self, variant, action):
        if not hasattr(self, "printed"):
            self.printed = {variant: self.documents(variant) for variant in self.texts}
        documents = json.loads(json.dumps(self.printed[variant]))
        for document in documents:
            for statement in document["Statement"]:
                actions = statement["Action"]
                actions = actions if isinstance(actions, list) else [actions]
                statement["Action"] = [one for one in actions if one != action]
        return documents

    def differs(self, results):
        """Whether the last step has another exit code than with all actions, or says something about access."""
        told = re.compile(r"could not|not allowed|not authorized|cannot be read|AccessDenied|may not", re.I)
        _, code, text = results[-1]
        _, expected, before = self.expected[len(results) - 1]
        return code != expected or len(told.findall(text)) > len(told.findall(before))

    def actions(self):
        """Returns the printed actions, and those that only statements about further checks have."""
        own, dependent = set(), set()
        for variant in self.texts:
            for document in self.documents_without(variant, None):
                for statement in document["Statement"]:
                    into = dependent if DEPENDENT.match(statement["Sid"]) else own
                    into.update(statement["Action"])
        return own, dependent - own


def chosen(actions):
    most = int(os.environ.get("KMSCTL_LEAST_ACTIONS", "6"))
    actions = sorted(actions)
    if most == 0 or most >= len(actions):
        return actions
    return [actions[n * len(actions) // most] for n in range(most)]


def prove(kmsctl, name):
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        example = Example(kmsctl, name, pathlib.Path(folder))
        begun = time.time()
        results, checked = example.live()
        example.expected = results
        seconds = time.time() - begun
        own, dependent = example.actions()
        saved = list(example.saved())
        failures += [f"{command} with parts ended with {code}:\n{text}" for command, code, text in saved if code]
        codes = [(command, code) for command, code, _ in results]
        good = {"plan": (0, 2), "drift": (0, 2), "apply": (0,), "destroy": (0,)}
        for (command, code), (_, _, text) in zip(codes, results):
            if code not in good[command]:
                failures.append(f"{command} ended with {code}:\n{text}")
        for action, count in sorted(checked["denied"].items()):
            if action not in TOLERATED:
                failures.append(f"{action} was denied {count} times")
        failures += [f"not known: {unknown}" for unknown in checked["unknown"]]
        used = own & set(checked["allowed"])
        for action in sorted(own - used - set(UNSENT)):
            failures.append(f"{action} is allowed, and nothing needs it")
        needless = []
        tried = chosen(used)
        for action in tried:
            again, _ = example.live(without=action)
            if os.environ.get("KMSCTL_LEAST_SHOWN"):
                print(f"{name}: without {action}: step {len(again)}, {again[-1][0]} ended with {again[-1][1]}", flush=True)
            if len(again) == len(results) and not example.differs(again):
                needless.append(action)
        failures += [f"without {action}, nothing fails and nothing else is said" for action in needless]
        print(f"{name}: {len(own)} actions of requests, {len(used)} of them used, {len(dependent)} further ones; "
              f"steps {codes} in {seconds:.0f} s; {len(saved)} steps with the policies of parts and saved plans; {len(tried)} actions removed in turn, {len(tried) - len(needless)} were missed; "
              f"not sent: {', '.join(sorted(own - used)) or 'none'}", flush=True)
    for failure in failures:
        print(f"{name}: {failure}", flush=True)
    return not failures


if __name__ == "__main__":
    names = sys.argv[2:] or ["storage", "cloudtrail", "dynamodb", "relations"]
    sys.exit(0 if all([prove(sys.argv[1], name) for name in names]) else 1)
