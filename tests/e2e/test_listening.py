"""Listening to live calls: what each party says is heard on its own channel, once per address, and the call does not mind."""

import base64
import contextlib
import hashlib
import json
import math
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import wave

import pytest

from phone import SDP, Phone
from strowger import ADMIN, ADMIN_PASSWORD, ROOT, Server, wait_for
from websocket import PATIENCE_S, WebSocket, connect, read_until

EXAMPLE = ROOT / "examples" / "listen" / "listen.py"
TLS = ROOT / "crates" / "server" / "tests" / "tls"
RATE_HZ = 8000
# Hertz; both come round within 400 samples.
TONES = {"alice": 440, "bob": 660}


@pytest.fixture(scope="module")
def server():
    with Server(sslportmain=0, localtlsport=0, tlscert=TLS / "cert.pem", tlskey=TLS / "key.pem", banfailures=0) as running:
        for name in TONES:
            running.account(name, credit=5)
        yield running


def alaw(sample):
    """ITU-T G.711, as the exchange has it."""
    linear = sample >> 3
    magnitude, sign = (linear, 0xD5) if linear >= 0 else (-linear - 1, 0x55)
    segment = min((magnitude >> 5).bit_length(), 7)
    step = magnitude >> max(segment, 1) & 0x0F
    return (segment << 4 | step) ^ sign


class Tone(threading.Thread):
    """Speaks a steady tone as PCMA, 50 packets a second, and counts what it hears."""

    def __init__(self, hz):
        super().__init__(daemon=True)
        wave = bytes(alaw(int(8000 * math.sin(2 * math.pi * hz * n / RATE_HZ))) for n in range(400))
        self.wave, self.to, self.over, self.sent, self.heard = wave * 2, None, threading.Event(), 0, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hush()
        self.socket.close()

    def speak(self, to):
        self.to = ("127.0.0.1", to)
        self.start()

    def hush(self):
        self.over.set()
        if self.ident:
            self.join(10)

    def run(self):
        begun = time.monotonic()
        while not self.over.wait(max(0, begun + self.sent * 0.02 - time.monotonic())):
            at = self.sent * 160 % 400
            header = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 160, 77)
            self.socket.sendto(header + self.wave[at:at + 160], self.to)
            self.sent += 1
            self.hear()

    def hear(self):
        with contextlib.suppress(BlockingIOError):
            while self.socket.recv(2048):
                self.heard += 1
        return self.heard


class Talk(contextlib.ExitStack):
    """alice and bob in conversation, each with a tone."""

    def __init__(self, server, sdp=SDP, speak=True):
        super().__init__()
        self.server, self.sdp = server, sdp
        at = ("127.0.0.1", server.ready["sip"])
        self.alice, self.bob = (self.enter_context(Phone(at, name, timeout=30)) for name in TONES)
        self.near, self.far = (self.enter_context(Tone(hz)) for hz in TONES.values())
        self.begin(speak)

    def begin(self, speak):
        self.bob.register()
        got = []
        calling = threading.Thread(target=lambda: got.append(self.alice.authenticated(
            "INVITE", f"sip:bob@{self.server.sip}", "", self.sdp.format(ip="127.0.0.1", port=self.near.port))), daemon=True)
        calling.start()
        invite = self.bob.receive("INVITE ")
        self.ringing()
        self.bob.answer(invite, body=self.sdp.format(ip="127.0.0.1", port=self.far.port))
        self.bob.receive("ACK ")
        calling.join(30)
        self.answer, = got
        assert self.answer.status == 200, self.answer
        self.alice.ack(self.answer, f"sip:bob@{self.server.sip}")
        if speak:
            self.near.speak(audio_port(self.answer))
            self.far.speak(audio_port(invite))
        self.row, = self.server.calls()
        self.id = self.row["dbcallsid"]

    def ringing(self):
        """Called when bob has the INVITE."""

    def end(self):
        hanging = threading.Thread(target=self.alice.bye, args=(self.answer,), daemon=True)
        hanging.start()
        self.bob.answer(self.bob.receive("BYE "))
        hanging.join(30)

    def __exit__(self, *details):
        if self.server.calls():
            self.server.ok("disccall", dbcallsid="all")
        wait_for(lambda: not self.server.calls(), 20, "the end of the call")
        return super().__exit__(*details)


def audio_port(message):
    return int(next(line for line in message.body.splitlines() if line.startswith("m=audio")).split()[1])


