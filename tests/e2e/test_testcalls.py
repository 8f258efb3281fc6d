"""Test calls: the exchange calls a number at a line's expense, plays a tone and says what came of it."""

import json
import re
import socket
import threading
from contextlib import contextmanager

from phone import SDP, Phone
from strowger import ADMIN, Server, Sipp, callee, wait_for


def report(server, line, number, **more):
    """The answer as JSON; it must be a success."""
    return json.loads(server.ok("call", origsimid=line, telnum=number, **more, format="json"))["data"]


class Echo(threading.Thread):
    """A phone that rings, answers, sends every packet back, and hangs up when it is told to."""

    def __init__(self, server, user):
        super().__init__(daemon=True)
        self.phone = Phone(("127.0.0.1", server.ready["sip"]), user, timeout=30)
        self.phone.register()
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        self.media.settimeout(0.2)
        self.packets, self.over, self.failure = [], threading.Event(), None
        self.start()

    def run(self):
        try:
            invite = self.phone.receive("INVITE ")
            self.phone.answer(invite, "180 Ringing")
            port = self.media.getsockname()[1]
            self.phone.answer(invite, body=SDP.format(ip="127.0.0.1", port=port))
            self.phone.receive("ACK ")
            echo = threading.Thread(target=self.send_back, daemon=True)
            echo.start()
            self.phone.answer(self.phone.receive("BYE "))
            self.over.set()
            echo.join()
        except Exception as failure:  # noqa: BLE001: told by finish
            self.failure = failure

    def send_back(self):
        while not self.over.is_set():
            try:
                packet, source = self.media.recvfrom(2048)
            except socket.timeout:
                continue
            self.packets.append(packet)
            self.media.sendto(packet, source)

    def finish(self):
        self.join(30)
        assert not self.is_alive() and self.failure is None, self.failure
        self.phone.socket.close()
        self.media.close()


def test_an_answered_test_call_hears_its_tone_come_back(server):
    server.account("alice", credit=10)
    server.account("bob")
    bob = Echo(server, "bob")
    found = report(server, "alice", "bob", duration=2)
    bob.finish()
    assert (found["outcome"], found["status"], found["reason"], found["endedby"]) == ("answered", 200, "normal", "caller")
    assert 2000 <= found["duration"] < 6000, found
    assert (found["codec"], found["called"], found["trunk"]) == ("PCMA", "bob", ""), found
    # 50 packets a second both ways; a busy machine may be late with some.
    assert found["audio"] == "received" and found["rtpreceived"] >= 20 and found["rtpsent"] >= 20, found
    assert len({packet[12:] for packet in bob.packets}) > 1, "it is a sound and no silence"
    rows = server.cdrs()
    assert len(rows) == 1 and rows[0]["callednumber"] == "bob", rows
    assert server.calls() == []


def test_a_test_call_takes_the_route_of_its_line_and_is_paid_by_it(server):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    with Sipp("uas", timeout=40) as gate:
        server.trunk("gate", gate.port, "49")
        found = report(server, "alice", "4930123", duration=1)
        gate.finish()
    assert (found["outcome"], found["trunk"], found["sent"]) == ("answered", "gate", "4930123"), found
    row, = server.cdrs()
    assert float(row["costenduser"]) == float(found["cost"]) > 0 and found["currency"] == "USD"
    assert round(10 - server.credit("alice"), 6) == float(found["cost"])
    assert found["callid"] and found["postdialdelay"] >= 0
    assert server.ledger_sums() == {"USD": "0"}
    # The text answer says the same in short.
    assert re.fullmatch(r"ERROR: failed: .*|OK: callid:\S+ failed \d+ .*",
                        server.api("call", origsimid="alice", telnum="4930123", duration=1).strip())


