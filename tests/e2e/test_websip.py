"""SIP over WebSocket (RFC 7118) on the real binary: phones in pages, and the phones that they talk to."""

import hashlib
import re
import struct

import pytest

from phone import SDP, Phone
from strowger import ROOT, Server, wait_for
from websocket import PATIENCE_S, WebSocket, connect

TLS = ROOT / "crates" / "server" / "tests" / "tls"


@pytest.fixture(scope="module")
def server():
    with Server(sslportmain=0, localtlsport=0, tlscert=TLS / "cert.pem", tlskey=TLS / "key.pem") as running:
        for name in ("page", "desk"):
            running.account(name, credit=5)
        yield running


class PagePhone(Phone):
    """A phone in a browser: no address of its own, one message a frame."""

    def __init__(self, server, user, tls=False, binary=False, pieces=1):
        self.stream = connect(server, tls=tls)
        self.web = WebSocket(self.stream, b"/mfstwebsocket", b"sip")
        self.address, self.user, self.password = ("127.0.0.1", server.ready["sip"]), user, user + "pw"
        self.socket, self.tcp, self.transport = self.stream, True, "WSS" if tls else "WS"
        self.me, self.uri = "c4f3.invalid", f"sip:127.0.0.1:{server.ready['sip']}"
        self.cseq, self.tag, self.waiting = 0, "page", b""
        self.opcode, self.pieces = 2 if binary else 1, pieces

    def send(self, text):
        payload = text.encode() if isinstance(text, str) else text
        step = -(-len(payload) // self.pieces)
        parts = [payload[at:at + step] for at in range(0, len(payload), step)]
        for index, part in enumerate(parts):
            # A ping between the pieces, as RFC 6455 5.4 allows.
            ping = WebSocket.frame(0x89, b"between") if index else b""
            final = 0x80 if index == len(parts) - 1 else 0
            self.stream.sendall(ping + WebSocket.frame(final | (0 if index else self.opcode), part))

    def one(self):
        while True:
            opcode, payload = self.web.message()
            if opcode == 9:
                self.stream.sendall(WebSocket.frame(0x8A, payload))
            elif opcode in (1, 2):
                return payload


KINDS = [{}, {"tls": True}, {"binary": True}, {"pieces": 3}]


@pytest.mark.parametrize("kind", KINDS, ids=["text", "wss", "binary", "pieces"])
def test_a_page_and_a_desk_phone_call_each_other(server, kind):
    body = SDP.format(ip="127.0.0.1", port=9)
    with PagePhone(server, "page", **kind) as page, Phone(("127.0.0.1", server.ready["sip"]), "desk", timeout=PATIENCE_S) as desk:
        page.register(), desk.register()
        assert server.ok("status", user="page", password="pagepw").startswith("OK: 2")
        for caller, called in ((desk, page), (page, desk)):
            uri = f"sip:{called.user}@127.0.0.1:{server.ready['sip']}"
            caller.request("INVITE", uri, body=body)
            call_id, challenge = caller.call_id, caller.final()
            caller.ack(challenge, uri)
            digest = caller.digest(challenge.header("Proxy-Authenticate"), "INVITE", uri)
            caller.request("INVITE", uri, f"Proxy-Authorization: {digest}\r\n", body, call_id=call_id)
            invite = called.receive("INVITE ")
            assert re.match(rf"SIP/2.0/{called.transport} ", invite.header("Via")), invite
            called.answer(invite, "180 Ringing")
            called.answer(invite, body=body)
            answer = caller.final()
            assert answer.status == 200 and "m=audio" in answer.body, answer
            caller.ack(answer)
            called.receive("ACK ")
            ended = caller.bye(answer)
            assert ended.status == 200
            called.answer(called.receive("BYE "))
        page.register(expires=0)
        assert not server.ok("status", user="page", password="pagepw").startswith("OK: 2")


def test_a_page_keeps_its_flow_by_line_ends(server):
    with PagePhone(server, "page") as page:
        page.stream.sendall(WebSocket.frame(0x81, b"\r\n\r\n"))
        assert page.web.message() == (1, b"\r\n")
        page.stream.sendall(WebSocket.frame(0x81, b"\r\n") + WebSocket.frame(0x89, b"x"))
        assert page.web.message() == (10, b"x"), "an answer is not answered"
        page.register()


def test_a_page_that_leaves_is_reached_no_more(server):
    with PagePhone(server, "page") as page:
        page.register()
        page.stream.sendall(WebSocket.frame(0x88, struct.pack(">H", 1001)))
        assert page.web.message() == (8, struct.pack(">H", 1001))
    wait_for(lambda: not server.ok("status", user="page", password="pagepw").startswith("OK: 2"), PATIENCE_S, "the end of the binding")
    with Phone(("127.0.0.1", server.ready["sip"]), "desk", timeout=PATIENCE_S) as desk:
        assert desk.invite("page").status == 480


def test_what_is_no_sip_hurts_nobody(server):
    with PagePhone(server, "page") as page:
        for sent in (b"hello", b"\0\1\2", b"INVITE", b"{}"):
            page.stream.sendall(WebSocket.frame(0x81, sent))
        page.stream.sendall(WebSocket.frame(0x89, b"x"))
        frames = []
        while (frame := page.web.message()) is not None and frame != (10, b"x"):
            frames.append(frame)
        assert all(opcode == 1 and payload.startswith(b"SIP/2.0 4") or opcode == 8 for opcode, payload in frames), frames
    with PagePhone(server, "page") as page:
        page.register()
        assert page.authenticated("REGISTER", to="<sip:page@strowger>", headers="Expires: 0\r\n").status == 200


def test_a_slow_command_holds_its_place_in_the_answers(server):
    """Answers come in the order of requests, whatever they take; CR, LF or both end a request."""
    wait = b"?apientry=p2p&authid=desk&authsalt=7&authmd5=%b&anum=page&bnum=desk&waitfor=1" % md5(b"ck5Gpdeskdeskpw7")
    with PagePhone(server, "page") as page, connect(server) as stream:
        page.register()
        client = WebSocket(stream, protocol=b"sip, api")
        assert b"sec-websocket-protocol: api" in client.head.lower()
        client.text(b"?apientry=nosuch1\r" + wait + b"\n?apientry=nosuch2\r\n\r\n")
        client.text(b"?apientry=nosuch3")
        assert client.message()[1].endswith(b"nosuch1")
        page.answer(page.receive("INVITE "), "486 Busy Here")
        answers = [client.message()[1] for _ in range(3)]
        assert answers[0].startswith(b"ERROR: failed: ") and answers[1].endswith(b"nosuch2") and answers[2].endswith(b"nosuch3"), answers
        page.register(expires=0)


def md5(text):
    return hashlib.md5(text).hexdigest().encode()
