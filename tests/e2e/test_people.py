"""Messages, presence and callbacks, as phones and API clients of the real binary see them."""

import re
import threading
import urllib.parse

import pytest

from phone import Phone
from strowger import Server, Sipp, callee, wait_for


@pytest.fixture(scope="module")
def server():
    with Server(callbacklimit=3) as running:
        for name in ("alice", "bob", "carol", "dave", "erin", "frank"):
            running.account(name, credit=10)
        running.account("stranger", usergroup=7)
        yield running


def phone(server, name, **options):
    return Phone(("127.0.0.1", server.ready["sip"]), name, timeout=30, **options)


def user(name):
    return {"user": name, "password": name + "pw"}


class Meanwhile(threading.Thread):
    """Runs something that answers only when a phone did its part."""

    def __init__(self, do):
        super().__init__(daemon=True)
        self.do, self.value, self.error = do, None, None
        self.start()

    def run(self):
        try:
            self.value = self.do()
        except BaseException as error:
            self.error = error

    def result(self):
        self.join(30)
        assert not self.is_alive() and self.error is None, self.error
        return self.value


def states(server, name):
    """The messages for an account: their states, and whether a text is still kept."""
    rows = server.table("select m.state, m.body from tb_messages m join tb_users u on u.id = m.toid"
                        f" where u.username = '{name}' order by m.id")
    return [(row["state"], row["body"] != "") for row in rows]


def test_message_reaches_every_phone_of_a_user(server):
    with phone(server, "bob") as one, phone(server, "bob", tcp=True) as two:
        one.register()
        two.register()
        sending = Meanwhile(lambda: server.api("sendim", **user("alice"), bnum="bob", txt="lunch, at noon?"))
        for heard in (one, two):
            message = heard.receive("MESSAGE ")
            heard.answer(message)
            assert message.body == "lunch, at noon?" and "sip:alice@" in message.header("From"), message
            assert message.header("Content-Type").startswith("text/plain")
        assert sending.result() == "OK: 1 delivered, 0 stored"
        one.register(expires=0)
        two.register(expires=0)
    assert states(server, "bob") == [("2", False)]


def test_message_waits_until_its_reader_registers(server):
    assert server.api("sendim", **user("alice"), buserlist="carol,nobody", txt="hi") == "ERROR: not found: user nobody"
    for text in ("first", "second"):
        assert server.api("sendim", **user("alice"), bnum="carol", txt=text) == "OK: 0 delivered, 1 stored"
    assert states(server, "carol") == [("0", True)] * 2
    assert "first" not in server.sql("select body from tb_messages"), "the text lies sealed in the database"
    with phone(server, "carol") as carol:
        carol.register()
        heard = []
        for _ in range(2):
            heard.append(carol.receive("MESSAGE "))
            carol.answer(heard[-1])
        assert {message.body for message in heard} == {"first", "second"}
        wait_for(lambda: states(server, "carol") == [("2", False)] * 2, 10, "both deliveries")
        carol.register(expires=0)


def test_waiting_messages_are_handed_over_once(server):
    for text in ("one", "two\nlines"):
        server.ok("sendim", **user("alice"), bnum="dave", txt=text)
    answer = server.api("presence_set", **user("dave"), pstatus="here")
    assert answer == "OK: XOFFMESSAGE:alice:oneXOFFMESSAGE:alice:two linesXOFFMESSAGE:"
    assert server.api("presence_set", **user("dave"), pstatus="here", ptype=1) == "OK: "


def test_message_of_a_phone_is_relayed_or_kept(server):
    text = {"headers": "Content-Type: text/plain\r\n"}
    with phone(server, "alice") as alice, phone(server, "erin") as erin:
        alice.kind = erin.kind = "text/plain"
        assert alice.authenticated("MESSAGE", "sip:erin@strowger", body="early bird").status == 202
        for nobody in ("nobody", "stranger"):
            assert alice.authenticated("MESSAGE", f"sip:{nobody}@strowger", body="x").status == 404
        assert alice.authenticated("MESSAGE", "sip:erin@strowger", body="x" * 4001).status == 413
        alice.password = "wrong"
        assert alice.authenticated("MESSAGE", "sip:erin@strowger", body="x").status == 407
        alice.password = "alicepw"
        erin.register()
        late = erin.receive("MESSAGE ")
        erin.answer(late)
        assert late.body == "early bird"
        sending = Meanwhile(lambda: alice.authenticated("MESSAGE", "sip:erin@strowger", body="good morning"))
        message = erin.receive("MESSAGE ")
        assert message.body == "good morning"
        erin.answer(message)
        assert sending.result().status == 200
        erin.register(expires=0)


