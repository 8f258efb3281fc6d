"""The message queue as its devices meet it: WebSockets of /mmstwebsock on the real binary."""

import contextlib
import hashlib
import json
import random
import socket
import struct
import subprocess
import sys
import urllib.parse

import pytest

from phone import Phone
from strowger import ADMIN, ADMIN_PASSWORD, ROOT, Server, callee, caller, wait_for
from websocket import PATIENCE_S, WebSocket, connect

TLS = ROOT / "crates" / "server" / "tests" / "tls"
EXAMPLE = ROOT / "examples" / "mmq" / "mmq.py"
RAW = {"apialtauth": 1, "apiv2auth": 2}


@pytest.fixture(scope="module")
def server():
    with Server(sslportmain=0, localtlsport=0, tlscert=TLS / "cert.pem", tlskey=TLS / "key.pem", banfailures=0, mmqrate=0, **RAW) as running:
        for name in ("alice", "bob"):
            running.account(name, credit=5)
        yield running


def query(**fields):
    return "?" + urllib.parse.urlencode(fields) if fields else ""


def credentials(user):
    return {"authid": user, "authpwd": ADMIN_PASSWORD if user == ADMIN else user + "pw"}


class Device(contextlib.AbstractContextManager):
    """One connection. `ask` waits for its own answer; what comes between is kept for `next`."""

    def __init__(self, server, tls=False, stream=None, protocol=b"", headers=b"", host=b"x", **fields):
        self.stream = stream or connect(server, tls=tls)
        path = "/mmstwebsocket/" + query(**fields)
        self.socket = WebSocket(self.stream, path.encode(), protocol, headers, host)
        self.kept, self.number = [], 0

    def __exit__(self, *_):
        self.stream.close()

    def send(self, **fields):
        self.socket.text(json.dumps(fields).encode())

    def receive(self):
        """The next message; a close is (code, reason), the end None."""
        while True:
            frame = self.socket.message()
            if frame is None:
                return None
            opcode, payload = frame
            if opcode == 8:
                # As RFC 6455 5.5.1 wants; the server may have ended already.
                with contextlib.suppress(OSError):
                    self.stream.sendall(WebSocket.frame(0x88, payload[:2]))
                return struct.unpack(">H", payload[:2] or b"\x03\xed")[0], payload[2:].decode()
            if opcode == 1:
                return json.loads(payload)

    def ask(self, op, **fields):
        self.number += 1
        self.send(op=op, id=self.number, **fields)
        while True:
            message = self.receive()
            assert isinstance(message, dict), message
            if message.get("id") == self.number:
                return message
            self.kept.append(message)

    def ok(self, op, **fields):
        answer = self.ask(op, **fields)
        assert answer["op"] == "ok" and answer["re"] == op, answer
        return answer

    def next(self):
        return self.kept.pop(0) if self.kept else self.receive()

    def data(self):
        """What the next message carries."""
        message = self.next()
        assert message["op"] == "msg", message
        return message["topic"], message["data"]


def device(server, user, *topics, **fields):
    """A device of an account that follows topics."""
    made = Device(server, **credentials(user), **fields)
    welcome = made.receive()
    assert welcome["op"] == "ok" and welcome["user"] == user, welcome
    for topic in topics:
        made.ok("sub", topic=topic)
    return made


def refused(made):
    """The error and the close of a connection that is not let in."""
    error, close = made.receive(), made.receive()
    assert error["op"] == "error" and made.receive() is None
    return error["type"], close


def ended(made):
    """The close of a connection that does something when it may be here no longer; an error may come before."""
    made.send(op="ping")
    answer = made.receive()
    return answer if isinstance(answer, tuple) else made.receive()


