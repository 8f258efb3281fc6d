"""Card payments against a provider on loopback: each card is charged once, each charge is one credit, whatever breaks in
between, and no card's data are anywhere afterwards."""

import json
import re
import socket
import subprocess
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from card_provider import ACTION, DECLINED, GOOD, KEY, Provider
from postgres import POSTGRES, database, needs_postgres
from strowger import Server, wait_for

CARD = {"cardnum": GOOD, "expireyear": "2091", "expmonth": "07", "ccv2": "9173"}
# Distinctive enough to be searched for in files; the short ones stand inside of other numbers by chance.
MARKS = (GOOD, DECLINED, ACTION, KEY)
SHORT_MARKS = re.compile(r"(?<![\d.])(9173|2047)(?!\d)")


@pytest.fixture
def provider():
    with Provider() as running:
        yield running


@pytest.fixture
def paying(provider):
    with Server(cardprovider=provider.url, cardkey=KEY, cardtimeout=2, moneyneednonce="false") as running:
        running.account("alice", credit=1)
        yield running


def card(year="2049", **more):
    # Not more than thirty years ahead.
    return {**CARD, "expireyear": year, **more}


def pay(server, amount=10, user="alice", **more):
    return server.api("cccharge", user=user, password=user + "pw", **card(**more), ammount=amount)


def state(server):
    """State and intent of each payment."""
    return [(row["state"], row["intentid"]) for row in server.table("select state, intentid from tb_payments order by id")]


def one_charge_one_credit(server, provider, credit=11.0):
    assert provider.charges == [("pi_1", 1000, "usd")]
    assert server.credit("alice") == credit
    rows = server.table("select step, amount, unit from ledger where kind = 'payment' and account_id > 0")
    assert [(row["step"], row["amount"], row["unit"]) for row in rows] == [("payment/1", "10000000", "USD")], rows
    assert server.ledger_sums() == {"USD": "0"}


def test_a_payment_is_charged_and_credited_once(paying, provider):
    assert pay(paying) == "OK: credit is 11"
    one_charge_one_credit(paying, provider)
    assert state(paying) == [("paid", "pi_1")]
    steps = [step for step, *_ in provider.questions]
    assert steps == ["method", "intent", "confirm"]
    keys = [key for *_, key in provider.questions]
    assert len(set(keys)) == 3 and all(len(key) > 32 for key in keys), keys
    assert provider.intents["pi_1"]["metadata"] == {"payment": "1", "account": paying.table(
        "select id from tb_users where username = 'alice'")[0]["id"]}
    answer = json.loads(paying.api("cccharge", user="alice", password="alicepw", **card(), amount="5.25", format="json"))
    assert answer["data"] == {"credit": 16.25, "currency": "USD", "paymentid": 2}
    assert provider.charges[1] == ("pi_2", 525, "usd")
    lines = paying.ok("sendccinfo", user="alice", password="alicepw").splitlines()
    assert lines[0] == "OK: 3" and lines[1] == "savedcard=none", lines
    assert re.fullmatch(r"payment=2 [\d: -]{19} 5.25 USD paid", lines[2]), lines


def test_the_same_requestid_charges_once_also_after_a_restart(paying, provider):
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: pay(paying, requestid="r1"), range(20)))
    assert set(answers) == {"OK: credit is 11"}
    one_charge_one_credit(paying, provider)
    paying.kill()
    paying.start()
    assert pay(paying, requestid="r1") == "OK: credit is 11"
    assert "requestid was used for another request" in pay(paying, amount=20, requestid="r1")
    one_charge_one_credit(paying, provider)
    assert len(provider.asked("method")) == 1


def test_a_second_payment_waits_for_the_first(paying, provider):
    provider.break_at("confirm", "hang")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(pay, paying)
        assert provider.reached.wait(10)
        assert pay(paying).startswith("ERROR: failed: payment 1 of this account is not clear yet")
        provider.released.set()
        assert first.result(30) == "OK: credit is 11"
    one_charge_one_credit(paying, provider)


