"""Calls with phones that misbehave, forward, press keys and change their minds, on the real binary."""

import contextlib
import socket
import struct
import threading
import time

import pytest

from phone import SDP, Phone
from strowger import Server, callee, caller, wait_for


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        for name in ("alice", "carol", "erin"):
            running.account(name)
        running.account("bob", forwardonbusy="carol")
        running.account("dave", forwardonnoanswer="carol", noanswertimeout=1)
        yield running


def phone(server, name):
    return Phone(("127.0.0.1", server.ready["sip"]), name, timeout=30)


def records(server, number, before):
    """The records of calls to a number since there were so many in all."""
    return [row for row in server.cdrs()[before:] if row["callednumber"] == number]


def test_busy_phone_forwards_the_call(server):
    before = len(server.cdrs())
    with phone(server, "bob") as bob, callee(server, "carol") as carol:
        bob.register()
        with caller(server, "alice", "bob") as alice:
            bob.answer(bob.receive("INVITE "), "486 Busy Here")
            alice.finish()
        carol.finish()
        bob.register(expires=0)
    [busy] = wait_for(lambda: records(server, "bob", before), 10, "the record of the busy phone")
    [forward] = wait_for(lambda: records(server, "carol", before), 10, "the record of the forward")
    assert busy["disccode"] == "486" and forward["disccode"] == "200" and forward["mark"] == "FWD", (busy, forward)


def test_phone_that_does_not_answer_forwards_the_call(server):
    before = len(server.cdrs())
    with phone(server, "dave") as dave, callee(server, "carol") as carol:
        dave.register()
        with caller(server, "alice", "dave") as alice:
            ringing = dave.receive("INVITE ")
            dave.answer(ringing, "180 Ringing")
            dave.answer(dave.receive("CANCEL "))
            dave.answer(ringing, "487 Request Terminated")
            alice.finish()
        carol.finish()
        dave.register(expires=0)
    [forward] = wait_for(lambda: records(server, "carol", before), 10, "the record of the forward")
    assert forward["disccode"] == "200" and forward["mark"] == "FWD", forward


class Media:
    """An RTP socket on loopback."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]
        self.sequence, self.time = 100, 16_000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, to, payload, kind=8, marker=False, step=160):
        self.socket.sendto(struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self.sequence, self.time, 77)
                           + payload, ("127.0.0.1", to))
        self.sequence += 1
        self.time += step

    def packets(self):
        """What has come until now: payload type and payload."""
        found = []
        try:
            while True:
                packet = self.socket.recv(2048)
                found.append((packet[1] & 0x7F, packet[12:]))
        except OSError:
            return found


def audio_port(message):
    return int(next(line for line in message.body.splitlines() if line.startswith("m=audio")).split()[1])


class Conversation:
    """alice and bob talk; both ends of the voice are sockets of this test."""

    def __init__(self, server, stack, offer=SDP):
        self.server = server
        self.alice = stack.enter_context(phone(server, "alice"))
        self.erin = stack.enter_context(phone(server, "erin"))
        self.near, self.far = stack.enter_context(Media()), stack.enter_context(Media())
        self.erin.register()
        self.uri = f"sip:erin@{server.sip}"
        calling = threading.Thread(target=self.call, args=(offer,), daemon=True)
        calling.start()
        self.invite = self.erin.receive("INVITE ")
        self.erin.answer(self.invite, body=SDP.format(ip="127.0.0.1", port=self.far.port))
        self.erin.receive("ACK ")
        calling.join(30)
        assert self.answer.status == 200, self.answer

    def call(self, offer):
        self.answer = self.alice.authenticated("INVITE", self.uri, "", offer.format(ip="127.0.0.1", port=self.near.port))
        self.alice.ack(self.answer, self.uri)


def test_keys_are_relayed_as_telephone_events(server):
    with contextlib.ExitStack() as stack:
        talk = Conversation(server, stack)
        to_alice, to_erin = audio_port(talk.answer), audio_port(talk.invite)
        pressed = bytes([5, 10, 0, 160])
        released = bytes([5, 0x80 | 10, 3, 32])
        deadline = time.monotonic() + 20
        heard = []
        while not any(kind == 101 and data[:1] == b"\x05" and data[1] & 0x80 for kind, data in heard):
            assert time.monotonic() < deadline, heard[-20:]
            # Both ends speak, so that the relay learns where they are; then a key is pressed.
            talk.far.send(to_erin, b"\xd5" * 160)
            for _ in range(3):
                talk.near.send(to_alice, b"\xd5" * 160)
            for count in range(3):
                talk.near.send(to_alice, pressed, kind=101, marker=count == 0, step=0)
            for _ in range(3):
                talk.near.send(to_alice, released, kind=101, step=0)
            talk.near.time += 800
            heard += talk.far.packets()
        assert any(kind == 8 for kind, _ in heard), "the voice comes through too"
        talk.alice.bye(talk.answer)
        talk.erin.register(expires=0)


MU_LAW = SDP.replace("RTP/AVP 8 0 101", "RTP/AVP 0 101").replace("a=rtpmap:8 PCMA/8000\r\n", "")


def test_codec_changes_by_a_second_invite(server):
    with contextlib.ExitStack() as stack:
        talk = Conversation(server, stack)
        target = talk.answer.header("Contact").split("<")[1].split(">")[0]
        offer = MU_LAW.format(ip="127.0.0.1", port=talk.near.port)
        changing = threading.Thread(daemon=True, target=talk.alice.request, args=("INVITE", target),
                                    kwargs={"body": offer, "to": talk.answer.header("To"),
                                            "call_id": talk.answer.header("Call-ID")})
        changing.start()
        again = talk.erin.receive("INVITE ")
        assert "RTP/AVP 0 101" in again.body and "PCMA" not in again.body, again
        talk.erin.answer(again, body=MU_LAW.format(ip="127.0.0.1", port=talk.far.port))
        talk.erin.receive("ACK ")
        changed = talk.alice.final()
        assert changed.status == 200 and "RTP/AVP 0" in changed.body, changed
        talk.alice.ack(changed, target)
        deadline = time.monotonic() + 20
        heard = []
        while not any(kind == 0 and data == b"\x11" * 160 for kind, data in heard):
            assert time.monotonic() < deadline, heard[-20:]
            talk.far.send(audio_port(again), b"\xff" * 160, kind=0)
            talk.near.send(audio_port(changed), b"\x11" * 160, kind=0)
            heard += talk.far.packets()
        talk.alice.bye(talk.answer)
        talk.erin.register(expires=0)


def test_vanished_peer_ends_the_call():
    """Nobody answers any more: without voice on either side the call ends by itself, and its record says why."""
    with Server(rtptimeout=1) as server, contextlib.ExitStack() as stack:
        server.account("alice")
        server.account("erin")
        talk = Conversation(server, stack)
        assert [call["state"] for call in server.calls()] == ["speaking"]
        talk.alice.receive("BYE ")
        # Neither BYE is answered: both transactions run out, and nothing of the call is left.
        [cdr] = wait_for(server.cdrs, 30, "the record")
        assert cdr["discby"] == "server" and cdr["disccode"] == "200", cdr
        wait_for(lambda: server.calls() == [], 30, "the end of the call")