def test_messages_reach_the_devices_of_their_account_alone(server):
    with device(server, "alice", "#", device="desk") as desk, device(server, "alice", device="phone") as phone, \
            device(server, "bob", "#", "lamp") as foreign:
        assert phone.ok("pub", topic="lamp", data={"on": True, "n": 12345678901234567890.5})["delivered"] == 1
        message = desk.next()
        assert (message["op"], message["topic"], message["from"]) == ("msg", "lamp", "phone")
        assert message["data"]["on"] is True and "user" not in message and message["at"].endswith("Z")
        # What bob sees first is his own: nothing of alice came before.
        assert foreign.ok("pub", topic="own", data="first")["delivered"] == 1
        assert foreign.data() == ("own", "first") and not foreign.kept
        assert desk.ok("pub", topic="last", data=None)["delivered"] == 1
        assert desk.data() == ("last", None)


def test_patterns_follow_levels_and_an_end_is_an_end(server):
    with device(server, "alice", "house/+/lamp", "garden/#") as one, device(server, "alice") as other:
        for topic, count in (("house/kitchen/lamp", 1), ("house/lamp", 0), ("garden", 1), ("garden/a/b", 1), ("House/x/lamp", 0)):
            assert other.ok("pub", topic=topic, data=topic)["delivered"] == count, topic
        assert [one.data()[1] for _ in range(3)] == ["house/kitchen/lamp", "garden", "garden/a/b"]
        one.ok("unsub", topic="garden/#")
        assert one.ask("unsub", topic="garden/#")["type"] == "not found"
        assert other.ok("pub", topic="garden/a", data=1)["delivered"] == 0
        one.ok("sub", topic="#")
        assert one.ok("pub", topic="x", data=1, echo=False)["delivered"] == 0
        assert one.ok("pub", topic="x", data=2)["delivered"] == 1
        assert one.data() == ("x", 2)


def test_the_order_of_a_publisher_is_kept(server):
    with device(server, "alice", "count") as one, device(server, "alice") as other:
        for number in range(200):
            other.send(op="pub", topic="count", data=number)
        assert [one.data()[1] for _ in range(200)] == list(range(200))
        assert [other.receive()["op"] for _ in range(200)] == ["ok"] * 200


def test_what_is_retained_waits_and_what_is_not_is_gone(server):
    with device(server, "alice") as one:
        one.ok("pub", topic="state/phone", data="busy", retain=True)
        one.ok("pub", topic="state/phone", data="free", retain=True)
        one.ok("pub", topic="state/other", data="gone")
    with device(server, "bob", "state/#") as foreign:
        assert foreign.ok("ping") and not foreign.kept
    # A device that comes back.
    with device(server, "alice", "state/#") as again:
        message = again.next()
        assert (message["topic"], message["data"], message["retained"]) == ("state/phone", "free", True)
        again.ok("pub", topic="state/phone", data=None, retain=True)
        assert again.data() == ("state/phone", None)
        again.ok("sub", topic="state/#")
        again.ok("ping")
        assert again.kept == []


def md5_of(user, password):
    return {"authid": user, "authsalt": "77", "authmd5": hashlib.md5(f"ck5Gp{user}{password}77".encode()).hexdigest()}


def test_every_scheme_of_the_api_opens_the_queue(server):
    token = json.loads(server.api("login", user="alice", password="alicepw", format="json"))["data"]["token"]
    key = json.loads(server.api("apikeyadd", name="queue", scopes="mmq", account="alice", format="json"))["data"]["key"]
    by_header = {"headers": f"Authorization: Bearer {token}\r\n".encode()}
    for fields in (credentials("alice"), md5_of("alice", "alicepw"), {"token": token}, by_header, {"authkey": key},
                   {"param1": "mmq", "param2": "", "param3": "alice", "param4": "alicepw"}):
        with Device(server, **fields) as one:
            welcome = one.receive()
            assert (welcome["op"], welcome["re"], welcome["user"]) == ("ok", "login", "alice"), fields
    for fields in (credentials("alice"), md5_of("alice", "alicepw"), {"token": token}, {"authkey": key}):
        with Device(server) as one:
            assert one.ok("login", device="desk", **fields)["user"] == "alice"
            assert one.ask("login", **fields)["type"] == "invalid parameter"
            one.ok("ping")
    with Device(server, **credentials(ADMIN), targetuser="alice") as one:
        assert one.receive()["user"] == "alice"
    with Device(server, tls=True, protocol=b"chat, mmq", **credentials("alice")) as one:
        assert b"sec-websocket-protocol: mmq" in one.socket.head.lower() and one.receive()["op"] == "ok"
    with Device(server, **credentials("alice")) as one:
        assert b"sec-websocket-protocol" not in one.socket.head.lower()


