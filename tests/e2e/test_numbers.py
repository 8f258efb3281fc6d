"""Numbers: the pool, forwarding, and callers that are known by their number."""

from concurrent.futures import ThreadPoolExecutor

from strowger import Sipp, callee, caller, free_port, wait_for


def credentials(name):
    return {"user": name, "password": name + "pw"}


def test_one_of_twenty_gets_the_number_and_calls_to_it_reach_the_winner(server):
    server.sql("insert into tb_phonenumbers (number) values ('3612345678')")
    names = [f"user{number}" for number in range(20)]
    for name in names:
        server.account(name)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda name: server.api("lockphonenumber", num="3612345678", **credentials(name)), names))
    winners = [name for name, answer in zip(names, answers) if answer.startswith("OK")]
    assert len(winners) == 1, answers
    assert "3612345678" not in server.ok("getphonenumber", count=10)
    port = free_port()
    server.trunk("gate", port, "49")
    with callee(server, winners[0]) as winner:
        caller(server, "49301", "3612345678", "uac-plain", local_port=port).finish()
        winner.finish()


def test_forwarding_is_where_calls_go(server):
    for name in ("alice", "bob", "carol"):
        server.account(name)
    server.ok("callforward", anum="carol", **credentials("bob"))
    with callee(server, "carol") as carol:
        caller(server, "alice", "bob").finish()
        carol.finish()
    assert server.ok("calldivert", callforwardalways="", **credentials("bob")).strip() == "OK: always= busy= noanswer="
    with callee(server, "bob") as bob:
        caller(server, "alice", "bob").finish()
        bob.finish()


def test_a_known_caller_is_billed_at_the_access_number_and_an_unknown_one_refused(server):
    alice = server.account("alice", credit=10)
    server.price("49", 0.6)
    server.ok("cli", anum="36301234567", **credentials("alice"))
    server.sql("insert into tb_users (type, username, password, forwardalways) values (10, '361555', 'nobody-knows', '4930123')")
    port = free_port()
    server.trunk("incoming", port, "77")
    with Sipp("uas") as gate:
        server.trunk("gate", gate.port, "49")
        caller(server, "36301234567", "361555", "uac-plain", local_port=port).finish()
        gate.finish()
    rows = wait_for(lambda: [row for row in server.cdrs() if row["callednumber"] == "4930123"], 5, "the CDR")
    assert int(rows[0]["callerid"]) == alice and float(rows[0]["costenduser"]) > 0
    assert server.credit("alice") < 10
    caller(server, "36309999999", "361555", "uac-refused-plain", local_port=port, replace={"STATUS": 403}).finish()


def test_a_call_from_a_callback_number_is_declined_and_called_back(server):
    server.account("alice", credit=10)
    server.price("3630", 0.6)
    server.sql("insert into tb_users (type, username, password, iscallback) values (10, '361555', 'nobody-knows', 1)")
    assert server.ok("callbackaccessnumber", **credentials("alice")).strip() == "OK: 361555"
    server.ok("addcallbacknumber", num="36301234567", **credentials("alice"))
    port = free_port()
    server.trunk("incoming", port, "77")
    with Sipp("uas-bye", keys={"hold_ms": 1000}) as mobile, callee(server, "alice") as phone:
        server.trunk("gate", mobile.port, "3630")
        caller(server, "36301234567", "361555", "uac-refused-plain", local_port=port, replace={"STATUS": 480}).finish()
        mobile.finish()
        phone.finish()
    wait_for(lambda: {row["callednumber"] for row in server.cdrs() if row["disccode"] == "200"} == {"36301234567", "alice"},
             5, "both CDRs")
    assert server.credit("alice") < 10
