"""The console as people and scripts meet it: telnet with its negotiation, and `strowger console` on a terminal."""

import contextlib
import os
import pty
import re
import select
import socket
import subprocess
import time

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, BINARY, Server

PATIENCE = 30
IAC, DO, WILL, SB, SE, ECHO, GO_AHEAD, NAWS = 255, 253, 251, 250, 240, 1, 3, 31


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        running.account("alice", credit=5)
        running.account("helper")
        running.sql("update tb_users set type = 14 where username = 'helper'")
        yield running


class Terminal:
    """What a terminal shows, escape sequences taken out, and waiting for something on it."""

    def __init__(self, read, write):
        self.read, self.write, self.shown = read, write, ""

    def type(self, text):
        self.write(text.encode() if isinstance(text, str) else text)

    def wait_for(self, pattern):
        """Waits until the pattern is shown, and takes everything up to its end."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.shown)):
            assert time.monotonic() < deadline, f"{pattern!r} did not come; the screen: {self.shown!r}"
            data = self.read(deadline - time.monotonic())
            assert data, f"{pattern!r} did not come before the end: {self.shown!r}"
            self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))
        before, self.shown = self.shown[:found.end()], self.shown[found.end():]
        return before


@contextlib.contextmanager
def telnet(server, user=ADMIN, password=ADMIN_PASSWORD, negotiates=True, height=10):
    """A telnet client: agrees to be echoed to and tells its window, or is a plain socket."""
    with socket.create_connection(("127.0.0.1", server.ready["admin"]), PATIENCE) as connection:
        greeting = connection.recv(9, socket.MSG_WAITALL)
        assert greeting == bytes([IAC, WILL, ECHO, IAC, WILL, GO_AHEAD, IAC, DO, NAWS])
        if negotiates:
            # An option that is declined too, and the window's size.
            connection.sendall(bytes([IAC, DO, ECHO, IAC, DO, GO_AHEAD, IAC, WILL, 24, IAC, WILL, NAWS,
                                      IAC, SB, NAWS, 0, 80, 0, height, IAC, SE]))

        def read(seconds):
            connection.settimeout(max(seconds, 0.01))
            return connection.recv(4096)

        terminal = Terminal(read, connection.sendall)
        terminal.connection = connection
        terminal.wait_for("user: ")
        terminal.type(user + "\r\n")
        terminal.wait_for("password: ")
        terminal.type(password + "\r\n")
        yield terminal


def test_telnet_edits_remembers_completes_and_pages(server):
    with telnet(server) as terminal:
        screen = terminal.wait_for("> ")
        assert ADMIN_PASSWORD not in screen
        # Backspaces, as terminals of either kind send them.
        terminal.type("balancex\x7f targetuser=alicf\x08e\r\0")
        assert "Your credit is $5" in terminal.wait_for(r"credit is \$5")
        terminal.type("ball\x15eventl\tmax=1\r\n")
        terminal.wait_for(r"OK: 2 cursor:\d+")
        # The line before the last one.
        terminal.type("\x1b[A\x1b[A\r\n")
        terminal.wait_for(r"credit is \$5")
        terminal.type("history\r\n")
        history = terminal.wait_for(r"eventlist max=1\s")
        assert "balance targetuser=alice" in history
        # Ten lines of window: a page, then the next line by line, then no more.
        terminal.type("help\r\n")
        first = terminal.wait_for("-- more:")
        assert 9 <= first.count("\n") <= 12
        terminal.type("q")
        terminal.wait_for("> ")
        terminal.type("pagesize 0\r\nhelp balance\r\n")
        terminal.wait_for("balance")
        terminal.type("exit\r\n")
        assert "error" not in terminal.wait_for("(?i)ok: .*")


def test_a_script_gets_its_lines_unpaged_and_unechoed(server):
    with telnet(server, negotiates=False) as terminal:
        terminal.wait_for("> ")
        terminal.type("help\r\n")
        screen = terminal.wait_for(r"tail TYPES.*\r\n> ")
        assert screen.count("\n") > 100 and "-- more" not in screen
        terminal.type("balance,alice\r\nbalance targetuser=alice\r\n")
        screen = terminal.wait_for(r"(?s)credit is .*> .*credit is \$5\r\n> ")
        assert "balance," not in screen


@pytest.mark.parametrize("negotiates", [True, False])
def test_events_are_shown_until_something_is_typed(server, negotiates):
    with telnet(server, negotiates=negotiates) as terminal:
        terminal.wait_for("> ")
        terminal.type("tail user\r\n")
        terminal.wait_for("OK: events follow")
        name = f"tailed{int(negotiates)}"
        server.account(name)
        terminal.wait_for(rf'"type":"user.new".*"user":"{name}"')
        terminal.type("x" if negotiates else "\r\n")
        terminal.wait_for("> ")
        terminal.type("version\r\n")
        terminal.wait_for(r"OK: .*\d")


def test_support_reads_diagnostics_and_changes_nothing(server):
    with telnet(server, "helper", "helperpw") as terminal:
        terminal.wait_for("> ")
        terminal.type("reguser all\r\n")
        terminal.wait_for(r"OK: \d")
        terminal.type("addcredit credit=5 targetuser=alice\r\n")
        terminal.wait_for("ERROR: access denied")
    assert server.credit("alice") == 5


def test_logins_and_what_is_read_are_audited(server):
    with telnet(server) as terminal:
        terminal.wait_for("> ")
        terminal.type("balance targetuser=alice\r\n")
        terminal.wait_for(r"credit is \$5")
        for line, refusal in (("disccall", "missing parameter"), ("gk", "not available"), ("nosuch", "unknown command")):
            terminal.type(line + "\r\n")
            terminal.wait_for("ERROR: " + refusal)
    with telnet(server, "alice", "alicepw") as terminal:
        terminal.wait_for("ERROR: auth failed")
    rows = server.table("select command, object, outcome from audit order by id")
    audited = [(row["command"], row["outcome"]) for row in rows]
    assert ("console login", "OK") in audited and ("console login", "wrong user or password") in audited
    assert any(row["command"] == "balance" and "alice" in row["object"] for row in rows)
    refused = {row["command"]: row["outcome"] for row in rows if row["outcome"] not in ("OK", "")}
    assert {"disccall", "gk", "nosuch"} <= set(refused), rows
    assert not any(ADMIN_PASSWORD in str(row) for row in rows)


def test_the_command_on_a_terminal(server):
    controller, terminal_end = pty.openpty()
    process = subprocess.Popen([BINARY, "console", "--data", server.folder], stdin=terminal_end, stdout=terminal_end,
                               stderr=terminal_end, env={**os.environ, "TERM": "xterm"}, start_new_session=True)
    os.close(terminal_end)

    def read(seconds):
        ready, _, _ = select.select([controller], [], [], max(seconds, 0.01))
        return os.read(controller, 4096) if ready else b""

    terminal = Terminal(read, lambda data: os.write(controller, data))
    try:
        terminal.wait_for("strowger> ")
        terminal.type("balance targetu\t")
        terminal.wait_for("targetu")
        terminal.type("\x15")
        terminal.type("balance targetuser=alice\r")
        terminal.wait_for(r"credit is \$5")
        terminal.wait_for("strowger> ")
        terminal.type("\x1b[A\r")
        terminal.wait_for(r"credit is \$5")
        terminal.wait_for("strowger> ")
        terminal.type("tail user\r")
        terminal.wait_for("Enter ends them")
        # The subscription begins a moment after the words: accounts are made until one is seen.
        for number in range(100):
            server.account(f"onpty{number}")
            if '"user":"onpty' in terminal.shown or select.select([controller], [], [], 0.2)[0]:
                break
        terminal.wait_for(r'"user":"onpty')
        terminal.type("\r")
        terminal.wait_for("strowger> ")
        terminal.type("exit\r")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def test_tail_as_one_line_is_for_scripts(server):
    process = subprocess.Popen([BINARY, "console", "--data", server.folder, "tail", "user"], stdout=subprocess.PIPE, text=True,
                               stdin=subprocess.DEVNULL)
    try:
        for number in range(200):
            server.account(f"piped{number}")
            if select.select([process.stdout], [], [], 0.1)[0]:
                break
        assert '"user":"piped' in process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(("level", "reached"), [(0, []), (1, ["127.0.0.1"]), (2, ["127.0.0.1", "127.0.0.2"]), (3, ["127.0.0.1", "127.0.0.2"])])
def test_the_console_is_reached_from_where_remoteadmin_says(level, reached):
    """127.0.0.2 is no localhost, but this machine."""
    with Server(remoteadmin=level) as server:
        for source in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection(("127.0.0.1", server.ready["admin"]), PATIENCE, (source, 0)) as connection:
                connection.settimeout(PATIENCE)
                try:
                    came = connection.recv(9, socket.MSG_WAITALL)
                except ConnectionResetError:
                    came = b""
                assert bool(came) == (source in reached), (level, source)
