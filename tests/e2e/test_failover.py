"""Increments, restores and failovers with the real binary: SQLite files here, PostgreSQL where STROWGER_TEST_POSTGRES names it."""

import contextlib
import fcntl
import http.client
import os
import re
import shutil
import sqlite3
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from postgres import POSTGRES, database, needs_postgres, psql
from strowger import Server, Sipp, caller, wait_for


def starts(server):
    return server.log_text().count(" ready ")


def restarted(server, before):
    """Waits for the start after `before` ones, and that it answers."""
    wait_for(lambda: starts(server) > before, 60, "the start of the server")
    wait_for(lambda: "OK" in answers(server), 30, "an answer")


def answers(server):
    try:
        return server.api("apitest1")
    except (OSError, http.client.HTTPException):
        return ""


def further(*texts):
    """The start-up key as `--set` takes it."""
    return ",".join(texts)


def test_an_increment_is_restored_on_its_base_by_command():
    with Server() as server:
        assert "no full backup" in server.api("dbbackup", path="early.increment", type="incremental")
        server.account("alice", credit=7)
        server.ok("dbbackup", path="full.backup")
        server.account("bob", credit=5)
        answer = server.ok("dbbackup", path="one.increment", type="incremental")
        assert re.match(r"OK: one\.increment: \d+ bytes, 3 accounts, 0 CDRs, restored into a scratch", answer), answer
        backups = server.folder / "backups"
        assert sorted(path.name for path in backups.iterdir()) == ["full.backup", "one.increment"]
        assert (backups / "one.increment").stat().st_size < (backups / "full.backup").stat().st_size
        server.account("carol", credit=3)

        base = (backups / "full.backup").read_bytes()
        (backups / "full.backup").write_bytes(base[:-1] + bytes([base[-1] ^ 1]))
        refused = server.api("dbrestore", path="one.increment")
        assert refused.startswith("ERROR: ") and "full.backup" in refused, refused
        (backups / "full.backup").unlink()
        refused = server.api("dbrestore", path="one.increment")
        assert refused.startswith("ERROR: ") and "full.backup" in refused and "missing" in refused, refused
        (backups / "full.backup").write_bytes(base)

        before = starts(server)
        assert "verified: 3 accounts" in server.ok("dbrestore", path="one.increment")
        restarted(server, before)
        assert (server.credit("alice"), server.credit("bob")) == (7, 5)
        assert "not found" in server.api("balance", targetuser="carol")
        assert server.ledger_sums() == {"USD": "0"}


def test_a_failover_to_another_file_takes_calls_and_money_along(tmp_path):
    with Server(failoverdatabases=further("sqlite:spare.db", f"sqlite:{tmp_path}/far.db")) as server:
        server.account("alice", credit=10)
        server.price("49", 6, step=1)
        state = server.ok("dbfailover", checkonly=1)
        assert "database 2 (SQLite): has no tables" in state and "database 3 (SQLite): has no tables" in state, state
        assert "has no tables" in server.api("dbfailover")
        assert "no backup" in server.api("dbfailover", withrestore=1)
        assert server.api("dbfailover", forcedbnum=1).startswith("ERROR: invalid parameter: forcedbnum 1 is the database in use")
        assert server.api("dbfailover", forcedbnum=4).startswith("ERROR: invalid parameter: forcedbnum must be from 1 to 3")
        with Sipp("uas") as trunk:
            server.trunk("gate", trunk.port, "49")
            caller(server, "alice", "4930123", hold_ms=1200).finish()
            trunk.finish()
        wait_for(server.cdrs, 10, "the record")
        money = server.credit("alice")
        server.ok("dbbackup", path="now.backup")
        before, epoch = starts(server), server.table("select epoch from epoch")[0]["epoch"]
        answer = server.ok("dbfailover", withrestore=1)
        assert re.match(r"OK: database 2 \(SQLite\): gets now\.backup with \d+ accounts and 1 CDRs", answer), answer
        restarted(server, before)
        assert (server.folder / "database.number").read_text().strip() == "2"
        assert server.credit("alice") == money and len(server.cdrs()) == 1
        assert int(server.table("select epoch from epoch")[0]["epoch"]) > int(epoch)
        state = server.ok("dbfailover", checkonly=1)
        # Each start writes the password of --admin.
        first = re.search(r"database 1 \(SQLite\): ([^;]*)", state).group(1)
        assert "changes behind" in first and "entries" not in first and "records" not in first, state

        # What is new is on the second one only, also after a start of the process.
        server.ok("addcredit", targetuser="alice", credit=1)
        server.stop()
        server.start()
        assert server.credit("alice") == pytest.approx(money + 1)
        refused = server.api("dbfailover", forcedbnum=3)
        assert "has no tables" in refused, refused
        state = server.ok("dbfailover", checkonly=1, forcedbnum=1)
        assert "2 entries of the ledger behind" in state, state

        before = starts(server)
        answer = server.ok("dbfailover", forcedbnum=1)
        assert "2 entries of the ledger behind" in answer, answer
        restarted(server, before)
        assert server.credit("alice") == pytest.approx(money)
        assert server.ledger_sums() == {"USD": "0"}


