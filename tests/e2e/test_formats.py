"""Formats in and out, over real HTTP, against the golden files of conformance/formats.

`requests.txt`: one request in every form that is understood, as bytes on the wire, and its answer.
`<format>.txt`: every outcome in one format of answers. `strict.txt`: the HTTP status of every outcome.
A section is `== name`, `> ` lines that are sent (in requests.txt) and `< ` lines that must come back:
first status and content type, then the body. STROWGER_BLESS=1 rewrites the `< ` lines.
"""

import json
import os
import re
import socket
import xml.dom.minidom
from urllib.parse import quote

import pytest

from strowger import ROOT, Server

FOLDER = ROOT / "conformance" / "formats"
BLESS = "STROWGER_BLESS" in os.environ
KEY = "14150857"
NAME = "<b>\"O'Brien\" & Søn</b>\tno\r\nerror \u2028\\"
ADMIN = f"authkey={KEY}&authid=admin&authpwd=first-exchange"
USER = f"authkey={KEY}&authid=alice&authpwd=pw1"

OUTCOMES = {
    "success, bare": f"apientry=balance&{USER}",
    "success, a word": f"apientry=verifyuser&{USER}&userusername=alice",
    "success, softened": f"apientry=rating&{USER}&bnum=99",
    "success, requestid": f"apientry=status&{USER}&requestid=%3Cr1%3E",
    "success, table": f"apientry=db&{ADMIN}&sql=" + quote("select username, type, name, credit, email from tb_users where username <> 'admin' order by id"),
    "success, empty table": f"apientry=db&{ADMIN}&sql=" + quote("select id, name from tb_users where username = 'none'"),
    "success, lines": f"apientry=help&{ADMIN}&command=balance",
    "success, named lines": f"apientry=getdetails&{USER}&mode=min",
    "success, rows changed": f"apientry=db&{ADMIN}&sql=" + quote("update tb_users set address = 'x' where username = 'none'"),
    "auth failed, key": "apientry=balance&authkey=1&authid=alice&authpwd=pw1",
    "auth failed, password": f"apientry=balance&authkey={KEY}&authid=alice&authpwd=no",
    "access denied": f"apientry=listusers&{USER}",
    "not found": f"apientry=balance&{ADMIN}&targetuser=%3Cnobody%3E",
    "unknown command": f"apientry=%3Cscript%3Ealert(1)%3C/script%3E&{USER}",
    "no command": f"{USER}",
    "missing parameter": f"apientry=transfercredit&{USER}&credit=1",
    "missing number": f"apientry=p2p&{USER}",
    "invalid parameter": f"apientry=cdr&{USER}&days=soon",
    "wrong PIN": f"apientry=charge&{USER}&pin=00000",
    "no credit": f"apientry=transfercredit&{USER}&username=bob&credit=1000",
    "failed": f"apientry=db&{ADMIN}&sql=" + quote("select abs(-9223372036854775807 - 1)"),
    "not available": f"apientry=client&{ADMIN}",
}
FORMATS = ["text", "txt", "cleartext", "html", "xml", "soap", "json", "jsonp"]


@pytest.fixture(scope="module")
def exchange():
    with Server(apiv2key=KEY, enablejsonp=1) as running:
        running.ok("newuseri", u_username="alice", u_password="pw1", u_name="Alice", u_currency="USD", credit="9.8", authkey=KEY)
        running.ok("newuseri", u_username="bob", u_password="pw2", u_name=NAME, u_currency="EUR", u_email="a@b.example", authkey=KEY)
        for statement in ("insert into tb_billsources (name, currency, isdefault) values ('default', 'USD', 1)",
                          "insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, currency)"
                          " values (1, '99', 'Terror Island', 0.2, 1, 'USD')"):
            running.ok("db", sql=statement, authkey=KEY)
        yield running


def send(server, raw):
    """The answer to raw bytes: status, content type, headers, body."""
    with socket.create_connection(("127.0.0.1", server.ready["main"]), timeout=30) as connection:
        connection.sendall(raw)
        received = b""
        while b"\r\n\r\n" not in received:
            more = connection.recv(65536)
            assert more, received
            received += more
        head, body = received.split(b"\r\n\r\n", 1)
        headers = {name.strip().lower(): value.strip() for name, value in
                   (line.split(":", 1) for line in head.decode().split("\r\n")[1:])}
        while len(body) < int(headers["content-length"]):
            more = connection.recv(65536)
            assert more, "the answer is torn"
            body += more
    return int(head.split()[1]), headers["content-type"], headers, body.decode()


