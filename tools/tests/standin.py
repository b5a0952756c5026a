#!/usr/bin/env python3
"""Stands in for the app in the tests of tools/stack: answers what a sidecar asks, and tells what it was asked (GET /calls)."""
import http.server, json, os, sys, threading

CALLS = []
ACTORS = ["TaskListActor"] if sys.argv[-1] in ("all", "actors") else []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        reply = {}
        if self.path == "/calls":
            reply = CALLS
        elif self.path == "/dapr/config":
            reply = {"entities": ACTORS}
        elif self.path == "/dapr/subscribe":
            reply = []
        elif self.command in ("POST", "PUT", "DELETE"):
            token = self.headers.get("dapr-api-token")
            CALLS.append({"path": self.path, "body": body, "trusted": token == os.environ["APP_API_TOKEN"]})
            if self.path.startswith("/events/"):
                entries = json.loads(body)["entries"]
                reply = {"statuses": [{"entryId": entry["entryId"], "status": "SUCCESS"} for entry in entries]}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


for name in ("TICKLER_SIDECAR_BIND", "TICKLER_BIND"):
    address, port = os.environ[name].split(":")
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    threading.Thread(target=server.serve_forever).start()
