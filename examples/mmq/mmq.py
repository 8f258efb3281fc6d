#!/usr/bin/env python3
"""Follows and publishes messages between the devices of one account (docs/api/mmq.md), with Python's library alone.

    python3 mmq.py --url ws://127.0.0.1:8080 --user alice --password SECRET follow 'room/#' 'server/#'
    python3 mmq.py --url ws://127.0.0.1:8080 --user alice --password SECRET publish room/lamp '{"on": true}' --retain

`follow` prints one JSON object a line, and logs in again when the connection was lost.
"""

import argparse
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.parse

ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LONGEST_PAUSE_S = 30
# The server sends pings more often than this, unless its `idletimeout` is longer than ten minutes.
SILENCE_S = 300


class Refused(Exception):
    """The server does not want this client; to try again would not help."""


class Channel:
    """One WebSocket (RFC 6455) with text messages."""

    def __init__(self, url, timeout):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "wss"
        self.socket = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), 10)
        if secure:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=parts.hostname)
        key = base64.b64encode(os.urandom(16))
        self.socket.sendall(b"GET /mmstwebsocket/ HTTP/1.1\r\nHost: " + parts.netloc.encode() + b"\r\nUpgrade: websocket\r\n"
                            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mmq\r\n"
                            b"Sec-WebSocket-Key: " + key + b"\r\n\r\n")
        self.file = self.socket.makefile("rb")
        head = []
        while (line := self.file.readline().strip()):
            head.append(line)
        accept = base64.b64encode(hashlib.sha1(key + ACCEPT).digest())
        if not head or b" 101 " not in head[0] or not any(accept in line for line in head):
            raise Refused(head[0].decode() if head else "no answer")
        self.socket.settimeout(timeout)

    def frame(self, first, payload):
        size, mask = len(payload), os.urandom(4)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        self.socket.sendall(bytes([first]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))

    def send(self, **message):
        self.frame(0x81, json.dumps(message).encode())

    def read(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise ConnectionError("the connection was lost")
        return data

    def receive(self):
        """The next message. The server sends each in one frame; its pings are answered."""
        while True:
            first, size = self.read(2)
            size = struct.unpack(">H", self.read(2))[0] if size == 126 else struct.unpack(">Q", self.read(8))[0] if size == 127 else size
            payload = self.read(size)
            if first & 15 == 1:
                return json.loads(payload)
            if first & 15 == 9:
                self.frame(0x8A, payload)
            elif first & 15 == 8:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                reason = f"closed with {code} {payload[2:].decode()}"
                # 1008: what we did was not right. Anything else may be better later.
                raise Refused(reason) if code == 1008 else ConnectionError(reason)

    def ask(self, **message):
        """Sends and waits for the answer; only for a channel that follows nothing."""
        self.send(**message)
        answer = self.receive()
        if answer["op"] == "error":
            raise Refused(f"{answer['type']}: {answer['text']}")
        return answer


def opened(options):
    channel = Channel(options.url, timeout=SILENCE_S)
    welcome = channel.ask(op="login", authid=options.user, authpwd=options.password, authkey=options.key, device=options.device)
    return channel, welcome


def follow(options):
    channel, welcome = opened(options)
    print(json.dumps(welcome), flush=True)
    for topic in options.topics:
        channel.send(op="sub", topic=topic)
    while True:
        print(json.dumps(channel.receive()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="ws://HOST:PORT or wss://HOST")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--key", default="", help="the API key, where the server wants one")
    parser.add_argument("--device", default=socket.gethostname()[:64])
    commands = parser.add_subparsers(dest="what", required=True)
    following = commands.add_parser("follow")
    following.add_argument("topics", nargs="+")
    publishing = commands.add_parser("publish")
    publishing.add_argument("topic")
    publishing.add_argument("data", help="JSON")
    publishing.add_argument("--retain", action="store_true")
    options = parser.parse_args()
    try:
        if options.what == "publish":
            channel, _ = opened(options)
            print(json.dumps(channel.ask(op="pub", topic=options.topic, data=json.loads(options.data), retain=options.retain)))
            return 0
        pause = 1
        while True:
            began = time.monotonic()
            try:
                follow(options)
            except OSError as lost:
                # A connection that held for a while was a good one.
                pause = 1 if time.monotonic() - began > LONGEST_PAUSE_S else min(pause * 2, LONGEST_PAUSE_S)
                print(f"{lost}; again in {pause} s", file=sys.stderr, flush=True)
                time.sleep(pause)
    except Refused as why:
        print(why, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
