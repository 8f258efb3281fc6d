"""The event stream as its clients meet it: pushed on TCP and WebSocket, as server-sent events, and by webhook."""

import base64
import contextlib
import http.client
import http.server
import json
import os
import queue
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from phone import SDP, Phone
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
        server.account("absent")
        answer = stream.ask("?apientry=p2p&authid=chief&authpwd=chiefpw&anum=absent&bnum=right")
        assert answer.startswith("OK: callid:")
        assert stream.receive().startswith("RESULT: ERROR: failed: callid:")


@pytest.mark.parametrize("transport", [Stream, WebSocket])
def test_a_callback_is_settled_on_its_stream(server, transport):
    boss, guest = f"boss{transport.__name__.lower()}", f"guest{transport.__name__.lower()}"
    server.account(boss, credit=5), server.account(guest)
    sip = ("127.0.0.1", server.ready["sip"])
    request = f"?apientry=callback&authid={boss}&authpwd={boss}pw&anum={guest}"
    with contextlib.closing(transport(server)) as stream, Phone(sip, guest, timeout=PATIENCE) as called, \
            Phone(sip, boss, timeout=PATIENCE) as own:
        called.register(), own.register()

        def ordered():
            answer = stream.ask(request)
            assert answer.startswith("OK: callid:") and answer.endswith(" calling"), answer
            return answer.split("callid:")[1].split()[0]

        quoted = "REQUEST: " + request.replace(f"{boss}pw", "***")
        callid = ordered()
        called.answer(called.receive("INVITE "), body=SDP.format(ip="127.0.0.1", port=9))
        called.receive("ACK ")
        own.answer(own.receive("INVITE "), body=SDP.format(ip="127.0.0.1", port=9))
        own.receive("ACK ")
        assert stream.receive() == f"RESULT: OK: callid:{callid} connected, {quoted}"
        server.ok("disccall", dbcallsid=callid)
        for phone in (called, own):
            phone.answer(phone.receive("BYE "))
        # The number is busy; then the own phone is.
        callid = ordered()
        called.answer(called.receive("INVITE "), "486 Busy Here")
        result = stream.receive()
        assert result.startswith(f"RESULT: ERROR: failed: callid:{callid} ") and result.endswith(quoted), result
        callid = ordered()
        called.answer(called.receive("INVITE "), body=SDP.format(ip="127.0.0.1", port=9))
        own.answer(own.receive("INVITE "), "486 Busy Here")
        called.answer(called.receive("BYE "))
        result = stream.receive()
        assert result.startswith(f"RESULT: ERROR: failed: callid:{callid} ") and result.endswith(quoted), result
        # Who asks in the other format is answered in it.
        assert json.loads(stream.ask(request + "&format=json"))["status"] == "OK"
        called.answer(called.receive("INVITE "), "603 Decline")
        result = stream.receive()
        answer, _, asked = result.removeprefix("RESULT: ").partition(", REQUEST: ")
        assert json.loads(answer)["status"] == "ERROR" and asked == quoted.removeprefix("REQUEST: ") + "&format=json", result


class Receiver:
    """The example of examples/webhook, as its reader runs it."""

    def __init__(self, secret, port=0):
        script = Path(__file__).resolve().parents[2] / "examples" / "webhook" / "receiver.py"
        self.process = subprocess.Popen([sys.executable, "-B", str(script), "--port", str(port), "--secret", secret],
                                        stdout=subprocess.PIPE, text=True)
        self.port = self.receive()["listening"]

    def receive(self):
        return json.loads(self.process.stdout.readline())

    def until(self, kind, **fields):
        while True:
            event = self.receive()
            if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
                return event

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def hooked():
    with Server(apialtauth=1, apiv2auth=2, webhookprivate="127.0.0.1", webhookgiveup=4, webhooktimeout=5) as running:
        yield running


SECRET = "0123456789abcdef-secret"


def hook(server, url, **parameters):
    return int(re.search(r"webhookid:(\d+)", server.ok("webhookadd", url=url, secret=SECRET, **parameters)).group(1))


