"""Prepaid credit under concurrency: twenty calls on one balance, one code redeemed once."""

from concurrent.futures import ThreadPoolExecutor

from strowger import ADMIN, Sipp, caller, wait_for


def test_twenty_overlapping_calls_never_take_a_balance_below_zero(server):
    server.account("alice", credit=0.5)
    server.price("49", 6, step=1)
    with Sipp("uas", calls=20, timeout=60) as trunk:
        server.trunk("gate", trunk.port, "49")
        # 0.5 buys five seconds in all. Twenty calls want three seconds each; some are refused, some are cut.
        load = Sipp("uac", server.sip, calls=20, rate=40, service="4930123",
                    keys={"caller": "alice", "password": "alicepw", "hold_ms": 3000}, timeout=30)
        seen = []

        def settled():
            seen.append(server.credit("alice"))
            return load.process.poll() is not None and not server.calls()

        wait_for(settled, 60, "the end of all calls")
    assert min(seen) >= 0, seen
    rows = server.cdrs()
    assert len(rows) == 20, len(rows)
    charged = sum(round(float(row["costenduser"]) * 1e6) for row in rows)
    assert charged == round((0.5 - server.credit("alice")) * 1e6), (charged, server.credit("alice"))
    assert 0 < charged <= 500_000
    assert server.ledger_sums() == {"USD": "0"}


def test_a_recharge_code_is_redeemed_exactly_once(server):
    for number in range(5):
        server.account(f"user{number}", credit=0)
    server.sql("insert into tb_prepaidcodes (code, value, currency, used) values ('8812345', 5, 'USD', 0)")

    def redeem(number):
        user = f"user{number % 5}"
        return server.api("charge", user=user, password=user + "pw", anum="8812345")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(redeem, range(20)))
    assert sum(answer.startswith("OK: credit is 5") for answer in answers) == 1, answers
    assert sum(server.credit(f"user{number}") for number in range(5)) == 5


def test_transfer_is_atomic_and_never_below_zero(server):
    server.account("giver", credit=3)
    server.account("taker", credit=0)

    def transfer(_):
        return server.api("transfercredit", user="giver", password="giverpw", username="taker", credit=1)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(transfer, range(10)))
    assert sum(answer.startswith("OK") for answer in answers) == 3, answers
    assert (server.credit("giver"), server.credit("taker")) == (0, 3)


def test_the_same_request_has_its_effect_once(server):
    server.account("alice", credit=0)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(
            lambda _: server.api("addcredit", user=ADMIN, targetuser="alice", credit=2, requestid="r-1"), range(10)))
    assert all(answer.startswith("OK: credit is 2") for answer in answers), answers
    assert server.credit("alice") == 2
