#!/usr/bin/env python3
"""Keeps what is heard of a live call as a WAV file (docs/operate/listening.md), with Python's library alone.

    python3 listen.py ws://127.0.0.1:8080/mvlisten/TOKEN call.wav [--seconds 30]

The address is what `voicehere` answered; it is good once. The caller is on the left, the called party on the right.
"""

import argparse
import base64
import json
import os
import socket
import ssl
import sys
import urllib.parse
import wave

# The server sends pings more often than this, unless its `idletimeout` is longer than ten minutes.
SILENCE_S = 300
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Channel:
    """One WebSocket (RFC 6455) that is listened to."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "wss"
        self.socket = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), 10)
        if secure:
            self.socket = ssl.create_default_context().wrap_socket(self.socket, server_hostname=parts.hostname)
        self.socket.settimeout(SILENCE_S)
        self.file = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        status = self.file.readline().decode().strip()
        while self.file.readline().strip():
            pass
        if status.split()[1:2] != ["101"]:
            sys.exit(f"the server does not let this listener in: {status}")

    def messages(self):
        """Kind and content of each message until the server closes; pings are answered."""
        while True:
            head = self.file.read(2)
            if len(head) < 2:
                return
            size = head[1] & 127
            if size >= 126:
                size = int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
            kind, payload = head[0] & 15, self.file.read(size)
            if kind in (PING, CLOSE):
                # What a client sends is masked; with zeros it stays as it is.
                self.socket.sendall(bytes([0x80 | (PONG if kind == PING else CLOSE), 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
            if kind == CLOSE:
                return
            if kind in (TEXT, BINARY):
                yield kind, payload


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("file")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so much sound; else with the call")
    arguments = parser.parse_args()
    # First: a listener who is not let in keeps an older file.
    channel = Channel(arguments.url)
    with wave.open(arguments.file, "wb") as sound:
        sound.setparams((2, 2, 8000, 0, "NONE", ""))
        for kind, payload in channel.messages():
            if kind == TEXT:
                print(json.dumps(json.loads(payload)), flush=True)
            elif kind == BINARY:
                # WAV is little-endian as the samples are.
                sound.writeframesraw(payload)
            if sound.tell() >= arguments.seconds * 8000:
                break


if __name__ == "__main__":
    main()