def test_a_key_for_something_else_and_wrong_credentials_are_refused(server):
    key = json.loads(server.api("apikeyadd", name="other", scopes="balance", account="alice", format="json"))["data"]["key"]
    wrong = {"authid": "alice", "authpwd": "wrong"}
    for fields, expected in ((wrong, "auth failed"), ({"token": "none"}, "auth failed"), ({"authid": "nobody", "authpwd": "x"}, "auth failed"),
                             ({"authkey": key}, "access denied"), ({**credentials("alice"), "targetuser": "bob"}, "not found"),
                             ({**credentials("alice"), "device": "x" * 65}, "invalid parameter")):
        with Device(server, **fields) as one:
            assert refused(one) == (expected, (1008, "not logged in")), fields
        with Device(server) as one:
            one.send(op="login", **fields)
            assert refused(one) == (expected, (1008, "not logged in")), fields


def test_the_first_message_is_a_login(server):
    with Device(server) as one:
        assert one.ask("sub", topic="#")["type"] == "access denied"
        assert one.ok("login", **credentials("alice"))
    with Device(server) as one:
        for _ in range(4):
            one.send(op="ping")
            assert one.receive()["type"] == "access denied"
        one.socket.text(b"?apientry=balance")
        assert refused(one) == ("invalid parameter", (1008, "too many logins"))
    with Device(server) as one:
        one.stream.sendall(WebSocket.frame(0x82, b"{}"))
        assert one.receive() == (1003, "text only")


def test_who_says_nothing_and_who_guesses_is_closed():
    with Server(headertimeout=1, banfailures=3, **RAW) as server:
        server.account("alice")
        with Device(server) as one:
            assert one.receive() == (1008, "no login in time")
        elsewhere = lambda server: connect(server, source=("127.0.0.9", 0))
        with device(server, "alice", stream=elsewhere(server)) as inside:
            for _ in range(3):
                with Device(server, stream=elsewhere(server), authid="alice", authpwd="wrong") as one:
                    assert refused(one)[0] == "auth failed"
            # The address is banned now, for those who are in too; others are as free as before.
            with Device(server, stream=elsewhere(server), **credentials("alice")) as one:
                assert refused(one) == ("limit", (1013, "no room, come back later"))
            assert inside.ask("ping")["type"] == "limit"
            with device(server, "alice") as other:
                other.ok("ping")


def test_a_login_that_needs_a_nonce_gets_one():
    with Server(**RAW) as server:
        server.account("alice")
        server.stop()
        server.start(apidefneedlogin=2)
        with Device(server, **md5_of("alice", "alicepw")) as one:
            answer = one.receive()
            assert (answer["op"], answer["type"]) == ("error", "new nonce is"), answer
            nonce = answer["text"]
            digest = hashlib.md5(f"ck5Gpalicealicepw77{nonce}".encode()).hexdigest()
            fields = {"authid": "alice", "authsalt": "77", "nonce": nonce, "authmd5": digest}
            assert one.ask("login", **fields)["op"] == "ok"


def test_an_address_that_is_trusted_is_not_for_pages_of_strangers():
    with Server(apideftrustadmin=1, **RAW) as server:
        server.account("alice")
        with Device(server, host=b"127.0.0.1") as one:
            assert one.ok("login", targetuser="alice")["user"] == "alice"
        for origin in (b"http://evil.example", b"null"):
            with Device(server, host=b"127.0.0.1", headers=b"Origin: " + origin + b"\r\n") as one:
                one.send(op="login", targetuser="alice")
                assert refused(one)[0] == "auth failed"


