"""The documents' chapter "Hardened access" on the real binary: every value of every setting, from this machine and from afar.

127.0.0.1 is localhost; 127.0.0.2 and up are ordinary addresses.
"""

import hashlib
import re
import shutil
import socket

import pytest

from phone import Phone
from strowger import ADMIN, ADMIN_PASSWORD, Server

HERE, FAR, LISTED = "127.0.0.1", "127.0.0.2", "127.0.0.3"
STAFF = f"authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
BALANCE, VERSION, SENSITIVE = "?apientry=balance&authid=alice&authpwd=alicepw", f"?apientry=version&{STAFF}", f"?apientry=db&sql=select 1&{STAFF}"
OK, NONCE = r"OK|Your credit is \$5$", r"ERROR: new nonce is:\w{16}EOF$"
WRONG, ADDRESS = "ERROR: auth failed: wrong user or password DISPLAY$", "ERROR: access denied: not from this address$"
ADMINS, REGISTERED = "ERROR: access denied: administrators only$", "ERROR: access denied: registered users only$"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A data folder with an account of each kind."""
    folder = tmp_path_factory.mktemp("hardened") / "data"
    with Server(data=folder) as server:
        server.account("alice", 5)
        server.account("helper")
        server.account("card", 5)
        server.sql("update tb_users set type = 14 where username = 'helper'")
        server.sql("update tb_users set type = 3, pin = '4712' where username = 'card'")
        server.sql("update tb_users set pin = '4711' where username = 'alice'")
        server.stop()
        copy = shutil.copytree(folder, folder.with_name("copy"))
    return copy


@pytest.fixture
def start(filled, tmp_path):
    """Starts an exchange with these settings on a copy of the folder."""
    running = []

    def run(**settings):
        data = shutil.copytree(filled, tmp_path / f"data{len(running)}", ignore=shutil.ignore_patterns("*.lock", "*.sock", "ready.json"))
        running.append(Server(data=data, banfailures=0, **settings).start())
        return running[-1]

    yield run
    for server in running:
        server.stop()


def line(server, text, source=HERE):
    with socket.create_connection((HERE, server.ready["main"]), 30, (source, 0)) as stream:
        stream.sendall(text.encode() + b"\r\n")
        return stream.makefile("rb").readline().decode().rstrip("\r\n")


def check(server, cases):
    wrong = [(text, source, got, wanted) for text, source, wanted in cases if not re.match(wanted, got := line(server, text, source))]
    assert not wrong, wrong


def digest(text):
    return f"authmd5={hashlib.md5(text.encode()).hexdigest()}"


@pytest.mark.parametrize(("value", "near", "far"), [(0, OK, OK), (1, OK, NONCE), (2, NONCE, NONCE), (3, NONCE, NONCE)])
def test_apidefneedlogin(start, value, near, far):
    server = start(apidefneedlogin=value)
    check(server, [(BALANCE, HERE, near), (BALANCE, FAR, far)])
    answer = line(server, "?apientry=preauth", FAR)
    assert re.match(r"OK: new nonce is:\w{16}EOF$", answer)
    nonce = answer[answer.index("is:") + 3:-3]
    with_nonce = lambda sent: f"?apientry=balance&authid=alice&authsalt=z&nonce={sent}&" + digest(f"ck5Gpalicealicepwz{nonce}")
    check(server, [(with_nonce(nonce[:10]), FAR, OK), (with_nonce(nonce), FAR, OK), (with_nonce(nonce[:10]), LISTED, NONCE),
                   (with_nonce("zzzzzzzzzz"), FAR, NONCE)])
    if value == 2:
        # The refusal itself brings the nonce for the repetition.
        nonce = line(server, BALANCE, LISTED).removeprefix("ERROR: new nonce is:").removesuffix("EOF")
        check(server, [(with_nonce(nonce[:10]), LISTED, OK)])


@pytest.mark.parametrize(("value", "before", "elsewhere"), [
    (0, OK, OK), (1, REGISTERED, OK), (2, REGISTERED, "ERROR: access denied: only from the address that is registered")])
def test_apidefneedregister(start, value, before, elsewhere):
    server = start(apidefneedregister=value)
    check(server, [(BALANCE, HERE, before), (VERSION, HERE, OK)])
    with Phone((HERE, server.ready["sip"]), "alice") as phone:
        phone.register()
        check(server, [(BALANCE, HERE, OK), (BALANCE, FAR, elsewhere)])


@pytest.mark.parametrize(("value", "far"), [(0, OK), (1, ADDRESS)])
def test_apitrustediponly(start, value, far):
    check(start(apitrustediponly=value, trustediplist=LISTED), [(BALANCE, FAR, far), (BALANCE, LISTED, OK), (BALANCE, HERE, OK)])


@pytest.mark.parametrize("value", range(5))
def test_allowtrustedip(start, value):
    trusted = OK if value else ADDRESS
    check(start(allowtrustedip=value, trustediplist=LISTED),
          [(SENSITIVE, HERE, trusted), (SENSITIVE, LISTED, trusted), (SENSITIVE, FAR, ADDRESS)])


@pytest.mark.parametrize(("value", "near", "nobody", "far"), [
    (0, ADMINS, WRONG, ADMINS), (1, OK, OK, OK), (2, OK, OK, ADDRESS), (3, OK, WRONG, OK), (4, OK, WRONG, ADDRESS)])
def test_apideftrustadmin(start, value, near, nobody, far):
    check(start(apideftrustadmin=value), [(VERSION, HERE, near), ("?apientry=version", HERE, nobody), (VERSION, FAR, far),
                                          ("?apientry=version", FAR, WRONG), (VERSION.replace("authpwd=", "authpwd=x"), HERE, WRONG)])


@pytest.mark.parametrize(("value", "admin", "support"), [(0, ADDRESS, ADMINS), (1, OK, ADMINS), (2, OK, OK)])
def test_apitrustfromconsole(start, value, admin, support):
    server = start(apitrustfromconsole=value, allowtrustedip=0, consoletelnet="false")
    for user, password, wanted in ((ADMIN, ADMIN_PASSWORD, admin), ("helper", "helperpw", support)):
        with socket.create_connection((HERE, server.ready["admin"]), 30) as console:
            console.sendall(f"{user}\r\n{password}\r\ndb select 1\r\nexit\r\n".encode())
            shown = b"".join(iter(lambda: console.recv(4096), b"")).decode()
        answers = re.findall(r"(?:^|> |: )((?:OK|ERROR): .*?)\r?$", shown, re.M)
        assert answers and re.match(wanted, answers[0]), (user, shown)


@pytest.mark.parametrize(("value", "plain", "beside_better"), [(0, WRONG, WRONG), (1, OK, OK), (-1, OK, WRONG)])
def test_apialtauth(start, value, plain, beside_better):
    alice = "?apientry=balance&authid=alice&"
    check(start(apialtauth=value), [
        (alice + digest("alicealicepw"), FAR, plain), (alice + "authsalt=x&" + digest("alicealicepwx"), FAR, plain),
        (alice + "authsalt2=x&" + digest("alicealicepw"), FAR, beside_better), (alice + "authpwd=4711", FAR, plain),
        # What is documented for everybody.
        (BALANCE, FAR, OK), (alice + "authsalt=x&" + digest("ck5Gpalicealicepwx"), FAR, OK),
        (alice + "authsalt=x&" + digest("C8y5:alice:alicepw:x"), FAR, OK), (alice + "authsalt=x&" + digest("rD58s:alice:alicepw:x"), FAR, OK),
    ])


@pytest.mark.parametrize(("value", "joined", "name"), [(0, WRONG, WRONG), (1, OK, WRONG), (2, WRONG, OK), (3, OK, OK)])
def test_callingcardauth(start, value, joined, name):
    check(start(callingcardauth=value), [
        ("?apientry=balance&pin=4712", FAR, OK), ("?apientry=balance&pin=cardcardpw", FAR, joined), ("?apientry=balance&pin=card", FAR, name),
        ("?apientry=balance&pin=alice", FAR, WRONG), ("?apientry=balance&pin=4711", FAR, WRONG)])
