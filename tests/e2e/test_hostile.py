"""Bad input on every port of the real binary: an error or silence, never a crash, never growth."""

import contextlib
import os
import random
import re
import socket
import struct
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from phone import SDP, Phone
from strowger import Server, wait_for

MIB = 1024 * 1024
GROWTH_BYTES = 48 * MIB


@pytest.fixture(scope="module")
def target():
    with Server(headertimeout=1, idletimeout=2, banfailures=0, noanswertimeout=5) as running:
        running.account("alice", credit=5)
        running.account("bob")
        alive(running)
        yield running


def alive(server):
    """It answers on every port."""
    assert server.process.poll() is None, server.log_text()[-3000:]
    assert server.request("/mvapireq/?apientry=apitest1")[0].startswith("OK")
    for port in ("sip", "main"):
        with Phone(("127.0.0.1", server.ready[port]), "nobody") as phone:
            phone.request("OPTIONS")
            assert phone.final().status == 200
    assert "panicked" not in server.log_text()


def resident(server):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text()).group(1)) * 1024


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.fixture(autouse=True)
def bounded(target):
    """After each test the server answers, holds no more descriptors, and has not grown."""
    memory, open_before = resident(target), descriptors(target)
    yield
    alive(target)
    wait_for(lambda: descriptors(target) <= open_before + 8, 10, "the descriptors")
    assert resident(target) - memory < GROWTH_BYTES


def talk(server, port, sent, timeout=8, source=None):
    """Sends everything over one connection and reads until it is closed."""
    with socket.create_connection(("127.0.0.1", server.ready[port]), 5, source and (source, 0)) as stream:
        stream.settimeout(timeout)
        try:
            for part in sent if isinstance(sent, (list, tuple)) else [sent]:
                stream.sendall(part)
        except (ConnectionError, socket.timeout):
            pass
        return rest_of(stream)


def rest_of(stream):
    received = b""
    try:
        while more := stream.recv(65536):
            received += more
    except ConnectionError:
        pass
    return received


