"""What a call costs, to the last micro-unit: prices, steps, minimum, fees, free minutes, resellers, servers."""

import re
import time
from contextlib import contextmanager

import pytest

from phone import SDP, Phone
from strowger import Server, Sipp, caller, free_port, wait_for


@pytest.fixture(scope="module")
def exchange():
    """One exchange for all: a trunk for 49, and a price list."""
    with Server(rtptimeout=60) as running:
        running.port = free_port()
        running.gate, _ = running.trunk("gate", running.port, "49")
        running.price("49", 0.6)
        yield running


def micro(text):
    return round(float(text) * 1e6)


def talk(server, user, number, hold_ms=1300):
    """One call that is answered and ended by the caller; its record."""
    with Sipp("uas", local_port=server.port) as trunk:
        caller(server, user, number, hold_ms=hold_ms).finish()
        trunk.finish()
    find = lambda: server.table("select c.*, d.duration_ms from tb_cdrs c, cdr d where c.id = d.id"
                                f" and c.callednumber = '{number}'")
    rows = wait_for(find, 5, "the CDR")
    assert len(rows) == 1 and rows[0]["disccode"] == "200", rows
    return rows[0]


def price(server, prefix, price, step=1, minimum=0, connect=0, extra=""):
    server.price(prefix, price, step=step, minimum=minimum, connect=connect)
    if extra:
        server.sql(f"update tb_billentries set {extra} where prefix = '{prefix}'")


