"""A proxy before the local AWS that damages the answers to one operation."""
import json
import random
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mutate

LARGE = 40 << 20


class Server:
    def __init__(self, upstream, dice, slow):
        self.upstream, self.seed, self.slow = upstream, dice.random(), slow
        self.target, self.first = None, None
        self.skip = dice.randrange(12)
        # What cannot be read is asked for again for half a minute, so it is rare.
        self.kind = "drip" if slow else dice.choice(["json"] * 12 + ["text"] * 2 + ["huge", "many", "deep", "empty", "status", "pages"])
        self.lock = threading.Lock()

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def relay(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                form = body.decode(errors="replace")
                name = self.headers.get("X-Amz-Target") or (form.split("&")[0] if form.startswith("Action=") else self.path.split("?")[0])
                if outer.kind == "pages" and outer.first and name == outer.target:
                    return self.answer(name, 200, outer.first, "application/x-amz-json-1.1")
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length", "connection")}
                request = urllib.request.Request(outer.upstream + self.path, body or None, headers, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        status, found, kind = answer.status, answer.read(), answer.headers.get("Content-Type", "")
                except urllib.error.HTTPError as error:
                    status, found, kind = error.code, error.read(), error.headers.get("Content-Type", "")
                except OSError:
                    status, found, kind = 500, b"{}", "application/x-amz-json-1.1"
                try:
                    self.answer(name, status, found, kind)
                except OSError:
                    self.close_connection = True

            def answer(self, name, status, found, kind):
                if outer.is_target(name):
                    status, found = outer.damaged(self, name, status, found, kind)
                    if found is None:
                        return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(found)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(found)

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    # The program has closed the connection.
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = relay

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def is_target(self, name):
        """Chooses the operation of one of the first requests; all its answers are damaged."""
        with self.lock:
            if self.target is None and self.skip == 0:
                self.target = name
            self.skip = max(0, self.skip - 1)
            return name == self.target

    def damaged(self, handler, name, status, found, kind):
        dice = random.Random(f"{self.seed} {name}")
        if self.kind in ("json", "pages"):
            try:
                root = json.loads(found)
            except ValueError:
                return status, mutate.text(dice, found.decode(errors="replace"), ["<item>x</item>"], False)
            if self.kind == "pages":
                root = root | {"Truncated": True, **{token: str(time.monotonic()) for token in ("NextMarker", "NextToken", "PaginationToken", "LastEvaluatedTableName")}}
                self.first = found
                return status, json.dumps(root).encode()
            for _ in range(dice.randrange(1, 4)):
                mutate.change(dice, root, [found.decode()], False)
            return status, json.dumps(root).encode()
        if self.kind == "text":
            return status, mutate.text(dice, found.decode(errors="replace"), [found.decode(errors="replace")], False)
        if self.kind == "huge":
            return status, b" " * LARGE
        if self.kind == "many":
            return status, found[:1] + b"{}," * 4_000_000
        if self.kind == "deep":
            return status, b'{"Keys":' + b"[" * 1_000_000
        if self.kind == "empty":
            return status, b""
        if self.kind == "status":
            # Not 429: a throttled read is repeated for ten minutes.
            return dice.choice([200, 204, 301, 307, 400, 403, 404, 418, 500]), b'{"__type": "X\x1b[31m\\n::error::x", "message": "##[error]\\u202e"}'
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(1 << 20))
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(1)
        return status, None
