"""Credentials on the real binary: keys, tokens, nonces and digests over a restart, limits, the doctor, the inspector."""

import base64
import concurrent.futures
import contextlib
import hashlib
import html
import itertools
import re
import socket
import sqlite3
import subprocess
import urllib.parse
import urllib.request

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, BINARY, Server, wait_for

CREDENTIALS = f"&authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
CIPHER = "obscure"


@pytest.fixture(scope="module")
def auth():
    """One server for the tests that do not end it."""
    with Server(apiv2md5salt="SRV", httpapiencryptkey=CIPHER, moneyneednonce="true", banfailures=5) as running:
        admin(running, "newuseri", u_username="alice", u_password="alicepw", credit=10)
        admin(running, "newuseri", u_username="bob", u_password="bobpw")
        yield running


def line(server, text, source="127.0.0.1"):
    """The answer to one raw line from an address of this machine."""
    with socket.create_connection(("127.0.0.1", server.ready["main"]), 30, (source, 0)) as stream:
        stream.sendall(text.encode() + b"\r\n")
        return stream.makefile("rb").readline().decode().rstrip("\r\n")


def admin(server, command, **parameters):
    query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
    answer = server.request(f"/mvapireq/?apientry={command}&{query}{CREDENTIALS}")[0]
    assert not answer.startswith("ERROR"), answer
    return answer


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def digest(user, password, salt="s1", nonce=""):
    """The document's new formula."""
    return f"&authid={user}&authsalt={salt}&authmd5={md5('ck5Gp' + user + password + 'SRV' + salt + nonce)}"


def cli(server, *arguments):
    command = [str(BINARY), *arguments, "--data", str(server.folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def stored(server, statement):
    with sqlite3.connect(f"file:{server.folder / 'strowger.db'}?mode=ro", uri=True, timeout=30) as database:
        return database.execute(statement).fetchall()


def test_a_hundred_replays_of_a_money_request_have_one_effect(auth):
    before = auth_credit(auth, "bob")
    path = f"/mvapireq/?apientry=addcredit&targetuser=bob&credit=1&requestid=hundred{CREDENTIALS}"
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: auth.request(path)[0], range(100)))
    assert set(answers) == {f"OK: credit is {before + 1:g}"}, set(answers)
    assert auth_credit(auth, "bob") == before + 1
    assert stored(auth, "select count(*) from idempotency where request = 'hundred'") == [(1,)]


def auth_credit(server, user):
    return float(re.search(r"\$(-?[\d.]+)", admin(server, "balance", targetuser=user)).group(1))


def test_a_nonce_serves_one_money_request(auth):
    give = "apientry=transfercredit&username=bob&credit=1"
    far = "127.0.0.21"
    asked = line(auth, f"?{give}{digest('alice', 'alicepw', 'n0')}", far)
    nonce = re.fullmatch(r"ERROR: new nonce is:(\w{16})EOF", asked).group(1)
    before = auth_credit(auth, "alice")
    request = f"?{give}{digest('alice', 'alicepw', 'n1', nonce)}&nonce={nonce[:10]}"
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(lambda _: line(auth, request, far), range(20)))
    assert answers == {f"OK: credit is {before - 1:g}"}, answers
    assert line(auth, request.replace("credit=1", "credit=2"), far).startswith("ERROR: new nonce is:")
    assert line(auth, request, "127.0.0.22").startswith("ERROR: new nonce is:")
    assert auth_credit(auth, "alice") == before - 1


def test_encrypted_requests_are_opened(auth):
    def sealed(text):
        mixed = bytes(a ^ b for a, b in zip(text.encode(), itertools.cycle(CIPHER.encode())))
        return base64.b64encode(mixed).decode().replace("=", "-").replace("+", "_").replace("/", ".")

    whole = sealed("apientry=status&authid=bob&authpwd=bobpw")
    assert auth.request(f"/mvapireq/?mcrfs={whole}&now=1")[0] == "OK: 1"
    single = f"/mvapireq/?apientry=status&authid=oenc1_{sealed('bob')}&authpwd=oenc1_{sealed('bobpw')}"
    assert auth.request(single)[0] == "OK: 1"
    assert auth.request(f"/mvapireq/?mcrfs={whole[:-6]}!!")[0].startswith("ERROR: invalid parameter: mcrfs must be XOR")