def test_kept_message_survives_a_crash():
    with Server() as server:
        server.account("alice")
        server.account("bob")
        server.ok("sendim", **user("alice"), bnum="bob", txt="still here")
        server.ok("presence_set", **user("alice"), pstatus="on holiday")
        server.kill()
        server.start()
        assert server.ok("presence_get", **user("bob"), userusername="alice") == "OK: puserlist: alice:on holiday"
        with phone(server, "bob") as bob:
            bob.register()
            message = bob.receive("MESSAGE ")
            bob.answer(message)
            assert message.body == "still here"


PIDF = ("<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:frank@strowger'><tuple id='t'><status>"
        "<basic>open</basic></status><note>in a meeting</note></tuple></presence>")


class Watcher:
    """A phone that subscribed to somebody."""

    def __init__(self, server, phone, target, event="presence", expires=600):
        self.phone, self.target = phone, target
        self.event, self.server = event, server
        self.answer = phone.authenticated("SUBSCRIBE", f"sip:{target}@strowger",
                                          headers=f"Event: {event}\r\nExpires: {expires}\r\n")

    def notify(self):
        """What the next NOTIFY says: the subscription's state, and the note or dialog state."""
        notify = self.phone.receive("NOTIFY ")
        self.phone.answer(notify)
        pattern = r"<note>(.*?)</note>" if self.event == "presence" else r"<state>(.*?)</state>"
        found = re.search(pattern, notify.body)
        return notify.header("Subscription-State").split(";")[0], found and found.group(1)

    def until(self, wanted):
        seen = []
        while not seen or seen[-1][1] != wanted:
            seen.append(self.notify())
        return seen


def test_watchers_see_registration_status_and_publication(server):
    with phone(server, "alice") as alice, phone(server, "frank") as frank:
        watcher = Watcher(server, alice, "frank")
        assert watcher.answer.status == 200 and watcher.answer.header("Expires") == "600"
        assert watcher.notify() == ("active", "offline")
        frank.register()
        assert watcher.notify() == ("active", "online")
        server.ok("presence_set", **user("frank"), pstatus="away")
        assert watcher.notify() == ("active", "away")
        frank.kind = "application/pidf+xml"
        published = frank.authenticated("PUBLISH", "sip:frank@strowger", headers="Event: presence\r\nExpires: 300\r\n",
                                        body=PIDF)
        assert published.status == 200 and published.header("SIP-ETag"), published
        assert watcher.notify() == ("active", "in a meeting")
        assert server.ok("presence_get", **user("alice"), userlist="frank,nobody,stranger,bob") == (
            "OK: puserlist: frank:in a meeting,nobody:unknown,stranger:unknown,bob:offline")
        gone = frank.authenticated("PUBLISH", "sip:frank@strowger", headers=(
            f"Event: presence\r\nExpires: 0\r\nSIP-If-Match: {published.header('SIP-ETag')}\r\n"))
        assert gone.status == 200
        assert watcher.notify() == ("active", "away")
        # The subscription ends within its dialog; a phone may not end it for another.
        to = watcher.answer.header("To")
        contact = re.search(r"<(.*?)>", watcher.answer.header("Contact")).group(1)
        alice.request("SUBSCRIBE", contact, headers="Event: presence\r\nExpires: 0\r\n", to=to,
                      call_id=watcher.answer.header("Call-ID"))
        challenged = alice.final()
        assert challenged.status == 401
        digest = alice.digest(challenged.header("WWW-Authenticate"), "SUBSCRIBE", contact)
        alice.request("SUBSCRIBE", contact, headers=f"Event: presence\r\nExpires: 0\r\nAuthorization: {digest}\r\n", to=to,
                      call_id=watcher.answer.header("Call-ID"))
        assert alice.final().status == 200
        assert watcher.notify() == ("terminated", "away")
        frank.register(expires=0)
    server.ok("presence_set", **user("frank"), pstatus="")


def test_what_may_not_be_watched_is_refused(server):
    with phone(server, "alice") as alice:
        assert Watcher(server, alice, "stranger").answer.status == 404
        assert Watcher(server, alice, "nobody").answer.status == 404
        assert Watcher(server, alice, "bob", expires=5).answer.status == 423
        refused = Watcher(server, alice, "bob", event="conference").answer
        assert refused.status == 489 and refused.header("Allow-Events") == "presence, dialog"
        alice.password = "wrong"
        assert Watcher(server, alice, "bob").answer.status == 401


