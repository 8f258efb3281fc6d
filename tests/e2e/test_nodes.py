"""Two and three real nodes: commands that run on another one, and upgrades that go from node to node."""

import contextlib
import os
import pty
import re
import select
import socket
import ssl
import stat
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, BINARY, ROOT, Server, free_port, wait_for
from test_console import Terminal, telnet

KEY = f"{ADMIN}:{ADMIN_PASSWORD}"
TLS = ROOT / "crates/server/tests/tls"


@pytest.fixture(scope="module")
def pair():
    """The first node knows the second, one that is gone, and nobody else."""
    with Server(nodeid=2) as second:
        second.account("remote", credit=7)
        gone = free_port()
        nodes = f"b=127.0.0.1:{second.ready['main']},gone=127.0.0.1:{gone}"
        with Server(nodeid=1, nodes=nodes, nodekey=KEY, trustediplist="127.0.0.1") as first:
            first.account("alice", credit=3)
            yield first, second


def node_of(answer):
    return re.search(r"node=(\d+)", answer).group(1)


def test_without_nodes_it_is_not_available():
    with Server() as server:
        for parameters in ({}, {"node": "b"}, {"node": "b", "txt": "version"}):
            assert server.api("client", **parameters) == "ERROR: not available: no other nodes are configured (nodes)"


def test_the_list_says_which_nodes_can_be_reached(pair):
    first, second = pair
    rows = {row["node"]: row for row in first.table_of("client")}
    assert rows["b"]["state"] == "up" and rows["b"]["address"] == f"127.0.0.1:{second.ready['main']}"
    assert rows["b"]["detail"].startswith("strowger ")
    assert rows["gone"]["state"] == "down" and "cannot be reached" in rows["gone"]["detail"]


def test_one_command_runs_there(pair):
    first, _ = pair
    assert node_of(first.ok("info")) == "1"
    assert node_of(first.ok("client", node="b", txt="info")) == "2"
    assert first.ok("client", node="b", txt="balance targetuser=remote") == "Your credit is $7"
    # A table is the same table, and a refusal the same refusal.
    assert "remote" in first.ok("client", node="b", txt="listusers")
    assert first.api("client", node="b", txt="balance targetuser=alice") == "ERROR: not found: targetuser alice"
    assert first.api("client", node="b", txt="nosuch") == "ERROR: unknown command: nosuch"
    assert first.api("client", node="c", txt="info") == "ERROR: not found: node c; there are b, gone"
    assert "node gone: it cannot be reached" in first.api("client", node="gone", txt="info")
    assert "no session here" in first.api("client", node="b")


def test_a_datagram_may_carry_one_command(pair):
    first, _ = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(15)
        for line, expected in (("balance targetuser=remote", b"Your credit is $7"), ("", b"no session here")):
            query = urllib.parse.urlencode({"apientry": "client", "authid": ADMIN, "authpwd": ADMIN_PASSWORD,
                                            "node": "b", "txt": line}, quote_via=urllib.parse.quote)
            client.sendto(f"/mvapireq/?{query}".encode(), ("127.0.0.1", first.ready["udp"]))
            assert expected in client.recv(2048)


def test_only_administrators_reach_other_nodes(pair):
    first, _ = pair
    assert first.api("client", user="alice", password="alicepw", node="b", txt="balance").startswith("ERROR: access denied")


def test_a_command_that_came_from_another_node_goes_no_further(pair):
    first, second = pair
    nodes = f"a=127.0.0.1:{first.ready['main']}"
    with Server(nodeid=3, nodes=nodes, nodekey=KEY) as third:
        assert node_of(third.ok("client", node="a", txt="info")) == "1"
        for line in ("client b info", "client b", "oop client b info"):
            assert third.api("client", node="a", txt=line).startswith(("ERROR: access denied", "ERROR: invalid")), line
        # The same by hand: the mark is all that counts.
        assert "not passed on" in first.api("client", node="b", txt="info", vianode="9")
        assert "not passed on" in third.api("client", node="a", txt="oop client b info")
    assert second.process.poll() is None


