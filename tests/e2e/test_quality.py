"""How well calls are heard, their codec and what they cost so far: while they run and in their records."""

import contextlib
import socket
import struct
import threading
import time

from phone import SDP, Phone
from strowger import wait_for

# A packet of PCMA silence: 20 ms.
VOICE = b"\xd5" * 160


class Voice(threading.Thread):
    """Speaks 50 packets a second from a socket of its own, stamped with the time at which they really leave, so that a
    busy machine makes no jitter. Of `every` packets the last one is numbered, but not sent."""

    def __init__(self, every=None):
        super().__init__(daemon=True)
        self.every, self.to, self.over, self.failure = every, None, threading.Event(), None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.ident:
            self.join(10)
        self.socket.close()

    def speak(self, to):
        self.to = ("127.0.0.1", to)
        self.start()

    def run(self):
        begun, number = time.monotonic(), 0
        while not self.over.wait(0.02):
            number += 1
            if self.every and number % self.every == 0:
                continue
            stamp = int((time.monotonic() - begun) * 8000)
            self.socket.sendto(struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, stamp, 77) + VOICE, self.to)


def audio_port(message):
    return int(next(line for line in message.body.splitlines() if line.startswith("m=audio")).split()[1])


def talk(server, alice, gate, score, every=None):
    """alice calls through the trunk and both speak until `call` has such a score and a cost; the call's row then."""
    number = f"sip:49301@{server.sip}"
    with Voice(every) as near, Voice() as far:
        got = []
        calling = threading.Thread(target=lambda: got.append(alice.authenticated(
            "INVITE", number, "", SDP.format(ip="127.0.0.1", port=near.port))), daemon=True)
        calling.start()
        invite = gate.receive("INVITE ")
        gate.answer(invite, body=SDP.format(ip="127.0.0.1", port=far.port))
        gate.receive("ACK ")
        calling.join(30)
        answer, = got
        assert answer.status == 200, answer
        alice.ack(answer, number)
        early, = server.calls()
        assert (early["codec"], early["mos"]) == ("PCMA", ""), "nobody has spoken yet"
        near.speak(audio_port(answer))
        far.speak(audio_port(invite))
        row = wait_for(lambda: heard(server, *score), 30, f"a cost and a score of {score}")
        hanging = threading.Thread(target=alice.bye, args=(answer,), daemon=True)
        hanging.start()
        gate.answer(gate.receive("BYE "))
        hanging.join(30)
        return row


def heard(server, above, below):
    """The running call once it has a cost and a score between the two. The side of which enough was heard first is shown
    alone, so a good score may come before a poor one."""
    row, = server.calls()
    return row if row["mos"] and above < float(row["mos"]) < below and float(row["cost"]) > 0 else None


def test_codec_cost_and_score_are_shown_while_a_call_runs_and_in_its_record(server):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    with contextlib.ExitStack() as stack:
        at = ("127.0.0.1", server.ready["sip"])
        gate = stack.enter_context(Phone(at, "gate", timeout=30))
        alice = stack.enter_context(Phone(at, "alice", timeout=30))
        server.trunk("gate", int(gate.me.rpartition(":")[2]), "49")

        good = talk(server, alice, gate, (4, 4.51))
        assert (good["state"], good["codec"], good["currency"]) == ("speaking", "PCMA", "USD"), good
        assert float(good["cost"]) < 10, good
        first, = wait_for(server.cdrs, 20, "the record")
        assert first["codec"] == "PCMA" and 4 < float(first["mos"]) <= 4.5, first
        assert float(good["cost"]) <= float(first["costenduser"]), "the call went on after it was looked at"

        # Every fifth packet of one side is missing: the worse side counts.
        poor = talk(server, alice, gate, (1, 3.5), every=5)
        assert (poor["codec"], poor["currency"]) == ("PCMA", "USD"), poor
        second = wait_for(lambda: server.cdrs()[1:], 20, "the second record")[0]
        assert 1 < float(second["mos"]) < 3.5, second

    shown = {row["mos"] for row in server.table_of("cdr", fields="all", days=1)}
    assert {float(mos) for mos in shown} == {float(first["mos"]), float(second["mos"])}, shown
    report, = server.table_of("reports", name="trunk", days=1)
    mean = (float(first["mos"]) + float(second["mos"])) / 2
    assert abs(float(report["mos"]) - mean) < 0.011, (report, mean)


def test_a_call_in_which_nobody_speaks_has_no_score(server):
    server.account("alice", credit=10)
    server.account("bob")
    at = ("127.0.0.1", server.ready["sip"])
    with Phone(at, "alice", timeout=30) as alice, Phone(at, "bob", timeout=30) as bob:
        bob.register()
        got = []
        calling = threading.Thread(target=lambda: got.append(alice.invite("bob")), daemon=True)
        calling.start()
        bob.answer(bob.receive("INVITE "), body=SDP.format(ip="127.0.0.1", port=9))
        bob.receive("ACK ")
        calling.join(30)
        row, = server.calls()
        assert (row["codec"], row["mos"]) == ("PCMA", ""), row
        hanging = threading.Thread(target=alice.bye, args=(got[0],), daemon=True)
        hanging.start()
        bob.answer(bob.receive("BYE "))
        hanging.join(30)
        row, = wait_for(server.cdrs, 20, "the record")
        assert row["mos"] == "" and row["disccode"] == "200", row
    report, = server.table_of("reports", days=1)
    assert report["mos"] == "" and report["connected"] == "1", report
