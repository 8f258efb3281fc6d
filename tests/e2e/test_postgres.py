"""The exchange on PostgreSQL: calls, money, a crash, SQL from outside, and a database that goes away.

Runs where STROWGER_TEST_POSTGRES names a server, such as postgres://postgres@127.0.0.1:5432.
"""

import random
import re
import subprocess

import pytest

from phone import Phone
from postgres import POSTGRES, database, needs_postgres, psql
from strowger import Server, Sipp, caller, callee, parse_table, wait_for

pytestmark = needs_postgres


@pytest.fixture
def server(database):
    with Server(database=f"{POSTGRES}/{database}") as running:
        yield running


def test_a_call_is_made_billed_and_recorded(server, database):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    with Sipp("uas") as trunk:
        server.trunk("gate", trunk.port, "49")
        caller(server, "alice", "4930123", hold_ms=1500).finish()
        trunk.finish()
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    billed = round(float(cdr["costenduser"]) * 1e6)
    assert billed in (200_000, 300_000) and cdr["disccode"] == "200", cdr
    assert round((10 - server.credit("alice")) * 1e6) == billed
    assert server.ledger_sums() == {"USD": "0"}
    assert psql("select count(*) from tb_cdrs where callednumber = '4930123'", database) == "1"
    assert not (server.folder / "strowger.db").exists()


@pytest.mark.parametrize("moment", range(3))
def test_kill_during_a_call(server, moment):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    ports = dict(sipport=server.ready["sip"], mainaport=server.ready["main"])
    with Sipp("uas") as trunk:
        server.trunk("gate", trunk.port, "49")
        with caller(server, "alice", "4930123", "uac-bye-by-callee") as phone:
            wait_for(lambda: server.calls() and server.calls()[0]["state"] == "speaking", 10, "the answer")
            pause = random.Random(moment).uniform(0, 1.5)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(pause)
            server.kill()
            server.start(**ports)
            phone.finish()
            trunk.finish()
    [cdr] = server.cdrs()
    assert round((10 - server.credit("alice")) * 1e6) == round(float(cdr["costenduser"]) * 1e6) <= 6_000_000
    assert server.ledger_sums() == {"USD": "0"}


def test_the_documented_queries(server):
    userid = server.account("X", credit=2)
    assert server.table("select top 1 username from tb_users")[0]["username"]
    registered = ("select top 1 id from tb_users where username = 'X' and status > 0 and statusdate > getdate() - 0.1"
                  " and Enabled <> 0 and temporarydisabled <> 1")
    assert server.table(registered) == []
    with Phone(("127.0.0.1", server.ready["sip"]), "X") as phone:
        phone.register()
        assert server.table(registered) == [{"id": str(userid)}]
    assert parse_table(server.sql("SELECT TOP 1 * FROM tb_cdrs WITH(NOLOCK) WHERE datum > getdate() - 1 AND sipcallid = 'xyz'")) == []
    [money] = server.table(f"select credit, postpaid from tb_users where id = {userid}")
    assert (float(money["credit"]), money["postpaid"]) == (2, "0")
    assert server.sql("insert into tb_users (type, username, password, name, email, credit, postpaid)"
                      " values (0,'u','p','n','e',0,0)") == "OK: 1"
    assert server.api("balance", user="u", password="p") == "Your credit is $0"
    [logged_in] = server.table("select id from tb_users with(nolock) where username = 'u' and password = 'p' and type = 0"
                               " and enabled <> 0 and temporarydisabled <> 1")
    assert logged_in["id"]


def test_sql_from_outside_acts_within_a_second(server, database):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    balance = lambda password: server.api("balance", user="alice", password=password)
    psql("update tb_users set password = 'from-outside' where username = 'alice'", database)
    wait_for(lambda: balance("from-outside").startswith("Your credit"), 2, "the new password")
    assert balance("alicepw").startswith("ERROR: auth failed")
    psql("update tb_billentries set price = 1.5 where prefix = '49'", database)
    rating = lambda: server.api("rating", user="alice", password="from-outside", bnum="4930")
    wait_for(lambda: rating().startswith("1.5 USD/min"), 2, "the new price")
    psql("update tb_users set enabled = 0 where username = 'alice'", database)
    wait_for(lambda: balance("from-outside").startswith("ERROR"), 2, "the block")
    with Phone(("127.0.0.1", server.ready["sip"]), "alice", password="from-outside") as phone:
        assert phone.authenticated("REGISTER", to="<sip:alice@strowger>").status in (401, 403)


def test_a_clear_password_from_outside_is_sealed_and_works(server, database):
    psql("insert into tb_users (type, username, password, name, email, credit, postpaid)"
         " values (0, 'outsider', 'very-clear-secret', 'n', 'e', 4, 0)", database)
    wait_for(lambda: server.api("balance", user="outsider", password="very-clear-secret") == "Your credit is $4", 3, "the account")
    with Phone(("127.0.0.1", server.ready["sip"]), "outsider", password="very-clear-secret") as phone:
        phone.register()
    dump = lambda: subprocess.run(["pg_dump", f"{POSTGRES}/{database}"], capture_output=True, text=True, timeout=60).stdout
    wait_for(lambda: "very-clear-secret" not in dump(), 3, "its encryption")
    assert "outsider" in dump()
    assert server.ledger_sums() == {"USD": "0"}


def test_credit_written_from_outside_is_booked(server, database):
    server.account("alice", credit=1)
    psql("update tb_users set credit = credit + 2.5 where username = 'alice'", database)
    wait_for(lambda: server.credit("alice") == 3.5, 2, "the credit")
    assert server.ledger_sums() == {"USD": "0"}
    userid = psql("select id from tb_users where username = 'alice'", database)
    assert psql(f"select sum(amount) from ledger where account_id = {userid} and unit = 'USD'", database) == "3500000"


def test_heartbeat_tells_that_the_database_is_gone_and_back(server, database):
    server.account("alice", credit=10)
    server.account("bob")
    heartbeat = lambda: server.api("heartbeat", mode="full")
    assert heartbeat().startswith("OK"), heartbeat()
    psql(f"alter database {database} allow_connections false")
    psql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")
    try:
        wait_for(lambda: heartbeat().startswith("ERROR"), 10, "the ERROR")
        assert re.search("database|store", heartbeat(), re.I), heartbeat()
        with Phone(("127.0.0.1", server.ready["sip"]), "alice") as phone:
            phone.register()
    finally:
        psql(f"alter database {database} allow_connections true")
    wait_for(lambda: heartbeat().startswith("OK"), 15, "its recovery")
    with callee(server, "bob") as bob:
        caller(server, "alice", "bob").finish()
        bob.finish()
    assert wait_for(server.cdrs, 5, "the CDR")
    assert server.ok("addcredit", targetuser="alice", credit=1) == "OK: credit is 11"


def test_a_call_that_ends_without_the_database_is_settled_later(server, database):
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    with Sipp("uas") as trunk:
        server.trunk("gate", trunk.port, "49")
        with caller(server, "alice", "4930123", hold_ms=2500) as phone:
            wait_for(lambda: server.calls() and server.calls()[0]["state"] == "speaking", 10, "the answer")
            psql(f"alter database {database} allow_connections false")
            psql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'")
            phone.finish()
            trunk.finish()
            psql(f"alter database {database} allow_connections true")
    [cdr] = wait_for(lambda: server.api("heartbeat", mode="full").startswith("OK") and server.cdrs(), 20, "the CDR")
    assert round((10 - server.credit("alice")) * 1e6) == round(float(cdr["costenduser"]) * 1e6) > 0
    assert server.ledger_sums() == {"USD": "0"}
