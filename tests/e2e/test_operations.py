"""The binary as its operator meets it: precedence of settings, signals, drains, logs, the console's port."""

import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from phone import Phone
from strowger import ADMIN, ADMIN_PASSWORD, BINARY, Server, callee, caller, wait_for

WORDS = ["serve", "init", "check", "user", "user add", "user list", "user set-password", "user credit", "user del",
         "console", "backup", "restore", "bench", "version"]


def run(*words, stdin=None, **environment):
    return subprocess.run([BINARY, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **environment})


def realm(server):
    """The realm with which the exchange challenges: a setting that is visible from outside."""
    with Phone(("127.0.0.1", server.ready["sip"]), "nobody") as phone:
        phone.request("REGISTER", to="<sip:nobody@strowger>")
        return re.search(r'realm="([^"]*)"', phone.final().header("WWW-Authenticate")).group(1)


@pytest.mark.parametrize("words", WORDS)
def test_help_explains_every_option(words):
    done = run(*words.split(), "--help")
    assert done.returncode == 0 and "Usage: strowger " + words in done.stdout, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for at, line in enumerate(lines):
        if re.match(r"\s+(-\w, )?--[a-z]", line):
            explained = re.search(r"  \w.*$", line.strip()) or (at + 1 < len(lines) and lines[at + 1].strip())
            assert explained, f"{words}: {line} is not explained"


def test_usage_and_configuration_mistakes_exit_with_2_and_say_what(tmp_path):
    for words in (["nonsense"], ["serve"], ["serve", "--data", tmp_path, "--set", "mainaport=x"],
                  ["serve", "--data", tmp_path, "--set", "mainporrt=1"], ["serve", "--data", tmp_path, "--admin", "x"]):
        done = run(*words)
        assert done.returncode == 2 and done.stderr, (words, done)
    assert "mainport" in run("serve", "--data", tmp_path, "--set", "mainporrt=1").stderr
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('realm = "x"\n\nbantime = "long"\n')
    done = run("check", "--config", wrong)
    assert done.returncode == 2 and re.search(r"wrong\.toml.*3.*bantime", done.stderr), done.stderr


def test_settings_precede_each_other_and_set_is_not_stored(tmp_path):
    """default < database < file < --set."""
    file = tmp_path / "strowger.toml"
    with Server() as server:
        assert realm(server) == "strowger"
        server.sql("insert into tb_settings (name, value) values ('realm', 'database')")
        server.stop()
        assert realm(server.start()) == "database"
        server.stop()
        file.write_text('realm = "file"\n')
        server.config = file
        assert realm(server.start()) == "file"
        server.stop()
        assert realm(server.start(realm="command-line")) == "command-line"
        server.stop()
        assert realm(server.start()) == "file"
        server.stop()
        server.config = None
        assert realm(server.start()) == "database"


def test_empty_key_and_salt_switch_them_off_for_one_run_only():
    with Server() as server:
        assert server.ok("apitest1")
        stored = dict(line.split(": ", 1) for line in (server.folder / "first-start.txt").read_text().splitlines())
        server.stop()
        del server.settings["apiv2key"], server.settings["apiv2md5salt"]
        server.start()
        assert "wrong key" in server.api("info"), "the stored key is in force again"
        assert "wrong user or password" in server.api("info", authkey=stored["apiv2key"]), "and the stored salt"
        clear = f"/mvapireq/?apientry=info&authkey={stored['apiv2key']}&authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
        assert server.request(clear)[0].startswith("OK")


def test_files_are_the_owners_alone_and_secrets_are_printed_once():
    with Server(data="/tmp/" + os.urandom(6).hex()) as server:
        kinds = {path.name: path for path in server.folder.rglob("*") if path.name not in ("server.log", "ready.json")}
        for path in kinds.values():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"{path} has mode {mode:o}"
        printed = server.log_text()
        server.stop()
        server.start()
        assert printed.count("apiv2key: ") == 1 and server.log_text().count("apiv2key: ") == 1


def test_the_same_number_serves_tcp_and_udp_and_the_ready_file_goes(server):
    assert list(server.ready) == ["pid", "main", "udp", "sip", "admin", "tls", "sips", "version", "data", "url"]
    assert server.ready["main"] == server.ready["udp"] and server.ready["pid"] == server.process.pid
    assert server.ready["tls"] is None and server.ready["sips"] is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(b"apitest1", ("127.0.0.1", server.ready["udp"]))
        assert udp.recv(2000).startswith(b"OK")
    for tcp in (False, True):
        for port in ("sip", "main"):
            with Phone(("127.0.0.1", server.ready[port]), "nobody", tcp=tcp) as phone:
                phone.request("OPTIONS")
                assert phone.final().status == 200
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert not (server.folder / "ready.json").exists()


@pytest.mark.parametrize("interrupted", [False, True])
def test_sigterm_refuses_new_calls_and_lets_running_ones_finish(server, interrupted):
    server.account("alice")
    server.account("bob")
    with callee(server, "bob") as bob, caller(server, "alice", "bob", hold_ms=3000) as alice:
        wait_for(lambda: [call for call in server.calls() if call["state"] == "speaking"], 10, "the conversation")
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "draining" in server.log_text(), 5, "the drain")
        with Phone(("127.0.0.1", server.ready["sip"]), "alice") as second:
            refused = second.invite("bob")
            assert refused.status == 503 and int(refused.header("Retry-After").split()[0]) > 0, refused
        if interrupted:
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(6) == 0
            return
        assert server.process.poll() is None
        alice.finish()
        bob.finish()
        assert server.process.wait(10) == 0
    server.start()
    [cdr] = server.cdrs()
    assert cdr["disccode"] == "200" and int(cdr["realduration"]) >= 3, cdr