def test_who_does_not_answer_is_reported_and_nothing_stays_open():
    with Server(noanswertimeout=4) as server:
        server.account("alice", credit=10)
        server.account("bob")
        with Phone(("127.0.0.1", server.ready["sip"]), "bob") as bob:
            bob.register()
            seen = set()
            with refusing(bob, "486 Busy Here", seen):
                found = report(server, "alice", "bob")
            assert (found["outcome"], found["status"], found["reason"]) == ("busy", 486, "busy"), found
            with refusing(bob, "180 Ringing", seen):
                found = report(server, "alice", "bob")
            assert (found["outcome"], found["reason"], found["duration"]) == ("noanswer", "no answer", 0), found
            assert found["ringing"] <= 15_000, found
        assert [row["realduration"] for row in server.cdrs()] in (["0", "0"], ["0.0", "0.0"]), server.cdrs()
        wait_for(lambda: server.calls() == [], 10, "the end of the calls")
        assert server.credit("alice") == 10


@contextmanager
def refusing(phone, status, seen):
    """Answers the next INVITE that is no repetition of one in `seen` with this status, and its CANCEL, meanwhile."""
    def run():
        invite = phone.receive("INVITE ")
        while invite.header("Call-ID") in seen:
            invite = phone.receive("INVITE ")
        seen.add(invite.header("Call-ID"))
        phone.answer(invite, status)
        if status.startswith("180"):
            phone.answer(phone.receive("CANCEL "))
            phone.answer(invite, "487 Request Terminated")
        phone.receive("ACK ")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive(), f"the phone still waits after {status}"


def test_what_cannot_be_tried_is_an_error(server):
    server.account("alice", credit=0)
    server.price("49", 6, step=1)
    server.trunk("gate", 9, "49")
    for answer, beginning in [
        (server.api("call", origsimid="alice", telnum="4930123"), "ERROR: no credit"),
        (server.api("call", origsimid="nobody", telnum="4930123"), "ERROR: not found: origsimid nobody"),
        (server.api("call", origsimid="alice", telnum="33123"), "ERROR: failed: 403 no price"),
        (server.api("call", origsimid="gate", telnum="4930123"), "ERROR: invalid parameter"),
        (server.api("call", origsimid="alice"), "ERROR: missing parameter: telnum"),
        (server.api("call", telnum="4930123"), "ERROR: missing parameter: origsimid"),
        (server.api("call", origsimid="alice", telnum="4930123", duration=301), "ERROR: invalid parameter"),
        (server.api("call", user="alice", password="alicepw", origsimid="alice", telnum="1"), "ERROR: "),
    ]:
        assert answer.startswith(beginning), (answer, beginning)
    assert all(float(row["costenduser"]) == 0 for row in server.cdrs()) and len(server.cdrs()) == 1
    assert server.calls() == []


def test_support_and_reading_keys_look_at_calls_and_do_not_make_them(server):
    server.account("alice", credit=10)
    server.ok("newuseri", u_username="desk", u_password="deskpw", u_name="desk", u_type=14)
    desk = {"user": "desk", "password": "deskpw"}
    assert server.api("call", **desk).startswith("OK")
    assert server.api("call", origsimid="", telnum="", duration="", **desk).startswith("OK"), "an empty form asks for nothing"
    assert server.api("call", origsimid="alice", telnum="1", **desk).startswith("ERROR: access denied")
    made = server.ok("apikeyadd", name="watch", scopes="read", account=ADMIN)
    request = "/mvapireq/?apientry=call&authkey=" + re.search(r"key:(\S+)", made).group(1)
    assert server.request(request)[0].startswith("OK")
    assert server.request(request + "&origsimid=alice&telnum=1")[0].startswith("ERROR: access denied")
    assert server.cdrs() == []


def test_a_test_call_is_not_made_twice_for_one_request(server):
    server.account("alice", credit=10)
    server.account("bob")
    with callee(server, "bob") as bob:
        first = report(server, "alice", "bob", duration=1, requestid="once")
        bob.finish()
    assert report(server, "alice", "bob", duration=1, requestid="once")["callid"] == first["callid"]
    assert len(server.cdrs()) == 1