def test_limits_have_answers_and_codes(server):
    with device(server, "alice") as one:
        for sent, kind in (({"op": "sub", "topic": "x" * 129}, "invalid parameter"), ({"op": "pub", "topic": "a/+", "data": 1}, "invalid parameter"),
                           ({"op": "pub", "topic": "a"}, "missing parameter"), ({"op": "fly"}, "invalid parameter"), ({}, "missing parameter"),
                           ({"op": "pub", "topic": "server/call/started", "data": 1}, "access denied"),
                           ({"op": "pub", "topic": "a", "data": 1, "user": "bob"}, "not found")):
            one.send(**sent)
            assert one.receive()["type"] == kind, sent
        for text in (b"{", b"[]", b"", b"\xc3\xa9", b'{"op":"ping","id":{}}', b"[" * 9000):
            one.socket.text(text)
            assert one.receive()["type"] == "invalid parameter", text[:20]
        for number in range(32):
            one.ok("sub", topic=f"t/{number}")
        assert one.ask("sub", topic="more")["type"] == "limit"
        one.ok("sub", topic="t/0")
        # In pieces, and a ping between them, as RFC 6455 5.4 allows.
        whole = json.dumps({"op": "pub", "topic": "t/0", "data": "x" * 1000}).encode()
        one.stream.sendall(WebSocket.frame(0x01, whole[:300]) + WebSocket.frame(0x89, b"p") + WebSocket.frame(0x80, whole[300:]))
        assert one.socket.message() == (10, b"p")
        assert one.receive()["op"] == "ok" and one.data() == ("t/0", "x" * 1000)
        one.socket.text(json.dumps({"op": "pub", "topic": "a", "data": "x" * 16384}).encode())
        assert one.receive() == (1009, "")
    with device(server, "alice") as one:
        one.stream.sendall(WebSocket.frame(0x82, b"{}"))
        assert one.receive() == (1003, "text only")
    with device(server, "alice") as one:
        one.stream.sendall(WebSocket.frame(0x81, b"\xff\xfe"))
        assert one.receive() == (1007, "")
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            stack.enter_context(device(server, "bob"))
        with Device(server, **credentials("bob")) as one:
            assert refused(one) == ("limit", (1013, "no room, come back later"))
        # Others have their places.
        stack.enter_context(device(server, "alice"))


def test_a_flood_is_refused_and_ended():
    with Server(mmqrate=1, **RAW) as server:
        server.account("alice")
        with device(server, "alice", "#") as one:
            answer = one.ask("ping")
            while answer["op"] == "ok":
                answer = one.ask("ping")
            assert (answer["type"], answer["retryafter"]) == ("limit", 1)
            # It counts however it is sent; one that passes now and then does not help.
            with contextlib.suppress(ConnectionError):
                for _ in range(20):
                    one.stream.sendall(WebSocket.frame(0x81, b'{"op":"ping"}') * 100)
            while isinstance(answer, dict):
                answer = one.receive()
            assert answer == (1008, "too many failures in a row")
        with device(server, "alice") as again:
            assert again.ask("ping")["op"] == "ok"


def shown(server, **fields):
    return server.table_of("mmq", **fields)


def test_a_slow_device_is_told_how_many_messages_it_lost():
    with Server(mmqqueue=4, mmqrate=0, mmqmaxmessage=65536, **RAW) as server:
        server.account("alice")
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.settimeout(PATIENCE_S)
        narrow.connect(("127.0.0.1", server.ready["main"]))
        with device(server, "alice", "news", stream=narrow, device="slow") as slow, device(server, "alice") as quick:
            filler, count = "x" * 60000, 0
            slowest = lambda: [row for row in shown(server) if row["device"] == "slow"][0]
            # Until the system's buffers are full too, and some more.
            while int(slowest()["lost"]) < 20:
                for _ in range(10):
                    assert quick.ok("pub", topic="news", data=[count, filler])["delivered"] == 1
                    count += 1
                assert count < 5000
            assert int(slowest()["waiting"]) <= 4
            quick.ok("pub", topic="news", data=["end", ""])
            expected, lost, told = 0, 0, False
            while True:
                message = slow.next()
                if message["op"] == "lost":
                    expected, lost, told = expected + message["count"], lost + message["count"], True
                    continue
                if message["data"][0] == "end":
                    break
                assert message["data"][0] == expected
                expected += 1
            assert told and expected == count and lost >= 20
            assert slow.ok("ping")


