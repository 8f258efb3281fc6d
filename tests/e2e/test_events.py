"""The event stream as its clients meet it: pushed on TCP and WebSocket, as server-sent events, and by webhook."""

import base64
import contextlib
import http.client
import json
import os
import socket
import struct

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, Server, callee, caller, free_port, register, wait_for

PATIENCE = 30
AS_ADMIN = f"authid={ADMIN}&authpwd={ADMIN_PASSWORD}"


@pytest.fixture(scope="module")
def server():
    with Server(apialtauth=1, apiv2auth=2, idletimeout=60) as running:
        yield running


class Stream:
    """Lines of TCP, as they come."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ready["main"]), PATIENCE)
        self.file = self.socket.makefile("rb")

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def receive(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), line
        return line.decode().rstrip()

    def ask(self, line):
        self.send(line)
        return self.receive()

    def close(self):
        self.socket.close()


class WebSocket:
    """The least of RFC 6455 that a client needs: masked text frames, one a message."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ready["main"]), PATIENCE)
        self.file = self.socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET /mvstwebsocket/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        assert b" 101 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def send(self, text):
        mask, payload = os.urandom(4), text.encode()
        assert len(payload) < 65536
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        self.socket.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def receive(self):
        while True:
            first, size = self.file.read(2)
            size = struct.unpack(">H", self.file.read(2))[0] if size == 126 else size
            payload = self.file.read(size)
            if first & 15 == 1:
                return payload.decode()

    def ask(self, line):
        self.send(line)
        return self.receive()

    def close(self):
        self.socket.close()


