#!/usr/bin/env python3
"""Receives Strowger's webhooks: checks the signature, drops what came before, prints one line per event.

    python3 receiver.py --port 9000 --secret SECRET

Then, on the exchange: webhookadd url=http://HOST:9000/ secret=SECRET
(a private HOST must be listed in `webhookprivate` of the start-up file).
"""

import argparse
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300
MAX_BODY = 4 * 1024 * 1024


def verify(secret, header, body, now):
    """The signature fits the body, and is not older than the tolerance: an old post cannot be replayed."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    try:
        timestamp = int(parts["t"])
        given = parts["v1"]
    except (KeyError, ValueError):
        return False
    expected = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given) and abs(now - timestamp) <= TOLERANCE_S


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > MAX_BODY:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        if not verify(self.server.secret, self.headers.get("Strowger-Signature", ""), body, time.time()):
            return self.answer(401)
        post = json.loads(body)
        for event in post["events"]:
            # Delivered at least once: a number that was seen is a repetition. Numbers count per node.
            place = (post["webhook"], post["node"])
            if event.get("seq", 0) and event["seq"] <= self.server.seen.get(place, 0):
                continue
            if "seq" in event:
                self.server.seen[place] = event["seq"]
            print(json.dumps(event), flush=True)
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bind", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9000)
    options.add_argument("--secret", required=True)
    options = options.parse_args()
    server = ThreadingHTTPServer((options.bind, options.port), Receiver)
    server.secret, server.seen = options.secret, {}
    print(json.dumps({"listening": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