def test_a_webhook_is_posted_in_order_signed_and_again_after_a_pause(hooked):
    port = free_port()
    with contextlib.closing(Receiver(SECRET, port)) as receiver:
        number = hook(hooked, f"http://127.0.0.1:{port}/hook", types="user")
        assert hooked.ok("webhooktest", id=number) == "OK: status:200"
        assert receiver.receive()["type"] == "test"
        hooked.account("first")
        assert receiver.receive()["user"] == "first"
        state = lambda: next(row for row in hooked.table_of("webhooklist") if row["id"] == str(number))
        wait_for(lambda: state()["status"] == "200", PATIENCE, "the answer")
    hooked.account("second"), hooked.account("third")
    wait_for(lambda: int(state()["failures"]) > 0, PATIENCE, "a failure")
    with contextlib.closing(Receiver(SECRET, port)) as receiver:
        assert [receiver.receive()["user"] for _ in range(2)] == ["second", "third"]
        wait_for(lambda: state()["failures"] == "0", PATIENCE, "the success")
    # Once more from the beginning, for whoever lost what it had.
    with contextlib.closing(Receiver(SECRET, port)) as receiver:
        hooked.ok("webhookreplay", id=number, since=0)
        assert [receiver.receive()["user"] for _ in range(3)] == ["first", "second", "third"]
    with contextlib.closing(Receiver("another-secret-of-16", port)) as receiver:
        assert hooked.api("webhooktest", id=number) == "ERROR: failed: the webhook answered 401"
    hooked.ok("webhookdel", id=number)


def test_a_dead_webhook_is_switched_off_and_can_be_brought_back(hooked):
    port = free_port()
    number = hook(hooked, f"http://127.0.0.1:{port}/", types="user")
    hooked.account("unheard")
    state = lambda: next(row for row in hooked.table_of("webhooklist") if row["id"] == str(number))
    wait_for(lambda: state()["enabled"] == "0", PATIENCE, "giving up")
    assert "refused" in state()["problem"]
    told = lambda: [json.loads(row["event"]) for row in hooked.table_of("eventlist", types="webhook")]
    wait_for(lambda: any(event["webhook"] == number for event in told()), PATIENCE, "the event")
    with contextlib.closing(Receiver(SECRET, port)) as receiver:
        hooked.ok("webhookreplay", id=number)
        assert receiver.receive()["user"] == "unheard"
    hooked.ok("webhookdel", id=number)


def test_an_account_gets_by_webhook_what_concerns_it(hooked):
    own = hooked.account("owner")
    with contextlib.closing(Receiver(SECRET)) as receiver:
        hook(hooked, f"http://127.0.0.1:{receiver.port}/", targetuser="owner", since=0)
        hooked.account("nobody-else")
        register(hooked, "owner", free_port())
        # Only what concerns it, in order: it was made, and it registered.
        assert [(e["type"], e["userid"]) for e in (receiver.receive(), receiver.receive())] == [
            ("user.new", own), ("registration.gained", own)]


def test_webhooks_over_tls_believe_the_named_authority(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-addext", "basicConstraints=critical,CA:FALSE"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    bodies = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"https://localhost:{receiver.server_port}/"
    try:
        for authority, answer in [(certificate, "OK: status:204"), ("", "ERROR: failed: ")]:
            with Server(webhookprivate="127.0.0.1,::1", webhookca=authority) as server:
                number = hook(server, url, types="ban")
                assert server.api("webhooktest", id=number).startswith(answer)
        assert bodies.get(timeout=PATIENCE)["events"][0]["type"] == "test" and bodies.empty()
    finally:
        receiver.shutdown()
        receiver.server_close()


def test_little_credit_is_told_once_until_there_is_enough_again():
    with Server(apialtauth=1, onnetprice="1.2", lowcreditwarn=3600) as server:
        server.account("poor", credit=2), server.account("rich")
        ended = lambda: server.ok("eventlist", types="call.ended").count("call.ended")
        low = lambda: [json.loads(row["event"]) for row in server.table_of("eventlist", types="balance")]
        for number, (credit, told) in enumerate([(2, 1), (2, 1), (100_000, 1), (2, 2)], start=1):
            server.sql(f"update tb_users set credit = {credit} where username = 'poor'")
            one_call(server, "poor", "rich")
            wait_for(lambda: ended() == number, PATIENCE, "the end of the call")
            assert len(low()) == told, low()
        assert low()[0]["user"] == "poor" and 0 < low()[0]["seconds"] <= 100