def test_both_nodes_have_it_in_their_audit(pair):
    first, second = pair
    first.ok("client", node="b", txt="addcredit targetuser=remote credit=0.5")
    first.ok("client", node="b", txt="addcredit targetuser=remote credit=-0.5")
    here = first.table("select command, object, outcome from audit order by id")
    assert {"command": "client", "object": "b: addcredit", "outcome": "OK"} in here
    there = second.table("select command, object from audit order by id")
    assert any(row["command"] == "addcredit" and "remote" in row["object"] for row in there)
    assert ADMIN_PASSWORD not in first.log_text() and ADMIN_PASSWORD not in second.log_text()


def test_a_telnet_console_moves_there_and_comes_back(pair):
    first, _ = pair
    with telnet(first, negotiates=False) as terminal:
        terminal.wait_for("> ")
        terminal.type("client gone\r\n")
        terminal.wait_for(r"ERROR: failed: node gone: it cannot be reached.*\r\n> ")
        terminal.type("client b\r\n")
        terminal.wait_for(r"OK: node b: strowger .*\r\nb> ")
        terminal.type("info\r\n")
        assert node_of(terminal.wait_for(r"(?s)databasedetail.*b> ")) == "2"
        terminal.type("balance remote\r\n")
        terminal.wait_for(r"credit is \$7\r\nb> ")
        terminal.type("tail\r\n")
        terminal.wait_for(r"ERROR.*\r\nb> ")
        terminal.type("client gone\r\n")
        terminal.wait_for(r"ERROR: failed: node gone.*\r\nb> ")
        terminal.type("client\r\n")
        terminal.wait_for(r"OK: commands run here\r\n> ")
        terminal.type("info\r\n")
        assert node_of(terminal.wait_for(r"(?s)databasedetail.*> ")) == "1"
        terminal.type("client b balance targetuser=remote\r\n")
        terminal.wait_for(r"credit is \$7\r\n> ")
        terminal.type("client b\r\n")
        terminal.wait_for("b> ")
        terminal.type("client local\r\n")
        terminal.wait_for(r"OK: commands run here\r\n> ")
        terminal.type("client b\r\nexit\r\n")
        terminal.wait_for("OK: closing")