def test_strangers_do_not_lock_an_owner_out(auth):
    """Each stranger is banned after five guesses; the account's owner comes in from an address that nobody knows."""
    for last in range(31, 36):
        for number in range(6):
            answer = line(auth, "?apientry=status&authid=bob&authpwd=wrong", f"127.0.0.{last}")
            assert answer.startswith("ERROR: limit: banned" if number == 5 else "ERROR: auth failed"), answer
    assert line(auth, "?apientry=status&authid=bob&authpwd=bobpw", "127.0.0.41") == "OK: 1"
    listed = admin(auth, "bannedlist")
    assert "127.0.0.31" in listed and "bob" not in listed, listed
    admin(auth, "delbanned", ip="all")


def test_limits_say_when_to_come_back():
    with Server(ratelimitip=1, apiinspect=0) as server:
        for _ in range(20):
            try:
                urllib.request.urlopen(server.url + "/mvapireq/?apientry=apitest1", timeout=30).read()
            except urllib.error.HTTPError:
                pass
            with urllib.request.urlopen(server.url + "/mvapireq/?apientry=apitest1", timeout=30) as answer:
                text, wait = answer.read().decode(), answer.headers["Retry-After"]
            if wait:
                break
        assert wait == "1" and text == "ERROR: limit: too many requests, try again in 1 s", (wait, text)