def test_a_refused_card_gives_the_reason_and_no_credit(paying, provider):
    refusal = pay(paying, cardnum=DECLINED, requestid="r1")
    assert refusal == "ERROR: failed: the card was refused: Your card *** has insufficient funds."
    # The same request has the same end; another one may try another card.
    assert pay(paying, requestid="r1") == refusal and len(provider.asked("confirm")) == 1
    assert state(paying) == [("refused", "pi_1")] and paying.credit("alice") == 1
    assert ("refused: the card was refused: Your card *** has insufficient funds."
            in paying.ok("sendccinfo", user="alice", password="alicepw"))
    assert pay(paying, requestid="r2") == "OK: credit is 11"


@pytest.mark.parametrize("honour", [True, False])
def test_3d_secure_is_refused_with_the_way_to_the_payment_page(honour):
    page = "https://pay.example.com/?id={userid}&name={username}"
    with Provider(honour_error_on_action=honour) as provider, Server(
            cardprovider=provider.url, cardkey=KEY, cardpage=page, moneyneednonce="false") as server:
        userid = server.account("alice", credit=1)
        link = f"https://pay.example.com/?id={userid}&name=alice"
        answer = pay(server, cardnum=ACTION)
        assert answer.startswith("ERROR: failed: the card's bank wants") and answer.endswith(f"; pay at {link}"), answer
        # What waits for its card holder at the provider is taken back, so that nobody completes it later.
        assert provider.intents["pi_1"]["status"] == ("requires_payment_method" if honour else "canceled")
        assert state(server) == [("refused", "pi_1")] and provider.charges == []
        assert server.ok("sendccinfo", user="alice", password="alicepw").splitlines()[1] == f"page={link}"


@pytest.mark.parametrize("step", ["method", "intent"])
@pytest.mark.parametrize("how", [500, 429, "before", "drop"])
def test_what_breaks_before_the_money_is_asked_for_charges_nothing(paying, provider, step, how):
    provider.break_at(step, how)
    assert pay(paying) == "ERROR: failed: the provider cannot take payments now, the payment was not carried out"
    assert provider.charges == [] and provider.asked("confirm") == []
    assert pay(paying) == "OK: credit is 11"
    assert [charge[1] for charge in provider.charges] == [1000] and paying.credit("alice") == 11


@pytest.mark.parametrize("how", ["drop", "hang", 500, 409])
def test_an_answer_that_is_lost_after_the_charge_is_looked_up(paying, provider, how):
    if isinstance(how, int):
        # The charge is made, and the answer is an error all the same.
        confirm = provider.confirm
        provider.confirm = lambda parts, form: (confirm(parts, form), (how, {"error": {"type": "api_error"}}))[1]
    else:
        provider.break_at("confirm", how)
    assert pay(paying) == "OK: credit is 11"
    one_charge_one_credit(paying, provider)
    assert len(provider.asked("confirm")) == 1 and len(provider.asked("look")) == 1


@pytest.mark.parametrize("how", ["before", 500])
def test_a_question_that_never_arrived_is_taken_back(paying, provider, how):
    provider.break_at("confirm", how)
    assert pay(paying, requestid="r1") == "ERROR: failed: the payment was not carried out"
    assert provider.intents["pi_1"]["status"] == "canceled" and provider.charges == []
    assert state(paying) == [("refused", "pi_1")] and paying.credit("alice") == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_what_is_unclear_is_cleared_up_by_itself(paying, provider, arrived):
    provider.break_at("confirm", "drop" if arrived else "before")
    provider.break_at("look", 503, times=2)
    answer = pay(paying, requestid="r1")
    assert answer.startswith("ERROR: failed: payment 1 is not clear yet and is being cleared up"), answer
    assert state(paying) == [("asked", "pi_1")]
    assert " open" in paying.ok("sendccinfo", user="alice", password="alicepw")
    wait_for(lambda: state(paying)[0][0] in ("paid", "refused"), 30, "the end of the payment")
    if arrived:
        one_charge_one_credit(paying, provider)
        assert pay(paying, requestid="r1") == "OK: credit is 11"
    else:
        assert provider.charges == [] and provider.intents["pi_1"]["status"] == "canceled"
        assert pay(paying, requestid="r1") == "ERROR: failed: the payment was not carried out"
    assert len(provider.asked("confirm")) == 1


