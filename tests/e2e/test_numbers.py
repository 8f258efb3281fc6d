"""Numbers: the pool, forwarding, and callers that are known by their number."""

import re
import socket
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


def test_a_ported_number_goes_where_its_operator_is(server):
    """Rows of tb_portednumbers act on calls, on routingtest and on the scanner, and go again."""
    server.account("alice", credit=10)
    server.price("49", 0.6)
    home, north = free_port(), free_port()
    server.trunk("home", home, "49")
    server.trunk("north", north, "4977")
    number = "4930123456"

    def test(called):
        return server.ok("routingtest", caller="alice", called=called)

    assert "north" not in test(number)
    server.sql(f"insert into tb_portednumbers (number, routingnumber, operator) values ('{number}', '4977', 'North')")
    wait_for(lambda: f"{number} is ported to North, routed as 4977" in test(number), 10, "the ported number")
    assert "1. north" in test(number) and "1. home" in test("4930123457")
    with Sipp("uas", keys={"hold_ms": 200}, local_port=north) as trunk:
        caller(server, "alice", number).finish()
        trunk.finish()
    record = server.cdrs()[-1]
    assert record["callednumber"] == number and float(record["costenduser"]) > 0
    # One without a routing number is known, and routed as it is.
    server.sql(f"update tb_portednumbers set routingnumber = '' where number = '{number}'")
    wait_for(lambda: "1. home" in test(number), 10, "the changed row")
    row = server.table("select id from tb_portednumbers")[0]["id"]
    assert server.ok("setfield", table="tb_portednumbers", fieldname="routingnumber", fieldvalue="4977", rowid=row)
    wait_for(lambda: "1. north" in test(number), 10, "the field")
    server.sql("delete from tb_portednumbers")
    wait_for(lambda: "ported" not in test(number), 10, "the end of the row")


def test_free_numbers_that_do_not_fit_a_datagram_go_on_at_a_cursor(server):
    server.sql("insert into tb_phonenumbers (number, location) values "
               + ", ".join(f"('36{number:09}', 'somewhere {number}')" for number in range(60)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)

        def ask(cursor):
            query = f"/mvapireq/?apientry=getphonenumber&authid=admin&authpwd=first-exchange&count=60{cursor}"
            client.sendto(query.encode(), ("127.0.0.1", server.ready["udp"]))
            return client.recv(4096).decode()

        seen, cursor, pages = [], "", 0
        while True:
            answer = ask(cursor)
            assert len(answer) <= 1490
            rows = answer.splitlines()[2:]
            seen += [row.split("\t")[0] for row in rows]
            pages += 1
            more = re.match(r"OK: \d+ cursor:(\d+)\n", answer)
            if not more:
                break
            cursor = f"&cursor={more.group(1)}"
        assert seen == [f"36{number:09}" for number in range(60)], "each once, in order"
        assert pages > 1


def test_a_missing_row_of_a_table_is_named_by_its_table(server):
    assert server.api("setfield", table="tb_routing", fieldname="name", fieldvalue="x", rowid=4711) == \
        "ERROR: not found: tb_routing row 4711"
    assert server.api("setfield", fieldname="name", fieldvalue="x", rowid=4711) == "ERROR: not found: rowid 4711"


def test_a_call_that_no_trunk_takes_has_failed_and_its_number_is_not_unknown(server):
    server.account("alice", credit=10)
    server.price("49", 0.6)
    assert server.api("p2p", anum="4930123456", bnum="4930123457", **credentials("alice")) == "ERROR: failed: no route"
    assert server.api("p2p", anum="nobody-here", bnum="4930123457", **credentials("alice")) == "ERROR: not found: dialled user"
