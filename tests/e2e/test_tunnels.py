"""Encrypted connections as tunnelinfo, tunnelinfoex and tunnellist show them: real TLS clients come and go."""

import contextlib
import hashlib
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, ROOT, Server, wait_for
from websocket import PATIENCE_S, WebSocket, connect, read_until

TLS = ROOT / "crates" / "server" / "tests" / "tls"
LINE = b"?apientry=apitest1\r\n"
HTTP = b"GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: x\r\n\r\n"
OPTIONS = (b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKt1\r\nMax-Forwards: 70\r\n"
           b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: tls\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture
def server(tmp_path):
    for name in ("cert.pem", "key.pem"):
        shutil.copy(TLS / name, tmp_path)
    with Server(sslportmain=0, localtlsport=0, tlscert=tmp_path / "cert.pem", tlskey=tmp_path / "key.pem", banfailures=0,
                headertimeout=2) as running:
        running.account("alice", credit=5)
        yield running


def info(server):
    fields = dict(line.split("=", 1) for line in server.ok("tunnelinfo").splitlines()[1:])
    return {name: int(value) for name, value in fields.items() if value.isdigit()}


def sessions(server, **parameters):
    return server.table_of("tunnellist", **parameters)


def speak(stream, sent, expected):
    stream.sendall(sent)
    return read_until(stream, expected)


def test_nothing_is_encrypted_where_nothing_is(server):
    assert info(server) == {"opened": 0, "open": 0, "failed": 0, "timedout": 0, "refused": 0, "bytesin": 0, "bytesout": 0}
    assert sessions(server) == []
    text = server.ok("tunnelinfo")
    assert "protocol=TLS" in text and re.search(r"since=\d{4}-\d\d-\d\d ", text)
    for command in ("tunnelinfo", "tunnelinfoex", "tunnellist"):
        assert "no tunnel protocol of its own" in server.ok("help", command=command)
        assert server.api(command, user="alice", password="alicepw").startswith("ERROR: access denied")


def test_numbers_go_up_and_down_with_connections(server):
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(connect(server))
        speak(plain, LINE, b"OK")
        http = stack.enter_context(connect(server, tls=True, name="pbx.example.com", alpn=["http/1.1"]))
        speak(http, HTTP, b"api is working")
        line = stack.enter_context(connect(server, "tls", tls=True))
        speak(line, LINE, b"OK")
        sip = stack.enter_context(connect(server, "sips", tls=True, alpn=["sip/2"]))
        speak(sip, OPTIONS, b"SIP/2.0 200")
        silent = stack.enter_context(connect(server, tls=True))
        socket_api = WebSocket(stack.enter_context(connect(server, tls=True)))
        socket_sip = WebSocket(stack.enter_context(connect(server, tls=True)), b"/mfstwebsocket/", b"sip")
        wait_for(lambda: len(sessions(server)) == 6, 10, "six sessions")
        rows = sessions(server)
        by_peer = {row["peer"]: row for row in rows}

        def of(stream):
            host, port = stream.getsockname()[:2]
            return by_peer[f"{host}:{port}"]

        assert "127.0.0.1:%d" % plain.getsockname()[1] not in by_peer, "what is in clear is none of these"
        assert of(http)["transport"] == "https" and of(http)["alpn"] == "http/1.1" and of(http)["sni"] == "pbx.example.com"
        assert of(line)["transport"] == "api-tls" and of(line)["port"] == str(server.ready["tls"])
        assert of(sip)["transport"] == "sip-tls" and of(sip)["alpn"] == "sip/2" and of(sip)["port"] == str(server.ready["sips"])
        assert of(silent)["transport"] == "undecided" and of(silent)["bytesin"] == "0"
        assert of(socket_api.stream)["transport"] == "api-wss" and of(socket_sip.stream)["transport"] == "sip-wss"
        for stream in (http, line, sip):
            assert of(stream)["version"] == stream.version().replace(".", "_")
            assert int(of(stream)["bytesin"]) > 0 and int(of(stream)["bytesout"]) > 0
        assert int(of(line)["bytesin"]) == len(LINE)
        before = info(server)
        assert (before["opened"], before["open"]) == (6, 6)
    wait_for(lambda: info(server)["open"] == 0, 10, "the end of the connections")
    after = info(server)
    assert after["opened"] == 6 and after["bytesin"] >= before["bytesin"] and sessions(server) == []
    ex = server.ok("tunnelinfoex").splitlines()
    names = ex[1].split("\t")
    table = {row["transport"]: row for row in (dict(zip(names, line.split("\t"))) for line in ex[2:-1])}
    assert set(table) == {"https", "api-tls", "sip-tls", "undecided", "api-wss", "sip-wss"}, ex
    assert all((row["opened"], row["open"]) == ("1", "0") for row in table.values())
    assert "opened=6\topen=0\tfailed=0" in ex[-1]


def test_the_version_and_the_cipher_are_those_of_the_client(server):
    for version, suite in (("-tls1_2", "TLS_ECDHE_"), ("-tls1_3", "TLS13_")):
        client = subprocess.Popen(["openssl", "s_client", "-quiet", version, "-connect", f"127.0.0.1:{server.ready['tls']}"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            client.stdin.write(LINE)
            client.stdin.flush()
            assert b"OK" in client.stdout.readline()
            row = sessions(server)[0]
            assert row["version"] == {"-tls1_2": "TLSv1_2", "-tls1_3": "TLSv1_3"}[version] and row["cipher"].startswith(suite), row
        finally:
            client.kill()
            client.wait()
            client.stdin.close()
            client.stdout.close()
        wait_for(lambda: not sessions(server), 10, "the end of the client")
    versions = [line.split("\t")[1] for line in server.ok("tunnelinfoex").splitlines()[2:-1]]
    assert sorted(versions) == ["TLSv1_2", "TLSv1_3"]


def test_handshakes_that_come_to_nothing_are_counted(server):
    with socket.create_connection(("127.0.0.1", server.ready["tls"]), PATIENCE_S) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while stream.recv(4096):
                pass
    wait_for(lambda: info(server)["failed"] == 1, 10, "the failed handshake")
    # One that offers nothing that is served.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", server.ready["tls"]), PATIENCE_S) as stream:
        with pytest.raises((ssl.SSLError, OSError)):
            context.wrap_socket(stream, server_hostname="x")
    wait_for(lambda: info(server)["failed"] == 2, 10, "the other one")
    with socket.create_connection(("127.0.0.1", server.ready["tls"]), PATIENCE_S):
        wait_for(lambda: info(server)["timedout"] == 1, 15, "the one that says nothing")
    assert info(server)["opened"] == 0


def test_tls_without_a_certificate_is_refused():
    with Server() as server:
        with socket.create_connection(("127.0.0.1", server.ready["main"]), PATIENCE_S) as stream:
            context = ssl.create_default_context()
            with pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(stream, server_hostname="x")
        wait_for(lambda: info(server)["refused"] == 1, 10, "the refusal")


def test_an_account_is_shown_where_it_was_proved(server):
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(connect(server, tls=True))
        speak(line, b"?apientry=apitest1\r\n", b"OK")
        assert sessions(server)[0]["account"] == ""
        speak(line, b"?apientry=balance&authid=alice&authpwd=wrong\r\n", b"ERROR")
        assert sessions(server)[0]["account"] == "", "a name alone is no proof"
        speak(line, b"?apientry=balance&authid=alice&authpwd=alicepw\r\n", b"Your credit")
        assert sessions(server)[0]["account"] == "alice"
        speak(line, f"?apientry=version&authid={ADMIN}&authpwd={ADMIN_PASSWORD}\r\n".encode(), b"OK")
        assert sessions(server)[0]["account"] == ADMIN


def test_a_phone_over_tls_is_shown_with_its_account(server):

    with connect(server, "sips", tls=True) as phone:
        def register(cseq, extra=""):
            host, port = phone.getsockname()[:2]
            request = (f"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS {host}:{port};branch=z9hG4bKr{cseq};rport\r\n"
                       f"From: <sip:alice@127.0.0.1>;tag=1\r\nTo: <sip:alice@127.0.0.1>\r\nCall-ID: reg\r\nCSeq: {cseq} REGISTER\r\n"
                       f"Contact: <sip:alice@{host}:{port};transport=tls>\r\nExpires: 300\r\nMax-Forwards: 70\r\n{extra}Content-Length: 0\r\n\r\n")
            return speak(phone, request.encode(), b"\r\n\r\n").decode()

        challenge = register(1)
        assert challenge.startswith("SIP/2.0 401"), challenge
        realm, nonce = (re.search(rf'{name}="([^"]+)"', challenge).group(1) for name in ("realm", "nonce"))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
        ha1, ha2 = md5(f"alice:{realm}:alicepw"), md5("REGISTER:sip:127.0.0.1")
        response = md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}")
        answer = register(2, f'Authorization: Digest username="alice", realm="{realm}", nonce="{nonce}", uri="sip:127.0.0.1",'
                             f' qop=auth, nc=00000001, cnonce="c", response="{response}"\r\n')
        assert answer.startswith("SIP/2.0 200"), answer
        row = sessions(server)[0]
        assert (row["transport"], row["account"]) == ("sip-tls", "alice"), row


def test_the_list_comes_in_pages(server):
    with contextlib.ExitStack() as stack:
        for _ in range(7):
            speak(stack.enter_context(connect(server, tls=True)), LINE, b"OK")
        seen, cursor = [], {}
        for _ in range(9):
            answer = server.ok("tunnellist", max=3, **cursor).splitlines()
            seen += [line.split("\t")[0] for line in answer[2:]]
            more = re.search(r"cursor:(\d+)", answer[0])
            if not more:
                break
            cursor = {"cursor": more.group(1)}
        assert len(seen) == len(set(seen)) == 7
        assert server.api("tunnellist", max=0).startswith("ERROR: invalid parameter: max")
