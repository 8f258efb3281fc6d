"""A full disk: new paid calls are refused, the running one is settled, nothing that was acknowledged is lost."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from phone import Phone
from strowger import Server, Sipp, caller, wait_for

SIZE = "192m"


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "strowger-e2e", folder], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("a small file system cannot be mounted: this needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes every byte that is left."""
    with open(folder / "filler", "ab", buffering=0) as filler:
        for size in (65536, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue
    assert shutil.disk_usage(folder).free == 0


def test_a_full_disk_stops_new_paid_calls_and_loses_nothing(small_disk, tmp_path):
    server = Server(data=small_disk, log_folder=tmp_path)
    try:
        server.start()
        play(server, small_disk)
    finally:
        server.stop()


def play(server, disk):
    server.account("alice", credit=10)
    server.account("bob", credit=10)
    server.price("49", 6, step=1)
    with Sipp("uas-bye", keys={"hold_ms": 4000}) as trunk:
        server.trunk("gate", trunk.port, "49")
        with caller(server, "alice", "4930123", "uac-bye-by-callee") as phone:
            wait_for(lambda: server.calls() and server.calls()[0]["state"] == "speaking", 10, "the answer")
            fill(disk)
            acknowledged = 10
            for _ in range(50):
                # The log of the database may have room for some; what is acknowledged counts, what is refused does not.
                answer = server.api("addcredit", targetuser="bob", credit=1)
                acknowledged += answer.startswith("OK")
                fill(disk)
                if not answer.startswith("OK"):
                    break
            assert answer.startswith("ERROR"), "the disk is full and every write was acknowledged"
            assert server.credit("bob") == acknowledged, "reading goes on"
            status = refusal(server, "bob", "4930999")
            assert status in (480, 500, 503), status
            assert not server.api("heartbeat", mode="full").startswith("OK")
            phone.finish()
            trunk.finish()
    assert server.process.poll() is None
    assert re.search(r"disk|no space|full", server.log_text(), re.I), server.log_text()[-2000:]
    (disk / "filler").unlink()
    rows = lambda: [row for row in server.cdrs() if row["callednumber"] == "4930123"]
    [cdr] = wait_for(rows, 20, "the CDR")
    assert 3 <= int(cdr["realduration"]) <= 6, cdr
    assert round((10 - server.credit("alice")) * 1e6) == round(float(cdr["costenduser"]) * 1e6) > 0
    assert server.ledger_sums() == {"USD": "0"}
    wait_for(lambda: server.api("heartbeat", mode="full").startswith("OK"), 20, "a healthy heartbeat")
    assert server.ok("addcredit", targetuser="bob", credit=1) == f"OK: credit is {acknowledged + 1}"
    server.kill()
    server.start()
    assert server.credit("bob") == acknowledged + 1
    assert len(rows()) == 1 and server.ledger_sums() == {"USD": "0"}


def refusal(server, user, number):
    with Phone(("127.0.0.1", server.ready["sip"]), user) as phone:
        return phone.invite(number).status


FAILING_FLUSH = """
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int flush(long call, int fd) {
    const char *mark = getenv("FLUSH_FAILS");
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    readlink(link, path, sizeof path - 1);
    if (mark && access(mark, F_OK) == 0 && strstr(path, "strowger.db")) { errno = EIO; return -1; }
    return syscall(call, fd);
}
int fsync(int fd) { return flush(SYS_fsync, fd); }
int fdatasync(int fd) { return flush(SYS_fdatasync, fd); }
"""


def test_a_failed_flush_ends_the_server_after_its_calls_and_the_next_start_settles(tmp_path, monkeypatch):
    source, library, mark = tmp_path / "flush.c", tmp_path / "flush.so", tmp_path / "mark"
    source.write_text(FAILING_FLUSH)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("FLUSH_FAILS", str(mark))
    with Server(draintimeout=20) as server:
        monkeypatch.delenv("LD_PRELOAD")
        server.account("alice", credit=10)
        server.price("49", 6, step=1)
        with Sipp("uas-bye", keys={"hold_ms": 6000}) as trunk:
            server.trunk("gate", trunk.port, "49")
            with caller(server, "alice", "4930123", "uac-bye-by-callee") as phone:
                wait_for(lambda: any(call["state"] == "speaking" for call in server.calls()), 10, "the answer")
                mark.touch()
                assert server.api("setfield", targetuser="alice", fieldname="address", fieldvalue="x").startswith("ERROR")
                assert refusal(server, "alice", "4930999") >= 400
                assert server.credit("alice") == 10, "reading goes on"
                phone.finish()
                trunk.finish()
        wait_for(lambda: server.process.poll() is not None, 30, "the end: " + server.log_text()[-1500:])
        assert server.process.returncode == 1
        assert not Path(server.folder / "ready.json").exists()
        mark.unlink()
        server.start()
        [cdr] = [row for row in server.cdrs() if row["callednumber"] == "4930123"]
        assert round((10 - server.credit("alice")) * 1e6) == round(float(cdr["costenduser"]) * 1e6) > 0
        assert server.ledger_sums() == {"USD": "0"}