def test_a_repeat_clears_up_what_is_unclear(paying, provider):
    provider.break_at("confirm", "drop")
    provider.break_at("look", 503)
    assert "not clear yet" in pay(paying, requestid="r1")
    assert pay(paying, requestid="r1") == "OK: credit is 11"
    one_charge_one_credit(paying, provider)


def test_a_payment_in_processing_is_waited_for(paying, provider):
    look = provider.look
    confirm = provider.confirm

    def processing(parts, form):
        confirm(parts, form)
        return 200, {**provider.intents[parts[2]], "status": "processing"}

    provider.confirm = processing
    provider.look = lambda parts, form: (200, {**provider.intents[parts[2]], "status": "processing"})
    assert "not clear yet" in pay(paying)
    provider.look = look
    wait_for(lambda: state(paying) == [("paid", "pi_1")], 30, "the end of the payment")
    assert provider.asked("cancel") == []
    one_charge_one_credit(paying, provider)


def test_an_answer_about_another_amount_is_believed_by_nobody(paying, provider):
    confirm, look = provider.confirm, provider.look
    provider.confirm = lambda parts, form: (200, {**confirm(parts, form)[1], "amount": 900})
    provider.look = lambda parts, form: (200, {**look(parts, form)[1], "amount_received": 900})
    assert "not clear yet" in pay(paying)
    assert paying.credit("alice") == 1
    provider.look = look
    wait_for(lambda: state(paying) == [("paid", "pi_1")], 30, "the end of the payment")
    one_charge_one_credit(paying, provider)


def test_a_kill_between_charge_and_booking_costs_nothing(paying, provider):
    provider.break_at("confirm", "hang")
    asking = threading.Thread(target=lambda: quietly(pay, paying, requestid="r1"))
    asking.start()
    assert provider.reached.wait(10)
    paying.kill()
    asking.join(20)
    assert len(provider.charges) == 1
    provider.released.set()
    paying.start()
    wait_for(lambda: state(paying) == [("paid", "pi_1")], 30, "the end of the payment")
    one_charge_one_credit(paying, provider)
    assert pay(paying, requestid="r1") == "OK: credit is 11"
    assert len(provider.asked("confirm")) == 1


@needs_postgres
def test_a_kill_between_charge_and_booking_costs_nothing_on_postgresql(provider, database):
    with Server(database=f"{POSTGRES}/{database}", cardprovider=provider.url, cardkey=KEY, moneyneednonce="false") as server:
        server.account("alice", credit=1)
        test_a_kill_between_charge_and_booking_costs_nothing(server, provider)


@pytest.mark.parametrize("step, moment", [("intent", n) for n in range(14)] + [("confirm", n) for n in range(4)])
def test_a_kill_at_any_moment_leaves_charges_and_credits_equal(paying, provider, step, moment):
    """At the provider's answer: before it is sent, and from then on by fractions of the time that booking takes."""
    killed = threading.Event()

    def kill(at, answered):
        if at == step and answered == (moment > 0) and not killed.is_set():
            threading.Event().wait(max(moment - 1, 0) * 0.0003)
            paying.kill()
            killed.set()

    provider.watch = kill
    asking = threading.Thread(target=lambda: quietly(pay, paying, requestid="r1"))
    asking.start()
    assert killed.wait(20)
    asking.join(20)
    paying.start()
    wait_for(lambda: all(row[0] in ("paid", "refused") for row in state(paying)), 30, "the end of the payment")
    paid = len([row for row in state(paying) if row[0] == "paid"])
    assert len(provider.charges) == paid <= 1 and paying.credit("alice") == 1 + 10 * paid
    # Whatever became of it: the same request again is the same payment.
    again = pay(paying, requestid="r1")
    assert (again == "OK: credit is 11") == bool(provider.charges), again
    assert len(provider.charges) <= 1 and paying.credit("alice") == 1 + 10 * len(provider.charges)
    assert len(provider.asked("confirm")) <= 1 and paying.ledger_sums() == {"USD": "0"}