def test_what_the_server_tells_reaches_whom_it_concerns(server):
    for name in ("teller", "hearer", "other"):
        server.account(name, credit=5)
    told_of = ("server/call/+", "server/registration/#")
    with device(server, "teller", "#", "server/call/#") as teller, device(server, "hearer", *told_of) as hearer, \
            device(server, "other", "#", *told_of) as other:
        with callee(server, "hearer", keys={"hold_ms": 300}) as phone, caller(server, "teller", "hearer", hold_ms=300) as calling:
            calling.finish()
            phone.finish()
        topics = []
        while "server/call/ended" not in topics:
            topic, data = teller.data()
            topics.append(topic)
            assert (data["caller"], data["dialled"]) == ("teller", "hearer")
        assert topics == ["server/call/started", "server/call/answered", "server/call/ended"]
        assert data["status"] == 200 and data["type"] == "call.ended" and "cost" in data
        told = [hearer.data() for _ in range(3)]
        assert [topic for topic, _ in told] == ["server/registration/gained", "server/call/answered", "server/call/ended"]
        assert told[0][1]["user"] == "hearer" and told[1][1]["called"] == "hearer"
        with Phone(("127.0.0.1", server.ready["sip"]), "other", timeout=PATIENCE_S) as own:
            own.register()
            topic, data = other.data()
            assert (topic, data["user"]) == ("server/registration/gained", "other"), "nothing of the others came before"
            own.register(expires=0)
            assert other.data()[0] == "server/registration/lost"


def test_administrators_reach_every_account_and_see_the_queues(server):
    server.account("carol"), server.account("dave")
    with device(server, "carol", "#", device="desk") as carol, device(server, ADMIN) as admin:
        assert admin.ok("pub", topic="notice", data="hello", user="carol")["delivered"] == 1
        message = carol.next()
        assert (message["user"], message["data"], "from" in message) == (ADMIN, "hello", False)
        assert server.ok("mmqpublish", targetuser="carol", topic="a/b", data='{"n": 1.10}') == "OK: delivered:1"
        assert carol.next()["data"] == {"n": 1.1}
        assert server.ok("mmqpublish", user="carol", password="carolpw", topic="a", data="plain text") == "OK: delivered:1"
        message = carol.next()
        assert message["data"] == "plain text" and "user" not in message
        for fields, kind in (({"topic": "server/x", "data": "1"}, "access denied"), ({"topic": "#", "data": "1"}, "invalid parameter"),
                             ({"topic": "a", "data": "x" * 16385}, "invalid parameter"), ({"topic": "a", "data": "1", "targetuser": "dave"}, "not found")):
            assert server.api("mmqpublish", user="carol", password="carolpw", **fields).startswith(f"ERROR: {kind}"), fields
        own = shown(server, user="carol", password="carolpw")
        assert [(row["user"], row["device"], row["topics"], row["lost"]) for row in own] == [("carol", "desk", "#", "0")]
        assert {row["user"] for row in shown(server)} >= {"carol", ADMIN}
        assert shown(server, targetuser="dave") == []
        lists = {row["name"]: int(row["entries"]) for row in server.table_of("lists")}
        assert lists["mmq connections"] >= 2 and lists["mmq subscriptions"] >= 1 and lists["mmq queued messages"] == 0
        assert "mmq retained messages" in lists
    wait_for(lambda: shown(server, user="carol", password="carolpw") == [], PATIENCE_S, "the end of the connection")


def test_who_may_log_in_no_more_hears_no_more(server):
    for name, change in (("erin", {"fieldname": "enabled", "fieldvalue": "0"}), ("frank", {"fieldname": "password", "fieldvalue": "changed-1"})):
        rowid = server.account(name)
        with device(server, name, "#") as one, device(server, name) as other:
            server.ok("setfield", rowid=rowid, **change)
            server.ok("mmqpublish", targetuser=name, topic="a", data="secret")
            assert one.receive() == (1008, "log in again")
            assert ended(other) == (1008, "log in again")


