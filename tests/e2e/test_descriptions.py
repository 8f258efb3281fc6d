"""The descriptions of the API for machines, and what is made of them: OpenAPI, WSDL, examples, clients."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree as ET

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, BINARY, ROOT, Server, parse_table
from tools import tool

KEY, SALT = "14150857", "Zx81salt"
CLIENTS = ROOT / "examples" / "clients"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SCHEMA = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def exchange():
    with Server(apiv2key=KEY, apiv2md5salt=SALT) as running:
        for name, credit in (("alice", "9.8"), ("bob", "0")):
            answer = running.request(f"/mvapireq/newuseri?authkey={KEY}&authid={ADMIN}&authpwd={ADMIN_PASSWORD}&u_username={name}"
                                     f"&u_password={name}pw&u_currency=USD&credit={credit}")[0]
            assert answer.startswith("OK: userid:"), answer
        yield running


@pytest.fixture(scope="module")
def document(exchange):
    text, status = exchange.request("/mvapireq/openapi.json")
    assert status == 200
    return json.loads(text)


def post(server, command, fields, /):
    body = json.dumps({"authkey": KEY, **fields}).encode()
    text, _ = server.request(f"/mvapireq/{command}", data=body, headers={"Content-Type": "application/json"})
    return json.loads(text)


def admin(server, command, /, **fields):
    return post(server, command, {"authid": ADMIN, "authpwd": ADMIN_PASSWORD, **fields})


def fits(document, schema, value):
    """The part of JSON Schema that the document uses."""
    if "$ref" in schema:
        target = document
        for step in schema["$ref"][2:].split("/"):
            target = target[step]
        if not fits(document, target, value):
            return False
    if "anyOf" in schema and not any(fits(document, one, value) for one in schema["anyOf"]):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    kinds = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "null": type(None), "array": list, "object": dict}
    types = schema.get("type", list(kinds))
    types = [types] if isinstance(types, str) else types
    if not any(isinstance(value, kinds[kind]) and not (kind in ("number", "integer") and isinstance(value, bool)) for kind in types):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return set(schema.get("required", [])) <= set(value) and all(
            fits(document, known[name], item) for name, item in value.items() if name in known)
    if isinstance(value, list):
        return all(fits(document, schema.get("items", {}), item) for item in value)
    return True


def test_every_path_answers_as_it_is_described(exchange, document):
    """Without credentials every command answers a failure or, where it is open, a success: both by its schema."""
    assert document["openapi"].startswith("3.1") and len(document["paths"]) > 150
    for path, operations in document["paths"].items():
        command = path.rsplit("/", 1)[1]
        if command in ("close", "exit", "quit", "events"):
            continue
        answer = post(exchange, command, {})
        content = operations["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert fits(document, content, answer), f"{command}: {answer}"
        if operations["post"]["security"] not in ([{}], [{"key": []}]):
            assert answer["status"] == "ERROR", f"{command}: {answer}"


def test_successes_are_as_described(exchange, document):
    for command, fields in {
        "balance": {"targetuser": "alice"}, "listusers": {}, "cdr": {"fields": "all"}, "version": {}, "apitest": {},
        "getdetails": {"targetuser": "alice", "mode": "max"}, "help": {"command": "cdr"}, "verifyuser": {"userusername": "bob"},
        "db": {"sql": "select id, name, credit from tb_users"}, "login": {}, "reguser": {}, "call": {}, "bannedlist": {},
    }.items():
        answer = admin(exchange, command, **fields)
        schema = document["components"]["schemas"][f"{command}.reply"]["anyOf"][0]
        assert answer["status"] == "OK" and fits(document, schema, answer), f"{command}: {answer}"
    wrong = {"code": 200, "status": "OK", "text": "x", "data": {"credit": "9.8", "currency": 1}}
    assert not fits(document, document["components"]["schemas"]["balance.reply"], wrong), "the check can fail"


def test_parameters_are_as_described(exchange, document):
    """Words that the document lists are accepted, others are refused by name; so are numbers out of range."""
    tried = 0
    for path, operations in document["paths"].items():
        command = path.rsplit("/", 1)[1]
        schema = document["components"]["schemas"][f"{command}.request"]
        if operations["post"]["x-effect"] != "read" or "x-not-available" in operations["post"] or command == "events":
            continue
        required = {name: "1" for name in schema.get("required", [])}
        for name, parameter in schema["properties"].items():
            wrong = "no such word" if "enum" in parameter else "1x" if parameter.get("type") == "integer" else None
            if wrong is None:
                continue
            answer = admin(exchange, command, **{**required, name: wrong})
            # Host control and the like are refused before parameters are read.
            if not answer["text"].startswith(("ERROR: access denied", "ERROR: not available")):
                assert answer["text"].startswith(f"ERROR: invalid parameter: {name}"), f"{command} {name}: {answer}"
                tried += 1
    assert tried > 10


def test_the_wsdl_names_every_command_and_where_it_is(exchange, document):
    text, _ = exchange.request("/mvapireq?wsdl")
    root = ET.fromstring(text)
    names = {operation.get("name") for operation in root.find(f"{WSDL}portType")}
    assert names == {path.rsplit("/", 1)[1] for path in document["paths"]}
    elements = {element.get("name") for element in root.iter(f"{SCHEMA}schema").__next__()}
    assert elements == names | {"response"}
    places = [address.get("location") for port in root.find(f"{WSDL}service") for address in port]
    assert places == [f"{exchange.url}/mvapireq/"] * 2
    bindings = root.findall(f"{WSDL}binding")
    assert len(bindings) == 2 and all(len(binding.findall(f"{WSDL}operation")) == len(names) for binding in bindings)


def test_a_host_that_is_none_is_not_written_into_the_wsdl(exchange):
    text, _ = exchange.request("/mvapireq?wsdl", headers={"Host": "x\"/><evil>"})
    assert "evil" not in text and f'location="{exchange.url}/mvapireq/"' in text


def test_descriptions_are_refused_where_the_api_is(document):
    with Server(apitrustediponly=1, allowtrustedip=0) as closed:
        assert closed.request("/mvapireq/openapi.json")[0] == "ERROR: access denied: not from this address"
        assert closed.request("/mvapireq?wsdl")[0] == "ERROR: access denied: not from this address"


# What schemathesis must not call, and why.
EXCLUDED = {
    "close": "ends the connection", "exit": "ends the connection", "quit": "ends the connection",
    "events": "its answer does not end", "restart": "ends the process", "dbrestore": "puts another database in the place",
    "changepwd": "ends the session that all other requests belong to", "unittest": "takes as long as it is told",
    "webhookadd": "events would go to whatever host it names", "addserver": "SIP would", "wsuser": "SIP would", "wsload": "SIP would",
}
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"


@pytest.mark.parametrize(("phases", "method", "more"), [("examples,coverage,stateful", "POST", []), ("examples,fuzzing", "GET", ["-n", "4"])])
def test_schemathesis_finds_nothing(tmp_path, phases, method, more):
    """Every operation as an administrator, with documented, bounding and random values from a fixed seed. Whether wrong values
    are refused and right ones accepted is not asked of the HTTP status: it is 200 for both, and input is read liberally."""
    program = tool("schemathesis")
    with Server() as server:
        token = server.ok("login").rpartition("token:")[2].strip()
        server.account("alice", 10)
        (tmp_path / "settings.toml").write_text(
            f'headers = {{ Authorization = "Bearer {token}" }}\n[generation]\nwith-security-parameters = false\n')
        command = [program, "--config-file", "settings.toml", "run", f"{server.url}/mvapireq/openapi.json", "--phases", phases,
                   "--seed", "1", "--workers", "1", "--checks", CHECKS, "--include-method", method, "--request-timeout", "60",
                   "--no-color", *more]
        for name in EXCLUDED:
            command += ["--exclude-path", f"/mvapireq/{name}"]
        run = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900)
        said = "\n".join(line[:300] for line in run.stdout.splitlines())
        assert run.returncode == 0, said[-8000:] + run.stderr[-1000:]
        tested = int(re.search(r"Tested: (\d+)", said).group(1))
        assert tested > 150, said[-2000:]
        assert server.request("/mvapireq/balance", headers={"Authorization": f"Bearer {token}"})[0].startswith("Your credit"), "logged in to the end"
        assert "panicked" not in server.log_text()


READ_ONLY = ["apitest", "apitest1", "balance", "status", "cdr", "getdetails", "verifyuser"]


def made_for(server, user):
    """What `strowger examples` prints, by command and form."""
    printed = subprocess.run([str(BINARY), "examples", "--data", str(server.folder), user], capture_output=True, text=True, timeout=60)
    assert printed.returncode == 0, printed.stderr + printed.stdout
    rows = parse_table(printed.stdout)
    return {(row["command"], row["form"]): row["request"].replace("\\\\", "\\") for row in rows}


def test_generated_examples_work_as_they_are_printed(exchange, document):
    examples = made_for(exchange, "alice")
    commands = {command for command, _ in examples}
    assert set(READ_ONLY) <= commands and not {"listusers", "db", "newuseri"} & commands, "only what the account may use"
    for command in READ_ONLY:
        url = examples[command, "url"]
        assert url.startswith(exchange.url)
        answers = [exchange.request(url.removeprefix(exchange.url))[0]]
        curl = shlex.split(examples[command, "curl"])
        if shutil.which("curl"):
            answers.append(subprocess.run([*curl, "-s"], capture_output=True, text=True, timeout=30).stdout)
        answers.append(exchange.request("/mvapireq/", data=examples[command, "json"].encode(),
                                        headers={"Content-Type": "application/json"})[0])
        answers.append(over_websocket(exchange, examples[command, "websocket"]))
        for answer in answers:
            assert "ERROR" not in answer and answer, f"{command}: {answer}"
    assert exchange.request(examples["balance", "url"].removeprefix(exchange.url))[0] == "Your credit is $9.8"


def test_every_generated_example_is_well_formed_and_authenticated(exchange):
    """For every command the digest is right: it is refused for its own reasons at most."""
    for (command, form), request in made_for(exchange, ADMIN).items():
        if form == "url":
            fields = dict(urllib.parse.parse_qsl(request.split("?", 1)[1], keep_blank_values=True))
            assert fields["apientry"] == command
            if "authmd5" in fields:
                clear = f"ck5Gp{ADMIN}{ADMIN_PASSWORD}{SALT}{fields['authsalt']}"
                assert fields["authmd5"] == hashlib.md5(clear.encode()).hexdigest()
        elif form == "json":
            assert json.loads(request)["apientry"] == command


def test_the_page_of_examples_is_html_for_browsers_and_for_administrators(exchange):
    login = f"authkey={KEY}&authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
    page, _ = exchange.request(f"/mvapireq/examples?{login}&user=alice&command=balance", headers={"Accept": "text/html,*/*"})
    assert page.startswith("<!DOCTYPE html>") and "<td>curl &#39;http://" in page and "<th>request</th>" in page
    refused, _ = exchange.request(f"/mvapireq/examples?authkey={KEY}&authid=alice&authpwd=alicepw&user=bob")
    assert refused == "ERROR: access denied: administrators only"


def over_websocket(server, line):
    """One line to the API's WebSocket, and its answer."""
    import socket
    import struct
    with socket.create_connection(("127.0.0.1", server.ready["main"]), timeout=30) as connection:
        connection.sendall(b"GET /mvstwebsocket/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        stream = connection.makefile("rb")
        while stream.readline() not in (b"\r\n", b""):
            pass
        text = line.encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
        connection.sendall(b"\x81" + size + b"\0\0\0\0" + text)
        length = stream.read(2)[1]
        if length > 125:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        return stream.read(length).decode()


def generate(server, folder):
    """The clients as the generator makes them of this server."""
    shutil.copytree(CLIENTS, folder, dirs_exist_ok=True)
    made = subprocess.run([sys.executable, "-B", str(folder / "generate.py"), f"{server.url}/mvapireq/openapi.json"],
                          capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def clients(exchange, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    generate(exchange, folder)
    return folder


def test_the_committed_clients_are_those_of_this_server(clients):
    for name in ("python/strowger_api.py", "typescript/strowger_api.ts"):
        if "STROWGER_BLESS" in os.environ:
            shutil.copy(clients / name, CLIENTS / name)
        assert (CLIENTS / name).read_text() == (clients / name).read_text(), f"run {CLIENTS}/generate.py: {name} is old"


def test_the_python_client(exchange, clients):
    script = f"""
import sys
sys.path.insert(0, {str(clients / "python")!r})
from decimal import Decimal
from strowger_api import ApiError, Client
alice = Client({exchange.url!r}, key={KEY!r}, user="alice", password="alicepw", server_salt={SALT!r})
assert alice.balance().data == {{"credit": Decimal("9.8"), "currency": "USD", "postpaid": False}}
assert alice.verifyuser(userusername="bob").data["status"] == 1
for call, kind in ((lambda: alice.transfercredit("nobody", "1"), "not found"), (lambda: alice.listusers(), "access denied"),
                   (lambda: alice.cdr(days="soon"), "invalid parameter")):
    try:
        call()
    except ApiError as error:
        assert error.kind == kind and not error.final, error
    else:
        raise AssertionError(kind)
alice.open_session()
assert alice.token and alice.balance().text == "Your credit is $9.8"
wrong = Client({exchange.url!r}, key={KEY!r}, user="alice", password="no", server_salt={SALT!r})
try:
    wrong.balance()
except ApiError as error:
    assert error.kind == "auth failed"
admin = Client({exchange.url!r}, key={KEY!r}, user={ADMIN!r}, password={ADMIN_PASSWORD!r}, server_salt={SALT!r})
assert [row["username"] for row in admin.listusers().data] == [{ADMIN!r}, "alice", "bob"]
"""
    subprocess.run([sys.executable, "-B", "-c", script], check=True, timeout=60)


def test_the_python_client_follows_a_demanded_nonce(clients):
    with Server(apidefneedlogin=2) as strict:
        # With apidefneedlogin even the administrator of the tests needs a nonce: the account is made by the program.
        subprocess.run([str(BINARY), "user", "add", "carol", "--password", "carolpw", "--data", str(strict.folder)], check=True,
                       capture_output=True, timeout=60)
        script = f"""
import sys
sys.path.insert(0, {str(clients / "python")!r})
from strowger_api import Client
carol = Client({strict.url!r}, user="carol", password="carolpw")
assert carol.balance().data["credit"] == 0
"""
        subprocess.run([sys.executable, "-B", "-c", script], check=True, timeout=60)


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("tsc")), reason="node and tsc are not installed")
def test_the_typescript_client(exchange, clients, tmp_path):
    subprocess.run(["tsc", "-p", str(clients / "typescript"), "--outDir", str(tmp_path)], check=True, timeout=120)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "test.js").write_text(f"""
import assert from "node:assert";
import {{ ApiError, Client, md5 }} from "./strowger_api.js";
assert.equal(md5("ck5Gp30373037").toUpperCase(), "55D1734C848443FDC0E4F750D79A33DF");
const options = {{ key: "{KEY}", user: "alice", password: "alicepw", serverSalt: "{SALT}" }};
const alice = new Client("{exchange.url}", options);
assert.deepEqual((await alice.balance()).data, {{ credit: 9.8, currency: "USD", postpaid: false }});
await assert.rejects(alice.transfercredit({{ username: "nobody", credit: "1" }}),
  (error) => error instanceof ApiError && error.kind === "not found" && !error.final);
await alice.openSession();
assert.equal((await alice.balance()).text, "Your credit is $9.8");
const wrong = new Client("{exchange.url}", {{ ...options, password: "no" }});
await assert.rejects(wrong.balance(), (error) => error.kind === "auth failed");
""")
    subprocess.run(["node", str(tmp_path / "test.js")], check=True, timeout=60)
