"""Operating a running exchange: services restarted under a call, the process restarted by itself, programs of the operator."""

import contextlib
import json
import re
import socket
import struct
import subprocess
import threading

import pytest

from phone import Phone
from strowger import BINARY, Server, Sipp, caller, parse_table, wait_for


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


def test_a_ready_file_of_a_killed_server_does_not_outlive_the_next_start():
    with Server() as server, socket.create_server(("127.0.0.1", 0)) as taken:
        ready = server.folder / "ready.json"
        server.kill()
        assert ready.exists()
        command = [BINARY, "serve", "--data", server.folder, "--ready-file", ready, "--set", "bind=127.0.0.1",
                   "--set", f"mainaport={taken.getsockname()[1]}", "--set", "sipport=0", "--set", "adminport=0"]
        assert subprocess.run(command, capture_output=True, timeout=60).returncode == 3
        assert not ready.exists()


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


def test_a_backup_is_proved_and_restored_by_command():
    with Server() as server:
        alice = server.account("alice", credit=7)
        answer = server.ok("dbbackup", path="before.backup")
        assert re.match(r"OK: before\.backup: \d+ bytes, 2 accounts, 0 CDRs, restored into a scratch database", answer), answer
        assert [path.name for path in (server.folder / "backups").iterdir()] == ["before.backup"], "the scratch is gone"
        server.account("bob", credit=5)
        server.ok("addcredit", targetuser="alice", credit=1)
        (server.folder / "backups" / "broken.backup").write_bytes(b"not a database")
        assert server.api("dbrestore", path="broken.backup").startswith("ERROR: ")
        assert server.api("dbrestore", path="../strowger.db").startswith("ERROR: ")
        assert "verified: 2 accounts" in server.ok("dbrestore", path="before.backup")
        wait_for(lambda: server.log_text().count(" ready ") >= 2, 60, "the restart after the restore")
        assert server.credit("alice") == 7
        assert "not found" in server.api("balance", targetuser="bob")
        assert (server.folder / "strowger.db.before-restore").exists(), "the old database is kept aside"
        assert server.table(f"select username from tb_users where id = {alice}")[0]["username"] == "alice"


def test_settings_round_trip_through_files_and_act_at_once():
    with Server() as server:
        assert server.ok("setini", section="limits", key="bantime", value=700) == "OK: bantime: in force"
        assert server.ok("getini", section="limits", key="bantime") == "OK: 700"
        assert "next start" in server.ok("setini", section="process", key="readers", value=3)
        assert server.ok("timezoneset", timezone="Asia/Tokyo") == "OK: Asia/Tokyo, 540 minutes east of UTC"
        assert server.ok("savesettings").startswith("OK: 3 settings in strowger.ini")
        text = (server.folder / "settings" / "strowger.ini").read_text()
        assert 'bantime = "700"' in text and 'timezone = "Asia/Tokyo"' in text, text
        server.sql("delete from tb_settings where name in ('bantime', 'readers', 'timezone')")
        server.ok("reload")
        assert server.ok("getini", key="bantime") == "OK: 600"
        assert server.ok("loadinifiles") == "OK: 3 settings of 1 files, 2 in force"
        assert server.ok("getini", key="bantime") == "OK: 700"
        wrong = text.replace('"700"', '"soon"').replace("Asia/Tokyo", "Europe/Berlin")
        (server.folder / "settings" / "strowger.ini").write_text(wrong)
        assert "bantime" in server.api("loadinifiles")
        assert server.ok("getini", key="timezone") == "OK: Asia/Tokyo", "all or nothing"
        assert server.api("setini", section="process", key="hostcontrol", value="true").startswith("ERROR: ")
        server.stop()
        server.start()
        assert server.ok("getini", key="readers") == "OK: 3"


def test_maintenance_runs_by_itself_once():
    with Server(maintinterval=1) as server:
        rows = "select period from maintenance where done = 1"
        wait_for(lambda: len(server.table(rows)) >= 5, 30, "every period's maintenance")
        assert list((server.folder / "reports").glob("daily-*.txt")), "the report is a file where nobody is named"
        assert "done already" in server.ok("weeklymaint")
        assert server.ok("maintreset") == "OK: the maintenance schedule runs"
        server.ok("dbbackup", ival=1)
        wait_for(lambda: list((server.folder / "backups").glob("auto-*.backup")), 30, "the backup by itself")


def test_calls_are_priced_again_by_present_tariffs():
    with Server() as server:
        server.account("alice", credit=10)
        server.price("44", 6)
        with Sipp("uas", keys={"hold_ms": 500}) as trunk:
            server.trunk("out", trunk.port, "44")
            with caller(server, "alice", "441234", hold_ms=2200) as alice:
                alice.finish()
            trunk.finish()
        [cdr] = wait_for(server.cdrs, 30, "the record")
        cost = float(cdr["costenduser"])
        assert cost > 0
        credit = server.credit("alice")
        assert server.ok("rebill", days=1).startswith("OK: 1 records looked at, 0 changed, 0 postings")
        server.sql("update tb_billentries set price = 12 where prefix = '44'")
        wait_for(lambda: "12 USD" in server.ok("rating", targetuser="alice", bnum="441234"), 30, "the new price")
        shown = server.ok("rebill", days=1, checkwarnings=1)
        assert "441234" in shown and float(server.cdrs()[0]["costenduser"]) == cost, "it changes nothing"
        assert "1 changed, 0 postings" in server.ok("rebill", days=1)
        assert float(server.cdrs()[0]["costenduser"]) == pytest.approx(2 * cost)
        assert server.credit("alice") == credit, "not unless it is asked for"
        assert "0 changed, 1 postings" in server.ok("rebill", days=1, credit="yes")
        assert server.credit("alice") == pytest.approx(credit - cost)
        assert "0 changed, 0 postings" in server.ok("rebill", days=1, credit="yes"), "once"
        assert set(server.ledger_sums().values()) <= {"0"}
        server.sql("update tb_billentries set price = 6 where prefix = '44'")
        wait_for(lambda: "6 USD" in server.ok("rating", targetuser="alice", bnum="441234"), 30, "the old price")
        assert "1 changed, 1 postings" in server.ok("rebill", days=1, credit="yes")
        assert server.credit("alice") == pytest.approx(credit), "what was too much is given back"
        assert "0 mistakes" in server.ok("checkcredits")


def test_the_exchange_tests_itself(shared):
    table = shared.ok("unittest", testtype="self", threads=2, testtime=1)
    rows = {row["test"]: row for row in parse_table(table)}
    assert set(rows) >= {"database", "sip", "media", "disk", "queue"}, table
    for row in rows.values():
        assert int(row["failed"]) == 0 and int(row["done"]) > 0, row
        assert float(row["p50ms"]) <= float(row["p95ms"]) <= float(row["p99ms"]), row
    lines = shared.ok("unittest", testtype="options", testtime=1).splitlines()
    assert any("OPTIONS" in line for line in lines), lines
    for kind, title in (("options", "OPTIONS"), ("register", "REGISTER"), ("http", "API balance over HTTP"),
                        ("udpapi", "API balance over UDP"), ("calls", "billed calls"), ("rtp", "RTP relayed")):
        lines = shared.ok("unittest", testtype=kind, testtime=1).splitlines()
        assert lines[1].split()[-6:] == ["p50", "ms", "p95", "ms", "p99", "ms"], lines
        measured = [line for line in lines if line.startswith(title)]
        assert measured, lines
        for line in measured:
            p50, p95, p99 = map(float, line.split()[-3:])
            assert 0 < p50 <= p95 <= p99, line