def test_datagrams_beyond_a_limit_are_told_so_once_a_second():
    """Whoever's address stands on them must not be sent as much as somebody asks for."""
    def answers(server, source, count, request=b"/mvapireq/?apientry=apitest1"):
        """What comes back for so many requests that are sent at once."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind((source, 0))
            client.settimeout(1.5)
            for _ in range(count):
                client.sendto(request, ("127.0.0.1", server.ready["udp"]))
            came = []
            with contextlib.suppress(TimeoutError):
                while True:
                    came.append(client.recv(2000))
            return came

    with Server(ratelimitip=1, banfailures=3) as server:
        for source in ("127.0.0.21", "127.0.0.22"):
            came = answers(server, source, 40)
            assert came[0].startswith(b"OK")
            refused = came[1:]
            assert 1 <= len(refused) <= 3, came
            assert set(refused) == {b"ERROR: limit: too many requests, try again in 1 s"}
        # A stream is a peer who asked: it is told each time.
        told = [line(server, "?apientry=apitest1", "127.0.0.23") for _ in range(4)]
        assert sum(text.startswith("ERROR: limit") for text in told) >= 3, told
    with Server(banfailures=3) as server:
        for _ in range(3):
            line(server, "?apientry=status&authid=admin&authpwd=wrong", "127.0.0.24")
        assert line(server, "?apientry=apitest1", "127.0.0.24").startswith("ERROR: limit: banned")
        assert answers(server, "127.0.0.24", 5) == []


def test_tokens_keys_and_digests_outlive_a_restart():
    with Server(apiv2key="K", apiv2md5salt="SRV", httpapimd5salt="x") as server:
        key = "&authkey=K"
        made = admin_with(server, key, "newuseri", u_username="alice", u_password="alicepw", credit=10)
        assert made.startswith("OK"), made
        login = line(server, f"?apientry=login{key}{digest('alice', 'alicepw', 'l1')}")
        token = re.fullmatch(r"OK: userid:\d+ type:0 token:(\w{64})", login).group(1)
        named = admin_with(server, key, "apikeyadd", name="web", scopes="balance", account="alice")
        secret = re.fullmatch(r"OK: name:web key:(swk_\w{64})", named).group(1)
        assert line(server, f"?apientry=balance&authkey={secret}") == "Your credit is $10"
        # A digest that alice showed from here is no use to who overheard it, now and after a restart.
        shown = digest("alice", "alicepw", "d1")
        assert line(server, f"?apientry=status{key}{shown}") == "OK: 1"
        nonce = line(server, f"?apientry=preauth{key}")[len("OK: new nonce is:"):-len("EOF")]
        wait_for(lambda: stored(server, "select count(*) from api_replay")[0][0] >= 2, 30, "digests to be kept")
        wait_for(lambda: stored(server, "select lastused_ms from tb_apikeys")[0][0], 30, "the use to be noted")
        server.kill()
        for text in (token, secret):
            for file in server.folder.iterdir():
                assert not file.is_file() or text.encode() not in file.read_bytes(), f"in clear in {file.name}"
        server.start()
        assert line(server, f"?apientry=balance&token={token}") == "Your credit is $10"
        bearer = server.request("/mvapireq/?apientry=balance", headers={"Authorization": f"Bearer {token}"})[0]
        assert bearer == "Your credit is $10"
        assert line(server, f"?apientry=balance&authkey={secret}") == "Your credit is $10"
        assert line(server, f"?apientry=cdr&authkey={secret}") == "ERROR: access denied: key web is not for cdr"
        stolen = line(server, f"?apientry=charge&pin=1{key}{shown}", "127.0.0.9")
        assert stolen.startswith("ERROR: auth failed: this authmd5 was used from another address"), stolen
        # A nonce dies with the process that issued it: none is ever used twice.
        late = line(server, f"?apientry=status{key}{digest('alice', 'alicepw', 'd2', nonce)}&nonce={nonce}")
        assert late.startswith("ERROR: new nonce is:"), late


def admin_with(server, key, command, **parameters):
    query = urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)
    return server.request(f"/mvapireq/?apientry={command}&{query}{key}{CREDENTIALS}")[0]


def test_the_doctor_names_the_wrong_ingredient(auth):
    for request, options, wanted in [
        (f"?apientry=balance{digest('alice', 'alicepw')}", [], "verdict -> it would run"),
        (f"{auth.url}/mvapireq/?apientry=balance{digest('alice', 'alicepw')}", [], "verdict -> it would run"),
        (f"?apientry=balance&authid=alice&authsalt=s1&authmd5={md5('ck5Gpalicealicepws1')}", [],
         "the server's salt (apiv2md5salt) is missing"),
        (f"?apientry=balance{digest('alice', 'ALICEPW')}", [], "the client has the password in upper case"),
        ("?apientry=balance&authid=alice&authpwd=Alicepw", [], "the password in another case"),
        ("?apientry=balance&authid=nobody&authpwd=x", [], "no account has this username"),
        (f"?apientry=transfercredit&username=bob&credit=1{digest('alice', 'alicepw')}", ["--from", "198.51.100.1"],
         "moneyneednonce demands a nonce"),
        (f"?apientry=db&sql=select%201{CREDENTIALS}", ["--from", "198.51.100.1"], "ip FAIL the address is neither"),
        (f"?apientry=db&sql=select%201{CREDENTIALS}", ["--transport", "udp"], "do not run over UDP"),
    ]:
        done = cli(auth, "auth", "explain", request, *options)
        said = re.sub(r" +", " ", done.stdout.replace("\t", " ")).replace("verdict - ", "verdict -> ")
        assert done.returncode == 0 and wanted in said, (request, done.stdout, done.stderr)
        assert "alicepw" not in done.stdout and ADMIN_PASSWORD not in done.stdout, done.stdout
    refused = line(auth, "?apientry=authexplain&request=x&authid=alice&authpwd=alicepw")
    assert refused == "ERROR: access denied: administrators only"


def test_the_inspector_shows_requests_without_secrets_and_escaped(auth):
    line(auth, "?apientry=status&authid=bob&authpwd=hidden-secret&x=<script>alert(1)</script>")
    line(auth, "?apientry=<script>alert(2)</script>&authpwd=hidden-secret")
    page, _ = auth.request(f"/mvapireq/requests?format=html{CREDENTIALS}")
    assert page.startswith("<!DOCTYPE html>") and "<script" not in page and "hidden-secret" not in page, page
    assert ADMIN_PASSWORD not in page and html.escape("<script>alert(2)</script>") in page, page
    assert "kept out: key and credentials" in page and "kept out: command" in page, page
    # A browser that opens the page gets the page.
    opened, _ = auth.request(f"/mvapireq/requests?x=1{CREDENTIALS}", headers={"Accept": "text/html,*/*"})
    assert opened.startswith("<!DOCTYPE html>"), opened[:80]
    denied, _ = auth.request("/mvapireq/requests?format=html&authid=bob&authpwd=bobpw")
    assert "administrators only" in denied, denied