HUGE = b"A" * (3 * MIB)
OVERSIZE = {
    "line": ("main", b"apitest1 " + HUGE, b""),
    "line with its end": ("main", b"apitest1," + HUGE + b"\n", b""),
    "request target": ("main", b"GET /mvapireq/?apientry=" + HUGE + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 4"),
    "header": ("main", b"GET /mvapireq/ HTTP/1.1\r\nHost: x\r\nX-Big: " + HUGE + b"\r\n\r\n", b"HTTP/1.1 4"),
    "headers": ("main", b"GET /mvapireq/ HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 100_000 + b"\r\n", b"HTTP/1.1 4"),
    "declared body": ("main", b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"HTTP/1.1 4"),
    "body": ("main", b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(HUGE) + HUGE, b"HTTP/1.1 4"),
    "chunked body": ("main", [b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"]
                     + [b"10000\r\n" + b"B" * 65536 + b"\r\n"] * 64, b"HTTP/1.1 4"),
    "console line": ("admin", b"admin\r\n" + HUGE, b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1fStrowger"),
    "SIP body declared": ("sip", b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 4000000000\r\n\r\n" + HUGE, b""),
    "SIP body negative": ("sip", b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -5\r\n\r\n" + HUGE, b""),
    "SIP header": ("sip", b"OPTIONS sip:a@b SIP/2.0\r\nX: " + HUGE + b"\r\n\r\n", b""),
    "SIP without an end": ("sip", HUGE, b""),
    "SIP on the main port": ("main", b"OPTIONS sip:a@b SIP/2.0\r\nX: " + HUGE, b""),
}


@pytest.mark.parametrize("name", OVERSIZE)
def test_oversize_is_refused_and_closed(target, name):
    port, sent, expected = OVERSIZE[name]
    received = talk(target, port, sent)
    assert received.startswith(expected) or (expected and not received), received[:300]
    assert len(received) < 2000


def test_oversize_leaves_a_line_in_the_log(target):
    before = len(target.log_text())
    talk(target, "main", OVERSIZE["line"][1])
    talk(target, "sip", OVERSIZE["SIP header"][1])
    lines = lambda: [line for line in target.log_text()[before:].splitlines() if re.search("too long|too large|oversize|limit", line)]
    wait_for(lambda: len(lines()) >= 2, 3, "the log lines")


def test_datagrams_of_any_size_and_content(target):
    source = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for port in ("main", "sip"):
            to = ("127.0.0.1", target.ready[port])
            for size in (0, 1, 2, 20, 1500, 65507):
                udp.sendto(source.randbytes(size), to)
                udp.sendto(b"OPTIONS sip:a@b SIP/2.0\r\nX: ".ljust(size, b"z"), to)
                udp.sendto(b"\r\n" * (size // 2), to)
            for _ in range(500):
                udp.sendto(source.randbytes(source.randrange(200)), to)


@pytest.mark.parametrize("port", ["main", "sip", "admin"])
def test_garbage_is_closed(target, port):
    source = random.Random(port)
    for first in (b"", b"\x16\x03\x01", b"\x00" * 10, b"GET ", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n", b"\xff\xfb\x1f"):
        for _ in range(2):
            talk(target, port, first + source.randbytes(source.randrange(1, 4000)) + b"\r\n\r\n")


@pytest.mark.parametrize("port,start", [("main", b"GET /mvapireq/?api"), ("main", b"apite"), ("main", b""), ("sip", b"OPTIONS si"), ("sip", b""),
                                        ("main", b"GET /mvstwebsock HTTP/1.1\r\nUpgrade: web")])
def test_slow_and_silent_connections_are_closed(target, port, start):
    """Fifty that drip a byte now and then, or nothing: everybody else is served, and none lasts."""
    streams = [socket.create_connection(("127.0.0.1", target.ready[port]), 5) for _ in range(50)]
    for stream in streams:
        stream.sendall(start)
        stream.setblocking(False)
    alive(target)

    def closed():
        for stream in list(streams):
            try:
                if start:
                    stream.send(b"x")
                if stream.recv(4096) == b"":
                    streams.remove(stream)
            except BlockingIOError:
                pass
            except ConnectionError:
                streams.remove(stream)
        return not streams

    wait_for(closed, 8, "the end of them all")


def test_a_thousand_idle_connections_harm_nobody(target):
    """From several addresses, as each has its own limit; all go with their idle time."""
    streams = []
    for number in range(1000):
        stream = socket.create_connection(("127.0.0.1", target.ready["main"]), 5, (f"127.0.0.{10 + number % 8}", 0))
        stream.sendall(b"keepalive\r\n")
        streams.append(stream)
    began = time.monotonic()
    alive(target)
    assert time.monotonic() - began < 2
    for stream in streams:
        stream.close()


SMUGGLED = b"GET /mvapireq/?apientry=version HTTP/1.1\r\nHost: x\r\n\r\n"
PROBES = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
    "list of lengths": b"Content-Length: 5, %d\r\n\r\n" % len(SMUGGLED),
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "not quite chunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "signed length": b"Content-Length: +5\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "hexadecimal length": b"Content-Length: 0x5\r\n\r\n",
    "space before the colon": b"Content-Length : 5\r\n\r\n",
    "folded": b"X: a\r\n Content-Length: 5\r\n\r\n",
    "NUL in a header": b"X: a\x00b\r\n\r\n",
    "huge chunk": b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
}


@pytest.mark.parametrize("name", PROBES)
def test_ambiguous_framing_smuggles_nothing(target, name):
    received = talk(target, "main", b"POST /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n" + PROBES[name] + SMUGGLED)
    assert not re.search(rb"OK: strowger", received), received
    assert received.count(b"HTTP/1.1 2") <= 1, received


def test_a_request_has_one_host(target):
    received = talk(target, "main", b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED)
    assert received.startswith(b"HTTP/1.1 400") and received.count(b"HTTP/1.1 ") == 1, received


def test_a_body_that_is_announced_as_too_long_is_not_waited_for(target):
    with socket.create_connection(("127.0.0.1", target.ready["main"]), 30) as stream:
        stream.sendall(b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        received = rest_of(stream)
    assert received.startswith(b"HTTP/1.1 413"), received


def test_websocket_frames_that_lie(target):
    upgrade = (b"GET /mvstwebsocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    for frame in (b"\x81\xff" + struct.pack(">Q", 2**63 - 1) + b"abcd", b"\x81\xfe\xff\xff", b"\xf1\x80abcd", b"\x81\x05hello",
                  b"\x89\xfe\x01\x00" + b"m" * 300, b"\x01\x81abcd\x00" * 2000, b"\x81\x84\x00\x00\x00\x00\xff\xfe\xfd\xfc"):
        with socket.create_connection(("127.0.0.1", target.ready["main"]), 5) as stream:
            stream.settimeout(8)
            stream.sendall(upgrade)
            assert stream.recv(4096).startswith(b"HTTP/1.1 101")
            stream.sendall(frame)
            rest_of(stream)


def test_account_fields_inject_no_headers(target):
    evil = 'Eve"\r\nX-Evil: 1\r\n\r\nBYE sip:x SIP/2.0'
    for field in ("displayname", "name", "contactname"):
        target.api("setfield", fieldname=field, fieldvalue=evil, targetuser="alice")
    target.sql("update tb_users set displayname = 'Eve\"\r\nX-Evil: 1' where username = 'alice'")
    sip = ("127.0.0.1", target.ready["sip"])
    with Phone(sip, "bob") as bob, Phone(sip, "alice") as alice:
        bob.register()
        uri = f"sip:bob@{sip[0]}:{sip[1]}"
        alice.request("INVITE", uri, body=SDP.format(ip="127.0.0.1", port=9))
        call_id, challenge = alice.call_id, alice.final()
        alice.ack(challenge, uri)
        alice.request("INVITE", uri, f"Proxy-Authorization: {alice.digest(challenge.header('Proxy-Authenticate'), 'INVITE', uri)}\r\n",
                      SDP.format(ip="127.0.0.1", port=9), call_id=call_id)
        invite = bob.receive("INVITE ")
        bob.answer(invite, "486 Busy Here")
        assert alice.final().status == 486
    assert not re.search(r"^X-Evil", invite, re.M) and invite.count("SIP/2.0\r\n") == 1, invite
    target.ok("setfield", fieldname="displayname", fieldvalue="", targetuser="alice")


INJECTIONS = ["' or '1'='1", "'; drop table tb_users; --", "1; delete from tb_cdrs", "x' union select password from tb_users --", "\\'; --",
              "%27%20or%201=1", "') or ('1'='1", "0 or 1=1", "a\x00b", "{select password from tb_users}", "[USERID]", "*/ or 1=1 /*", "'||(select 1)||'"]
FIELDS = [("balance", "targetuser"), ("getdetails", "targetuser"), ("status", "targetuser"), ("verifyuser", "username"), ("cdr", "caller"),
          ("cdr", "prefix"), ("cdr", "days"), ("listusers", "order"), ("reguser", "usr"), ("rating", "bnum"), ("routingtest", "called"), ("getfield", "fieldname"),
          ("getfield", "filterfieldvalue"), ("setfield", "fieldname"), ("unreg", "username"), ("disccall", "dbcallsid"), ("charge", "pin"), ("help", "command"),
          ("login", "targetuser"), ("delbanned", "ip"), ("transfercredit", "username"), ("deluser", "u_username")]


def test_no_parameter_reaches_sql_as_text(target):
    users = target.table("select id, username, credit, type from tb_users order by id")
    for command, name in FIELDS:
        for evil in INJECTIONS:
            for user in ("admin", "alice"):
                password = {"password": "alicepw"} if user == "alice" else {}
                answer = target.api(command, user=user, **password, **{name: evil})
                assert not re.search(r"syntax|sqlite|no such column|near \"|unterminated|operator does not", answer, re.I), (command, name, evil, answer)
    assert target.table("select id, username, credit, type from tb_users order by id") == users
    for evil in INJECTIONS:
        assert target.request(f"/mvapireq/?apientry=balance&authid={quote(evil)}&authpwd={quote(evil)}")[0].startswith("ERROR")


def test_html_and_jsonp_replies_carry_no_markup_of_the_request(target):
    script = "<script>alert(1)</script>\"'><img src=x>"
    for command, name in FIELDS + [("nosuch" + script, "x")]:
        for form in ("html", "xml", "soap"):
            answer = target.api(command, format=form, **{name: script})
            assert "<script>" not in answer and "<img" not in answer, (command, name, answer)
    answer = target.api("version", format="jsonp", callback="alert(1);x")
    assert "alert(1);x(" not in answer, answer


def test_answers_are_one_answer(target):
    """Line ends in a value neither add rows of a table nor headers of a response."""
    target.ok("newuseri", u_username="crlf", u_password="crlfpw", u_currency="USD")
    target.api("setfield", fieldname="address", fieldvalue="a\r\nSet-Cookie: x=1\r\n\tb", targetuser="crlf")
    rows = target.table("select username, address from tb_users where username = 'crlf'")
    assert len(rows) == 1, rows
    answer = talk(target, "main", b"GET /mvapireq/?apientry=nosuch%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"\r\nX-Evil" not in answer.partition(b"\r\n\r\n")[0], answer
