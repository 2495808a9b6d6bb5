"""A KMS in memory for timing, which keeps to AWS's default request quotas. Not an emulator: it checks nothing.

  python3 tests/bench/kms.py --port 4577 --latency 20 --quotas 1

Each operation has a token bucket that holds the requests of one second; a request without a token is answered with
ThrottlingException. `--quotas` is a factor on the default quotas (KMS Developer Guide, "Request quotas"), 0 for none, and
POST /quotas/FACTOR changes it, POST /strange takes the tags off all keys,
and POST /clear deletes everything. GET /counts returns the calls and the throttled calls of each operation since the last change.
`tests/bench/quotas.py` runs kmsctl against it.
"""
import argparse
import asyncio
import json
import re
import time
import uuid

ACCOUNT, REGION = "111122223333", "eu-west-1"
QUOTAS = {
    5: "CreateKey CreateAlias UpdateAlias CancelKeyDeletion DisableKey EnableKey DisableKeyRotation UpdateKeyDescription "
       "UntagResource GetKeyLastUsage",
    10: "TagResource",
    15: "DeleteAlias EnableKeyRotation PutKeyPolicy ScheduleKeyDeletion",
    50: "CreateGrant RevokeGrant",
    100: "ListGrants",
    500: "ListAliases ListKeys",
    1000: "GetKeyPolicy GetKeyRotationStatus",
    2000: "DescribeKey ListResourceTags",
}
RATES = {operation: rate for rate, operations in QUOTAS.items() for operation in operations.split()}


class Failure(Exception):
    """An error of AWS: the code."""


class Limiter:
    def __init__(self, factor):
        self.start(factor)

    def start(self, factor):
        self.factor, self.buckets, self.counts = factor, {}, {}

    def admits(self, operation):
        count = self.counts.setdefault(operation, [0, 0])
        count[0] += 1
        rate = RATES.get(operation, 0) * self.factor
        if not rate:
            return True
        now = time.monotonic()
        tokens, then = self.buckets.get(operation, (rate, now))
        tokens = min(rate, tokens + (now - then) * rate)
        admitted = tokens >= 1
        self.buckets[operation] = (tokens - admitted, now)
        count[1] += not admitted
        return admitted


class Kms:
    def __init__(self):
        self.keys, self.aliases = {}, {}

    def answer(self, operation, given):
        method = getattr(self, operation, None)
        if method is None:
            raise Failure("UnsupportedOperationException")
        return method(given)

    def key(self, given):
        found = self.keys.get(given["KeyId"].rsplit("/", 1)[-1])
        if found is None:
            raise Failure("NotFoundException")
        return found

    @staticmethod
    def page(name, items, given, most):
        start, size = int(given.get("Marker", 0)), min(given.get("Limit", most), most)
        rest = {"Truncated": True, "NextMarker": str(start + size)} if start + size < len(items) else {"Truncated": False}
        return {name: items[start:start + size], **rest}

    @staticmethod
    def metadata(key):
        return {"KeyMetadata": key["metadata"]}

    def CreateKey(self, given):
        name = str(uuid.uuid4())
        metadata = {
            "KeyId": name, "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}", "AWSAccountId": ACCOUNT, "CreationDate": 1.7e9,
            "Enabled": True, "KeyState": "Enabled", "KeyManager": "CUSTOMER", "Origin": "AWS_KMS", "MultiRegion": False,
            "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Description": given.get("Description", ""),
        }
        self.keys[name] = {
            "metadata": metadata, "policy": given.get("Policy", "{}"), "tags": given.get("Tags", []), "days": None, "grants": [],
        }
        return self.metadata(self.keys[name])

    def DescribeKey(self, given):
        return self.metadata(self.key(given))

    def ListKeys(self, given):
        keys = [{"KeyId": name, "KeyArn": key["metadata"]["Arn"]} for name, key in self.keys.items()]
        return self.page("Keys", keys, given, 1000)

    def ListAliases(self, given):
        only = self.key(given)["metadata"]["KeyId"] if "KeyId" in given else None
        aliases = [
            {"AliasName": name, "TargetKeyId": target} for name, target in sorted(self.aliases.items()) if only in (None, target)
        ]
        return self.page("Aliases", aliases, given, 100)

    def CreateAlias(self, given):
        self.aliases[given["AliasName"]] = given["TargetKeyId"].rsplit("/", 1)[-1]

    def GetKeyPolicy(self, given):
        return {"Policy": self.key(given)["policy"], "PolicyName": "default"}

    def PutKeyPolicy(self, given):
        self.key(given)["policy"] = given["Policy"]

    def GetKeyRotationStatus(self, given):
        days = self.key(given)["days"]
        return {"KeyRotationEnabled": days is not None, **({"RotationPeriodInDays": days} if days else {})}

    def EnableKeyRotation(self, given):
        self.key(given)["days"] = given.get("RotationPeriodInDays", 365)

    def ListResourceTags(self, given):
        return self.page("Tags", self.key(given)["tags"], given, 50)

    def CreateGrant(self, given):
        grant = {"GrantId": uuid.uuid4().hex * 2, "IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root"}
        grant |= {name: given[name] for name in ("Name", "GranteePrincipal", "Operations", "Constraints") if name in given}
        self.key(given)["grants"].append(grant)
        return {"GrantId": grant["GrantId"]}

    def ListGrants(self, given):
        return self.page("Grants", self.key(given)["grants"], given, 100)


