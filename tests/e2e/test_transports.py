"""Every transport of the API on the one port of the real binary, in clear and behind TLS, and what may not pass there."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from phone import Phone
from strowger import ROOT, Server, free_port, wait_for
from tools import tool
from websocket import PATIENCE_S, WebSocket, connect, read_until

TLS = ROOT / "crates" / "server" / "tests" / "tls"


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="strowger-tls-") as path:
        for name in ("cert.pem", "key.pem"):
            shutil.copy(TLS / name, path)
        yield Path(path)


@pytest.fixture(scope="module")
def server(folder):
    with Server(sslportmain=0, localtlsport=0, tlscert=folder / "cert.pem", tlskey=folder / "key.pem", apioversip=1,
                corsorigins="https://app.example", banfailures=0) as running:
        running.account("alice", credit=5)
        yield running


def read_all(stream):
    received = b""
    with contextlib.suppress(ConnectionError):
        while more := stream.recv(65536):
            received += more
    return received


def fingerprint(stream):
    return hashlib.sha256(stream.getpeercert(binary_form=True)).hexdigest()


# TLS

HTTP = b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n\r\n"
OPTIONS = (b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKt1\r\nMax-Forwards: 70\r\n"
           b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: tls\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("port", ["main", "tls", "sips"])
def test_every_protocol_is_behind_tls_on_every_port(server, port):
    for sent, end, expected in ((HTTP, b"OK", b"HTTP/1.1 200"), (b"?apientry=apitest1\r\n", b"\r\n", b"OK"),
                                (OPTIONS, b"\r\n\r\n", b"SIP/2.0 200")):
        with connect(server, port, tls=True) as stream:
            stream.sendall(sent)
            assert read_until(stream, end).startswith(expected)
    with connect(server, port, tls=True) as stream:
        socket_ = WebSocket(stream)
        socket_.text(b"?apientry=apitest1")
        assert socket_.message()[1].startswith(b"OK")


@pytest.mark.parametrize("offered,chosen", [(("http/1.1",), "http/1.1"), (("h2", "http/1.1"), "http/1.1"), (("sip/2",), "sip/2"),
                                            (("sip",), "sip"), ((), None)])
def test_a_protocol_is_agreed_on(server, offered, chosen):
    with connect(server, tls=True, alpn=offered) as stream:
        assert stream.selected_alpn_protocol() == chosen


def test_a_foreign_protocol_and_an_unasked_validation_are_refused(server):
    for offered in (("h2",), ("acme-tls/1",)):
        with pytest.raises(OSError):
            connect(server, tls=True, alpn=offered).close()


@pytest.mark.parametrize("name", ["127.0.0.1", "nobody.example", "xn--bcher-kva.example", "a" * 63 + ".example"])
def test_any_server_name_gets_the_certificate(server, name):
    with connect(server, tls=True, name=name) as stream:
        stream.sendall(HTTP)
        assert b"OK" in read_until(stream, b"OK")


def test_a_new_certificate_reaches_new_connections_and_old_ones_go_on(server, folder):
    old = connect(server, tls=True)
    before = fingerprint(old)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=new.example", "-keyout", folder / "new.key", "-out", folder / "new.pem"], check=True, capture_output=True)
    os.replace(folder / "new.pem", folder / "cert.pem")
    os.replace(folder / "new.key", folder / "key.pem")

    def shown():
        with connect(server, tls=True) as stream:
            return fingerprint(stream)

    wait_for(lambda: shown() != before, PATIENCE_S, "the new certificate")
    new = shown()
    old.sendall(HTTP)
    assert b"OK" in read_until(old, b"OK")
    old.close()
    # A pair that does not fit is told, and changes nothing.
    (folder / "key.pem").write_text((TLS / "key.pem").read_text())
    wait_for(lambda: "the old one stays" in server.log_text(), PATIENCE_S, "the line in the log")
    assert shown() == new
    shutil.copy(TLS / "cert.pem", folder)
    wait_for(lambda: shown() == before, PATIENCE_S, "the first certificate")


def test_tls_inside_tls_and_a_broken_handshake_end(server):
    with connect(server, tls=True) as stream:
        stream.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert read_all(stream) == b""
    with connect(server) as stream:
        stream.sendall(b"\x16\x03\x01\x00\x05hello" * 3)
        assert len(read_all(stream)) < 100


# Lines and datagrams

@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize("tls", [False, True])
def test_lines_end_in_any_way_and_are_answered_in_order(server, end, tls):
    names = [b"first", b"second", b"third", b"fourth"]
    sent = b"".join(b"?apientry=nosuch%s" % name + end for name in names)
    with connect(server, tls=tls) as stream:
        for at in range(0, len(sent), 7):
            stream.sendall(sent[at:at + 7])
        received = read_until(stream, lambda r: r.count(b"\r\n") == 4)
        assert re.findall(rb"nosuch(\w+)", received) == names, received


def test_a_last_line_without_an_end_is_answered(server):
    with connect(server) as stream:
        stream.sendall(b"?apientry=apitest1")
        stream.shutdown(socket.SHUT_WR)
        assert read_all(stream).startswith(b"OK")


def test_datagrams_are_answered_up_to_the_documented_size(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(PATIENCE_S)
        udp.connect(("127.0.0.1", server.ready["udp"]))
        for size in (1491, 4000):
            udp.send(b"?apientry=nosuch&x=".ljust(size, b"x"))
        udp.send(b"?apientry=apitest1&x=".ljust(1490, b"x"))
        assert udp.recv(2000).startswith(b"OK")


# HTTP

def responses(received):
    """The statuses and bodies of responses that have a length."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        length = int((re.search(rb"content-length: (\d+)", head, re.I) or [0, b"0"])[1])
        found.append((int(head.split()[1]), head, received[:length]))
        received = received[length:]
    return found