def quietly(ask, *args, **more):
    """The connection is cut when the server is killed."""
    try:
        return ask(*args, **more)
    except OSError:
        return None


def test_cards_are_checked_before_anything_is_asked(paying, provider):
    for wrong, said in [
        ({"cardnum": "4242424242424241"}, "cardnum is mistyped: its check digit is wrong"),
        ({"cardnum": "4242"}, "cardnum must be 12 to 19 digits"),
        ({"expireyear": "2020"}, "the card has expired, see expireyear and expmonth"),
        ({"expmonth": "13"}, "expmonth must be 1 to 12"),
        ({"ccv2": "12"}, "ccv2 must be the three or four digits on the card"),
    ]:
        fields = {**card(), **wrong}
        answer = paying.api("cccharge", user="alice", password="alicepw", **fields, ammount=10)
        assert answer == f"ERROR: invalid parameter: {said}"
    for amount, said in [("4.99", "ammount must be 5 to 200 USD"), ("201", "ammount must be 5 to 200 USD"),
                         ("-10", "ammount must be 5 to 200 USD"), ("10.001", "the amount must be a multiple of 0.01 USD")]:
        assert pay(paying, amount=amount) == f"ERROR: invalid parameter: {said}"
    assert paying.api("cccharge", user="alice", password="alicepw", ammount=10) == "ERROR: missing parameter: cardnum"
    assert provider.questions == [] and state(paying) == []


@pytest.mark.parametrize("currency, amount, minor", [("JPY", "150", 150), ("KWD", "5.12", 5120), ("HUF", "99.5", 9950)])
def test_amounts_are_in_the_currencys_smallest_unit(paying, provider, currency, amount, minor):
    paying.ok("newuseri", u_username="bob", u_password="bobpw", u_name="bob", u_currency=currency)
    assert pay(paying, amount=amount, user="bob") == f"OK: credit is {amount}"
    assert provider.charges == [("pi_1", minor, currency.lower())]


def test_stolen_cards_are_not_tried_out(provider):
    with Server(cardprovider=provider.url, cardkey=KEY, cardattempts=3, moneyneednonce="false") as server:
        server.account("alice")
        # What the provider does not take is no card's fault.
        provider.break_at("method", 500, times=4)
        for _ in range(4):
            assert "the provider cannot take payments now" in pay(server)
        for _ in range(3):
            assert "the card was refused" in pay(server, cardnum=DECLINED)
        assert pay(server) == "ERROR: limit: too many cards were refused, try again tomorrow"
        assert len(provider.asked("method")) == 7


def test_without_a_provider_it_says_so(server):
    server.account("alice")
    missing = "ERROR: not available: no card payment provider is configured (cardprovider)"
    assert pay(server) == missing
    assert server.api("sendccinfo", user="alice", password="alicepw") == f"{missing}, and no payment page (cardpage)"


def test_card_data_come_by_no_datagram_and_in_no_clear_text_from_elsewhere(paying, provider):
    line = "?" + urllib.parse.urlencode({"apientry": "cccharge", "authid": "alice", "authpwd": "alicepw", **card(), "ammount": 10})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(10)
        datagrams.sendto(line.encode(), ("127.0.0.1", paying.ready["udp"]))
        assert datagrams.recv(4096).decode().strip() == "ERROR: access denied: card data are not taken over UDP or SIP"
    # 127.0.0.2 is this machine and yet not the one address that is trusted.
    with socket.create_connection(("127.0.0.1", paying.ready["main"]), 10, ("127.0.0.2", 0)) as stream:
        stream.sendall(line.encode() + b"\r\n")
        assert stream.recv(4096).decode().strip() == (
            "ERROR: access denied: card data are taken over TLS only (https, wss or lines over TLS)")
    assert provider.questions == []


@pytest.fixture
def certificate(tmp_path):
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", chain],
                   check=True, capture_output=True)
    return chain, key