def test_callback_connects_the_number_to_the_phone_and_bills_the_account(server):
    server.price("49", 6)
    with phone(server, "erin") as lamp, Sipp("uas-bye", keys={"hold_ms": 3000}) as number:
        server.trunk("outside", number.port, "49")
        with callee(server, "bob") as own:
            watcher = Watcher(server, lamp, "bob", event="dialog")
            assert watcher.notify() == ("active", None)
            answer = server.ok("callback", **user("bob"), anum="49123")
            call = re.fullmatch(r"OK: callid:(\S+) calling", answer).group(1)
            watcher.until("confirmed")
            rating = server.ok("callrating", **user("bob"), callid=call)
            found = re.fullmatch(r"OK: credit: (\S+) USD, maxduration: (\d+), rating: (\S+) USD/min, destination: \S+", rating)
            # The call to bob's own phone is free; the other one costs 6 a minute, so 10 last for 100 seconds.
            assert found and float(found.group(1)) < 10 and found.group(3) == "6" and 90 <= int(found.group(2)) <= 100, rating
            assert server.api("callrating", **user("alice"), callid=call).startswith("ERROR: not found")
            number.finish()
            own.finish()
            assert watcher.until(None)[-1] == ("active", None)
    rows = wait_for(lambda: len(server.cdrs()) == 2 and server.cdrs(), 10, "both CDRs")
    assert {row["callednumber"] for row in rows} == {"49123", "bob"} and all(row["disccode"] == "200" for row in rows)
    spent = sum(round(float(row["costenduser"]) * 1e6) for row in rows)
    assert spent > 0 and round((10 - server.credit("bob")) * 1e6) == spent


def test_callbacks_are_limited(server):
    for _ in range(3):
        assert server.api("cb", **user("carol"), anum="3611", bnum="3622") == "ERROR: failed: 403 no price"
    assert server.api("cb", **user("carol"), anum="3611", bnum="3622").startswith("ERROR: limit: ")


def test_administrator_and_gateway_reach_phones_and_servers(server):
    server.ok("setfield", rowid=server.table("select id from tb_users where username = 'erin'")[0]["id"],
              fieldname="phone", fieldvalue="3630555")
    server.api("unreg", username="bob")
    with phone(server, "erin") as erin, phone(server, "carrier") as carrier:
        erin.register()
        for command, parameters, text in [
                ("toclient", {"username": "erin", "message": "the line closes at noon"}, "the line closes at noon"),
                ("toclient", {"clientip": "127.0.0.1", "message": "to all here"}, "to all here"),
                ("smsreceive", {"from": "3630999", "to": "3630555", "txt": "from afar", "msgid": "gw-1"}, "from afar")]:
            sending = Meanwhile(lambda: server.api(command, **parameters))
            message = erin.receive("MESSAGE ")
            erin.answer(message)
            assert message.body == text
            assert sending.result() in ("OK: 1 delivered", "OK: delivered for erin")
        assert server.api("smsreceive", **{"from": "3630999", "to": "3630555", "txt": "from afar", "msgid": "gw-1"}) == (
            "OK: delivered for erin")
        # The gateway's own number of the message made it count once.
        assert server.api("smsreceive", **{"from": "3630555", "to": "3600", "txt": "Balance", "msgid": "gw-2"}) == (
            "OK: balance: Your credit is $10")
        server.trunk("carrier", carrier.socket.getsockname()[1], "4477")
        sending = Meanwhile(lambda: server.api("togw", username="carrier", message="hello carrier"))
        message = carrier.receive("MESSAGE ")
        carrier.answer(message, "202 Accepted")
        assert message.body == "hello carrier" and sending.result() == "OK: 1 delivered"
        erin.register(expires=0)


def test_strange_requests_change_nothing(server):
    with phone(server, "alice") as alice:
        alice.kind = "text/plain"
        assert alice.authenticated("MESSAGE", "sip:carol@strowger", body="").status == 400
        assert alice.authenticated("MESSAGE", "sip:carol@strowger", headers="Content-Encoding: gzip\r\n", body="x").status == 415
        assert alice.authenticated("MESSAGE", "sip:carol@strowger", headers="Require: magic\r\n", body="x").status == 420
        for method in ("SUBSCRIBE", "NOTIFY", "MESSAGE"):
            alice.request(method, "sip:bob@strowger", headers="Event: presence\r\n", to="<sip:bob@strowger>;tag=none")
            assert alice.final().status == 481, method
        # Nobody publishes for another.
        alice.kind = "application/pidf+xml"
        assert alice.authenticated("PUBLISH", "sip:bob@strowger", headers="Event: presence\r\n", body=PIDF).status == 403
        assert alice.authenticated("PUBLISH", "sip:alice@strowger", headers="Event: presence\r\n", body="<x>").status == 400
    assert server.ok("presence_get", **user("alice"), userlist="alice,bob") == "OK: puserlist: alice:offline,bob:offline"