class ServerSent:
    """`text/event-stream` over HTTP."""

    def __init__(self, server, query, last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.ready["main"], timeout=PATIENCE)
        self.connection.request("GET", "/mvapireq/events?" + query, headers={"Last-Event-ID": str(last)} if last else {})
        self.answer = self.connection.getresponse()

    def receive(self):
        """The id and the data of the next event."""
        fields = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if line == "" and "data" in fields:
                return int(fields["id"]), json.loads(fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value

    def close(self):
        self.connection.close()


def until(stream, kind, **fields):
    """The next event of a kind; others are passed over. Returns it with everything that came before."""
    seen = []
    while True:
        text = stream.receive()
        event = json.loads(text) if text.startswith("{") else {"type": text}
        seen.append(event)
        if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
            return event, seen


def one_call(server, from_user, to_user, hold_ms=300):
    with callee(server, to_user, keys={"hold_ms": hold_ms}) as phone, \
            caller(server, from_user, to_user, hold_ms=hold_ms) as calling:
        calling.finish()
        phone.finish()


@pytest.mark.parametrize("transport", [Stream, WebSocket])
def test_a_call_is_told_to_who_follows_between_the_answers(server, transport):
    name = transport.__name__.lower()
    a, b = f"{name}a", f"{name}b"
    server.account(a, credit=5), server.account(b)
    with contextlib.closing(transport(server)) as stream:
        assert stream.ask(f"?apientry=events&{AS_ADMIN}").startswith("OK: cursor:")
        one_call(server, a, b)
        gained, _ = until(stream, "registration.gained", user=b)
        assert gained["contact"].startswith("sip:")
        started, _ = until(stream, "call.started", caller=a)
        assert started["dialled"] == b
        answered, _ = until(stream, "call.answered", call=started["call"])
        assert answered["called"] == b
        # Answers stand between the events, whole and in order.
        stream.send(f"?apientry=keepalive&{AS_ADMIN}")
        ended, seen = until(stream, "call.ended", call=started["call"])
        assert ended["status"] == 200 and ended["duration"] > 0 and ended["sipcallid"] and len(ended["cdrs"]) == 1
        if not any(event["type"] == "OK: alive" for event in seen):
            until(stream, "OK: alive")
        numbers = [event["seq"] for event in (gained, started, answered, ended)]
        assert numbers == sorted(numbers)


def test_everybody_sees_what_concerns_it_and_money_is_seen_by_who_pays(server):
    reseller = server.account("shop")
    server.ok("setfield", fieldname="type", fieldvalue=1, rowid=reseller)
    server.account("payer", credit=5, parentid=reseller), server.account("friend"), server.account("stranger")
    start = json.loads(server.ok("events", format="json"))["data"]["cursor"]
    one_call(server, "payer", "friend")

    def seen_by(user, types="call"):
        password = ADMIN_PASSWORD if user == ADMIN else user + "pw"
        rows = server.table_of("eventlist", user=user, password=password, since=start, types=types)
        return [json.loads(row["event"]) for row in rows]

    wait_for(lambda: any(e["type"] == "call.ended" for e in seen_by(ADMIN)), PATIENCE, "the end of the call")
    kinds = ["call.started", "call.answered", "call.ended"]
    for user in (ADMIN, "payer", "shop"):
        assert [e["type"] for e in seen_by(user) if e.get("caller") == "payer"] == kinds, user
    assert [e["type"] for e in seen_by("friend")] == kinds[1:]
    assert seen_by("stranger") == []
    assert "cost" in seen_by("payer")[-1] and "cost" in seen_by("shop")[-1]
    assert "cost" not in seen_by("friend")[-1]


def test_accounts_and_bans_are_told(server):
    start = json.loads(server.ok("events", format="json"))["data"]["cursor"]
    made = server.account("newcomer")
    server.sql("insert into tb_users (type, username, password, name) values (0, 'bysql', 'p', 'n')")
    server.ok("deluser", u_id=made)

    def told():
        rows = server.table_of("eventlist", since=start, types="user")
        return [(e["type"], e["user"]) for e in (json.loads(row["event"]) for row in rows)]

    wait_for(lambda: len(told()) >= 3, PATIENCE, "the accounts' events")
    assert set(told()) == {("user.new", "newcomer"), ("user.new", "bysql"), ("user.deleted", "newcomer")}


def test_server_sent_events_go_on_where_they_were(server):
    with contextlib.closing(ServerSent(server, AS_ADMIN + "&types=user")) as events:
        assert events.answer.getheader("Content-Type") == "text/event-stream"
        server.account("sse1")
        number, event = events.receive()
        assert (event["type"], event["user"], event["seq"]) == ("user.new", "sse1", number)
    server.account("sse2"), server.account("sse3")
    with contextlib.closing(ServerSent(server, AS_ADMIN + "&types=user", last=number)) as events:
        assert [events.receive()[1]["user"] for _ in range(2)] == ["sse2", "sse3"]
    with contextlib.closing(ServerSent(server, "authid=sse2&authpwd=wrong")) as events:
        assert events.answer.read().startswith(b"ERROR: auth failed")


def test_events_survive_a_kill_and_numbers_go_on():
    with Server(apialtauth=1) as server:
        server.account("before")
        wait_for(lambda: "before" in server.ok("eventlist", types="user"), PATIENCE, "the event")
        last = json.loads(server.ok("events", format="json"))["data"]["cursor"]
        server.kill()
        server.start()
        server.account("after")
        wait_for(lambda: "after" in server.ok("eventlist", types="user"), PATIENCE, "the event")
        rows = server.table_of("eventlist")
        events = [json.loads(row["event"]) for row in rows]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)) and len(events) > last
        assert [event["type"] for event in events].count("server.started") == 2


def test_what_a_request_began_is_pushed_when_it_is_settled(server):
    server.account("chief", credit=5), server.account("left"), server.account("right")
    with contextlib.closing(Stream(server)) as stream, callee(server, "left") as left, callee(server, "right") as right:
        request = "?apientry=p2p&authid=chief&authpwd=chiefpw&anum=left&bnum=right"
        answer = stream.ask(request)
        assert answer.startswith("OK: callid:") and answer.endswith(" calling")
        callid = answer.split("callid:")[1].split()[0]
        masked = request.replace("chiefpw", "***")
        assert stream.receive() == f"RESULT: OK: callid:{callid} connected, REQUEST: {masked}"
        server.ok("disccall", dbcallsid=callid)
        left.finish(), right.finish()
        # Nobody is at the number: the failure is pushed too.
        answer = stream.ask("?apientry=p2p&authid=chief&authpwd=chiefpw&anum=stranger&bnum=right")
        assert answer.startswith("OK: callid:")
        assert stream.receive().startswith("RESULT: ERROR: failed: callid:")
