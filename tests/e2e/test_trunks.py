"""Trunks played by SIPp: by address, by a 407, by outbound registration, with failover."""

import pytest

from strowger import Sipp, callee, caller, free_port, wait_for


def test_user_to_trunk_is_billed(server):
    server.account("alice", credit=10)
    server.price("49", 0.6)
    with Sipp("uas") as trunk:
        server.trunk("gate", trunk.port, "49")
        caller(server, "alice", "4930123", hold_ms=1500).finish()
        trunk.finish()
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    assert cdr["callednumber"] == "4930123" and cdr["disccode"] == "200"
    billed = float(cdr["costenduser"])
    # 0.6 a minute by the second, for 1.5 s of conversation: two seconds, or three on a slow machine.
    assert billed in (0.02, 0.03), cdr
    assert server.credit("alice") == pytest.approx(10 - billed)


def test_a_trunk_known_by_its_address_leaves_the_phones_there_alone(server):
    """As `addserver` makes one by default. The address is everybody's here, as on a machine of one's own."""
    userid = server.account("alice", credit=10)
    server.price("49", 0.6)
    with Sipp("uas") as trunk:
        server.ok("addserver", u_type=0, u_name="gate", u_ip=f"127.0.0.1:{trunk.port}")
        caller(server, "alice", "4930123", hold_ms=1500).finish()
        trunk.finish()
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    assert (cdr["callerid"], cdr["payerid"]) == (str(userid), str(userid)) and float(cdr["costenduser"]) > 0, cdr
    assert server.credit("alice") == pytest.approx(10 - float(cdr["costenduser"]))
    with callee(server, "alice") as phone:
        caller(server, "49301", "alice", "uac-plain").finish()
        phone.finish()


@pytest.mark.parametrize("challenge", ["uas-401", "uas-407"])
def test_trunk_that_challenges_gets_its_own_credentials(server, challenge):
    server.account("alice", credit=10)
    server.price("49", 0.6)
    with Sipp(challenge, keys={"caller": "gate", "password": "gatepw", "hold_ms": 0}) as trunk:
        server.trunk("gate", trunk.port, "49")
        caller(server, "alice", "4930123").finish()
        trunk.finish()


def test_outbound_registration_answers_the_challenge(server):
    with Sipp("registrar", keys={"caller": "gate", "password": "gatepw"}) as registrar:
        server.trunk("gate", registrar.port, "49", fieldname0="needregister", fieldval0=1)
        registrar.finish()


def test_trunk_to_user_by_number_and_by_address(server):
    bob_id = server.account("bob")
    port = free_port()
    server.trunk("gate", port, "49")
    server.sql(f"insert into tb_phonenumbers (number, free, userid) values ('3612345678', 0, {bob_id})")
    with callee(server, "bob") as bob:
        caller(server, "49301", "3612345678", "uac-plain", local_port=port).finish()
        bob.finish()
    [cdr] = wait_for(server.cdrs, 5, "the CDR")
    assert cdr["callednumber"] == "3612345678"


@pytest.mark.parametrize("failing", ["uas-status", "uas-silent"])
def test_failover_to_the_next_trunk(server, failing):
    server.account("alice", credit=10)
    server.price("49", 0.6)
    with Sipp(failing, keys={"status": 503, "hold_ms": 100}) as bad, Sipp("uas") as good:
        server.trunk("bad", bad.port, "49", priority=1)
        server.trunk("good", good.port, "49", priority=2)
        caller(server, "alice", "4930123", timeout=60).finish(90)
        good.finish()
    rows = wait_for(lambda: [row for row in server.cdrs() if row["disccode"] == "200"], 5, "the CDR")
    assert len(rows) == 1


def test_busy_trunk_is_not_tried_elsewhere(server):
    server.account("alice", credit=10)
    server.price("49", 0.6)
    with Sipp("uas-status", keys={"status": 486}) as busy, Sipp("uas") as other:
        server.trunk("busy", busy.port, "49", priority=1)
        server.trunk("other", other.port, "49", priority=2)
        caller(server, "alice", "4930123", "uac-refused", replace={"STATUS": 486}).finish()
        busy.finish()


def test_no_credit_is_402_and_no_price_403(server):
    server.account("poor", credit=0)
    server.price("49", 0.6)
    server.trunk("gate", free_port(), "4")
    caller(server, "poor", "4930123", "uac-refused", replace={"STATUS": 402}).finish()
    caller(server, "poor", "4130123", "uac-refused", replace={"STATUS": 403}).finish()


def test_forward_always_writes_two_records(server):
    server.account("alice", credit=10)
    server.account("bob", credit=10, forwardalways="4930123")
    server.price("49", 0.6)
    with Sipp("uas") as trunk:
        server.trunk("gate", trunk.port, "49")
        caller(server, "alice", "bob").finish()
        trunk.finish()
    rows = wait_for(lambda: len(server.cdrs()) == 2 and server.cdrs(), 5, "both CDRs")
    assert any(row["mark"] == "FWD" for row in rows)
    assert server.credit("alice") == 10 and server.credit("bob") < 10


def test_fork_rings_all_and_cancels_the_losers(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-ring") as loser, callee(server, "bob") as winner:
        caller(server, "alice", "bob").finish()
        winner.finish()
        loser.finish()
    rows = wait_for(server.cdrs, 5, "the CDR")
    assert len(rows) == 1, rows
