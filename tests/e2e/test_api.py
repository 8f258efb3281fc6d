"""The API over its four ways on one port, and the state that phones and calls leave behind."""

import base64
import os
import re
import socket
import struct
import time

import pytest

from phone import SDP, Phone
from strowger import ADMIN, ADMIN_PASSWORD, Server, Sipp, caller, parse_table, wait_for

CREDENTIALS = f"&authid={ADMIN}&authpwd={ADMIN_PASSWORD}"


class Socket:
    """A WebSocket of a few lines: whole text frames, masked."""

    def __init__(self, server, path="/mvstwebsocket"):
        self.stream = socket.create_connection(("127.0.0.1", server.ready["main"]), 10)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: api\r\n\r\n").encode())
        self.file = self.stream.makefile("rb")
        head = b"".join(iter(self.file.readline, b"\r\n"))
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, text):
        data, mask = text.encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        self.stream.sendall(b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self):
        while True:
            kind, length = self.file.read(2)
            if length == 126:
                [length] = struct.unpack(">H", self.file.read(2))
            data = self.file.read(length)
            if kind & 15 == 1:
                return data.decode()


def datagram(server, text, source=None):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.bind((source or "127.0.0.1", 0))
        udp.sendto(text.encode(), ("127.0.0.1", server.ready["udp"]))
        return udp.recv(65536)


def test_websocket_answers_in_request_order(server):
    for number in range(20):
        server.account(f"user{number}", credit=number)
    web = Socket(server)
    for number in range(20):
        web.send(f"?apientry=balance&targetuser=user{number}{CREDENTIALS}")
    assert [web.receive() for _ in range(20)] == [f"Your credit is ${number}" for number in range(20)]
    web.send("\r\n".join(f"?apientry=balance&targetuser=user{number}{CREDENTIALS}" for number in (3, 1, 2)))
    assert [web.receive() for _ in range(3)] == ["Your credit is $3", "Your credit is $1", "Your credit is $2"]


def test_lines_are_answered_in_order_on_one_connection(server):
    server.account("alice", credit=2)
    with socket.create_connection(("127.0.0.1", server.ready["main"]), 10) as stream:
        stream.sendall(f"apitest1\r\n?apientry=balance&targetuser=alice{CREDENTIALS}\nbalance,,alice,alicepw\r\nquit\r\n".encode())
        answers = b"".join(iter(lambda: stream.recv(4096), b"")).decode()
    assert re.match(r"OK.*\r\nYour credit is \$2\r\nYour credit is \$2\r\n", answers), answers


def test_datagrams_answer_little_to_strangers_and_nothing_sensitive(server):
    server.account("alice", credit=2)
    assert datagram(server, "?apientry=balance&authid=alice&authpwd=alicepw") == b"Your credit is $2"
    for text in (f"?apientry=addcredit&targetuser=alice&credit=1{CREDENTIALS}", f"?apientry=db&sql=select%201{CREDENTIALS}",
                 f"?apientry=newuseri&u_username=x&u_password=y{CREDENTIALS}"):
        assert datagram(server, text).startswith(b"ERROR: access denied: not over UDP"), text
    for text in ("help", "?apientry=help", "?apientry=version", "apitest", "?a=1", "mvapi", "?apientry=rating"):
        assert len(datagram(server, text)) <= max(3 * len(text), 128), text
    for number in range(80):
        server.account(f"user{number}")
    listed = datagram(server, f"?apientry=listusers{CREDENTIALS}")
    assert len(listed) <= 1490 and b"cursor" in listed.partition(b"\n")[0], listed[:200]


def test_unknown_and_known_users_cost_the_same(server):
    """A guesser with a clock learns nothing: asked in turns, so that whatever else runs slows both alike."""
    for number in range(200):
        server.account(f"user{number}")
    names = ("user7", "nobody-of-that-name")

    def quartiles_us(stream):
        took = {name: [] for name in names}
        for turn in range(1200):
            name = names[turn % 2]
            began = time.perf_counter()
            stream.sendall(f"?apientry=balance&authid={name}&authpwd=wrong\r\n".encode())
            answer = stream.recv(4096)
            took[name].append(time.perf_counter() - began)
            assert answer == b"ERROR: auth failed: wrong user or password DISPLAY\r\n", answer
        return [sorted(took[name])[150] * 1e6 for name in names]

    with socket.create_connection(("127.0.0.1", server.ready["main"]), 10) as stream:
        tries = [quartiles_us(stream) for _ in range(3)]
    assert any(abs(known - unknown) < 0.25 * max(known, unknown) for known, unknown in tries), tries


def test_registrations_survive_kill_and_the_phone_is_reached(server):
    server.account("alice")
    server.account("bob")
    ports = dict(sipport=server.ready["sip"], mainaport=server.ready["main"])
    with Phone(("127.0.0.1", server.ready["sip"]), "bob") as bob:
        bob.register()
        server.kill()
        server.start(**ports)
        assert server.ok("status", user="bob", password="bobpw").startswith("OK: 2")
        with caller(server, "alice", "bob", "uac-refused", replace={"STATUS": 486}) as alice:
            bob.answer(bob.receive("INVITE "), "486 Busy Here")
            alice.finish()