def exchange(server, sent, tls=False):
    """Everything that comes back until the server closes."""
    with connect(server, tls=tls) as stream:
        stream.sendall(sent)
        stream.shutdown(socket.SHUT_WR) if not tls else None
        return read_all(stream)


def test_http_1_0_closes_unless_asked_to_stay(server):
    with connect(server) as stream:
        stream.sendall(b"GET /mvapireq/?apientry=apitest1 HTTP/1.0\r\n\r\n")
        assert b"200 OK" in read_all(stream)
    with connect(server) as stream:
        for _ in range(2):
            stream.sendall(b"GET /mvapireq/?apientry=apitest1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            received = read_until(stream, b"OK: ")
            assert b"keep-alive" in received.lower(), received


def test_http_1_1_is_kept_alive_and_pipelined_in_order(server):
    names = [f"nosuch{n}".encode() for n in range(20)]
    sent = b"".join(b"GET /mvapireq/?apientry=%s HTTP/1.1\r\nHost: x\r\n\r\n" % name for name in names)
    bodies = [body for _, _, body in responses(exchange(server, sent))]
    assert [re.search(rb"nosuch\d+", body)[0] for body in bodies] == names


def test_a_chunked_body_is_read_and_nothing_after_it(server):
    sent = (b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"
            b"9;note\r\napientry=\r\n8\r\napitest1\r\n0\r\nTrailer: x\r\n\r\n")
    answers = responses(exchange(server, sent + HTTP))
    assert [status for status, _, _ in answers] == [200] and answers[0][2].startswith(b"OK")


def test_expect_is_met_before_the_body_is_sent(server):
    with connect(server) as stream:
        stream.sendall(b"POST /mvapireq/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n")
        assert read_until(stream, b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        stream.sendall(b"apientry=apitest1")
        assert b"OK" in read_until(stream, b"OK: ")


def test_head_has_no_body_and_options_tells_the_origins(server):
    head = exchange(server, HTTP.replace(b"GET", b"HEAD").replace(b"Host: x", b"Host: x\r\nConnection: close"))
    assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n")
    ask = b"OPTIONS /mvapireq/ HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
    allowed = exchange(server, ask % b"https://app.example").lower()
    assert b"access-control-allow-origin: https://app.example" in allowed and b"post" in allowed
    assert b"access-control-allow" not in exchange(server, ask % b"https://evil.example").lower()


UNESCAPE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0"}


def octets(text):
    """The octets of an escaped text."""
    parts = re.split(r"(\\x[0-9a-f]{2}|\\[rnt0])", text)
    return b"".join(bytes.fromhex(p[2:]) if p.startswith("\\x") else UNESCAPE[p[1]] if p.startswith("\\") else p.encode() for p in parts)


def rows(path, columns):
    lines = (ROOT / "conformance" / path).read_text().splitlines()
    found = [re.split(r" ?\| ?", line) for line in lines if line and not line.startswith("#")]
    assert all(len(row) == columns for row in found), [row for row in found if len(row) != columns]
    return found


def test_ambiguous_requests_smuggle_nothing(server):
    """Over one connection each. `one` and `refused` end it; the hidden request never gets an answer of its own."""
    hidden = b"GET /mvapireq/?apientry=hidden HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    wrong = []
    for name, head, body, expected in rows("http/smuggling.txt", 4):
        sent = b"POST /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n" + octets(head) + b"\r\n" + octets(body) + hidden
        received = exchange(server, sent)
        statuses, reached = [int(s) for s in re.findall(rb"HTTP/1\.1 (\d+)", received)], b"hidden" in received
        right = {"two": statuses == [200, 200] and reached, "one": statuses == [200] and not reached,
                 "refused": len(statuses) <= 1 and all(400 <= s < 500 for s in statuses) and not reached}[expected]
        if not right:
            wrong.append((name, expected, statuses, reached))
    assert not wrong, wrong


# WebSocket

REQUEST = b"?apientry=apitest1"


def payload_of(text):
    if text.startswith("req"):
        return REQUEST.ljust(int(text[3:] or 0), b" ") if int(text[3:] or 0) < 40 else (REQUEST + b"&x=").ljust(int(text[3:]), b"*")
    if text.startswith("id"):
        return REQUEST + b"&format=json&requestid=" + bytes.fromhex(text[2:])
    if text in (">", "<"):
        return REQUEST[:9] if text == ">" else REQUEST[9:]
    if text.startswith('"'):
        return text.strip('"').replace("_", " ").encode()
    text, _, more = text[1:].partition("+")
    repeat = lambda part: bytes.fromhex(part.partition("*")[0]) * int(part.partition("*")[2] or 1)
    return repeat(text) + (repeat(more) if more else b"")


def pieces_of(send):
    """The octets of a case, as they are to be written."""
    frames, chop, split, times, each = [], None, None, 1, False
    for word in send.split():
        directive = re.fullmatch(r"(chop|split|times)(\d+)|(each)", word)
        if directive:
            each |= word == "each"
            chop = int(directive[2]) if directive[1] == "chop" else chop
            split = int(directive[2]) if directive[1] == "split" else split
            times = int(directive[2]) if directive[1] == "times" else times
            continue
        first, _, payload = word.partition(":")
        first, payload = int(first, 16), payload_of(payload) if payload else b""
        parts = [payload[at:at + split] for at in range(0, len(payload), split)] if split else [payload]
        for index, part in enumerate(parts):
            opcode = (first & 0x0F) if index == 0 else 0
            final = (first & 0xF0) if index == len(parts) - 1 else 0
            frames.append(WebSocket.frame(opcode | final, part))
    whole = b"".join(frames) * times
    if chop:
        return [whole[at:at + chop] for at in range(0, len(whole), chop)]
    return frames if each else [whole]


def check_case(server, number, send, expect):
    """What is wrong with one case; none if nothing is."""
    with connect(server) as stream:
        client = WebSocket(stream)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for piece in pieces_of(send):
                stream.sendall(piece)
        expected = expect.split()
        for word in expected:
            kind, _, value = word.partition(":")
            for _ in range(int(kind[7:] or 1) if kind.startswith("answers") else 1):
                came = client.message()
                if came is None:
                    return f"{number}: the end instead of {word}"
                opcode, payload = came
                if kind.startswith("answer") and not (opcode == 1 and payload.startswith(b"OK")):
                    return f"{number}: {came} instead of an answer"
                if kind == "echo" and not (opcode == 1 and json.loads(payload)["requestid"].encode() == bytes.fromhex(value)):
                    return f"{number}: {came} instead of {word}"
                if kind == "pong" and came != (10, payload_of(value) if value else b""):
                    return f"{number}: {came} instead of {word}"
                if kind == "close" and not (opcode == 8 and payload[:2] == (struct.pack(">H", int(value)) if value else b"")):
                    return f"{number}: {came} instead of {word}"
        if expected and expected[-1].startswith("close"):
            after = client.message()
            return after and f"{number}: {after} after the close"
        client.text(b"?apientry=apitest1&requestid=last&format=json")
        came = client.message()
        return None if came and came[0] == 1 and b"last" in came[1] else f"{number}: {came} instead of the last answer"


def test_websocket_conformance(server):
    cases = rows("websocket/cases.txt", 3)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [why for why in pool.map(lambda case: check_case(server, *case), cases) if why]
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def autobahn(server, folder, path, some):
    """Autobahn's own case files, by a runner for Python 3: the cases as they were played, and what the runner said."""
    run = subprocess.run([tool("kosoku"), "-m", "fuzzingclient", "-p", "4", *some, "-o", str(folder),
                          f"ws://127.0.0.1:{server.ready['main']}{path}"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    return [json.loads(file.read_text()) for file in folder.glob("*_case_*.json")], f"{run.stdout[-1000:]}{run.stderr[-1000:]}"


RIGHT = {"OK", "NON-STRICT", "INFORMATIONAL"}


def test_the_autobahn_cases_that_need_no_echo(server, tmp_path):
    """This endpoint answers requests and echoes nothing: cases whose only right end is an echo are left out, and
    test_websocket_conformance plays them with requests instead."""
    some = [word for pattern in ("2.*", "3.*", "4.*", "5.*", "6.*", "7.*") for word in ("-i", pattern)]
    # Whole groups of echoes, each of which would be waited for.
    some += [word for pattern in ("6.5.*", "6.7.*", "6.9.*", "6.11.*", "6.22.*", "6.23.*") for word in ("-x", pattern)]
    cases, said = autobahn(server, tmp_path, "/mvstwebsocket/", some)
    without_echo = lambda case: any(not any(event[0] == "message" for event in events) for events in case["expected"].values())
    plain = [case for case in cases if without_echo(case)]
    wrong = [(case["id"], case["behavior"], case["behaviorClose"], case["remoteCloseCode"], case["received"]) for case in plain
             # Where an echo may come before the end, another answer may too: only the end is compared.
             if case["behaviorClose"] not in RIGHT or (case["behavior"] not in RIGHT and not case["received"])]
    assert not wrong and len(plain) > 130, f"{len(wrong)} of {len(plain)}: {wrong}\n{said}"


@pytest.fixture
def echo(server):
    assert server.request("/mvecho") == ("the echo is switched off, see wsecho", 404)
    server.ok("setini", section="api", key="wsecho", value="true")
    yield "/mvecho"
    server.ok("setini", section="api", key="wsecho", value="false")
    assert server.request("/mvecho") == ("the echo is switched off, see wsecho", 404)


def test_every_autobahn_case_passes_at_the_echo(server, echo, tmp_path):
    some = [word for pattern in ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*") for word in ("-i", pattern)]
    cases, said = autobahn(server, tmp_path, echo, some)
    wrong = [(case["id"], case["behavior"], case["behaviorClose"]) for case in cases
             if case["behavior"] not in RIGHT or case["behaviorClose"] not in RIGHT]
    assert not wrong and len(cases) > 240, f"{len(wrong)} of {len(cases)}: {wrong}\n{said}"


def test_the_echo_sends_back_what_it_gets(server, echo):
    with connect(server) as stream:
        client = WebSocket(stream, echo.encode(), b"echo")
        client.text("Gr\u00fc\u00dfe".encode())
        assert client.message() == (1, "Gr\u00fc\u00dfe".encode())


def test_websocket_protocols(server):
    for path, offered, chosen in ((b"/mvstwebsocket/", b"api", b"api"), (b"/mvstwebsocket", b"chat, api", b"api"), (b"/mvstwebsock", b"chat", None),
                                  (b"/mfstwebsocket", b"sip", b"sip"), (b"/mvstwebsocket/", b"", None)):
        with connect(server) as stream:
            head = WebSocket(stream, path, offered).head.lower()
            found = re.search(rb"sec-websocket-protocol: (.*)", head)
            assert (found and found[1].strip()) == chosen, head


def test_websocket_answers_come_in_order_one_a_message(server):
    with connect(server) as stream:
        client = WebSocket(stream)
        client.text(b"?apientry=nosuch1\r\n?apientry=nosuch2\n\n?apientry=nosuch3")
        client.text(b"?apientry=nosuch4")
        for number in range(1, 5):
            assert client.message()[1].endswith(b"nosuch%d" % number)
        # "Send the request parameters in the packet body."
        client.text(b"apientry=nosuch5&authid=alice")
        client.text(b"authid=alice&apientry=nosuch6")
        for number in range(5, 7):
            assert client.message()[1].endswith(b"nosuch%d" % number)


def test_a_hundred_header_fields_are_taken_and_no_more(server):
    for count, status in ((100, b"200"), (101, b"431")):
        with connect(server) as stream:
            fields = b"".join(b"x-%d: y\r\n" % number for number in range(count - 1))
            stream.sendall(b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + b"\r\n")
            assert stream.recv(65536).split(b" ")[1] == status, count


# SIP

@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("method", ["OPTIONS", "MESSAGE", "INFO"])
def test_the_api_in_a_sip_header(server, tcp, method):
    with Phone(("127.0.0.1", server.ready["sip"]), "alice", tcp=tcp, timeout=PATIENCE_S) as alice:
        answer = alice.authenticated(method, headers="X-MVAPI: ?apientry=balance\r\n")
        assert (answer.status, answer.header("X-MVAPI")) == (200, "Your credit is $5"), answer


def test_a_sip_header_proves_no_more_than_its_digest(server):
    sip = ("127.0.0.1", server.ready["sip"])
    with Phone(sip, "alice", timeout=PATIENCE_S) as alice:
        for line, expected in (("?apientry=listusers", "ERROR: access denied"), ("nonsense", "ERROR: unknown command"),
                               ("?apientry=balance&targetuser=admin", "ERROR: not found")):
            answer = alice.authenticated("MESSAGE", headers=f"X-MVAPI: {line}\r\n")
            assert answer.header("X-MVAPI").startswith(expected), answer
    with Phone(sip, "alice", password="wrong", timeout=PATIENCE_S) as mallory:
        answer = mallory.authenticated("MESSAGE", headers="X-MVAPI: ?apientry=balance\r\n")
        assert answer.status == 401 and answer.header("X-MVAPI") is None


def test_a_retransmitted_sip_request_acts_once(server):
    sip = ("127.0.0.1", server.ready["sip"])
    before = server.credit("alice")
    with Phone(sip, "admin", password="first-exchange", timeout=PATIENCE_S) as admin:
        sent, send = [], admin.send
        admin.send = lambda text: (sent.append(text), send(text))
        answer = admin.authenticated("MESSAGE", headers="X-MVAPI: ?apientry=setfield&fieldname=displayname&fieldvalue=Once&targetuser=alice\r\n")
        assert answer.header("X-MVAPI").startswith("OK"), answer
        server.ok("setfield", fieldname="displayname", fieldvalue="Twice", targetuser="alice")
        admin.send(sent[-1])
        assert admin.final() == answer
    assert server.table("select displayname from tb_users where username = 'alice'") == [{"displayname": "Twice"}]
    assert server.credit("alice") == before


# Certificates by ACME

class Names(threading.Thread):
    """A name server for which every name is this machine."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.socket.recvfrom(2048)
                end = query.index(b"\0", 12) + 5
                answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7f\x00\x00\x01"
                is_a = query[end - 4:end - 2] == b"\x00\x01"
                head = query[:2] + b"\x81\x80\x00\x01" + (b"\x00\x01" if is_a else b"\x00\x00") + b"\0\0\0\0"
                self.socket.sendto(head + query[12:end] + (answer if is_a else b""), peer)


@contextlib.contextmanager
def pebble(folder, http_port, tls_port, validity_s=7776000, refused_nonces=5):
    """Let's Encrypt's test authority. It rejects nonces at random and validates over the loopback."""
    ports = [free_port(), free_port()]
    config = {"listenAddress": f"127.0.0.1:{ports[0]}", "managementListenAddress": f"127.0.0.1:{ports[1]}",
              "certificate": str(TLS / "cert.pem"), "privateKey": str(TLS / "key.pem"), "httpPort": http_port, "tlsPort": tls_port,
              "certificateValidityPeriod": validity_s}
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    names = Names()
    with open(folder / "pebble.log", "wb") as log:
        process = subprocess.Popen(["pebble", "-strict", "-config", str(folder / "pebble.json"), "-dnsserver", names.address], stdout=log, stderr=log,
                                   env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(refused_nonces)})
    try:
        wait_for(lambda: process.poll() is not None or "Listening on" in (folder / "pebble.log").read_text(), PATIENCE_S, "pebble")
        yield f"https://127.0.0.1:{ports[0]}/dir"
    finally:
        process.kill()
        process.wait()
        names.socket.close()


def acme(folder, validation, main, tls, **more):
    return Server(mainaport=main, sslportmain=tls, localtlsport=0, acmedomains="pbx.example.com,sip.example.com", acmeemail="admin@example.com",
                  acmeroot=TLS / "cert.pem", acmevalidation=validation, **more)


def issued(server, count):
    """Waits for so many certificates, and returns the last one's fingerprint."""
    log = lambda: server.log_text()
    wait_for(lambda: log().count("a new certificate is in use") >= count or "no certificate was issued" in log(), 60, "the certificate")
    assert "no certificate was issued" not in log(), log()
    with connect(server, tls=True, name="pbx.example.com") as stream:
        stream.sendall(HTTP)
        assert b"OK" in read_until(stream, b"OK")
        return fingerprint(stream)


needs_pebble = pytest.mark.skipif(not shutil.which("pebble"), reason="pebble is not installed")


@needs_pebble
@pytest.mark.parametrize("validation", ["http-01", "tls-alpn-01"])
def test_a_certificate_is_obtained_by_acme_and_kept(validation):
    main, tls = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, pebble(Path(folder), main, tls) as directory:
        with acme(folder, validation, main, tls, acmedirectory=directory) as running:
            first = issued(running, 1)
            kept = running.folder / "acme"
            assert sorted((path.name, path.stat().st_mode & 0o777) for path in kept.iterdir()) == [("account.json", 0o600), ("certificate.pem", 0o600)]
            assert kept.stat().st_mode & 0o777 == 0o700
            # The next start shows what was issued, and orders nothing.
            running.stop()
            running.start()
            with connect(running, tls=True) as stream:
                assert fingerprint(stream) == first
            assert running.log_text().count("ordering a certificate") == 1


@needs_pebble
def test_a_certificate_is_renewed_before_it_expires():
    main, tls = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, pebble(Path(folder), main, tls, validity_s=6) as directory:
        with acme(folder, "http-01", main, tls, acmedirectory=directory) as running:
            first = issued(running, 1)
            account = (running.folder / "acme" / "account.json").read_bytes()
            old = connect(running, tls=True)
            assert issued(running, 2) != first
            old.sendall(HTTP)
            assert b"OK" in read_until(old, b"OK")
            old.close()
            assert (running.folder / "acme" / "account.json").read_bytes() == account


@needs_pebble
def test_an_order_goes_on_when_the_authority_refuses_nonces():
    main, tls = free_port(), free_port()
    # Of a dozen requests, one is refused three times in a row in every third order.
    with tempfile.TemporaryDirectory() as folder, pebble(Path(folder), main, tls, refused_nonces=30) as directory:
        with acme(folder, "http-01", main, tls, acmedirectory=directory) as running:
            issued(running, 1)


def test_an_unknown_validation_is_not_found(server):
    received = exchange(server, b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 404")


# Many

IDLE = 10_000
# A release build takes about half: see docs/internals/benchmarks.md.
IDLE_BYTES_EACH = 8192


def resident(server):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())[1]) * 1024


def test_ten_thousand_idle_websockets_cost_little_and_harm_nobody():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Server() as running, contextlib.ExitStack() as streams:
        assert running.request("/mvapireq/?apientry=apitest1")[0].startswith("OK")
        before = resident(running)
        for _ in range(IDLE):
            WebSocket(streams.enter_context(connect(running)))
        assert running.request("/mvapireq/?apientry=apitest1")[0].startswith("OK")
        assert (resident(running) - before) / IDLE < IDLE_BYTES_EACH


@pytest.mark.parametrize("port", ["main", "sip"])
def test_connections_are_bounded_by_address_but_not_those_of_this_machine(port):
    with Server(maxconnectionsperip=5) as running, contextlib.ExitStack() as streams:
        for address, count in (("127.0.0.2", 5), ("127.0.0.1", 20)):
            for _ in range(count):
                streams.enter_context(connect(running, port, source=(address, 0)))
        refused = streams.enter_context(connect(running, port, source=("127.0.0.2", 0)))
        refused.settimeout(PATIENCE_S)
        assert refused.recv(1) == b""
        asked = streams.enter_context(connect(running, port, source=("127.0.0.3", 0)))
        asked.sendall(OPTIONS)
        assert b"SIP/2.0 200" in read_until(asked, b"\r\n\r\n")
