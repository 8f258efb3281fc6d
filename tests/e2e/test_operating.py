"""Operating a running exchange: services restarted under a call, the process restarted by itself, programs of the operator."""

import contextlib
import re
import socket
import struct
import threading

import pytest

from phone import Phone
from strowger import Server, wait_for


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One exchange for everything that does not end it."""
    folder = tmp_path_factory.mktemp("operating")
    helper = folder / "helper"
    helper.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n')
    helper.chmod(0o700)
    with Server(hostcontrol="true", hostcommands="say=/bin/echo hello *, list=/bin/ls /", hostiphelper=helper,
                hostipconfirm=1, hostrestart=helper, rtptimeout=5) as running:
        running.helper_calls = folder / "calls"
        running.account("alice")
        yield running


class Echo:
    """A call to the echo service with voice that goes out and comes back all the time."""

    def __init__(self, server):
        self.stack = contextlib.ExitStack()
        self.voice = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.voice.bind(("127.0.0.1", 0))
        self.voice.settimeout(0.02)
        self.phone = self.stack.enter_context(Phone(("127.0.0.1", server.ready["sip"]), "alice", password="alicepw"))
        self.phone.register()
        answer = self.phone.invite("5005", port=self.voice.getsockname()[1])
        assert answer.status == 200, answer
        self.answer = answer
        self.media = ("127.0.0.1", int(re.search(r"m=audio (\d+)", answer.body).group(1)))
        self.returned, self.running = 0, True
        self.thread = threading.Thread(target=self.talk)
        self.thread.start()

    def talk(self):
        sequence = 0
        while self.running:
            sequence += 1
            packet = struct.pack("!BBHII", 0x80, 8, sequence & 0xFFFF, sequence * 160, 7) + bytes(160)
            self.voice.sendto(packet, self.media)
            with contextlib.suppress(TimeoutError):
                self.voice.recv(2000)
                self.returned += 1

    def hears(self):
        """Voice comes back now, and not only what was on its way."""
        before = self.returned
        wait_for(lambda: self.returned > before + 5, 30, "the echo")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running = False
        self.thread.join()
        self.stack.close()


def test_a_call_stands_through_the_restart_of_every_service(shared):
    with Echo(shared) as call:
        call.hears()
        for command, said in (("vsiprst", "3 sockets bound anew, 1 calls"), ("sipreset", "0 attempts ended, 1 calls"),
                              ("webrst", "2 listeners"), ("gwrst", "0 failed"), ("dbreset", "connections"),
                              ("dbrsttgs", "up to change"), ("rulesreload", "tb_routing"), ("reload", "0 keys changed"),
                              ("reloaddialplan", "tb_billsources"), ("delobj", "router")):
            if command == "delobj":
                answer = shared.ok(command, object="all")
            else:
                answer = shared.ok(command)
            assert said in answer, (command, answer)
            call.hears()
        assert shared.ok("restart", what="database").startswith("OK: ")
        call.hears()
        assert len(shared.calls()) == 1
        # The dialog is served by the sockets that were bound anew.
        call.phone.bye(call.answer)
        wait_for(lambda: not shared.calls(), 30, "the end of the call")
    [cdr] = [row for row in shared.cdrs() if row["callednumber"] == "5005"]
    assert cdr["disccode"] == "200"


def test_sipreset_ends_what_nobody_answered_yet(shared):
    bob = shared.account("bob")
    with Phone(("127.0.0.1", shared.ready["sip"]), "bob") as ringing, \
            Phone(("127.0.0.1", shared.ready["sip"]), "alice") as phone:
        ringing.register()
        answer = {}
        dialling = threading.Thread(target=lambda: answer.update(final=phone.invite("bob")))
        dialling.start()
        ringing.answer(ringing.receive("INVITE"), status="180 Ringing")
        wait_for(lambda: shared.calls(), 30, "the attempt")
        assert "1 attempts ended, " in shared.ok("sipreset")
        dialling.join(30)
        assert answer["final"].status >= 480, answer
        wait_for(lambda: not shared.calls(), 30, "the end of the attempt")
    shared.ok("deluser", u_id=bob)


def test_programs_of_the_operator(shared):
    assert shared.ok("cmd", txt="say world").splitlines() == ["OK: 1", "hello world"]
    assert "access denied" in shared.api("cmd", txt="sh -c id")
    assert "takes no arguments" in shared.api("cmd", txt="list /etc")
    rows = "select command, object, outcome from audit where command = 'host program'"
    audit = wait_for(lambda: shared.table(rows), 30, "the audit")
    assert audit[0]["object"] == "say" and audit[0]["outcome"] == "exit status 0", audit


def test_an_address_is_reverted_unless_it_is_confirmed(shared):
    wanted = {"cardname": "lo", "ip": "192.0.2.10", "mask": "255.255.255.0", "gateway": "192.0.2.1", "gwmetric": 5}
    asked = "lo 192.0.2.10 24 192.0.2.1 5"
    calls = lambda: shared.helper_calls.read_text().splitlines()
    assert "applied" in shared.ok("setip", **wanted)
    assert "confirmed" in shared.ok("setip", **wanted)
    assert calls() == [f"apply {asked}", f"confirm {asked}"]
    assert "applied" in shared.ok("setip", **wanted)
    wait_for(lambda: calls()[-1] == f"revert {asked}", 30, "the old address")
    assert "told" in shared.ok("restart", what="server")
    assert calls()[-1] == ""


def test_the_process_restarts_itself_with_its_ports_and_its_number():
    with Server() as server:
        server.account("alice", credit=5)
        before, inode = server.ready, (server.folder / "ready.json").stat().st_ino
        with Echo(server) as call:
            call.hears()
            assert "1 calls may finish" in server.ok("restart", what="service")
            wait_for(lambda: "draining" in server.log_text(), 30, "the drain")
            call.hears()
            with Phone(("127.0.0.1", server.ready["sip"]), "alice") as second:
                assert second.invite("5005").status == 503
            call.phone.bye(call.answer)
        again = server.folder / "ready.json"
        wait_for(lambda: again.exists() and again.stat().st_ino != inode and "restarting" in server.log_text(), 30,
                 "the restart")
        wait_for(lambda: server.log_text().count(" ready ") >= 2, 30, "the second start")
        assert server.process.poll() is None
        import json
        after = json.loads(again.read_text())
        assert after == before, "the same process on the same ports"
        assert server.credit("alice") == 5
        [cdr] = server.cdrs()
        assert cdr["disccode"] == "200", cdr
        assert "at once" in server.ok("restart", what="force")
        wait_for(lambda: server.log_text().count(" ready ") >= 3, 30, "the third start")
        assert server.ok("apitest1")
        server.process.terminate()
        assert server.process.wait(30) == 0
        assert not again.exists()