def seconds(cdr, step=1):
    """Billed seconds of a record: whole begun steps."""
    return -(-int(cdr["duration_ms"]) // (step * 1000)) * step


@pytest.mark.parametrize("prefix,per_minute,step,minimum,fee", [
    ("4911", "0.6", 1, 0, "0"), ("4912", "0.6", 6, 0, "0"), ("4913", "0.6", 60, 0, "0"), ("4914", "0.6", 1, "0.5", "0"), ("4915", "0.6", 6, "0.07", "0.05"),
    ("4916", "0", 1, 0, "0.25"), ("4917", "0.0123456", 1, 0, "0"),
])
def test_step_minimum_and_fee(exchange, prefix, per_minute, step, minimum, fee):
    user = "u" + prefix
    exchange.account(user, credit=10)
    price(exchange, prefix, per_minute, step, minimum, fee)
    cdr = talk(exchange, user, prefix + "001")
    time = (micro(per_minute) * seconds(cdr, step) + 30) // 60
    expected = max(time, micro(minimum)) + micro(fee)
    assert 1300 <= int(cdr["duration_ms"]) < 3000, cdr
    assert micro(cdr["costenduser"]) == expected, cdr
    # Whoever has only the documented record finds the charge in it.
    assert int(cdr["realduration"]) == seconds(cdr) and int(cdr["billingstep"]) == step, cdr
    assert micro(exchange.credit(user)) == 10_000_000 - expected
    assert exchange.ledger_sums()["USD"] == "0"


def test_free_minutes_of_a_packet_come_before_credit(exchange):
    exchange.account("frugal", credit=1)
    exchange.sql("insert into tb_packets (name, freeminutes) values ('start', 1)")
    packet = exchange.table("select id from tb_packets where name = 'start'")[0]["id"]
    exchange.sql(f"update tb_users set packetid = {packet}, freeminutesleft = 1 where username = 'frugal'")
    price(exchange, "4920", 0.6)
    cdr = talk(exchange, "frugal", "4920001")
    assert micro(cdr["costenduser"]) == 0, cdr
    assert exchange.credit("frugal") == 1
    [left] = exchange.table("select freeminutesleft from tb_users where username = 'frugal'")
    assert float(left["freeminutesleft"]) == pytest.approx(1 - seconds(cdr) / 60, abs=1e-5), left
    assert all(total == "0" for total in exchange.ledger_sums().values())


@pytest.mark.parametrize("way", ["setfield", "sql"])
def test_free_minutes_without_a_packet_come_before_credit_too(exchange, way):
    user, number = "saver" + way, {"setfield": "4922001", "sql": "4923001"}[way]
    userid = exchange.account(user, credit=1)
    price(exchange, number[:4], 0.6)
    if way == "sql":
        exchange.sql(f"update tb_users set freeminutesleft = 1 where id = {userid}")
    else:
        exchange.ok("setfield", fieldname="freeminutesleft", fieldvalue="1", rowid=userid)
    cdr = talk(exchange, user, number)
    assert micro(cdr["costenduser"]) == 0, cdr
    assert exchange.credit(user) == 1
    [left] = exchange.table(f"select freeminutesleft from tb_users where id = {userid}")
    assert float(left["freeminutesleft"]) == pytest.approx(1 - seconds(cdr) / 60, abs=1e-5), left


def test_postpaid_goes_below_zero(exchange):
    exchange.account("later", credit=0, postpaid=1)
    price(exchange, "4921", 0.6)
    cdr = talk(exchange, "later", "4921001")
    assert micro(cdr["costenduser"]) == 10_000 * seconds(cdr) > 0
    answer = exchange.ok("balance", targetuser="later")
    assert answer.startswith("Postpaid $-"), answer


def test_every_reseller_has_a_cost_row_and_the_server_its_price(exchange):
    """owner ← reseller ← enduser, each with a price list of its own, and one for what the trunk asks."""
    lists = {}
    for name, amount in (("retail", 1.2), ("wholesale", 0.6), ("backbone", 0.3), ("carrier", 0.12)):
        exchange.sql(f"insert into tb_billsources (name, currency, isdefault) values ('{name}', 'USD', 0)")
        lists[name] = exchange.table(f"select id from tb_billsources where name = '{name}'")[0]["id"]
        exchange.sql("insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, currency)"
                     f" values ({lists[name]}, '4930', 'Test', {amount}, 1, 'USD')")
    make = lambda kind, name, parent, source: exchange.sql(
        "insert into tb_users (type, username, password, name, currency, credit, parentid, billsourceid)"
        f" values ({kind}, '{name}', '{name}pw', '{name}', 'USD', 10, {parent}, {source})")
    number = lambda name: exchange.table(f"select id from tb_users where username = '{name}'")[0]["id"]
    make(2, "owner", 0, lists["backbone"])
    make(1, "seller", number("owner"), lists["wholesale"])
    make(0, "buyer", number("seller"), lists["retail"])
    exchange.sql(f"update tb_users set billsourceid = {lists['carrier']} where id = {exchange.gate}")
    cdr = talk(exchange, "buyer", "4930001")
    billed = seconds(cdr)
    assert micro(cdr["costenduser"]) == 20_000 * billed, cdr
    assert micro(cdr["costprovider"]) == 2_000 * billed, cdr
    rows = exchange.table(f"select * from tb_cdrresellers where cdrid = {cdr['id']}")
    cost = {row["resellerid"]: micro(row["cost"]) for row in rows}
    assert cost == {number("seller"): 10_000 * billed, number("owner"): 5_000 * billed}, rows
    for name, spent in (("buyer", 20_000), ("seller", 10_000), ("owner", 5_000)):
        assert micro(exchange.credit(name)) == 10_000_000 - spent * billed, name
    exchange.sql(f"update tb_users set billsourceid = 0 where id = {exchange.gate}")


def test_a_call_is_cut_at_the_end_of_the_credit(exchange):
    """0.03 buys three seconds at 0.6 a minute: both ends get a BYE, nothing is left, nothing is owed."""
    exchange.account("short", credit=0.03)
    price(exchange, "4940", 0.6)
    with Sipp("uas", local_port=exchange.port) as trunk:
        with caller(exchange, "short", "4940001", "uac-bye-by-callee") as phone:
            phone.finish(20)
        trunk.finish(20)
    [cdr] = wait_for(lambda: exchange.table("select * from tb_cdrs where callednumber = '4940001'"), 5, "the CDR")
    assert micro(cdr["costenduser"]) == 30_000 and exchange.credit("short") == 0, cdr
    assert int(cdr["realduration"]) in (3, 4), cdr


@contextmanager
def answering(server, number, sdp_port=9):
    """A registered phone that answers one call."""
    with Phone(("127.0.0.1", server.ready["sip"]), number) as phone:
        phone.register()
        yield phone


def test_credit_and_rating_are_told_to_the_payer_and_not_to_the_trunk(exchange):
    exchange.account("curious", credit=9.8)
    price(exchange, "4950", 0.6)
    with Sipp("uas", local_port=exchange.port) as trunk:
        with Phone(("127.0.0.1", exchange.ready["sip"]), "curious") as phone:
            answer = phone.invite("4950001")
            assert answer.status == 200, answer
            assert re.fullmatch(r"9\.80? USD", answer.header("Credit") or ""), answer
            assert re.fullmatch(r"0\.60? USD/min", answer.header("Rating") or ""), answer
            assert answer.header("X-UT") == "s", answer
            assert phone.bye(answer).status == 200
        seen = trunk.trace()
        trunk.finish()
    assert "INVITE" in seen and "Credit:" not in seen and "Rating:" not in seen, seen


@pytest.mark.parametrize("setting,expected", [("", 0), ("0.60", 10_000)])
def test_calls_between_accounts_are_free_unless_onnetprice_is_set(setting, expected):
    with Server(onnetprice=setting) as server:
        server.account("alice", credit=1)
        server.account("bob")
        with answering(server, "bob") as bob, Phone(("127.0.0.1", server.ready["sip"]), "alice") as alice:
            uri = f"sip:bob@{server.sip}"
            alice.request("INVITE", uri, body=SDP.format(ip="127.0.0.1", port=9))
            call_id, challenge = alice.call_id, alice.final()
            alice.ack(challenge, uri)
            credentials = alice.digest(challenge.header("Proxy-Authenticate"), "INVITE", uri)
            alice.request("INVITE", uri, f"Proxy-Authorization: {credentials}\r\n", SDP.format(ip="127.0.0.1", port=9), call_id=call_id)
            bob.answer(bob.receive("INVITE "), body=SDP.format(ip="127.0.0.1", port=9))
            answer = alice.final()
            alice.ack(answer)
            bob.receive("ACK ")
            # A conversation of less than a millisecond costs nothing.
            time.sleep(0.2)
            alice.bye(answer)
            bob.answer(bob.receive("BYE "))
        [cdr] = wait_for(server.cdrs, 5, "the CDR")
        assert micro(cdr["costenduser"]) == expected * max(1, int(cdr["realduration"])), cdr
        assert micro(server.credit("alice")) == 1_000_000 - micro(cdr["costenduser"])
