"""What the server says of itself: its log, its threads, its installation."""

import base64
import gzip
import json
import re
import sqlite3
import subprocess
import threading

import pytest

from strowger import Server, Sipp, callee, caller, free_port, parse_table, register, wait_for


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


def fields(answer):
    """The `name=value` lines of an answer."""
    return dict(line.split("=", 1) for line in lines(answer))


def test_registrations_are_counted_by_what_came_of_them(server):
    before = fields(server.ok("regstat"))
    port = free_port()
    register(server, "alice", port)
    register(server, "alice", port)
    wrong = Sipp("register", server.sip, keys={"caller": "alice", "password": "wrong", "contact_port": port, "expires": 300}, timeout=5)
    with pytest.raises(AssertionError):
        wrong.finish()
    wrong.close()
    after = fields(server.ok("regstat"))
    grown = {name: int(after[name]) - int(before.get(name, 0)) for name in after if name != "rate"}
    assert grown["succeeded"] == 2 and grown["failed_credentials"] >= 1 and grown["challenged"] >= 3
    assert grown["added"] == 1 and grown["refreshed"] == 1 and grown["refresh_upto_30s"] == 1
    assert int(after["bindings_udp"]) == int(after["bindings"]) >= 1
    assert float(after["rate"]) >= 0.1


def test_accounts_in_memory_have_an_age_and_hits(server):
    server.account("carol")
    register(server, "alice", free_port())
    rows = {row["username"]: row for row in parse_table(server.ok("fastusers"))}
    assert int(rows["alice"]["siphits"]) >= 1 and int(rows["carol"]["siphits"]) == 0
    assert 0 <= int(rows["carol"]["age"]) <= int(rows["admin"]["age"])
    registered = {row["username"] for row in parse_table(server.ok("fastregusers"))}
    everybody = {row["username"] for row in parse_table(server.ok("fastregusers", which="all"))}
    assert "alice" in registered and "carol" not in registered
    assert {"alice", "carol"} <= everybody and "admin" not in everybody


def test_endpoints_are_asked_whether_they_are_there(server):
    server.account("dora")
    server.account("silent")
    silent = free_port()
    register(server, "silent", silent)
    with Sipp("uas-options", local_port=free_port()) as phone:
        register(server, "dora", phone.port)
        rows = {row["username"]: row for row in parse_table(server.ok("endpoints"))}
    assert (rows["dora"]["reachable"], rows["dora"]["status"], rows["dora"]["type"]) == ("1", "200", "phone")
    assert 0 < float(rows["dora"]["ms"]) < 2000
    assert rows["silent"]["reachable"] == "0" and rows["silent"]["ms"] == ""


def test_a_running_statement_is_shown_without_its_values(server):
    for number in range(8):
        server.account(f"many{number}")
    slow = "select count(*) from tb_users a, tb_users b, tb_users c, tb_users d, tb_users e, tb_users f where a.name <> 'hidden value' and f.id > 4711"
    query = threading.Thread(target=server.api, args=("db",), kwargs={"sql": slow})
    query.start()

    def seen():
        return [row for row in parse_table(server.ok("querylist")) if "tb_users f" in row["text"]]

    row = wait_for(seen, 30, "the slow statement")[0]
    assert "hidden" not in row["text"] and "4711" not in row["text"] and row["id"].startswith(("reader", "writer"))
    query.join(30)
    assert seen() == []


