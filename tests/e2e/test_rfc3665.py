"""The flows of RFC 3665 that apply, over UDP and TCP, played by SIPp."""

import pytest

from strowger import Server, Sipp, callee, caller, register, wait_for

TRANSPORTS = ["u1", "t1"]


def one_cdr(server, **expected):
    rows = wait_for(server.cdrs, 5, "the CDR")
    assert len(rows) == 1, rows
    for name, value in expected.items():
        assert rows[0][name] == value, rows
    return rows[0]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_registration_query_and_removal(server, transport):
    server.account("alice")
    register(server, "alice", 5099, transport=transport)
    assert server.ok("status", user="alice", password="alicepw").startswith("OK: 2")
    keys = {"caller": "alice", "password": "alicepw", "contact_port": 5099, "wanted": "127.0.0.1:5099"}
    Sipp("register-query", server.sip, transport=transport, keys=keys).finish()
    Sipp("register-remove", server.sip, transport=transport, keys=keys).finish()
    assert server.ok("status", user="alice", password="alicepw").startswith("OK: 1")


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_wrong_password_and_unknown_user_get_the_same_second_challenge(server, user):
    server.account("alice")
    keys = {"caller": user, "password": "wrong", "contact_port": 5099, "expires": 300}
    Sipp("register-wrong", server.sip, keys=keys).finish()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_call_is_established_and_ended_by_the_caller(server, transport):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", transport=transport) as bob:
        caller(server, "alice", "bob", transport=transport).finish()
        bob.finish()
    one_cdr(server, callednumber="bob", disccode="200")


def test_call_is_ended_by_the_callee(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-bye") as bob:
        caller(server, "alice", "bob", "uac-bye-by-callee").finish()
        bob.finish()
    one_cdr(server, callednumber="bob", disccode="200")


def test_early_media_is_passed_on(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-early") as bob:
        caller(server, "alice", "bob").finish()
        bob.finish()


def test_caller_cancels_while_it_rings(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-ring") as bob:
        caller(server, "alice", "bob", "uac-cancel").finish()
        bob.finish()
    one_cdr(server, disccode="487", realduration="0")


@pytest.mark.parametrize("status", [486, 603, 480])
def test_refusal_of_the_callee_reaches_the_caller(server, status):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-status", keys={"status": status}) as bob:
        caller(server, "alice", "bob", "uac-refused", replace={"STATUS": status}).finish()
        bob.finish()
    one_cdr(server, disccode=str(status), realduration="0")


def test_unregistered_callee_is_480_and_unknown_number_404_or_403(server):
    server.account("alice")
    server.account("bob")
    caller(server, "alice", "bob", "uac-refused", replace={"STATUS": 480}).finish()
    caller(server, "alice", "49301234567", "uac-refused", replace={"STATUS": 403}).finish()


def test_hold_and_resume_pass_the_bridge(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob", "uas-hold") as bob:
        caller(server, "alice", "bob", "uac-hold").finish()
        bob.finish()
    one_cdr(server, callednumber="bob", disccode="200")


def test_no_answer_ends_with_408_or_480(server):
    server.account("alice")
    server.account("bob", noanswertimeout=2)
    with callee(server, "bob", "uas-ring") as bob:
        caller(server, "alice", "bob", "uac-refused", replace={"STATUS": 480}).finish()
        bob.finish()


def test_callee_that_never_answers_is_unavailable():
    with Server(trunktimeout=2, noanswertimeout=3) as server:
        server.account("alice")
        server.account("bob")
        with callee(server, "bob", "uas-silent", keys={"hold_ms": 100}):
            caller(server, "alice", "bob", "uac-refused", replace={"STATUS": 480}).finish()
        one_cdr(server, disccode="480", realduration="0")


def test_offer_in_the_answer_and_answer_in_the_ack(server):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob") as bob:
        caller(server, "alice", "bob", "uac-late").finish()
        bob.finish()
    one_cdr(server, disccode="200")
