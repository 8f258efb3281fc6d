"""Service numbers and phone-to-phone calls, heard with a real phone's ears."""

import hashlib
import importlib.util
import re
import socket
import time

from strowger import ROOT, Server, Sipp, callee, caller, wait_for

_spec = importlib.util.spec_from_file_location("first_call", ROOT / "examples/first-call/first_call.py")
first_call = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(first_call)


def talk_to(server, tmp_path, number, seconds=3):
    """What alice's baresip hears when it dials `number`."""
    server.ok("newuseri", u_username="alice", u_password="alice-secret", u_currency="USD")
    phone = first_call.Phone("alice", server, tmp_path)
    try:
        status = {"user": "alice", "password": "alice-secret"}
        wait_for(lambda: phone.process.poll() is not None or server.ok("status", **status).startswith("OK: 2"), 15,
                 "the registration")
        assert phone.process.poll() is None, (phone.folder / "log").read_text()
        phone.command("dial", f"sip:{number}@127.0.0.1:{server.ready['sip']}")
        wait_for(lambda: server.ok("status", **status).startswith("OK: 4"), 15, "the conversation")
        time.sleep(seconds)
        phone.command("hangup")
        wait_for(server.cdrs, 5, "the CDR")
    finally:
        phone.stop()
    return phone.heard()


def test_echo_returns_what_is_said(server, tmp_path):
    seconds, frequency, gap_ms = first_call.listen(talk_to(server, tmp_path, "5005"), 440)
    assert seconds > 2 and abs(frequency - 440) < 3 and gap_ms <= 60


def test_music_is_heard(server, tmp_path):
    samples = talk_to(server, tmp_path, "5002")
    window = first_call.RATE_HZ // 10
    loud = [max(map(abs, samples[at:at + window])) > 500 for at in range(0, len(samples) - window, window)]
    assert sum(loud) > 15, loud
    [cdr] = server.cdrs()
    assert cdr["callednumber"] == "5002" and float(cdr["costenduser"]) == 0


def test_p2p_calls_both_numbers_and_bills_the_initiator(server):
    server.account("alice", credit=10)
    server.price("49", 6)
    with Sipp("uas-bye", keys={"hold_ms": 2500}) as first, Sipp("uas") as second:
        server.trunk("one", first.port, "491")
        server.trunk("two", second.port, "492")
        answer = server.ok("p2p", user="alice", password="alicepw", anum="491", bnum="492", waitfor=2)
        assert answer.startswith("OK: callid:"), answer
        first.finish()
        second.finish()
    rows = wait_for(lambda: len(server.cdrs()) == 2 and server.cdrs(), 5, "both CDRs")
    assert {row["callednumber"] for row in rows} == {"491", "492"}
    assert all(row["disccode"] == "200" for row in rows), rows
    spent = sum(round(float(row["costenduser"]) * 1e6) for row in rows)
    assert spent > 0 and round((10 - server.credit("alice")) * 1e6) == spent


def test_administrator_ends_a_call(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob") as bob, caller(server, "alice", "bob", "uac-bye-by-callee") as alice:
        [call] = wait_for(lambda: [c for c in server.calls() if c["state"] == "speaking"], 10, "the call")
        assert server.ok("disccall", dbcallsid=call["dbcallsid"]).startswith("OK")
        alice.finish()
        bob.finish()
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    assert cdr["discby"] == "server" or cdr["discreason"], cdr


def test_silence_on_both_sides_ends_the_call():
    with Server(rtptimeout=2) as server:
        server.account("alice")
        server.account("bob")
        with callee(server, "bob") as bob, caller(server, "alice", "bob", "uac-bye-by-callee") as alice:
            alice.finish()
            bob.finish()
        [cdr] = wait_for(server.cdrs, 5, "the CDR")
        assert "rtp" in cdr["discreason"].lower() or "media" in cdr["discreason"].lower(), cdr


def test_phone_behind_nat_is_called_at_the_source_of_its_register(server):
    """A private Contact: the INVITE goes where the REGISTER came from, and so do the pings before it."""
    server.account("alice")
    server.account("bob")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        assert " 401 " in register_private(server, phone, 1)
        assert " 200 " in register_private(server, phone, 2, NONCE.search(register_private.last).group(1))
        with caller(server, "alice", "bob", "uac-refused", replace={"STATUS": 486}) as alice:
            invite = receive(phone, "INVITE ")
            phone.sendto(refusal(invite), sip_address(server))
            assert "192.168.44.55" in invite.splitlines()[0], "the Request-URI is the registered Contact"
            alice.finish()


def test_phone_behind_nat_is_pinged_so_that_its_nat_stays_open():
    with Server(natkeepalive=1) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        server.account("bob")
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        register_private(server, phone, 1)
        assert " 200 " in register_private(server, phone, 2, NONCE.search(register_private.last).group(1))
        assert [phone.recv(4096) for _ in range(2)] == [b"\r\n\r\n"] * 2


NONCE = re.compile(r'nonce="([^"]+)"')


def sip_address(server):
    return "127.0.0.1", server.ready["sip"]


def register_private(server, phone, cseq, nonce=None):
    """One REGISTER of bob with a Contact that nobody can reach; the answer."""
    uri = f"sip:{server.sip}"
    authorization = ""
    if nonce:
        digest = lambda text: hashlib.md5(text.encode()).hexdigest()
        ha1, ha2 = digest("bob:strowger:bobpw"), digest(f"REGISTER:{uri}")
        response = digest(f"{ha1}:{nonce}:00000001:c:auth:{ha2}")
        authorization = (f'Authorization: Digest username="bob", realm="strowger", nonce="{nonce}", uri="{uri}", '
                         f'qop=auth, nc=00000001, cnonce="c", response="{response}"\r\n')
    port = phone.getsockname()[1]
    phone.sendto((f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.44.55:5060;branch=z9hG4bK{port}{cseq};rport\r\n"
                  "From: <sip:bob@strowger>;tag=1\r\nTo: <sip:bob@strowger>\r\nCall-ID: nat@192.168.44.55\r\n"
                  f"CSeq: {cseq} REGISTER\r\nContact: <sip:bob@192.168.44.55:5060>\r\nExpires: 300\r\n"
                  f"Max-Forwards: 70\r\n{authorization}Content-Length: 0\r\n\r\n").encode(), sip_address(server))
    register_private.last = receive(phone, "SIP/2.0 ")
    return register_private.last


def receive(phone, beginning):
    """The next message that begins so; pings and others are skipped."""
    while True:
        text = phone.recv(4096).decode()
        if text.startswith(beginning):
            return text


def refusal(invite):
    kept = [line for line in invite.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in invite.split("\r\n") if line.startswith("To:"))
    return "\r\n".join(["SIP/2.0 486 Busy Here", *kept, to + ";tag=nat", "Content-Length: 0", "", ""]).encode()