def test_the_providers_certificate_is_verified(certificate):
    with Provider(certificate=certificate) as provider:
        settings = {"cardprovider": provider.url, "cardkey": KEY, "moneyneednonce": "false"}
        with Server(**settings) as server:
            server.account("alice", credit=1)
            assert "the provider cannot take payments now" in pay(server)
            assert provider.questions == []
        with Server(**settings, cardca=certificate[0]) as server:
            server.account("alice", credit=1)
            assert pay(server) == "OK: credit is 11"


def test_the_settings_are_the_operators_alone(paying):
    for key in ("cardprovider", "cardkey", "cardca"):
        assert paying.api("setini", key=key, value="https://evil.example").startswith("ERROR")
    assert KEY not in paying.ok("showcfg") and KEY not in paying.api("getini", key="cardkey")


def test_card_data_are_nowhere_afterwards(provider):
    with Server(cardprovider=provider.url, cardkey=KEY, cardtimeout=2, moneyneednonce="false", loglevel="trace") as server:
        server.account("alice", credit=1)
        server.account("bob", credit=1)
        fields = {"authid": "alice", "authpwd": "alicepw", **card(year="2047"), "ammount": "10"}
        assert pay(server, requestid="r1") == "OK: credit is 11"
        pay(server, cardnum=DECLINED)
        server.request("/mvapireq/", json.dumps({"apientry": "cccharge", **fields}).encode(), {"Content-Type": "application/json"})
        server.request("/mvapireq/", urllib.parse.urlencode({"apientry": "cccharge", **fields}).encode())
        server.request("/mvapireq/?" + urllib.parse.urlencode({"apientry": "ccharge", **fields}))
        server.request("/mvapireq/?" + urllib.parse.urlencode({"apientry": "cccharge", **fields, "requestid": "x" * 200}))
        inner = "/mvapireq/?" + urllib.parse.urlencode({"apientry": "cccharge", **fields})
        server.request("/mvapireq/?" + urllib.parse.urlencode({"apientry": "jppget", "callback": "f", "url": inner}))
        server.api("oop", txt=f"cccharge targetuser=alice cardnum={GOOD} expireyear=2047 expmonth=07 ccv2=9173 ammount=10")
        positional = f"cccharge,,alice,alicepw,{GOOD},2047,07,9173,10"
        with socket.create_connection(("127.0.0.1", server.ready["main"]), 10) as stream:
            stream.sendall(positional.encode() + b"\r\n")
            assert stream.recv(4096).startswith(b"OK: credit is")
        provider.break_at("confirm", "hang")
        provider.break_at("look", 503, times=3)
        assert "not clear yet" in pay(server, user="bob")
        provider.released.set()
        shown = [server.ok("requests", count=1000), server.ok("querylist"), server.ok("sendccinfo", user="alice", password="alicepw")]
        shown += [server.sql(f"select * from {table}") for table in ("audit", "tb_payments", "ledger", "changes")]
        assert "cccharge&" in shown[0] and "&cardnum=***" in shown[0] and "&expireyear=***" in shown[0]
        assert len(server.table("select id from audit where command = 'cccharge'")) >= 5
        for text in shown:
            assert not any(mark in text for mark in MARKS) and not SHORT_MARKS.search(text), text
        server.stop()
        for path in [path for path in server.folder.rglob("*") if path.is_file()]:
            held = path.read_bytes()
            assert not any(mark.encode() in held for mark in (*MARKS, "=9173", ",9173", '"9173', "=2047")), path


def test_rows_of_tb_api_get_no_card_data(paying, provider):
    paying.sql("insert into tb_api (fname, custom_action, custom_action_body) values ('cccharge', 1, '{cardnum}')")
    assert "cardnum" in paying.api("apireload") and "secrets" in paying.api("apireload")
    paying.sql("delete from tb_api")
    paying.sql("insert into tb_api (fname, customsql) values ('keepcard', 'insert into tb_blacklist (number) values ({cardnum})')")
    paying.api("apireload")
    assert "OK" not in paying.api("keepcard", **card())
    for row in paying.table("select * from tb_blacklist"):
        assert GOOD not in row.values()