def test_the_console_command_moves_there_and_comes_back(pair):
    first, _ = pair
    controller, terminal_end = pty.openpty()
    process = subprocess.Popen([BINARY, "console", "--data", first.folder], stdin=terminal_end, stdout=terminal_end,
                               stderr=terminal_end, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
    os.close(terminal_end)

    def read(seconds):
        ready, _, _ = select.select([controller], [], [], max(seconds, 0.01))
        return os.read(controller, 4096) if ready else b""

    terminal = Terminal(read, lambda data: os.write(controller, data))
    try:
        terminal.wait_for("strowger> ")
        terminal.type("client b\r")
        terminal.wait_for("strowger@b> ")
        terminal.type("balance remote\r")
        terminal.wait_for(r"credit is \$7")
        terminal.wait_for("strowger@b> ")
        terminal.type("client\r")
        terminal.wait_for("strowger> ")
        terminal.type("exit\r")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def test_one_line_of_the_console_command(pair):
    first, _ = pair
    done = subprocess.run([BINARY, "console", "--data", first.folder, "client", "b", "balance", "targetuser=remote"],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "Your credit is $7")


def test_the_lines_of_an_api_stream_move_there(pair):
    first, _ = pair
    with socket.create_connection(("127.0.0.1", first.ready["main"]), 15) as stream:
        lines = stream.makefile("rw", newline="\r\n")

        def ask(line):
            lines.write(line + "\r\n")
            lines.flush()
            return lines.readline().strip()

        credentials = f"authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
        assert ask(f"balance&{credentials}&targetuser=alice") == "Your credit is $3"
        assert ask(f"client,,{ADMIN},{ADMIN_PASSWORD},b").startswith("OK: node b")
        assert ask(f"balance&{credentials}&targetuser=remote") == "Your credit is $7"
        # Who is no administrator does not come along.
        assert ask("balance&authid=alice&authpwd=alicepw").startswith("ERROR: access denied")
        assert ask(f"client&{credentials}") == "OK: commands run here"
        assert ask("balance&authid=alice&authpwd=alicepw") == "Your credit is $3"


def test_what_a_command_demands_here_counts_for_there_too(pair):
    """127.0.0.2 is an ordinary address: what it may not ask here it does not ask through here."""
    first, _ = pair

    def ask(source, line):
        with socket.create_connection(("127.0.0.1", first.ready["main"]), 15, (source, 0)) as stream:
            query = urllib.parse.urlencode({"apientry": "client", "authid": ADMIN, "authpwd": ADMIN_PASSWORD,
                                            "node": "b", "txt": line}, quote_via=urllib.parse.quote)
            stream.sendall(f"?{query}\r\n".encode())
            return stream.makefile().readline().strip()

    assert ask("127.0.0.2", "db select 1") == "ERROR: access denied: not from this address"
    assert ask("127.0.0.2", "restart service") == "ERROR: access denied: not from this address"
    assert ask("127.0.0.2", "balance targetuser=remote") == "Your credit is $7"
    assert ask("127.0.0.1", "db select 1").startswith("OK")
    assert ask("127.0.0.2", "addcredit targetuser=remote credit=1").startswith("ERROR: ")
    assert "host control" in ask("127.0.0.1", "cmd x")


def test_a_named_key_is_enough_and_a_wrong_one_says_so(pair):
    _, second = pair
    key = re.search(r"key:(swk_\w+)", second.ok("apikeyadd", name="nodes", scopes="access:admin", account=ADMIN)).group(1)
    nodes = f"b=127.0.0.1:{second.ready['main']}"
    with Server(nodes=nodes, nodekey=key) as server:
        assert node_of(server.ok("client", node="b", txt="info")) == "2"
        assert server.api("client", node="b", txt="db select 1").startswith("ERROR: access denied")
        assert key not in server.ok("showcfg")
    with Server(nodes=nodes, nodekey="admin:wrong") as server:
        assert "refuses nodekey" in server.api("client", node="b", txt="info")
        assert [row["state"] for row in server.table_of("client")] == ["refuses"]
    with Server(nodes=nodes) as server:
        assert server.api("client", node="b", txt="info") == "ERROR: not available: nodekey is not set"
    with Server(nodes="nonsense", nodekey=key) as server:
        assert server.api("client", node="b", txt="info").startswith("ERROR: not available: nodes: nonsense")


def openssl(*words, folder):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a certificate of it for 127.0.0.1, and another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", folder=folder)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=node",
            "-keyout", "node.key", "-out", "node.csr", folder=folder)
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,IP:127.0.0.2\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "san", "-out", "node.pem", folder=folder)
    return folder


def test_tls_is_used_where_it_is_answered_and_is_verified(certificates):
    with Server(nodeid=2, tlscert=certificates / "node.pem", tlskey=certificates / "node.key", sslportmain=0, localtlsport=0) as second:
        tls, main = second.ready["tls"], second.ready["main"]
        for place, authority, expected in (
            (f"127.0.0.1:{main}", "ca", "node=2"),
            (f"tls:127.0.0.1:{main}", "ca", "node=2"),
            (f"tls:127.0.0.1:{tls}", "ca", "node=2"),
            (f"tcp:127.0.0.1:{main}", "ca", "node=2"),
            # Answered by TLS that is not believed: nothing goes on in clear.
            (f"127.0.0.1:{main}", "other", "ERROR: failed: node b: TLS: "),
            (f"tls:127.0.0.1:{tls}", "other", "ERROR: failed: node b: TLS: "),
            (f"tcp:127.0.0.1:{tls}", "ca", "ERROR: failed: node b: "),
        ):
            with Server(nodes=f"b={place}", nodekey=KEY, nodeca=certificates / f"{authority}.pem") as first:
                assert expected in first.api("client", node="b", txt="info"), (place, authority)
    with Server(nodeid=2) as second, Server(nodes=f"b=tls:127.0.0.1:{second.ready['main']}", nodekey=KEY,
                                            nodeca=certificates / "ca.pem") as first:
        assert "node b: TLS: " in first.api("client", node="b", txt="info")


