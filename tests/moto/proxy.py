"""A proxy before the local AWS that counts calls, cuts lists into AWS's page sizes, and breaks things.

  proxy.py UPSTREAM [--lose P] [--throttle P] [--fail P] [--delay S] [--stall S] [--refuse O C M] [--seed N]

--refuse: an operation that is answered with a code and a message. --lose: of the answers to mutating calls, the fraction that is lost after AWS executed the call (the
connection is reset). --throttle, --fail: of all calls, the fraction that is answered with
ThrottlingException or with a 500, without being executed. --delay: the seconds that every mutating
call takes before it is executed. --stall: the seconds that every request to S3 or EFS takes. --allow: a file with the IAM policies of the caller, a JSON list of documents, which
is read again for every request; what they do not allow is denied (enforce.py). Prints its address, then serves until its
standard input ends; GET /counts answers the calls so far by operation, and GET /checked what was decided.

A replica gets the tags, the policy and the description of its request, which moto does not give it.

The proxy answers three reads itself that moto does not have (it answers 500): no event data store, AWS's own key as the
default for EBS, and no recorded use of any key.
"""
import argparse
import collections
import contextlib
import http.client
import json
import random
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import enforce

READS = ("Get", "List", "Describe")
EBS = "http://ec2.amazonaws.com/doc/2016-11-15/"
# The answers to the reads that moto does not have.
MISSING = {
    "ListEventDataStores": (b'{"EventDataStores": []}', "application/x-amz-json-1.1"),
    "GetKeyLastUsage": (b'{"TrackingStartDate": 1776902400}', "application/x-amz-json-1.1"),
    "GetEbsDefaultKmsKeyId": (
        f'<GetEbsDefaultKmsKeyIdResponse xmlns="{EBS}"><kmsKeyId>alias/aws/ebs</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>'.encode(),
        "text/xml",
    ),
}
PAGES = {"ListKeys": ("Keys", 1000), "ListAliases": ("Aliases", 100), "ListGrants": ("Grants", 100)}

parser = argparse.ArgumentParser()
parser.add_argument("upstream")
for name in ("lose", "throttle", "fail", "delay", "stall"):
    parser.add_argument(f"--{name}", type=float, default=0.0)
parser.add_argument("--refuse", nargs=3, action="append", default=[], metavar=("OPERATION", "CODE", "MESSAGE"))
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--allow")
args = parser.parse_args()
upstream = urllib.parse.urlsplit(args.upstream)
counts = collections.Counter()
# The actions that were allowed and denied, and the requests that the evaluator does not know.
checked = {"allowed": collections.Counter(), "denied": collections.Counter(), "unknown": collections.Counter()}
lock = threading.Lock()
dice = random.Random(args.seed)
# moto fails when keys are made side by side ("dictionary changed size"): one call at a time.
one = threading.Lock()


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A header and a body in two packets would wait for each other.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/x-amz-json-1.1", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        answers = {"/counts": counts, "/checked": checked}
        if self.path not in answers:
            return self.relay()
        with lock:
            self.answer(200, json.dumps(answers[self.path], sort_keys=True).encode())

    def denied(self, operation, body):
        """Whether the policies of --allow deny the request, which is then answered."""
        if not args.allow:
            return False
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        if not scope:
            return False
        region, service = scope[1], scope[2]
        request = enforce.Request(upstream, region, service, operation, body, self.path)
        with open(args.allow) as file:
            policies = enforce.Policies(json.load(file))
        try:
            checks = request.checks()
        except (enforce.Unknown, AttributeError) as unknown:
            with lock:
                checked["unknown"][str(unknown)] += 1
            self.answer(*enforce.denial(service, "unknown", operation))
            return True
        for action, resource, context in checks:
            allowed = policies.allows(action, resource, context)
            with lock:
                checked["allowed" if allowed else "denied"][action] += 1
            if not allowed:
                self.answer(*enforce.denial(service, action, resource), request.region_of_bucket())
                return True
        return False

    def relay(self):
        """A call of a service whose operations are methods and paths, such as EFS and S3."""
        path = urllib.parse.urlsplit(self.path).path
        parts = ["{}" if any(c.isdigit() for c in part) and part[:2] != "20" else part for part in path.split("/")]
        with lock:
            counts[f"{self.command} {'/'.join(parts)}"] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        given = json.loads(body) if body[:1] == b"{" else {}
        if self.denied(self.command, given):
            return
        time.sleep(args.stall)
        # moto checks the condition of a write and writes without a lock in between.
        with one if self.command == "PUT" else contextlib.nullcontext():
            connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            text = answer.read()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(text))))
        self.end_headers()
        self.wfile.write(text)
        connection.close()

    do_PUT = do_DELETE = do_HEAD = relay

    def do_POST(self):
        if not self.headers.get("X-Amz-Target") and self.path != "/":
            return self.relay()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        if target:
            operation = target.rsplit(".", 1)[-1]
        else:
            operation = urllib.parse.parse_qs(body.decode()).get("Action", ["?"])[0]
        reads = operation.startswith(READS)
        given = json.loads(body or b"{}") if target else dict(urllib.parse.parse_qsl(body.decode()))
        if self.denied(operation, given):
            return
        with lock:
            counts[operation] += 1
            throttled, failed, lost = (dice.random() < p for p in (args.throttle, args.fail, args.lose))
        if throttled:
            return self.answer(400, b'{"__type": "ThrottlingException", "message": "slow down"}')
        if failed:
            return self.answer(500, b'{"__type": "KMSInternalException", "message": "try again"}')
        for refused, code, message in args.refuse:
            if operation == refused:
                return self.answer(400, json.dumps({"__type": code, "message": message}).encode())
        if operation in MISSING:
            return self.answer(200, *MISSING[operation])
        if not reads:
            time.sleep(args.delay)
        status, text, kind = self.forward(body)
        if lost and not reads:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        if status == 200 and operation == "ReplicateKey":
            complete(given)
        if status == 200 and operation in PAGES:
            text = page(operation, json.loads(body), json.loads(text))
        self.answer(status, text, kind)

    def forward(self, body):
        with one:
            connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
            connection.request("POST", self.path, body, dict(self.headers))
            answer = connection.getresponse()
            text = answer.read()
            connection.close()
        return answer.status, text, answer.headers.get("Content-Type", "")


def complete(replica):
    """Gives a replica what was asked for: moto gives it the policy and the description of its primary key, and no tags."""
    request = enforce.Request(upstream, replica["ReplicaRegion"], "kms", "", {})
    calls = {
        "TagResource": {"Tags": replica.get("Tags")},
        "PutKeyPolicy": {"Policy": replica.get("Policy"), "PolicyName": "default"},
        "UpdateKeyDescription": {"Description": replica.get("Description", "")},
    }
    for operation, fields in calls.items():
        if None not in fields.values():
            head = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{operation}"}
            request.ask("kms", head, json.dumps({"KeyId": replica["KeyId"].rsplit("/", 1)[-1], **fields}))


def page(operation, asked, answered):
    field, most = PAGES[operation]
    size, start = min(asked.get("Limit", 50), most), int(asked.get("Marker", 0))
    whole = answered[field]
    answered[field] = whole[start : start + size]
    answered["Truncated"] = start + size < len(whole)
    answered.pop("NextMarker", None)
    if answered["Truncated"]:
        answered["NextMarker"] = str(start + size)
    return json.dumps(answered).encode()


class Server(ThreadingHTTPServer):
    request_queue_size = 256

    def handle_error(self, request, client_address):
        """A client that ends before its answer is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 0), Proxy)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
sys.stdin.read()
