"""Connections to the one port, in clear and behind TLS, and a WebSocket client that says whatever it is told to."""

import base64
import hashlib
import os
import socket
import ssl
import struct

PATIENCE_S = 30


def connect(server, port="main", tls=False, alpn=(), name="127.0.0.1", source=None):
    stream = socket.create_connection(("127.0.0.1", server.ready[port]), PATIENCE_S, source)
    if not tls:
        return stream
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(stream, server_hostname=name)


def read_until(stream, end, received=b""):
    while not (end in received if isinstance(end, bytes) else end(received)):
        more = stream.recv(65536)
        assert more, f"closed after {received[-500:]!r}"
        received += more
    return received


class WebSocket:
    """A client that sends any frame it is told to."""

    def __init__(self, stream, path=b"/mvstwebsocket/", protocol=b"", headers=b"", host=b"x"):
        self.stream, self.received = stream, b""
        key = base64.b64encode(os.urandom(16))
        stream.settimeout(PATIENCE_S)
        offer = b"Sec-WebSocket-Protocol: " + protocol + b"\r\n" if protocol else b""
        stream.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + offer + headers
                       + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
        self.head, _, self.received = read_until(stream, b"\r\n\r\n").partition(b"\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        assert self.head.startswith(b"HTTP/1.1 101") and accept in self.head, self.head

    @staticmethod
    def frame(first, payload=b""):
        mask = os.urandom(4) if len(payload) < 300 else b"\0\0\0\0"
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size)
        return bytes([first]) + length + mask + (payload if mask == b"\0\0\0\0" else bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def text(self, payload):
        self.stream.sendall(self.frame(0x81, payload))

    def message(self):
        """The next frame: opcode and payload; none at the end of the connection."""
        try:
            while len(self.received) < 2:
                self.more()
            size, at = self.received[1] & 127, 2
            if size >= 126:
                at = 4 if size == 126 else 10
                while len(self.received) < at:
                    self.more()
                size = int.from_bytes(self.received[2:at], "big")
            while len(self.received) < at + size:
                self.more()
        except (EOFError, ConnectionError):
            return None
        opcode, payload = self.received[0] & 15, self.received[at:at + size]
        self.received = self.received[at + size:]
        return opcode, payload

    def more(self):
        more = self.stream.recv(65536)
        if not more:
            raise EOFError
        self.received += more