def test_the_end_of_the_server_is_told():
    with Server(**RAW) as server:
        server.account("alice")
        with device(server, "alice") as one, Device(server) as waiting:
            server.stop()
            assert one.receive() == (1001, "the server is ending")
            assert waiting.receive() == (1001, "the server is ending")


def test_the_queue_can_be_switched_off():
    with Server(**RAW) as server:
        server.account("alice")
        with device(server, "alice") as one:
            server.ok("setini", section="api", key="usemmq", value="false")
            assert ended(one) == (1008, "log in again")
        assert server.request("/mmstwebsocket/") == ("the message queue is switched off, see usemmq", 404)
        assert server.api("mmq").startswith("ERROR: not available: ")
        assert server.api("mmqpublish", topic="a", data="1").startswith("ERROR: not available: ")


def test_a_request_that_is_no_handshake_is_told_what_to_do(server):
    body, status = server.request("/mmstwebsock" + query(**credentials("alice")))
    assert (status, body) == (426, "this path is a WebSocket (RFC 6455, version 13)")


def garbage(dice):
    """Something that looks like a request as far as the dice have it."""
    words = ["a", "a/b", "#", "+/a", "server/#", "server/ban", "", "/", "x" * 200, "\0", "\u00e9/+/#", "a/#/b"]
    values = [None, True, 1, -1e308, 10**30, [], {}, [[1]] * 5, {"op": "sub"}, "alice", "mmq"]
    names = ("topic", "data", "retain", "echo", "user", "id", "authid", "authpwd", "device", "params", "apientry", "mcrfs", "format")
    message = {"op": dice.choice(["sub", "unsub", "pub", "ping", "login", "x", None, 1])}
    message.update({name: dice.choice(values if dice.random() < 0.5 else words) for name in names if dice.random() < 0.5})
    sent = bytearray(json.dumps(message).encode())
    for _ in range(dice.choice([0, 0, 0, 3])):
        sent[dice.randrange(len(sent))] = dice.randrange(32, 127)
    return bytes(sent)


def test_garbage_hurts_nobody():
    with Server(banfailures=0, mmqrate=0, **RAW) as server:
        server.account("alice")
        with device(server, "alice", "sane") as bystander:
            for number in range(60):
                dice = random.Random(number)
                frames = [WebSocket.frame(0x81, garbage(dice)) for _ in range(40)]
                frames.append(WebSocket.frame(dice.choice([0x82, 0x88, 0x83, 0xC1]), dice.randbytes(dice.randrange(100))))
                with Device(server, **(credentials("alice") if number % 3 else {})) as one:
                    with contextlib.suppress(OSError):
                        one.stream.sendall(b"".join(frames))
                        while isinstance(one.receive(), dict):
                            pass
            bystander.ok("pub", topic="sane", data=1)
            while bystander.data() != ("sane", 1):
                pass
            wait_for(lambda: len(shown(server)) == 1, PATIENCE_S, "the end of the others")
        assert "panicked" not in server.log_text()


def test_the_example_follows_and_publishes(server):
    server.account("grace")
    common = [sys.executable, "-B", str(EXAMPLE), "--url", f"ws://127.0.0.1:{server.ready['main']}", "--user", "grace", "--password", "gracepw"]
    with subprocess.Popen([*common, "follow", "room/#", "server/#"], stdout=subprocess.PIPE, text=True) as follower:
        try:
            assert json.loads(follower.stdout.readline())["re"] == "login"
            assert [json.loads(follower.stdout.readline())["topic"] for _ in range(2)] == ["room/#", "server/#"]
            sent = subprocess.run([*common, "publish", "room/lamp", '{"on":true}'], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
            assert json.loads(sent.stdout)["delivered"] == 1
            message = json.loads(follower.stdout.readline())
            assert (message["topic"], message["data"]) == ("room/lamp", {"on": True})
        finally:
            follower.kill()
    wrong = subprocess.run([*common[:-1], "wrong", "publish", "a", "1"], capture_output=True, text=True, timeout=PATIENCE_S)
    assert wrong.returncode == 1 and "auth failed" in wrong.stderr
