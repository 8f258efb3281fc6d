"""`kill -9` at random moments of calls: afterwards exactly one CDR each, the right charge, a BYE, a ledger that sums."""

import random
import threading

import pytest

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