def test_a_database_that_does_not_open_leaves_the_old_one_in_use(tmp_path):
    spare = tmp_path / "spare.db"
    with Server(failoverdatabases=f"sqlite:{spare}") as server:
        server.account("alice", credit=4)
        server.ok("dbbackup", path="now.backup")
        shutil.copy(server.folder / "backups" / "now.backup", spare)
        assert "up to date" in server.ok("dbfailover", checkonly=1)
        before = starts(server)
        with open(f"{spare}.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.ok("dbfailover")
            wait_for(lambda: "not failed over" in server.log_text(), 60, "the refusal in the log")
            restarted(server, before)
        assert "in use by another process" in server.log_text()
        assert not (server.folder / "database.number").exists()
        assert server.credit("alice") == 4
        before = starts(server)
        server.ok("addcredit", targetuser="alice", credit=1)
        assert "behind" in server.api("dbfailover"), "it lags now"
        server.ok("dbfailover", forcedbnum=2)
        restarted(server, before)
        assert (server.folder / "database.number").exists() and server.credit("alice") == 4


def test_a_call_that_the_failover_ends_is_not_lost(tmp_path):
    spare = tmp_path / "spare.db"
    with Server(failoverdatabases=f"sqlite:{spare}") as server:
        server.account("alice", credit=10)
        server.price("49", 6, step=1)
        with Sipp("uas") as trunk:
            server.trunk("gate", trunk.port, "49")
            with caller(server, "alice", "4930123", "uac-bye-by-callee") as phone:
                wait_for(lambda: server.calls() and server.calls()[0]["state"] == "speaking", 10, "the answer")
                # A copy of this moment: what the end of the call writes is not in it.
                server.ok("dbbackup", path="now.backup")
                shutil.copy(server.folder / "backups" / "now.backup", spare)
                before = starts(server)
                answer = server.api("dbfailover")
                if answer.startswith("OK"):
                    wait_for(lambda: "not failed over" in server.log_text(), 60, "the refusal in the log")
                    restarted(server, before)
                    assert "lacks what the end of the calls wrote" in server.log_text()
                    phone.finish()
                    trunk.finish()
                    [cdr] = server.cdrs()
                    assert round((10 - server.credit("alice")) * 1e6) == round(float(cdr["costenduser"]) * 1e6) > 0
                else:
                    # The running call had taken its next slice in between.
                    assert "behind" in answer, answer
        assert not (server.folder / "database.number").exists() and server.ledger_sums() == {"USD": "0"}


@needs_postgres
def test_a_postgresql_database_is_backed_up_and_restored_by_command(database):
    with Server(database=f"{POSTGRES}/{database}") as server:
        server.account("alice", credit=7)
        answer = server.ok("dbbackup", path="before.backup")
        assert re.match(r"OK: before\.backup: \d+ bytes, 2 accounts, 0 CDRs, restored into a scratch database", answer), answer
        assert "write-ahead log" in server.api("dbbackup", path="x", type="incremental")
        server.account("bob", credit=5)
        (server.folder / "backups" / "broken.backup").write_bytes(b"not a backup")
        assert server.api("dbrestore", path="broken.backup").startswith("ERROR: ")

        before = starts(server)
        assert "verified: 2 accounts" in server.ok("dbrestore", path="before.backup")
        restarted(server, before)
        assert server.credit("alice") == 7 and "not found" in server.api("balance", targetuser="bob")
        assert server.ledger_sums() == {"USD": "0"}
        kept = psql("select count(*) from account where username = 'bob'", f"{database}_before_restore")
        assert kept == "1", "the old database is kept aside"

        # Somebody else is connected: nothing is lost.
        other = subprocess.Popen(["psql", "-qAtX", f"{POSTGRES}/{database}"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        try:
            other.stdin.write("select 'there';\n")
            other.stdin.flush()
            assert other.stdout.readline() == "there\n"
            before = starts(server)
            server.ok("dbrestore", path="before.backup")
            restarted(server, before)
            assert "accessed by other users" in server.log_text() and server.credit("alice") == 7
        finally:
            other.stdin.close()
            other.wait(20)


@needs_postgres
def test_what_a_postgresql_backup_lacks_is_said(database):
    role = f"{database}_role"
    psql(f"CREATE ROLE {role} LOGIN PASSWORD 'secret-{role}'")
    psql(f"ALTER DATABASE {database} OWNER TO {role}")
    url = POSTGRES.split("@")[-1]
    try:
        with Server(database=f"postgres://{role}:secret-{role}@{url}/{database}") as server:
            refused = server.api("dbbackup", path="one.backup")
            assert refused.startswith("ERROR: not available: ") and "CREATEDB" in refused, refused
            assert not list((server.folder / "backups").iterdir()), "what is not proved does not stay"
            assert f"secret-{role}" not in server.log_text()
        with without_programs(database) as server:
            refused = server.api("dbbackup", path="one.backup")
            assert refused == "ERROR: not available: pg_dump is not installed on this machine", refused
    finally:
        psql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        psql(f"CREATE DATABASE {database}")
        psql(f"DROP ROLE {role}")


def without_programs(database):
    """A server that finds no program of PostgreSQL."""
    class Poor(Server):
        def start(self, **more):
            path, os.environ["PATH"] = os.environ["PATH"], "/nowhere"
            try:
                return super().start(**more)
            finally:
                os.environ["PATH"] = path
    return Poor(database=f"{POSTGRES}/{database}")


@needs_postgres
def test_a_failover_from_a_file_to_postgresql_and_back(database):
    with Server(failoverdatabases=f"{POSTGRES}/{database}") as server:
        server.account("alice", credit=7)
        state = server.ok("dbfailover", checkonly=1)
        assert "database 2 (PostgreSQL): has no tables" in state and "postgres" not in state, state
        server.ok("dbbackup", path="file.backup")
        refused = server.api("dbfailover", withrestore=1)
        assert "no backup that PostgreSQL takes" in refused, refused
        # Another server made its tables meanwhile: they are no copy.
        with Server(database=f"{POSTGRES}/{database}", keyfile=server.folder / "strowger.key") as other:
            other.account("bob", credit=2)
            other.ok("dbbackup", path="of-postgres.backup")
            shutil.copy(other.folder / "backups" / "of-postgres.backup", server.folder / "backups")
        refused = server.api("dbfailover")
        assert refused.startswith("ERROR: failed: database 2 (PostgreSQL): ") and "copy" in refused, refused
        before = starts(server)
        answer = server.ok("dbfailover", withrestore=1)
        assert "gets of-postgres.backup with 2 accounts" in answer, answer
        restarted(server, before)
        assert "PostgreSQL: written and read" in server.ok("dbfailover", checkonly=1, forcedbnum=1)
        assert server.table("select username from tb_users where username = 'bob'")
        before = starts(server)
        server.ok("dbfailover", forcedbnum=1)
        restarted(server, before)
        assert server.credit("alice") == 7


def record(userid, number, end):
    """SQL that writes a call record from outside, as no interface lets anybody."""
    end_ms = int(datetime.fromisoformat(end + "+00:00").timestamp() * 1000)
    return ("insert into cdr (leg, call, node, start_ms, end_ms, caller, payer, presented, dialled, sent, sip_call_id,"
            " sip_call_id_b, duration_ms, total_ms, currency, cost_enduser, cost_provider, provider_currency, unit_price,"
            " billing_step, mark, direction, status, reason, ended_by, codec)"
            f" values ('leg{number}', 'call{number}', 1, {end_ms - 60000}, {end_ms}, {userid}, {userid}, '100', '4930', '4930',"
            f" 'x{number}', 'y{number}', 60000, 60000, 'USD', 0, 0, 'USD', 0, 1, '', 'Germany', 200, 'normal', 'caller', 'PCMA')")


@pytest.mark.skipif(not Path("/usr/share/zoneinfo/Europe/Budapest").exists(), reason="no time zone database")
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=needs_postgres)])
def test_records_and_days_follow_the_servers_zone(engine, request):
    url = f"{POSTGRES}/{request.getfixturevalue('database')}" if engine == "postgres" else None
    with Server(database=url, timezone="Europe/Budapest") as server:
        userid = server.account("alice", credit=1)
        # The day on which the clocks go back has 25 hours there.
        ends = ("2025-10-25 21:59:59", "2025-10-25 22:00:00", "2025-10-26 22:59:59", "2025-10-26 23:00:00")
        records = "; ".join(record(userid, number, end) for number, end in enumerate(ends))
        if engine == "postgres":
            psql(records, url.rsplit("/", 1)[1])
        else:
            server.stop()
            with contextlib.closing(sqlite3.connect(server.folder / "strowger.db")) as file:
                file.executescript(records)
            server.start()
        days = {row["day"]: row["calls"] for row in server.table_of("cdr", days=36500, by="day")}
        assert days == {"2025-10-25": "1", "2025-10-26": "2", "2025-10-27": "1"}
        shown = [row["datum"] for row in server.table_of("cdr", days=36500)]
        assert shown == ["2025-10-27 00:00:00", "2025-10-26 23:59:59", "2025-10-26 00:00:00", "2025-10-25 23:59:59"]
        assert [row["datum"] for row in server.cdrs()][0] == "2025-10-25 21:59:59", "db shows what is stored"
        reported = {row["day"]: row["calls"] for row in server.table_of("reports", days=3660)}
        assert reported == days
        files = server.table_of("gencdr", fromdate="2025-10-25", todate="2025-10-27")
        assert [row["records"] for row in files] == ["1", "2", "1"], files
