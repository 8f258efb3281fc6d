"""`kill -9` at random moments of calls: afterwards exactly one CDR each, the right charge, a BYE, a ledger that sums."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from phone import Phone
from strowger import Sipp, caller, wait_for

SEED = 20


@pytest.mark.parametrize("moment", range(20))
def test_kill_at_a_random_moment(server, moment):
    after_s = random.Random(SEED + moment).uniform(0.0, 2.5)
    server.account("alice", credit=10)
    server.price("49", 6, step=1)
    ports = dict(sipport=server.ready["sip"], mainaport=server.ready["main"])
    with Sipp("uas", timeout=40) as trunk:
        server.trunk("gate", trunk.port, "49")
        with caller(server, "alice", "4930123", "uac-bye-by-callee", timeout=40) as phone:
            if moment % 2:
                # Half of the moments lie in the conversation, half anywhere between the INVITE and its end.
                wait_for(lambda: server.calls() and server.calls()[0]["state"] == "speaking", 10, "the answer")
            wait_for_wall(after_s)
            server.kill()
            server.start(**ports)
            if moment % 2:
                # Both ends are told: their scenarios end well only after a BYE.
                phone.finish()
                trunk.finish()
    rows = server.cdrs()
    assert len(rows) <= 1, rows
    spent = round((10 - server.credit("alice")) * 1e6)
    assert spent == sum(round(float(row["costenduser"]) * 1e6) for row in rows)
    if moment % 2:
        assert len(rows) == 1, rows
        # Billed to the last touch: never more than was spoken, never a slice more.
        assert 0 <= spent <= 6_000_000
    assert server.ledger_sums() == {"USD": "0"}


def wait_for_wall(seconds):
    """The moment of the crash is a moment of the wall clock: that is what the test is about."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("number", ["bob", "4930123"])
def test_what_rings_at_the_moment_of_a_kill_is_ended(server, number):
    server.account("alice", credit=10)
    server.account("bob")
    server.price("49", 6, step=1)
    ports = dict(sipport=server.ready["sip"], mainaport=server.ready["main"])
    address = ("127.0.0.1", server.ready["sip"])
    with Phone(address, "alice", timeout=90) as alice, Phone(address, "bob", timeout=90) as callee, ThreadPoolExecutor(1) as other:
        if number == "bob":
            callee.register()
        else:
            server.trunk("gate", callee.socket.getsockname()[1], "49")
        final = other.submit(alice.invite, number)
        invite = callee.receive("INVITE ")
        callee.answer(invite, "180 Ringing")
        wait_for(lambda: server.calls() and server.calls()[0]["state"] == "ringing", 10, "the ringing")
        server.kill()
        server.start(**ports)
        cancel = callee.receive("CANCEL ")
        # A trunk that may have asked for credentials gets more than one: this is the one of its INVITE.
        while cancel.header("Via") != invite.header("Via"):
            cancel = callee.receive("CANCEL ")
        for same in ("From", "To", "Call-ID"):
            assert cancel.header(same) == invite.header(same), (cancel, invite)
        assert cancel.header("CSeq") == invite.header("CSeq").replace("INVITE", "CANCEL")
        assert cancel.split()[1] == invite.split()[1], "the same Request-URI"
        callee.answer(cancel)
        callee.answer(invite, "487 Request Terminated")
        assert callee.receive("ACK ").header("Call-ID") == invite.header("Call-ID")
        refusal = final.result(90)
        assert refusal.status == 503 and int(refusal.header("Retry-After")) > 0, refusal
        assert refusal.header("To") == next(r for r in alice.provisional if r.status == 180).header("To")
    row, = server.cdrs()
    assert float(row["costenduser"]) == 0 and "recovered" in row.values(), row
    assert server.credit("alice") == 10 and server.ledger_sums() == {"USD": "0"}
    # Nothing of the call is held any more: all of the credit can be spent.
    assert server.table("select count(*) as n from hold")[0]["n"] == "0"
    assert server.calls() == []
