"""What the server says of itself: its log, its threads, its installation."""

import re
import subprocess
import time

import pytest

from strowger import Server, parse_table, register, free_port, wait_for


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        running.account("alice")
        yield running


def lines(answer):
    """The lines of an `OK: <n>` answer."""
    head, _, rest = answer.partition("\n")
    found = rest.splitlines()
    assert head == f"OK: {len(found)}", answer
    return found


def test_the_log_is_in_files_and_can_be_searched_and_rotated(server):
    assert server.api("log") == "OK: level info"
    assert server.ok("log", txt="mark-1 before the rotation") == "OK: noted"
    folder = server.folder / "logs"
    wait_for(lambda: "mark-1" in (folder / "strowger.log").read_text(), 30, "the remark in the log file")
    assert any("mark-1" in line and "operator" in line for line in lines(server.ok("showlog", log="sh")))
    assert not any("mark-1" in line for line in lines(server.ok("showlog", log="tcp")))

    server.ok("logrename")
    assert "mark-1" in (folder / "strowger.1.log").read_text()
    assert "mark-1" not in (folder / "strowger.log").read_text()
    server.ok("log", txt="mark-2 after the rotation")
    found = wait_for(lambda: (lambda f: f if len(f) == 2 else None)(lines(server.ok("logsearch", txt="MARK-"))), 30, "both marks")
    assert "mark-1" in found[0] and "mark-2" in found[1]
    assert len(lines(server.ok("logsearch", txt="mark-", lines=1))) == 1
    assert oct((folder / "strowger.log").stat().st_mode)[-3:] == "600"


def test_the_level_changes_at_run_time_and_wrong_ones_are_refused(server):
    assert server.api("log", level="debug", module="strowger_gate") == "OK: level info,strowger_gate=debug"
    assert server.api("log", level="warn", module="strowger_gate") == "OK: level info,strowger_gate=warn"
    assert server.api("log", level="loud").startswith("ERROR: invalid parameter: level must be one of error")
    assert server.api("log", level="debug", module="a b").startswith("ERROR: invalid parameter: module")
    assert server.api("log", module="strowger_gate") == "ERROR: missing parameter: level"
    assert server.api("log") == "OK: level info,strowger_gate=warn"
    assert server.api("log", level="info") == "OK: level info"


def test_secrets_are_masked_in_the_log(server):
    server.ok("log", txt="somebody wrote authpwd=hunter2 and password: \"open sesame\" here")
    found = wait_for(lambda: lines(server.ok("logsearch", txt="somebody wrote")), 30, "the remark")
    assert 'somebody wrote authpwd=*** and password: "***" here' in found[0]
    for path in [server.log_path, server.folder / "logs" / "strowger.log"]:
        assert "hunter2" not in path.read_text() and "sesame" not in path.read_text()


def test_the_threads_are_those_of_the_process(server):
    pid = server.ready["pid"]
    shown = parse_table(server.ok("threads"))
    names = {row["name"] for row in shown}
    assert {"log", "store-writer", "directory"} <= names
    running = {int(line) for line in subprocess.check_output(["ls", f"/proc/{pid}/task"]).split()}
    assert len({int(row["id"]) for row in shown} & running) >= len(running) - 2
    sums = server.ok("threads2").splitlines()[-1]
    assert int(re.search(r"workers=(\d+)", sums).group(1)) >= 1
    assert int(re.search(r"busyms=(\d+)", sums).group(1)) >= 0


def test_the_installation_keeps_its_id(server):
    first = server.ok("deviceid")
    assert re.fullmatch(r"OK: [0-9a-f]{32}-1", first)
    server.stop()
    server.start()
    assert server.ok("deviceid") == first


def test_a_registered_phone_is_counted_and_listed(server):
    port = free_port()
    register(server, "alice", port)
    rows = parse_table(server.ok("epreg", regtype="in"))
    assert [(row["type"], row["username"], row["state"]) for row in rows] == [("in", "alice", "registered")]
    assert parse_table(server.ok("epreg", regstate="failed")) == []
    assert "registered=1" in server.ok("quickstat")
    assert "1 registered with 1 contacts" in lines(server.ok("shortinfo"))[1]