class Listener(contextlib.AbstractContextManager):
    """One listener at an address that `voicehere` answered."""

    def __init__(self, server, url, room=None):
        parts = urllib.parse.urlsplit(url)
        assert parts.port == server.ready["main"], url
        self.stream = connect(server, tls=parts.scheme == "wss")
        if room:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket = WebSocket(self.stream, parts.path.encode(), host=parts.netloc.encode())
        self.sound, self.last, self.close = b"", None, None
        opcode, payload = self.socket.message()
        assert opcode == 1, payload
        self.first = json.loads(payload)

    def __exit__(self, *_):
        self.stream.close()

    def receive(self):
        """Takes the next message in; False at the end."""
        frame = self.socket.message()
        if frame is None:
            return False
        opcode, payload = frame
        if opcode == 2:
            assert len(payload) % 4 == 0
            self.sound += payload
        elif opcode == 1:
            self.last = json.loads(payload)
        elif opcode == 8:
            self.close = struct.unpack(">H", payload[:2])[0], payload[2:].decode()
            with contextlib.suppress(OSError):
                self.stream.sendall(WebSocket.frame(0x88, payload[:2]))
        return True

    def hear(self, seconds):
        """Listens until so much was heard in which both speak; the samples of both channels."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self.receive() and time.monotonic() < deadline
            caller, called = self.channels()
            loud = next((n for n, pair in enumerate(zip(caller, called)) if all(pair)), len(caller))
            if len(caller) - loud >= seconds * RATE_HZ:
                return caller[loud:], called[loud:]

    def channels(self):
        samples = struct.unpack(f"<{len(self.sound) // 2}h", self.sound)
        return samples[::2], samples[1::2]

    def to_the_end(self):
        while self.receive():
            pass
        return self.last, self.close


def share(samples, hz):
    """How much of the power of the samples is at a frequency (Goertzel)."""
    power = sum(sample * sample for sample in samples)
    turn = 2 * math.pi * hz / RATE_HZ
    real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
    return 2 * (real * real + imaginary * imaginary) / (len(samples) * power) if power else 0


def knock(server, url, key=True):
    """The status of a handshake at an address, without opening it where that can be helped."""
    path = urllib.parse.urlsplit(url).path
    with connect(server) as stream:
        handshake = f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n" if key else ""
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Version: 13\r\n{handshake}\r\n".encode())
        return int(read_until(stream, b"\r\n\r\n").split()[1])


def url_of(answer):
    match = re.fullmatch(r"OK: (wss?://[^/]+/mvlisten/[0-9a-f]{32})", answer.strip())
    assert match, answer
    return match.group(1)


def audited(server, call):
    return server.table("select command, object, outcome, source, account_id from audit"
                        f" where command like 'voicehere%' and object like '%{call}%' order by id")


def test_each_party_is_heard_on_its_channel_until_the_call_ends(server):
    with Talk(server) as talk:
        url = url_of(server.ok("voicehere", dbcallid=talk.id))
        assert url.startswith(f"ws://127.0.0.1:{server.ready['main']}/"), url
        assert knock(server, url, key=False) == 426, "what is no handshake uses nothing up"
        with Listener(server, url) as listener:
            assert knock(server, url) == 404, "an address is good once"
            expected = {"op": "begin", "call": talk.id, "codec": "PCMA", "encoding": "s16le", "samplerate": 8000,
                        "channels": 2, "channel": ["caller", "called"], "dialled": "bob"}
            assert {name: listener.first.get(name) for name in expected} == expected, listener.first
            caller, called = listener.hear(1.5)
            for samples, own, other in ((caller, "alice", "bob"), (called, "bob", "alice")):
                window = samples[:RATE_HZ // 2]
                assert share(window, TONES[own]) > 0.9 and share(window, TONES[other]) < 0.01, own
            talk.end()
            last, close = listener.to_the_end()
        assert (last["op"], close) == ("end", (1000, "the call has ended")), (last, close)
        began, ended = wait_for(lambda: [row for row in audited(server, talk.id) if "listening" in row["outcome"]][1:]
                                and audited(server, talk.id)[1:], 20, "the audit")
        asked = audited(server, talk.id)[0]
        assert (asked["command"], asked["outcome"]) == ("voicehere", "OK"), asked
        assert (began["outcome"], began["object"]) == ("listening began", f"{ADMIN} callid={talk.id}"), began
        assert ended["outcome"].startswith("listening ended after ") and ended["source"] == "127.0.0.1", ended
        assert asked["account_id"] == began["account_id"] == ended["account_id"] != "", (asked, began, ended)


def test_a_call_is_found_by_call_id_and_by_user_and_its_address_is_in_no_list(server):
    with Talk(server) as talk:
        for command, fields in (("voicehere", {"dbcallid": talk.answer.header("Call-ID")}),
                                ("voicehere2", {"username": "alice"}), ("voicehere2", {"username": "bob"})):
            url = url_of(server.ok(command, **fields))
            with Listener(server, url) as listener:
                assert listener.first["call"] == talk.id
            token = url.rpartition("/")[2]
            assert "/mvlisten/***" in server.ok("requests", command=command)
            assert token not in server.ok("requests", command=command) and token not in server.log_text()
        url = url_of(server.ok("voicehere", dbcallid=talk.id))
    assert knock(server, url) == 404, "the call is over"
    assert server.api("voicehere", dbcallid=talk.id) == f"ERROR: not found: call {talk.id}"
    assert server.api("voicehere2", username="alice") == "ERROR: not found: a live call of alice"


def test_only_administrators_listen_and_no_phone_is_rung(server):
    with Talk(server) as talk:
        for command, fields in (("voicehere", {"dbcallid": talk.id}), ("voicehere2", {"username": "alice"})):
            answer = server.api(command, user="alice", password="alicepw", **fields)
            assert answer.startswith("ERROR: access denied"), answer
            answer = server.api(command, phone="bob", **fields)
            assert answer.startswith("ERROR: not available: a phone cannot be rung"), answer
    assert knock(server, "/mvlisten/" + "0" * 32) == knock(server, "/mvlisten/x") == knock(server, "/mvlisten/") == 404


def test_behind_tls_the_address_is_too(server):
    with Talk(server) as talk:
        with connect(server, tls=True) as stream:
            digest = hashlib.md5(f"ck5Gp{ADMIN}{ADMIN_PASSWORD}1234567".encode()).hexdigest()
            query = f"apientry=voicehere&dbcallid={talk.id}&authid={ADMIN}&authsalt=1234567&authmd5={digest}"
            stream.sendall(f"GET /mvapireq/?{query} HTTP/1.1\r\nConnection: close\r\n"
                           f"Host: localhost:{server.ready['main']}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: stream.recv(65536), b"")).decode()
        url = url_of(answer.partition("\r\n\r\n")[2])
        assert url.startswith(f"wss://localhost:{server.ready['main']}/"), url
        with Listener(server, url) as listener:
            caller, _ = listener.hear(0.5)
            assert share(caller[:2000], TONES["alice"]) > 0.9


def test_the_example_keeps_the_sound(server, tmp_path):
    with Talk(server) as talk:
        url = url_of(server.ok("voicehere", dbcallid=talk.id))
        command = [sys.executable, "-B", str(EXAMPLE), url, str(tmp_path / "call.wav"), "--seconds", "2"]
        printed = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
        assert json.loads(printed)["call"] == talk.id
        again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert again.returncode == 1 and "404" in again.stderr, again
    with wave.open(str(tmp_path / "call.wav")) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, RATE_HZ, 2)
        samples = struct.unpack(f"<{sound.getnframes() * 2}h", sound.readframes(sound.getnframes()))
    for channel, name in enumerate(TONES):
        assert share(samples[channel::2][-RATE_HZ // 2:], TONES[name]) > 0.9, name


def test_what_cannot_be_heard_says_why(server):
    other = SDP.replace("8 0 101", "18 101").replace("a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000", "a=rtpmap:18 G729/8000")

    class Ringing(Talk):
        def ringing(self):
            early, = self.server.calls()
            answer = self.server.api("voicehere", dbcallid=early["dbcallsid"])
            assert answer == "ERROR: not available: the call is not answered yet", answer

    with Ringing(server, other, speak=False) as talk:
        answer = server.api("voicehere", dbcallid=talk.id)
        assert answer == "ERROR: not available: the call speaks G729, only PCMU and PCMA can be listened to", answer
    sealed = SDP.replace("RTP/AVP", "RTP/SAVP") + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
    with Talk(server, sealed, speak=False) as talk:
        answer = server.api("voicehere", dbcallid=talk.id)
        assert answer == "ERROR: not available: the call is encrypted from end to end (SRTP)", answer
    with Phone(("127.0.0.1", server.ready["sip"]), "alice", timeout=30) as alice:
        answer = alice.invite("5005")
        assert answer.status == 200, answer
        assert server.api("voicehere2", username="alice") == "ERROR: not available: one side of the call is this server itself"
        alice.bye(answer)
        wait_for(lambda: not server.calls(), 20, "the end of the call")


def test_a_slow_listener_loses_sound_and_the_call_nothing(server):
    with Talk(server) as talk:
        with Listener(server, url_of(server.ok("voicehere", dbcallid=talk.id)), room=2048):
            with Listener(server, url_of(server.ok("voicehere", dbcallid=talk.id))) as attentive:
                # The slow one reads nothing all the while.
                caller, _ = attentive.hear(4)
                assert share(caller[-4000:], TONES["alice"]) > 0.9
            for tone in (talk.near, talk.far):
                tone.hush()
            for one, other in ((talk.near, talk.far), (talk.far, talk.near)):
                wait_for(lambda: one.hear() == other.sent, 10, f"all of {other.sent} packets, {one.heard} came")


def test_addresses_expire_and_listeners_are_bounded():
    with Server(listentime=4, banfailures=0) as server:
        for name in TONES:
            server.account(name, credit=5)
        with Talk(server) as talk:
            ask = lambda: server.api("voicehere", dbcallid=talk.id)
            full = "ERROR: limit: 4 listeners of this call"
            urls = [url_of(ask()) for _ in range(4)]
            assert ask() == full
            with Listener(server, urls[0]) as listener:
                assert ask() == full, "who listens counts"
                wait_for(lambda: ask().startswith("OK"), 20, "the end of the three other addresses")
                assert [knock(server, url) for url in urls] == [404] * 4
                url_of(ask()), url_of(ask())
                assert ask() == full
                assert listener.receive(), "whoever came in time stays"