XML = {
    "GetCallerIdentity": (
        "https://sts.amazonaws.com/doc/2011-06-15/",
        f"<Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>",
    ),
    "GetRole": (
        "https://iam.amazonaws.com/doc/2010-05-08/",
        "<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROAEXAMPLE</RoleId>"
        f"<Arn>arn:aws:iam::{ACCOUNT}:role/{{name}}</Arn><CreateDate>2020-01-01T00:00:00Z</CreateDate></Role>",
    ),
}


class Server:
    def __init__(self, options):
        self.latency, self.limiter, self.kms = options.latency / 1000, Limiter(options.quotas), Kms()

    def respond(self, path, headers, body):
        if path == "/counts":
            return 200, json.dumps(self.limiter.counts)
        if path == "/clear":
            self.kms = Kms()
            return 200, "{}"
        if path == "/strange":
            # The keys and grants are somebody else's: without tags and names.
            for key in self.kms.keys.values():
                key["tags"] = []
                key["grants"] = [{name: grant[name] for name in grant if name != "Name"} for grant in key["grants"]]
            return 200, "{}"
        if path.startswith("/quotas/"):
            self.limiter.start(float(path.rsplit("/", 1)[1]))
            return 200, "{}"
        target = re.search(r"x-amz-target: *TrentService\.(\w+)", headers, re.I)
        if not target:
            operation = re.search(r"Action=(\w+)", body)
            space, result = XML.get(operation and operation[1], ("", ""))
            name = re.search(r"RoleName=([^&]+)", body)
            result = result.format(name=name[1] if name else "")
            operation = operation[1] if operation else "Unknown"
            self.limiter.admits(operation)
            answer = f"<{operation}Response xmlns='{space}'><{operation}Result>{result}</{operation}Result></{operation}Response>"
            return (200 if space else 501), answer
        if not self.limiter.admits(target[1]):
            return 400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"})
        try:
            return 200, json.dumps(self.kms.answer(target[1], json.loads(body or "{}")) or {})
        except Failure as failure:
            return 400, json.dumps({"__type": str(failure), "message": target[1]})

    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: *(\d+)", head, re.I)
                body = (await reader.readexactly(int(length[1]) if length else 0)).decode()
                await asyncio.sleep(self.latency / 2)
                status, answer = self.respond(head.split(" ", 2)[1], head, body)
                await asyncio.sleep(self.latency / 2)
                answer = answer.encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(answer)) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=4577)
    parser.add_argument("--latency", type=float, default=20, help="milliseconds")
    parser.add_argument("--quotas", type=float, default=1, help="factor on AWS's default quotas; 0 for none")
    options = parser.parse_args()
    server = await asyncio.start_server(Server(options).connection, "127.0.0.1", options.port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
