"""The number scanner: lists of numbers are checked in the background, and nobody is called."""

import base64
import csv
import io
import re

from strowger import wait_for


def scan(server, **parameters):
    """Begins a job; its number and the name of its result."""
    answer = server.ok("scannumbers", **parameters)
    match = re.fullmatch(r"OK: job:(\d+) numbers:(\d+) file:(\S+)", answer.strip())
    assert match, answer
    return match.group(1), match.group(3)


def job(server, number):
    return next(row for row in server.table_of("checkscanner") if row["job"] == number)


def result(server, number, state="finished"):
    """The rows of a job's result once it has ended."""
    wait_for(lambda: job(server, number)["state"] != "running", 30, f"the end of job {number}")
    found = job(server, number)
    assert found["state"] == state, found
    text = base64.b64decode(server.ok("getfile", filename=found["file"]).removeprefix("OK: ")).decode()
    return found, list(csv.DictReader(io.StringIO(text)))


def exchange(server):
    server.account("alice", credit=10)
    server.account("bob")
    server.price("49", 0.6)
    server.trunk("gate", 9, "49")
    server.sql("insert into tb_blacklist (number) values ('49666')")


def test_a_list_is_checked_as_calls_would_be(server):
    exchange(server)
    number, file = scan(server, account="alice", list="+49 30123456;bob,0049666123456 5005\n33123456789,999,abc,+210123456789")
    found, rows = result(server, number)
    assert (found["done"], found["total"], found["ported"], found["account"]) == ("9", "9", "unknown", "alice"), found
    assert found["file"] == file and file.endswith(".csv")
    by = {row["number"]: row for row in rows}
    assert [row["line"] for row in rows] == [str(place + 1) for place in range(9)]
    good = by["30123456"] if "30123456" in by else None
    assert by["+49"]["valid"] == "no" and by["+49"]["reason"], rows
    assert good is not None
    assert (by["5005"]["kind"], by["5005"]["routable"], by["5005"]["route"]) == ("service", "yes", "service")
    assert (by["0049666123456"]["blacklisted"], by["0049666123456"]["routable"]) == ("yes", "no")
    assert "blacklist" in by["0049666123456"]["reason"]
    assert (by["33123456789"]["valid"], by["33123456789"]["routable"], by["33123456789"]["price"]) == ("yes", "no", "")
    assert by["abc"]["reason"] == "no digits" and by["bob"]["reason"] == "no digits"
    assert by["+210123456789"]["reason"] == "no such country code"
    counts = {name: sum(1 for row in rows if test(row)) for name, test in {
        "valid": lambda row: row["valid"] == "yes", "invalid": lambda row: row["valid"] == "no",
        "blacklisted": lambda row: row["blacklisted"] == "yes",
        "unroutable": lambda row: row["valid"] == "yes" and row["routable"] == "no"}.items()}
    assert {name: int(found[name]) for name in counts} == counts
    assert server.cdrs() == [] and server.calls() == []


def test_ported_numbers_are_known_where_there_is_a_list_of_them(server):
    exchange(server)
    server.sql("insert into tb_portednumbers (number, routingnumber, operator) values ('4930123456', '', 'North')")
    wait_for(lambda: "ported to North" in server.ok("routingtest", caller="alice", called="4930123456"), 10, "the row")
    number, _ = scan(server, account="alice", list="4930123456,4930123457,abc")
    found, rows = result(server, number)
    assert [row["ported"] for row in rows] == ["yes", "no", "no"] and found["ported"] == "1"


def test_a_file_is_checked_and_bad_lines_say_why(server):
    exchange(server)
    lines = ["number;name", "+49 (30) 123-456;Ann", "", "# a comment", "=1+1;x", "4930123456;\xe9", "1" * 60]
    content = base64.b64encode("\n".join(lines).encode("latin-1")).decode()
    server.ok("putfile", filename="lists/a.csv", filedata=content)
    number, _ = scan(server, account="alice", file="lists/a.csv")
    found, rows = result(server, number)
    assert found["source"] == "file lists/a.csv"
    assert [(row["line"], row["valid"], row["reason"]) for row in rows] == [
        ("1", "no", "no digits"), ("2", "yes", ""), ("5", "no", "not a number"), ("6", "yes", ""), ("7", "no", "too long")]
    good = rows[1]
    assert (good["normalised"], good["countrycode"], good["route"], good["price"]) == ("4930123456", "49", "gate", "0.6 USD")
    assert rows[2]["number"] == "?1+1", "nothing that a spreadsheet would run"


def test_jobs_are_stopped_and_bounded(server):
    exchange(server)
    slow = {"account": "alice", "list": ",".join(["4930123456"] * 500), "rate": 1}
    first, _ = scan(server, **slow)
    others = [scan(server, **slow)[0] for _ in range(3)]
    assert server.api("scannumbers", **slow).startswith("ERROR: limit: 4 jobs run already")
    assert server.ok("stopcanner", job=first).strip() == "OK: stopped:1"
    found, rows = result(server, first, "stopped")
    assert len(rows) == int(found["done"]) < 500
    assert server.ok("stopcanner").strip() == "OK: stopped:3"
    for number in others:
        result(server, number, "stopped")
    assert server.ok("stopcanner").strip() == "OK: stopped:0"
    assert server.api("stopcanner", job=99).startswith("ERROR: not found: job 99")


def test_what_is_no_list_is_an_error(server):
    exchange(server)
    for parameters, beginning in [
        ({}, "ERROR: missing parameter: list"),
        ({"list": " , "}, "ERROR: "),
        ({"list": "1", "file": "a"}, "ERROR: invalid parameter"),
        ({"file": "nowhere.txt"}, "ERROR: not found"),
        ({"file": "../strowger.key"}, "ERROR: invalid parameter"),
        ({"list": "1", "account": "nobody"}, "ERROR: not found: account nobody"),
        ({"list": "1", "rate": 1001}, "ERROR: invalid parameter"),
    ]:
        answer = server.api("scannumbers", **{"account": "alice", **parameters})
        assert answer.startswith(beginning), (parameters, answer)
    assert server.table_of("checkscanner") == []
    assert server.api("scannumbers", user="alice", password="alicepw", list="1").startswith("ERROR: ")