def test_draintimeout_ends_what_still_runs():
    with Server(draintimeout=1) as server:
        server.account("alice")
        server.account("bob")
        with callee(server, "bob") as bob, caller(server, "alice", "bob", "uac-bye-by-callee") as alice:
            wait_for(lambda: [call for call in server.calls() if call["state"] == "speaking"], 10, "the conversation")
            server.process.send_signal(signal.SIGTERM)
            alice.finish()
            bob.finish()
            assert server.process.wait(10) == 0
        server.start()
        assert len(server.cdrs()) == 1


def test_sighup_takes_a_changed_file_and_names_what_is_wrong(tmp_path):
    file = tmp_path / "strowger.toml"
    file.write_text('noanswertimeout = 30\nrealm = "one"\n')
    with Server(config=file) as server:
        assert realm(server) == "one"
        file.write_text('noanswertimeout = 30\nrealm = "two"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the configuration was read again" in server.log_text(), 5, "the reload")
        expected = realm(server)
        restart = re.search(r"key=.?realm.? restart=(\w+)", server.log_text()).group(1)
        assert expected == ("one" if restart == "true" else "two")
        file.write_text('noanswertimeout = "soon"\nrealm = "three"\n')
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the configuration was not read again" in server.log_text(), 5, "the refusal")
        line = next(line for line in server.log_text().splitlines() if "was not read again" in line)
        assert "noanswertimeout" in line and re.search(r"line 1\b|:1", line), line
        assert realm(server) == expected


def test_logs_are_json_when_asked_and_no_secret_is_in_them():
    secrets = ["alicepw", "wrong-guess", "changed-secret", ADMIN_PASSWORD, "m=audio", "typed-in-the-console"]
    with Server(logformat="json", loglevel="debug") as server:
        server.account("alice", credit=1)
        server.account("bob")
        clear = "/mvapireq/?apientry=balance&authid=alice&authpwd="
        assert server.request(clear + "alicepw")[0] == "Your credit is $1"
        assert server.request(clear + "wrong-guess")[0].startswith("ERROR")
        with Phone(("127.0.0.1", server.ready["sip"]), "alice") as alice:
            alice.register()
            alice.invite("bob")
        with socket.create_connection(("127.0.0.1", server.ready["admin"]), 5) as console:
            console.sendall(b"admin\r\ntyped-in-the-console\r\n")
            console.shutdown(socket.SHUT_WR)
            while console.recv(4096):
                pass
        assert server.ok("changepwd", targetuser="alice", newpassword="changed-secret")
        stored = (server.folder / "first-start.txt").read_text()
        secrets += [line.split(": ")[1] for line in stored.splitlines() if line.startswith("apiv2")]
        server.stop()
        lines = [line for line in server.log_text().splitlines() if not re.match(r"(admin|apiv2\w+): ", line)]
        assert lines and all(isinstance(json.loads(line), dict) for line in lines)
        text = "\n".join(lines)
        assert [secret for secret in secrets if secret in text] == []


def test_the_console_serves_a_script_over_its_socket_and_its_port(server):
    server.account("alice", credit=3)
    done = run("console", "--data", server.folder, stdin="balance targetuser=alice\nnosuchcommand\nversion\n")
    assert done.returncode == 1, "a command was refused"
    assert "Your credit is $3" in done.stdout and "ERROR: unknown command" in done.stdout, done.stdout
    with socket.create_connection(("127.0.0.1", server.ready["admin"]), 10) as console:
        console.sendall(f"{ADMIN}\r\n{ADMIN_PASSWORD}\r\nbalance targetuser=alice\r\naddcredit credit=2 targetuser=alice\r\nexit\r\n".encode())
        # Nine bytes of telnet's negotiation come first; `consoletelnet` would leave them out.
        text = b"".join(iter(lambda: console.recv(4096), b"")).removeprefix(b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f").decode()
    assert "Your credit is $3" in text and "credit is 5" in text, text
    assert ADMIN_PASSWORD not in text


@pytest.mark.parametrize("running", [True, False])
def test_a_backup_of_a_running_server_is_restored(server, tmp_path, running):
    copy = tmp_path / "copy.db"
    server.account("alice", credit=7)
    done = run("backup", "--data", server.folder, copy)
    assert done.returncode == 0 and stat.S_IMODE(copy.stat().st_mode) == 0o600, done
    assert b"alicepw" not in copy.read_bytes()
    server.ok("addcredit", targetuser="alice", credit=1)
    if not running:
        server.stop()
    done = run("restore", "--data", server.folder, copy)
    assert done.returncode == 0, done.stderr
    if not running:
        server.start()
    assert server.credit("alice") == 7
    assert server.request("/mvapireq/?apientry=balance&authid=alice&authpwd=alicepw")[0] == "Your credit is $7"