def test_a_call_holds_credit_and_is_reported(server):
    server.account("payer", credit=10)
    server.price("3620", 0.6, name="Mobile")
    trunk = Sipp("uas", keys={"hold_ms": 60000, "caller": "x", "password": "x"}, local_port=free_port())
    server.trunk("upstream", trunk.port, "36")
    calling = caller(server, "payer", "36201234567", hold_ms=2500)
    held = wait_for(lambda: [row for row in parse_locks(server) if row["owner"] == "payer"], 30, "the reserved credit")
    assert held[0]["kind"] == "credit" and float(held[0]["amount"]) > 0 and held[0]["unit"] == "USD"
    trunks = server.ok("capcheck", direction="3620").splitlines()
    assert trunks[2].split("\t")[1:4] == ["upstream", "1", "1"]
    calling.finish()
    trunk.close()
    wait_for(lambda: not [row for row in parse_locks(server) if row["owner"] == "payer"], 30, "the release")

    rows = {row["username"]: row for row in parse_table(server.ok("reports", name="trunk"))}
    assert (rows["upstream"]["calls"], rows["upstream"]["connected"], float(rows["upstream"]["asr"])) == ("1", "1", 100)
    assert float(rows["upstream"]["acd"]) >= 2 and float(rows["upstream"]["costenduser"]) > 0
    rows = {row["direction"]: row for row in parse_table(server.ok("reports", name="destination"))}
    assert rows["Mobile"]["calls"] == "1"
    assert "asr=100.0" in server.ok("quickstat")


def parse_locks(server):
    answer = server.ok("locks").splitlines()
    assert answer[-1].startswith("queuedwrites=")
    names = answer[1].split("\t")
    return [dict(zip(names, line.split("\t"))) for line in answer[2:-1]]


def test_records_without_a_destination_are_given_one(server):
    assert server.ok("updcdrdir") == "OK: 0 of 0 records"
    database = sqlite3.connect(server.folder / "strowger.db", timeout=30)
    assert database.execute("update cdr set direction = ''").rowcount == 1
    database.commit()
    database.close()
    assert server.ok("updcdrdir", days=1) == "OK: 1 of 1 records"
    assert server.table("select direction from tb_cdrs")[0]["direction"] == "Mobile"
    assert server.ok("createcdrinfo") == "OK: 0 of 0 records"


def test_records_are_written_into_files(server):
    """The call of the test before stands in today's file, in both forms, the same however often it is written."""
    files = parse_table(server.ok("gencdr", days=0))
    assert [row["records"] for row in files] == ["1"]
    path = server.folder / files[0]["file"]
    first = path.read_bytes()
    lines = gzip.decompress(first).decode().split("\r\n")
    assert len(lines) == 3 and "callednumber" in lines[0].split(",") and "36201234567" in lines[1]
    assert parse_table(server.ok("gencdr", days=0)) == files and path.read_bytes() == first
    rows = parse_table(server.ok("gencdr", days=1, format="2"))
    assert [row["records"] for row in rows] == ["0", "1"]
    sent = base64.b64decode(server.ok("file", filename=rows[1]["file"])[4:])
    record = json.loads(gzip.decompress(sent))
    assert record["callednumber"] == "36201234567" and record["direction"] == "Mobile"
    assert parse_table(server.ok("gencdr", days=0, parent="alice"))[0]["records"] == "0"


def test_tables_in_memory_are_counted(server):
    rows = {row["name"]: row for row in parse_table(server.ok("lists"))}
    accounts = int(server.table("select count(*) as n from tb_users")[0]["n"])
    assert int(rows["accounts"]["entries"]) == accounts and int(rows["accounts"]["leastbytes"]) > accounts * 100
    assert int(rows["bindings"]["entries"]) == int(fields(server.ok("regstat"))["bindings"]) >= 1


def test_accounts_are_brought_in_step_with_the_database(server):
    assert ", 0 added, 0 changed, 0 removed" in server.ok("syncusers")


def test_limits_of_the_system_are_shown(server):
    rows = {row["name"]: row for row in parse_table(server.ok("finetune"))}
    limits = open(f"/proc/{server.ready['pid']}/limits").read()
    assert rows["descriptors"]["value"] == re.search(r"Max open files\s+(\d+)", limits).group(1)
    assert rows["somaxconn"]["value"] == open("/proc/sys/net/core/somaxconn").read().strip()