def get(server, query, headers=""):
    return send(server, f"GET /mvapireq/?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())


def post(server, lines):
    """The `> ` lines as a request: line ends of the wire, and the length of the body."""
    head, body = lines, []
    if "" in lines:
        head, body = lines[: lines.index("")], lines[lines.index("") + 1 :]
    crlf = any("multipart" in line for line in head)
    content = ("\r\n" if crlf else "\n").join(body).encode()
    head = [head[0] + " HTTP/1.1", "Host: 127.0.0.1", *head[1:], f"Content-Length: {len(content)}"]
    return send(server, "\r\n".join(head).encode() + b"\r\n\r\n" + content)


def read(name):
    """The sections of a golden file: name, sent lines, expected lines."""
    sections = {}
    path = FOLDER / f"{name}.txt"
    for line in path.read_text().split("\n") if path.exists() else []:
        if line.startswith("== "):
            current = sections.setdefault(line[3:], ([], []))
        elif line[:1] in "<>" and line:
            current["><".index(line[0])].append(line[2:])
    return sections


def shown(status, content_type, body):
    return [f"{status} {content_type}", *body.split("\n")]


def compare(name, sections, got):
    """The answers must be the kept ones."""
    if BLESS:
        text = ""
        for title, answer in got.items():
            sent = sections.get(title, ([], []))[0]
            text += "\n".join([f"== {title}", *(f"> {line}".rstrip() for line in sent), *(f"< {line}".rstrip() for line in answer)]) + "\n\n"
        (FOLDER / f"{name}.txt").write_text(text)
        return
    assert list(sections) == list(got)
    for title, (_, kept) in sections.items():
        # Ends of lines are not kept in the file.
        assert [line.rstrip() for line in got[title]] == [line.rstrip() for line in kept], f"{name}: {title}"


@pytest.mark.parametrize("form", FORMATS)
def test_every_outcome_in_a_format(exchange, form):
    got = {}
    for title, query in OUTCOMES.items():
        status, content_type, headers, body = get(exchange, f"{query}&format={form}&callback=app.reply")
        assert headers["x-content-type-options"] == "nosniff" and "server" not in headers, headers
        well_formed(form, body)
        got[title] = shown(status, content_type, body)
    compare(form, read(form), got)


def well_formed(form, body):
    if form == "json":
        json.loads(body)
    elif form == "jsonp":
        json.loads(re.fullmatch(r"/\*\*/app\.reply\((.*)\);", body, re.S).group(1))
    elif form in ("xml", "soap"):
        xml.dom.minidom.parseString(body)


def test_a_request_in_every_form(exchange):
    sections = read("requests")
    got = {}
    for title, (sent, _) in sections.items():
        status, content_type, _, body = post(exchange, sent)
        got[title] = shown(status, content_type, body)
    assert len(got) > 30
    compare("requests", sections, got)


def test_strict_responses_carry_the_code_in_the_status():
    with Server(apiv2key=KEY, httpstrictresponse=1, enablejsonp=0) as strict:
        strict.ok("newuseri", u_username="alice", u_password="pw1", u_currency="USD", authkey=KEY)
        strict.ok("newuseri", u_username="bob", u_password="pw2", authkey=KEY)
        strict.ok("db", sql="insert into tb_billsources (name, currency, isdefault) values ('default', 'USD', 1)", authkey=KEY)
        strict.ok("db", sql="insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, currency)"
                  " values (1, '99', 'Terror Island', 0.2, 1, 'USD')", authkey=KEY)
        got = {}
        for title, query in {**OUTCOMES, "jsonp, switched off": f"apientry=balance&{USER}&format=jsonp"}.items():
            status, content_type, _, body = get(strict, query)
            got[title] = [f"{status} {content_type}", body.split("\n")[0]]
        compare("strict", read("strict"), got)


def test_limits_are_said_in_every_format():
    with Server(apiv2key=KEY, ratelimitip=1, httpstrictresponse=1) as limited:
        got = {}
        for form in FORMATS[:-1]:
            for _ in range(200):
                status, content_type, headers, body = get(limited, f"apientry=apitest1&format={form}")
                if status == 429:
                    break
            got[form] = shown(status, content_type, body)
        compare("limit", read("limit"), got)


def test_jsonp_is_off_by_default_and_never_calls_what_is_no_name(exchange):
    with Server() as closed:
        closed.account("alice")
        query = "apientry=balance&authid=alice&authpwd=alicepw&callback=f"
        assert get(closed, query)[3] == "Your credit is $0", "a callback alone changes nothing"
        answer = json.loads(get(closed, query + "&format=jsonp")[3])
        assert answer["text"] == "ERROR: not available: JSONP is switched off, see enablejsonp"
    for name in ("alert(1)", "a;b", "<script>", "a" * 65, "a/**/", "a%0d%0ab", "a\u2028"):
        status, content_type, _, body = get(exchange, f"apientry=balance&{USER}&callback={quote(name)}")
        assert (content_type, json.loads(body)["status"]) == ("application/json", "ERROR"), body
        assert "alert" not in body and "script" not in body
