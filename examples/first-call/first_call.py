#!/usr/bin/env python3
"""The first call: two phones, one exchange, real audio, and what it cost.

Starts Strowger on an empty folder, makes two accounts and a price through the API, registers two baresip phones,
lets alice call bob while a 440 Hz tone plays, listens to what bob recorded, hangs up, and prints the balance and
the call record as the API shows them. Needs Python 3.9 and baresip (`apt-get install baresip-core`), nothing else.

    first_call.py [--binary target/debug/strowger] [--keep FOLDER]
"""

import argparse
import hashlib
import json
import math
import random
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import wave
from pathlib import Path

RATE_HZ = 8000
TONES_HZ = {"alice": 440, "bob": 660}
TALK_S = 5
GAP_LIMIT_MS = 60
PRICE_PER_MINUTE = "0.60"


class Exchange:
    """A running server, spoken to as any API client would."""

    def __init__(self, binary, folder):
        ready = folder / "ready.json"
        self.log = open(folder / "strowger.log", "wb")
        self.process = subprocess.Popen(
            [binary, "serve", "--data", folder / "data", "--ready-file", ready, "--admin", "admin:first-call",
             "--set", "mainaport=0", "--set", "sipport=0", "--set", "adminport=0", "--set", "bind=127.0.0.1",
             "--set", "apiv2key=", "--set", "apiv2md5salt=", "--set", f"onnetprice={PRICE_PER_MINUTE}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        wait_for(lambda: ready.exists() or self.process.poll() is not None, 30, "the server")
        if not ready.exists():
            sys.exit("strowger did not start:\n" + (folder / "strowger.log").read_text())
        self.ready = json.loads(ready.read_text())

    def api(self, command, user="admin", password="first-call", **parameters):
        salt = secrets.token_hex(4)
        md5 = hashlib.md5(f"ck5Gp{user}{password}{salt}".encode()).hexdigest()
        query = {"apientry": command, "authid": user, "authsalt": salt, "authmd5": md5, **parameters}
        url = f"http://127.0.0.1:{self.ready['main']}/mvapireq/?" + urllib.parse.urlencode(
            query, quote_via=urllib.parse.quote)
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        if text.startswith("ERROR"):
            sys.exit(f"{command}: {text}")
        return text

    def stop(self):
        self.process.terminate()
        self.process.wait(90)
        self.log.close()


class Phone:
    """One baresip with a tone for a microphone; what it hears is written to a WAV file."""

    def __init__(self, name, exchange, folder, *arguments):
        self.folder = folder / name
        self.folder.mkdir()
        self.control = free_port()
        write_tone(self.folder / "tone.wav", TONES_HZ[name])
        modules = subprocess.run(["sh", "-c", "dirname $(find /usr/lib -name g711.so -path '*baresip*' | head -1)"],
                                 capture_output=True, text=True).stdout.strip()
        (self.folder / "config").write_text("\n".join([
            f"sip_listen 127.0.0.1:{free_port()}", "net_interface 127.0.0.1",
            f"audio_source aufile,{self.folder}/tone.wav", "audio_player aubridge,ear", "audio_alert aubridge,bell",
            "ausrc_srate 8000", "auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1",
            f"module_path {modules}", "module g711.so", "module aubridge.so", "module aufile.so",
            "module sndfile.so", f"snd_path {self.folder}", "module_tmp uuid.so", "module_tmp account.so",
            "module_app menu.so", "module_app ctrl_tcp.so", f"ctrl_tcp_listen 127.0.0.1:{self.control}", ""]))
        (self.folder / "accounts").write_text(
            f"<sip:{name}@127.0.0.1:{exchange.ready['sip']}>;auth_pass={name}-secret;regint=60;answermode=auto\n")
        (self.folder / "contacts").write_text("\n")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(["baresip", "-f", self.folder, *arguments], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def command(self, name, parameters=""):
        """One command through baresip's control port: JSON in a netstring."""
        order = json.dumps({"command": name, "params": parameters, "token": "1"}).encode()
        with socket.create_connection(("127.0.0.1", self.control), timeout=5) as control:
            control.sendall(b"%d:%s," % (len(order), order))
            control.recv(4096)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.log.close()

    def heard(self):
        """The samples of the one recording of what arrived."""
        [path] = self.folder.glob("dump-*-dec.wav")
        with wave.open(str(path)) as file:
            return struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", type=lambda text: Path(text).resolve(), default=Path(__file__).parents[2] / "target/debug/strowger")
    arguments.add_argument("--keep", type=Path, help="use this folder and leave it")
    options = arguments.parse_args()
    if not shutil.which("baresip"):
        sys.exit("baresip is missing: apt-get install baresip-core")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="first-call-"))
    folder.mkdir(exist_ok=True)
    exchange = Exchange(options.binary, folder)
    phones = []
    try:
        run(exchange, folder, phones)
    finally:
        for phone in phones:
            phone.stop()
        exchange.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def run(exchange, folder, phones):
    for name in TONES_HZ:
        exchange.api("newuseri", u_username=name, u_password=f"{name}-secret", u_name=name.title(),
                     u_currency="USD", credit="10")
    exchange.api("db", sql="insert into tb_billsources (id, name, currency, isdefault) values (1, 'retail', 'USD', 1)")
    exchange.api("db", sql="insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, currency)"
                           f" values (1, '49', 'Germany', {PRICE_PER_MINUTE}, 1, 'USD')")
    alice_api = {"user": "alice", "password": "alice-secret"}
    print("a call to Germany would cost:", exchange.api("rating", bnum="4930123456", **alice_api).strip())

    for name in TONES_HZ:
        phones.append(Phone(name, exchange, folder))
    alice, bob = phones
    for name in TONES_HZ:
        wait_for(lambda: exchange.api("status", user=name, password=f"{name}-secret").startswith("OK: 2"), 15,
                 f"the registration of {name}")
    print("both phones are registered")

    alice.command("dial", f"sip:bob@127.0.0.1:{exchange.ready['sip']}")
    wait_for(lambda: exchange.api("status", **alice_api).startswith("OK: 4"), 15, "the conversation")
    print("alice and bob are talking:", exchange.api("call").strip().splitlines()[-1])
    time.sleep(TALK_S)
    alice.command("hangup")
    wait_for(lambda: "callednumber" in exchange.api("cdr", **alice_api), 10, "the call record")
    for phone in phones:
        phone.stop()

    for phone, expected in ((bob, TONES_HZ["alice"]), (alice, TONES_HZ["bob"])):
        seconds, frequency, gap_ms = listen(phone.heard(), expected)
        print(f"{phone.folder.name} heard {frequency:.1f} Hz for {seconds:.2f} s, longest gap {gap_ms:.0f} ms")
        assert abs(frequency - expected) < 3, "the tone has the wrong frequency"
        assert seconds > TALK_S - 1, "part of the conversation is missing"
        assert gap_ms <= GAP_LIMIT_MS, "the tone was interrupted"

    balance = exchange.api("balance", **alice_api)
    print("alice:", balance.strip())
    print(exchange.api("cdr", fields="all", **alice_api).strip())
    credit = float(re.search(r"\$(-?[\d.]+)", balance).group(1))
    assert 9.9 < credit < 10, "the call was not charged"
    print("first call: all is well")


def write_tone(path, hz):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        samples = (int(12000 * math.sin(2 * math.pi * hz * n / RATE_HZ)) for n in range(RATE_HZ * 60))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def listen(samples, expected_hz):
    """Length of the tone in seconds, its frequency, and the longest time in milliseconds without it.

    Ten-millisecond windows; a window counts as tone when most of its energy is at the expected frequency.
    """
    window = RATE_HZ // 100
    present = [holds_tone(samples[start:start + window], expected_hz)
               for start in range(0, len(samples) - window, window)]
    if not any(present):
        return 0.0, 0.0, math.inf
    first, last = present.index(True), len(present) - 1 - present[::-1].index(True)
    longest = run_length = 0
    for tone in present[first:last + 1]:
        run_length = 0 if tone else run_length + 1
        longest = max(longest, run_length)
    heard = samples[first * window:(last + 1) * window]
    return len(heard) / RATE_HZ, frequency_of(heard, expected_hz), longest * 10


def holds_tone(samples, hz):
    energy = sum(sample * sample for sample in samples) / len(samples)
    return energy > 100_000 and power_at(samples, hz) > 0.5 * energy


def power_at(samples, hz):
    """Mean power of the component at `hz`: one bin of a Fourier transform (Goertzel)."""
    step = 2 * math.pi * hz / RATE_HZ
    real = sum(sample * math.cos(step * n) for n, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(step * n) for n, sample in enumerate(samples))
    return 2 * (real * real + imaginary * imaginary) / len(samples) ** 2


def frequency_of(samples, near_hz):
    """The strongest frequency within 20 Hz of `near_hz`, to half a hertz, over one second from the middle."""
    middle = len(samples) // 2
    piece = samples[max(0, middle - RATE_HZ // 2):middle + RATE_HZ // 2]
    candidates = [near_hz - 20 + tenth / 2 for tenth in range(81)]
    return max(candidates, key=lambda hz: power_at(piece, hz))


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not come within {seconds} s")
        time.sleep(0.05)


# In any order, and each once: two ports of one run are never the same.
PORTS = random.SystemRandom().sample(range(20000, 30000, 2), 5000)


def free_port():
    """A port free for UDP and TCP, below the range from which systems take ports for outgoing connections."""
    while True:
        port = PORTS.pop()
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


if __name__ == "__main__":
    main()