def test_advertised_address_is_in_all_that_is_sent():
    """Behind 1:1 NAT: Via, Contact and SDP carry the public address, on both sides."""
    with Server(advertiseip="203.0.113.7", bind="127.0.0.1") as server:
        server.account("alice")
        server.account("bob")
        sip = ("127.0.0.1", server.ready["sip"])
        with Phone(sip, "bob") as bob, Phone(sip, "alice") as alice:
            bob.register()
            uri = f"sip:bob@{server.sip}"
            alice.request("INVITE", uri, body=SDP.format(ip="127.0.0.1", port=9))
            call_id, challenge = alice.call_id, alice.final()
            alice.ack(challenge, uri)
            digest = alice.digest(challenge.header("Proxy-Authenticate"), "INVITE", uri)
            alice.request("INVITE", uri, f"Proxy-Authorization: {digest}\r\n", SDP.format(ip="127.0.0.1", port=9), call_id=call_id)
            invite = bob.receive("INVITE ")
            bob.answer(invite, body=SDP.format(ip="127.0.0.1", port=9))
            answer = alice.final()
            alice.ack(answer, uri) if answer.status >= 300 else alice.send(ack_to(answer, alice, server))
            bob.receive("ACK ")
        port = server.ready["sip"]
        assert f"203.0.113.7:{port}" in invite.header("Via") and f"@203.0.113.7:{port}" in invite.header("Contact"), invite
        assert f"203.0.113.7:{port}" in answer.header("Contact"), answer
        for message in (invite, answer):
            assert "c=IN IP4 203.0.113.7" in message.body and "127.0.0.1" not in message.body, message


def ack_to(answer, phone, server):
    """The ACK of a 2xx whose Contact is not reachable from here: its Request-URI is kept."""
    target = re.search(r"<(.*?)>", answer.header("Contact")).group(1)
    return (f"ACK {target} SIP/2.0\r\nVia: SIP/2.0/UDP {phone.me};branch=z9hG4bKack;rport\r\nFrom: {answer.header('From')}\r\n"
            f"To: {answer.header('To')}\r\nCall-ID: {answer.header('Call-ID')}\r\nCSeq: {answer.header('CSeq').split()[0]} ACK\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("tcp", [False, True])
def test_calls_work_on_the_main_port(server, tcp):
    server.account("alice")
    main = ("127.0.0.1", server.ready["main"])
    with Phone(main, "alice", tcp=tcp) as alice:
        alice.register()
        answer = alice.invite("5005")
        assert answer.status == 200 and "m=audio" in answer.body, answer
        assert alice.bye(answer).status == 200
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    assert cdr["callednumber"] == "5005"


def test_live_calls_are_shown_with_their_states(server):
    server.account("alice", credit=1)
    server.price("49", 0.6)
    with Sipp("uas-ring") as trunk:
        server.trunk("gate", trunk.port, "49")
        with caller(server, "alice", "4930123", "uac-cancel") as phone:
            [call] = wait_for(server.calls, 10, "the call")
            assert list(call)[0] == "dbcallsid", call
            wait_for(lambda: server.ok("status", user="alice", password="alicepw").startswith("OK: 3"), 5, "the status")
            phone.finish()
    wait_for(lambda: server.calls() == [], 5, "its end")


def test_heartbeat_and_info_measure(server):
    answer = server.ok("heartbeat", mode="full")
    rows = parse_table(answer)
    assert rows and not re.search("error", answer, re.I), answer
    assert "OK" in server.ok("info").split("\n")[0]


def test_bans_are_listed_and_lifted():
    with Server(banfailures=3) as server:
        server.account("alice")
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", server.ready["main"]), 5, ("127.0.0.9", 0)) as stream:
                stream.sendall(b"?apientry=balance&authid=alice&authpwd=wrong\r\n")
                stream.recv(4096)
        rows = parse_table(server.ok("bannedlist"))
        assert any("127.0.0.9" in str(row) for row in rows), rows
        server.ok("delbanned", ip="127.0.0.9")
        assert "127.0.0.9" not in server.ok("bannedlist")


def test_wrong_recharge_codes_count_as_failed_logins():
    """From an ordinary address guessing ends with a ban; a code that is used or expired buys nothing."""
    with Server(banfailures=5) as server:
        server.account("alice", credit=0)
        server.sql("insert into tb_prepaidcodes (code, value, currency, used, expires) values ('1111', 5, 'USD', 0, '2001-01-01')")
        server.sql("insert into tb_prepaidcodes (code, value, currency, used) values ('2222', 5, 'USD', 1)")
        for code in ("1111", "2222"):
            assert server.api("charge", user="alice", password="alicepw", anum=code).startswith("ERROR"), code
        answers = []
        for number in range(8):
            with socket.create_connection(("127.0.0.1", server.ready["main"]), 5, ("127.0.0.9", 0)) as stream:
                stream.sendall(f"?apientry=charge&authid=alice&authpwd=alicepw&anum=9{number}\r\n".encode())
                answers.append(stream.recv(4096).decode())
        assert answers[0].startswith("ERROR: ") and answers[-1] != answers[0], answers
        assert "127.0.0.9" in server.ok("bannedlist")
        assert server.credit("alice") == 0
