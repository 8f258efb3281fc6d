"""Actions of tb_api that reach beyond the database: telephones, programs, the machine, the process, the connections.

Each is seen by its effect, after a success and after a failure, and refused where the start-up file does not allow it.
"""

import json
import threading

import pytest

from phone import Phone
from strowger import Server, wait_for
from test_operating import Echo
from test_postgres import POSTGRES, database, psql  # noqa: F401 a fixture


def row(server, name, action, body=""):
    """A row of tb_api for a command, in force."""
    quoted = body.replace("'", "''")
    server.sql(f"delete from tb_api where fname = '{name}'")
    server.sql(f"insert into tb_api (fname, custom_action, custom_action_body) values ('{name}', {action}, '{quoted}')")
    return server.api("apireload")


def outcomes(server, name, what):
    statement = f"select outcome from audit where command = 'action' and object = '{name} {what}' order by id"
    return [found["outcome"] for found in server.table(statement)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An exchange whose helpers write down how they were called."""
    folder = tmp_path_factory.mktemp("actions")
    scripts = {}
    for name in ("note", "machine"):
        script = scripts[name] = folder / name
        script.write_text(f'#!/bin/sh\necho "$#:$*" >> {folder}/{name}.calls\n')
        script.chmod(0o700)
    with Server(hostcontrol="true", hostcommands=f"note={scripts['note']} fixed *", hostrestart=scripts["machine"]) as running:
        running.notes, running.machine = folder / "note.calls", folder / "machine.calls"
        running.account("alice", 5)
        yield running


def written(path):
    return path.read_text().splitlines() if path.exists() else []


def test_a_telephone_rings(shared):
    shared.account("bob")
    assert row(shared, "status", 3, "***TO bob").startswith("OK")
    with Phone(("127.0.0.1", shared.ready["sip"]), "bob", timeout=30) as phone:
        phone.register()
        # A request that fails rings nobody.
        assert shared.api("status", user="alice", password="wrong").startswith("ERROR")
        assert shared.api("status", user="alice", password="alicepw").startswith("OK")
        invite = phone.receive("INVITE")
        assert "sip:bob" in invite.splitlines()[0]
        phone.answer(invite, status="486 Busy Here")
        wait_for(lambda: not shared.calls(), 30, "the end of the attempt")
    assert len(outcomes(shared, "status", "ring")) == 1 and outcomes(shared, "status", "ring")[0].startswith("OK ")
    row(shared, "status", 0)


@pytest.mark.parametrize(("action", "fails"), [(7, False), (57, True)])
def test_a_listed_program_runs_with_its_values_as_words(shared, action, fails):
    good, bad = {"userusername": "alice"}, {}
    meant, other = (bad, good) if fails else (good, bad)
    before, audited = len(written(shared.notes)), len(outcomes(shared, "verifyuser", "program"))

    def ask(mark, fields):
        assert shared.api("verifyuser", user="alice", password="alicepw", mark=mark, **fields).startswith("ERROR") == (fields == bad)

    assert row(shared, "verifyuser", action, "note {username} {mark}").startswith("OK")
    ask("unseen", other)
    # Actions run one after the other, so that the last outcome says that all did.
    for mark in (f"seen{action}", "--option", "two words"):
        ask(mark, meant)
    wait_for(lambda: len(outcomes(shared, "verifyuser", "program")) == audited + 3, 60, "three outcomes")
    refused = "invalid parameter: a value with blanks, quotation marks or a leading dash is no argument"
    assert outcomes(shared, "verifyuser", "program")[audited:] == ["OK", refused, refused]
    assert written(shared.notes)[before:] == [f"3:fixed alice seen{action}"], "only the asked-for outcome, each value one word"
    assert row(shared, "verifyuser", action, "other {mark}").startswith("OK")
    ask("x", meant)
    wait_for(lambda: len(outcomes(shared, "verifyuser", "program")) == audited + 4, 60, "the fourth outcome")
    assert outcomes(shared, "verifyuser", "program")[-1].startswith("access denied: "), "it is not listed"
    assert len(written(shared.notes)) == before + 1
    row(shared, "verifyuser", 0)


@pytest.mark.parametrize(("action", "fails"), [(6, False), (56, True)])
def test_the_machine_is_rebooted_by_the_helper(shared, action, fails):
    before = len(written(shared.machine))
    assert row(shared, "verifyuser", action).startswith("OK")
    ask = lambda **fields: shared.api("verifyuser", user="alice", password="alicepw", **fields)
    first, second = ({"userusername": "alice"}, {}) if fails else ({}, {"userusername": "alice"})
    assert ask(**first).startswith("ERROR") != fails
    assert ask(**second).startswith("ERROR") == fails
    wait_for(lambda: len(outcomes(shared, "verifyuser", "reboot")) == (2 if fails else 1), 30, "the reboot")
    assert written(shared.machine)[before:] == ["0:"], "once, without an argument"
    row(shared, "verifyuser", 0)


@pytest.mark.skipif(not POSTGRES, reason="STROWGER_TEST_POSTGRES does not name a server")
def test_connections_to_the_database_are_made_anew(database):  # noqa: F811
    with Server(database=f"{POSTGRES}/{database}") as server:
        server.account("alice", 5)
        assert row(server, "status", 5).startswith("OK")
        connected = lambda: set(psql(f"select pid from pg_stat_activity where datname = '{database}' and pid <> pg_backend_pid()").split())
        before = connected()
        assert before
        assert server.api("status", user="alice", password="alicepw").startswith("OK")
        wait_for(lambda: not before & connected(), 30, "other connections")
        assert connected() and server.credit("alice") == 5
        [outcome] = wait_for(lambda: outcomes(server, "status", "restart database"), 30, "the record")
        assert outcome.startswith("OK ")


@pytest.mark.parametrize("action", [4, 54])
def test_the_process_restarts_when_the_calls_ended(action):
    with Server(hostcontrol="true", draintimeout=600) as server:
        server.account("alice", 5)
        assert row(server, "verifyuser", action).startswith("OK")
        before, ready = server.ready, server.folder / "ready.json"
        inode = ready.stat().st_ino
        with Echo(server) as call:
            call.hears()
            fields = {"userusername": "alice"} if action == 4 else {}
            answer = server.api("verifyuser", user="alice", password="alicepw", **fields)
            assert answer.startswith("ERROR") == (action == 54), answer
            wait_for(lambda: "draining" in server.log_text(), 30, "the drain")
            call.hears()
            call.phone.bye(call.answer)
        wait_for(lambda: ready.exists() and ready.stat().st_ino != inode and server.log_text().count(" ready ") >= 2, 60, "the restart")
        assert server.process.poll() is None and json.loads(ready.read_text()) == before, "the same process on the same ports"
        assert server.credit("alice") == 5
        [cdr] = server.cdrs()
        assert cdr["disccode"] == "200", cdr
        assert outcomes(server, "verifyuser", "restart") == ["OK"]


def test_without_the_capability_the_row_is_refused_and_nothing_runs(tmp_path):
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    helper.chmod(0o700)
    with Server(hostcommands=f"note={helper}", hostrestart=helper) as server:
        server.account("alice", 5)
        for action in (4, 6, 7, 54, 56, 57):
            answer = row(server, "status", action, "note")
            assert answer == (f"ERROR: invalid parameter: tb_api row status: custom_action {action}: "
                              "not available: hostcontrol is off in the start-up file"), answer
            assert server.api("status", user="alice", password="alicepw").startswith("OK")
        for action in (9, 53, 55, 59):
            assert "custom_action must be" in row(server, "status", action, "note")
        assert server.api("cmd", txt="note").startswith("ERROR: access denied") and not (tmp_path / "ran").exists()
        assert server.process.poll() is None and server.table("select id from audit where command = 'action'") == []
