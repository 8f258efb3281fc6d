"""The real binary and its strangers, as the end-to-end tests drive them.

`Server` starts `strowger serve` on a folder of its own with ephemeral ports and speaks to it only through
what a customer has: the ready file, HTTP, and SIP. `Sipp` plays a scenario of conformance/sipp.
"""

import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("STROWGER_BINARY", ROOT / "target" / "debug" / "strowger"))
SCENARIOS = ROOT / "conformance" / "sipp"
ADMIN, ADMIN_PASSWORD = "admin", "first-exchange"


class Server:
    """One `strowger serve` process with a data folder that survives restarts."""

    def __init__(self, data=None, database=None, config=None, log_folder=None, **settings):
        self.config, self.log_folder = config, log_folder
        self.folder = Path(data or tempfile.mkdtemp(prefix="strowger-e2e-"))
        self.settings = {
            "mainaport": "0", "sipport": "0", "adminport": "0", "bind": "127.0.0.1",
            "apiv2key": "", "apiv2md5salt": "", "rtpportmin": "0", "ratelimitip": "0", "ratelimituser": "0", "ratelimitglobal": "0",
            **{key: str(value) for key, value in settings.items()},
        }
        if database:
            self.settings["database"] = database
        self.process = None
        self.ready = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, **more):
        ready_file = self.folder / "ready.json"
        ready_file.unlink(missing_ok=True)
        command = [str(BINARY), "serve", "--data", str(self.folder), "--ready-file", str(ready_file),
                   "--admin", f"{ADMIN}:{ADMIN_PASSWORD}"]
        if self.config:
            command += ["--config", str(self.config)]
        for key, value in {**self.settings, **more}.items():
            command += ["--set", f"{key}={value}"]
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(lambda: ready_file.exists() or self.process.poll() is not None, 30, "the ready file")
        assert self.process.poll() is None, f"strowger ended: {self.log_text()[-2000:]}"
        self.ready = json.loads(ready_file.read_text())
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            # Two that come together are one to a process: the second is sent when the first had its time.
            for patience_s in (0.3, 10):
                self.process.send_signal(signal.SIGINT)
                try:
                    self.process.wait(patience_s)
                    return
                except subprocess.TimeoutExpired:
                    continue
            self.process.kill()
            self.process.wait()

    def kill(self):
        """`kill -9`: nothing is flushed, nothing is said to anybody."""
        self.process.kill()
        self.process.wait()

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    @property
    def log_path(self):
        return Path(self.log_folder or self.folder) / "server.log"

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ready['main']}"

    @property
    def sip(self):
        return f"127.0.0.1:{self.ready['sip']}"

    def request(self, path, data=None, headers=None):
        """The body of one HTTP request, and its status."""
        request = urllib.request.Request(self.url + path, data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.read().decode(), answer.status
        except urllib.error.HTTPError as error:
            return error.read().decode(), error.code

    def api(self, command, /, user=ADMIN, password=ADMIN_PASSWORD, **parameters):
        """The text answer of an API request, authenticated as documented with authmd5."""
        salt = str(random.randrange(10**6, 10**7))
        parameters = {"apientry": command, "authid": user, "authsalt": salt,
                      "authmd5": hashlib.md5(f"ck5Gp{user}{password}{salt}".encode()).hexdigest(), **parameters}
        return self.request("/mvapireq/?" + urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote))[0]

    def ok(self, command, /, **parameters):
        """As `api`, and the answer must be a success."""
        answer = self.api(command, **parameters)
        assert not answer.startswith("ERROR"), f"{command}: {answer}"
        return answer

    def sql(self, statement):
        return self.ok("db", sql=statement)

    def table(self, statement):
        """The rows of a SELECT through the `db` command, as dictionaries."""
        return parse_table(self.sql(statement))

    def table_of(self, command, /, **parameters):
        """The rows of a command that answers a table, as dictionaries."""
        lines = self.ok(command, **parameters).splitlines()
        names = lines[1].split("\t")
        return [dict(zip(names, line.split("\t"))) for line in lines[2:]]

    def account(self, name, credit=None, **fields):
        """A new enduser; its password is its name and `pw`. Returns the id."""
        parameters = {"u_username": name, "u_password": name + "pw", "u_name": name, "u_currency": "USD"}
        if credit is not None:
            parameters["credit"] = str(credit)
        answer = self.ok("newuseri", **parameters)
        userid = int(re.search(r"userid:(\d+)", answer).group(1))
        for field, value in fields.items():
            self.ok("setfield", fieldname=field, fieldvalue=str(value), rowid=userid)
        return userid

    def price(self, prefix, price, step=1, minimum=0, connect=0, name="Testland"):
        """A price per minute on the default price list, made on first use."""
        if not self.table("select id from tb_billsources where isdefault = 1"):
            self.sql("insert into tb_billsources (name, currency, isdefault) values ('default', 'USD', 1)")
        source = self.table("select id from tb_billsources where isdefault = 1")[0]["id"]
        self.sql("insert into tb_billentries (billsourceid, prefix, direction, price, connectfee, billingstep,"
                 f" minammount, currency) values ({source}, '{prefix}', '{name}', {price}, {connect}, {step},"
                 f" {minimum}, 'USD')")

    def trunk(self, name, port, prefix, priority=1, **fields):
        """A SIP server on loopback with one routing rule. Everybody is 127.0.0.1 here: it is known by its port too."""
        answer = self.ok("addserver", u_type=0, u_name=name, u_username=name, u_password=name + "pw",
                         u_ip="127.0.0.1", u_port=port, u_auth=6, u_routing="null", **fields)
        server = self.table(f"select id from tb_users where username = '{name}'")[0]["id"]
        self.sql("insert into tb_routing (name, prefix, serverid, priority, weight, enabled)"
                 f" values ('{name}', '{prefix}', {server}, {priority}, 1, 1)")
        return int(server), answer

    def cdrs(self):
        return self.table("select * from tb_cdrs order by id")

    def ledger_sums(self):
        """What the ledger's entries add up to, per unit."""
        return {row["unit"]: row["total"] for row in
                self.table("select unit, sum(amount) as total from ledger group by unit")}

    def credit(self, name):
        answer = self.ok("balance", targetuser=name)
        return float(re.search(r"(-?\d+(?:\.\d+)?)", answer).group(1))

    def calls(self):
        return parse_table(self.ok("call"))