def own_address():
    """An address of this machine that is no loopback, where there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no other address than loopback")
        return probe.getsockname()[0]


def test_nothing_is_sent_in_clear_to_an_address_that_is_not_trusted():
    address = own_address()
    with Server(nodeid=2, bind="0.0.0.0") as second:
        place = f"{address}:{second.ready['main']}"
        for form in ("", "tcp:"):
            with Server(nodes=f"b={form}{place}", nodekey=KEY) as first:
                answer = first.api("client", node="b", txt="info")
                assert answer.startswith("ERROR: not available: node b: ") and "in clear" in answer
            with Server(nodes=f"b={form}{place}", nodekey=KEY, trustediplist=address) as first:
                assert node_of(first.ok("client", node="b", txt="info")) == "2"


# Upgrades.


def epoch(server):
    return re.search(r"epoch=(\d+)", server.ok("info")).group(1)


def program(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_upgrades_need_host_control_and_something_configured():
    with Server() as server:
        assert "host control" in server.api("upgradeall", what=1)
    with Server(hostcontrol="true") as server:
        assert server.api("upgradeall", what=0) == "ERROR: not available: upgradechannel is not set in the start-up file"
        for what in (1, 2):
            assert server.api("upgradeall", what=what) == "ERROR: not available: no other nodes are configured (nodes)"
        assert server.api("upgradeall", what=3).startswith("ERROR: invalid parameter: what")


def test_nodes_are_upgraded_one_after_the_other(tmp_path):
    """Each runs the operator's program, restarts, and is healthy before the next begins."""
    journal = tmp_path / "journal"
    with contextlib.ExitStack() as stack:
        others = []
        for name in ("b", "c"):
            upgrade = program(tmp_path, f"upgrade-{name}", f"echo {name} >> {journal}\n")
            others.append(stack.enter_context(Server(nodeid=len(others) + 2, hostcontrol="true",
                                                     hostcommands=f"upgrade={upgrade}", draintimeout=5)))
        nodes = ",".join(f"{name}=127.0.0.1:{other.ready['main']}" for name, other in zip("bc", others))
        first = stack.enter_context(Server(hostcontrol="true", nodes=nodes, nodekey=KEY, upgradecommand="upgrade",
                                           upgradetimeout=60))
        before = [epoch(other) for other in others]
        away, stop = [], threading.Event()

        def watch():
            """Two nodes are never away together."""
            while not stop.is_set():
                away.append(sum(not answers(other) for other in others))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            rows = rolled(first, what=1)
        finally:
            stop.set()
            watcher.join()
        assert [(row["kind"], row["name"], row["state"]) for row in rows] == [("node", "b", "done"), ("node", "c", "done")]
        assert all(row["before"] and row["after"] and "healthy again" in row["detail"] for row in rows)
        assert [epoch(other) for other in others] != before and all(a != b for a, b in zip(before, map(epoch, others)))
        assert journal.read_text().split() == ["b", "c"]
        assert max(away) <= 1, away
        audit = first.table("select command, object, outcome from audit order by id")
        assert {"command": "client", "object": "b: upgradeall", "outcome": "OK"} in audit


def answers(server):
    try:
        with socket.create_connection(("127.0.0.1", server.ready["main"]), 5) as stream:
            stream.sendall(b"apitest1\r\n")
            stream.settimeout(5)
            return stream.recv(100).startswith(b"OK")
    except OSError:
        return False


def rolled(server, **parameters):
    """`upgradeall` over a stream, which waits as long as it takes."""
    query = urllib.parse.urlencode({"apientry": "upgradeall", "authid": ADMIN, "authpwd": ADMIN_PASSWORD, **parameters})
    with socket.create_connection(("127.0.0.1", server.ready["main"]), 120) as stream:
        stream.sendall(f"?{query}\r\n".encode())
        lines = stream.makefile(newline="\r\n")
        text = lines.readline().strip()
    if text.startswith("ERROR"):
        return text
    lines = text.split("\n")
    names = lines[1].split("\t")
    return [dict(zip(names, line.split("\t"))) for line in lines[2:]]


