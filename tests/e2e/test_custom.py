"""Rows of tb_api on the real binary: commands of one's own over HTTP, actions in the outbox, a reload that refuses."""

import hashlib
import socket

import pytest

from strowger import Server, wait_for


@pytest.fixture(scope="module")
def server():
    with Server(adminemail="boss@mail.example") as running:
        running.account("alice", 5)
        yield running


def test_a_row_makes_a_command_whose_values_are_bound(server):
    server.ok("db", sql="insert into tb_api (fname, customsql) values "
                        "('greet', 'select ''hello '' + [USERNAME] + ''{mark}'' as text from tb_users where id = [USERID]')")
    server.ok("apireload")
    answer = server.api("greet", user="alice", password="alicepw", mark="' or '1'='1")
    assert answer.splitlines() == ["OK: 2", "text", "hello alice' or '1'='1"], answer
    server.ok("db", sql="insert into tb_api (fname, customsql) values ('bad', 'drop table tb_users')")
    answer = server.api("apireload")
    assert answer.startswith("ERROR: invalid parameter: tb_api row bad: customsql: DROP is refused"), answer
    assert server.api("greet", user="alice", password="alicepw", mark="!").endswith("hello alice!")
    server.ok("db", sql="delete from tb_api where fname = 'bad'")


def test_a_write_that_nobody_waits_for_is_settled_on_its_stream(server):
    server.ok("db", sql="insert into tb_api (fname, customsql) values "
                        "('rename', 'update tb_users set displayname = {mark} where id = [USERID]'), "
                        "('charge', 'update tb_users set nosuchcolumn = {mark} where id = [USERID]')")
    answer = server.api("apireload")
    assert answer.startswith("ERROR") and "charge" in answer, "what cannot work is refused when it is read"
    server.ok("db", sql="delete from tb_api where fname = 'charge'")
    server.ok("apireload")
    salted = hashlib.md5(b"ck5Gpalicealicepw7").hexdigest()
    request = f"?apientry=rename&authid=alice&authsalt=7&authmd5={salted}&mark=Al"
    with socket.create_connection(("127.0.0.1", server.ready["main"]), 30) as stream, stream.makefile("rb") as lines:
        stream.sendall(request.encode() + b"\r\n")
        assert lines.readline() == b"OK: accepted\r\n"
        assert lines.readline().decode() == f"RESULT: OK: 1, REQUEST: {request.replace(salted, '***')}\r\n"
    assert server.table("select displayname from tb_users where username = 'alice'") == [{"displayname": "Al"}]


def test_an_action_reaches_the_outbox_encrypted(server):
    server.ok("db", sql="insert into tb_api (fname, custom_action, custom_action_body) values "
                        "('rating', 51, '***SUBJECT A failed request\nof {username} for {bnum}')")
    server.ok("apireload")
    assert server.api("rating", user="alice", password="alicepw", bnum="999000").startswith("ERROR")
    rows = wait_for(lambda: server.table("select recipient, subject, body, state from tb_outbox"), 30, "the mail")
    assert rows[0]["recipient"] == "boss@mail.example" and rows[0]["state"] == "queued"
    assert rows[0]["subject"].startswith("enc1:") and rows[0]["body"].startswith("enc1:")
    assert "999000" not in server.log_text()