class Sipp:
    """One SIPp process that plays one scenario; `finish` waits for its verdict."""

    def __init__(self, scenario, remote=None, calls=1, keys=None, service="service", transport="u1", timeout=40,
                 replace=None, rate=10, media_port=None, local_port=None, limit=None):
        self.folder = Path(tempfile.mkdtemp(prefix="sipp-"))
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for old, new in (replace or {}).items():
            text = text.replace(old, str(new))
        # The digest keywords take literals only.
        for key, value in (keys or {}).items():
            text = text.replace(f"username=[{key}]", f"username={value}").replace(f"password=[{key}]", f"password={value}")
            text = text.replace(f'username="[{key}]"', f'username="{value}"')
            text = text.replace(f'password="[{key}]"', f'password="{value}"')
            text = text.replace(f"username=.[{key}]", f"username=.{value}")
            text = text.replace(f"[{key}]", str(value))
        self.scenario = self.folder / f"{scenario}.xml"
        self.scenario.write_text(text)
        self.port = local_port or free_port()
        command = ["sipp", "-sf", str(self.scenario), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(self.port),
                   "-mp", str(media_port or free_port()), "-m", str(calls), "-s", service, "-t", transport,
                   "-r", str(rate), "-nostdin", "-timeout", f"{timeout}s", "-timeout_error", "-trace_err",
                   "-trace_msg", "-recv_timeout", str(timeout * 1000)]
        if limit:
            command += ["-l", str(limit)]
        if remote:
            command.append(remote)
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        if remote is None:
            wait_for(lambda: bound(self.port, transport), 5, f"SIPp on port {self.port}")

    def finish(self, timeout=60):
        code = self.process.wait(timeout)
        assert code == 0, f"{self.scenario.stem} ended with {code}:\n{self.trace()[-6000:]}"
        self.close()

    def trace(self):
        texts = [path.read_text(errors="replace") for path in sorted(self.folder.glob("*_errors.log"))]
        texts += [path.read_text(errors="replace") for path in sorted(self.folder.glob("*_messages.log"))]
        return "\n".join(texts)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def register(server, user, contact_port, expires=300, transport="u1"):
    """Registers `user` with a contact on `contact_port`, as a phone with that listener would."""
    Sipp("register", server.sip, transport=transport,
         keys={"caller": user, "password": user + "pw", "contact_port": contact_port, "expires": expires}).finish()


def callee(server, user, scenario="uas", **options):
    """A SIPp callee that is registered as `user`."""
    keys = {"hold_ms": 500, "caller": user, "password": user + "pw", **options.pop("keys", {})}
    phone = Sipp(scenario, keys=keys, **options)
    register(server, user, phone.port, transport=options.get("transport", "u1"))
    return phone


def caller(server, user, number, scenario="uac", hold_ms=500, **options):
    """A SIPp caller that authenticates as `user` and dials `number`."""
    keys = {"caller": user, "password": user + "pw", "hold_ms": hold_ms, **options.pop("keys", {})}
    return Sipp(scenario, server.sip, service=number, keys=keys, **options)


def parse_table(answer):
    """`OK: <n>`, a header line, then rows, all tab-separated; `n` counts the header."""
    lines = answer.splitlines()
    count = int(re.match(r"OK: (\d+)", lines[0]).group(1))
    assert len(lines) - 1 == count, answer
    if count == 0:
        return []
    names = lines[1].split("\t")
    return [dict(zip(names, line.split("\t"))) for line in lines[2:]]


def wait_for(condition, seconds, what):
    """Polls until `condition` holds; the only waiting that these tests do on wall-clock time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


# Below the ports that the system gives out, in any order, each once before one comes again: two ports that are asked for
# one after the other are never the same.
PORTS = itertools.cycle(random.SystemRandom().sample(range(11000, 19000, 4), 2000))


def free_port():
    """A UDP and TCP port that nobody has at the moment, nor the three above it, which SIPp may take for media."""
    for port in PORTS:
        try:
            with contextlib.ExitStack() as sockets:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    for offset in range(4):
                        sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port + offset))
                return port
        except OSError:
            continue


def bound(port, transport):
    """Somebody listens on the loopback port."""
    table = Path("/proc/net/udp" if transport.startswith("u") else "/proc/net/tcp").read_text()
    return f"0100007F:{port:04X}" in table