def test_it_stops_at_the_first_node_that_does_not_come_back(tmp_path):
    broken = program(tmp_path, "broken", "echo no disk space; exit 3\n")
    with contextlib.ExitStack() as stack:
        good = stack.enter_context(Server(nodeid=2))
        bad = stack.enter_context(Server(nodeid=3, hostcontrol="true", hostcommands=f"upgrade={broken}"))
        last = stack.enter_context(Server(nodeid=4))
        ports = [good.ready["main"], bad.ready["main"], last.ready["main"]]
        nodes = ",".join(f"{name}=127.0.0.1:{port}" for name, port in zip(("good", "bad", "last"), ports))
        first = stack.enter_context(Server(hostcontrol="true", nodes=nodes, nodekey=KEY, upgradetimeout=30))
        before = [epoch(server) for server in (good, bad, last)]
        # The second ends while it restarts: whoever should start it again does not.
        bad.process.send_signal(19)
        try:
            answer = rolled(first, what=1)
        finally:
            bad.process.send_signal(18)
        assert answer.startswith("ERROR: failed: node bad: ") and answer.endswith("; done: good; not begun: last"), answer
        assert epoch(good) != before[0] and epoch(last) == before[2]
        # The program of the operator that fails stops it too, before anything is restarted.
        with Server(hostcontrol="true", nodes=f"bad=127.0.0.1:{ports[1]}", nodekey=KEY, upgradecommand="upgrade") as other:
            answer = rolled(other, what="nodes")
            assert "exit status 3: no disk space" in answer and "done: none; not begun: none" in answer
        assert epoch(bad) == before[1]


def test_gateways_are_upgraded_by_the_operators_channel(tmp_path):
    journal = tmp_path / "journal"
    upgrade = program(tmp_path, "upgrade", f'echo "$1 $2" >> {journal}\necho upgraded\n[ "$1" != bad ]\n')
    with Server(hostcontrol="true", upgradechannel=upgrade) as server:
        for name, ip in (("gsm1", "192.0.2.7"), ("gsm2", "192.0.2.8")):
            server.account(name)
            server.sql(f"update tb_users set type = 7, ip = '{ip}' where username = '{name}'")
        server.account("nogateway")
        rows = rolled(server, what=0)
        assert [(row["kind"], row["name"], row["state"], row["detail"]) for row in rows] == [
            ("gateway", "gsm1", "done", "upgraded"), ("gateway", "gsm2", "done", "upgraded")]
        assert journal.read_text().splitlines() == ["gsm1 192.0.2.7", "gsm2 192.0.2.8"]
        server.account("bad")
        server.account("zlast")
        server.sql("update tb_users set type = 12 where username in ('bad', 'zlast')")
        assert rolled(server, what=2) == \
            "ERROR: failed: gateway bad: failed: exit status 1: upgraded; done: gsm1 gsm2; not begun: zlast"


def test_a_channel_may_be_a_url():
    asked = []

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            self.send_response(500 if "bad" in self.path else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    channel = HTTPServer(("127.0.0.1", 0), Channel)
    threading.Thread(target=channel.serve_forever, daemon=True).start()
    try:
        with Server(hostcontrol="true", upgradechannel=f"http://127.0.0.1:{channel.server_port}/upgrade?key=1") as server:
            server.account("gsm1")
            server.sql("update tb_users set type = 7, ip = '192.0.2.7' where username = 'gsm1'")
            assert [row["state"] for row in rolled(server, what="gateways")] == ["done"]
            assert asked == ["/upgrade?key=1&gateway=gsm1&address=192%2E0%2E2%2E7"]
            server.account("bad")
            server.sql("update tb_users set type = 7 where username = 'bad'")
            assert "gateway bad: failed: HTTP status 500" in rolled(server, what=0)
    finally:
        channel.shutdown()
        channel.server_close()
