//! The command line as scripts rely on it, on the real binary.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;

use common::{ADMIN, Server, connect, datagram, run, stderr, stdout, strowger};
use rustix::process::Signal;

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn init_writes_what_check_accepts_and_leaves_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strowger.toml");
    assert!(run(&["init", text(&file)]).status.success());
    assert_eq!(stdout(&run(&["check", "--config", text(&file)])), "OK\n");
    assert_eq!(run(&["init", text(&file)]).status.code(), Some(1));
    assert_eq!(run(&["init"]).stdout, std::fs::read(&file).unwrap());
    // The spellings that the other subcommands suggest.
    let other = folder.path().join("other.toml");
    assert!(run(&["init", "--config", text(&other)]).status.success());
    assert_eq!(stdout(&run(&["check", text(&other)])), "OK\n");
    assert_eq!(stdout(&run(&["check", "--data", text(folder.path()), "--config", text(&other)])), "OK\n");
    assert_eq!(run(&["check", text(&other), "--config", text(&other)]).status.code(), Some(2));
}

#[test]
fn check_names_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strowger.toml");
    std::fs::write(&file, "bantime = 5\n\nmainaprt = 80\nrealm = 3\nbanwindow = \"x\"\n").unwrap();
    let checked = run(&["check", "--config", text(&file)]);
    assert_eq!(checked.status.code(), Some(2));
    let name = file.display();
    assert_eq!(
        stderr(&checked),
        format!(
            "strowger: {name}: line 3: mainaprt: unknown key; did you mean mainaport?\n\
             {name}: line 5: banwindow: 'x' is not a whole number\n"
        )
    );
}

#[test]
fn check_and_serve_name_keys_that_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let warning = "anumberhandling is set, but has no effect in this version";
    let checked = run(&["check", "--set", "anumberhandling=1", "--set", "apioversip=false"]);
    assert_eq!((stdout(&checked), stderr(&checked)), ("OK\n".to_owned(), format!("strowger: {warning}\n")));
    let (_, _, log) = Server::start(&folder.path().join("data"), &["anumberhandling=1"], &[]).stop();
    assert_eq!(log.matches(warning).count(), 1, "{log}");
}

#[test]
fn wrong_usage_and_wrong_configuration_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for arguments in [
        &["serve"][..],
        &["sreve"],
        &["serve", "--data", text(&data), "--set", "nothing"],
        &["serve", "--data", text(&data), "--set", "bantime=x"],
        &["serve", "--data", text(&data), "--set", "loglevel=a=b=c"],
        &["serve", "--data", text(&data), "--admin", "nameonly"],
        &["serve", "--data", text(&data), "--config", "/nonexistent.toml"],
        &["user", "list"],
        &["user", "add", "x", "--data", text(&data), "--type", "nobody"],
        &["bench", "nosuchbench"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(stdout(&run(&["version"])).starts_with("strowger "));
}

#[test]
fn a_first_start_makes_secrets_that_only_the_owner_can_read_and_prints_them_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (status, printed, log) = Server::start(&data, &[], &[]).stop();
    assert!(status.success(), "{log}");
    let names: Vec<_> =
        printed.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(names, ["admin", "password", "apiv2key", "apiv2md5salt"]);
    assert_eq!(std::fs::read_to_string(data.join("first-start.txt")).unwrap(), printed);
    for (_, secret) in printed.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        assert!(!log.contains(secret));
    }
    for name in ["first-start.txt", "strowger.key", "strowger.db"] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let value = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.strip_prefix(": ").unwrap().to_owned()
    };

    let again = Server::start(&data, &[], &[]);
    let login = format!("authid={}&authpwd={}", value("admin"), value("password"));
    let with_key = again.get(&format!("/mvapireq/?apientry=listusers&authkey={}&{login}", value("apiv2key")));
    assert!(with_key.starts_with("OK: "), "{with_key}");
    let without = again.get(&format!("/mvapireq/?apientry=listusers&{login}"));
    assert!(without.starts_with("ERROR: auth failed"), "{without}");
    assert_eq!(again.stop().1, "");

    let open = Server::start(&data, &["apiv2key=", "apiv2md5salt="], &[]);
    let switched_off = open.get(&format!("/mvapireq/?apientry=listusers&{login}"));
    assert!(switched_off.starts_with("OK: "), "{switched_off}");
}

#[test]
fn admin_is_created_or_reset_at_every_start_and_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let open = ["apiv2key=", "apiv2md5salt="];
    let listed = |server: &Server, password: &str| {
        server
            .get(&format!("/mvapireq/?apientry=listusers&authid=root&authpwd={password}"))
            .starts_with("OK: ")
    };
    let first = Server::start(&data, &open, &["--admin", "root:one"]);
    assert!(listed(&first, "one"));
    first.stop();
    let second = Server::start(&data, &open, &["--admin", "root:two"]);
    assert!(listed(&second, "two") && !listed(&second, "one"));
    second.stop();
    let kept = Server::start(&data, &open, &[]);
    assert!(listed(&kept, "two"));
    kept.stop();
    let third = Server::start_with(&data, &open, &[], &[("STROWGER_ADMIN", "root:three")]);
    assert!(listed(&third, "three") && !listed(&third, "two"));
    let help = strowger(&["serve", "--help"]).env("STROWGER_ADMIN", "root:three").output().unwrap();
    assert!(!stdout(&help).contains("three"));
}

#[test]
fn the_ready_file_says_where_and_goes_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &["useadminport=false"], &["--admin", ADMIN]);
    let keys: Vec<_> = server.ready.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["pid", "main", "udp", "sip", "admin", "tls", "sips", "version", "data", "url"]);
    assert_eq!(server.ready["main"], server.ready["udp"]);
    for off in ["admin", "tls", "sips"] {
        assert!(server.ready[off].is_null(), "{off}");
    }
    assert_eq!(server.ready["url"], format!("http://127.0.0.1:{}", server.port("main")));
    assert_eq!(server.ready["data"], text(&data.canonicalize().unwrap()));
    drop((connect(server.main()), connect((Ipv4Addr::LOCALHOST, server.port("sip")).into())));
    let file = server.ready_file.clone();
    let (status, _, log) = server.stop();
    assert!(status.success() && !file.exists());
    assert!(!data.join("control.sock").exists());
    assert!(log.contains("TLS ports are not opened"), "{log}");
}

#[test]
fn a_port_in_use_exits_with_3_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let setting = format!("mainaport={}", taken.local_addr().unwrap().port());
    let data = folder.path().join("data");
    let arguments = ["serve", "--data", text(&data), "--set", "bind=127.0.0.1", "--set", &setting];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let complaint = stderr(&output);
    let last = complaint.lines().last().unwrap();
    assert!(last.contains("mainaport") && last.contains("127.0.0.1:"), "{last}");
}

#[test]
fn the_console_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let admin = format!("adminport={}", taken.local_addr().unwrap().port());
    let data = folder.path().join("data");
    let mut command = strowger(&["serve", "--data", text(&data)]);
    for setting in ["bind=127.0.0.1", "mainaport=0", "sipport=0", &admin] {
        command.args(["--set", setting]);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("strowger: adminport: cannot bind"), "{}", stderr(&output));
}

#[test]
fn a_switched_off_main_port_is_null_and_its_udp_number_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let off = Server::start(&folder.path().join("off"), &["usemainaport=false"], &[]);
    for name in ["main", "udp", "url"] {
        assert!(off.ready[name].is_null(), "{name}");
    }
    assert!(off.port("sip") > 0 && off.stop().0.success());
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let setting = format!("mainaportudp={}", free.port());
    let apart = Server::start(&folder.path().join("apart"), &[&setting], &[]);
    assert_eq!(apart.port("udp"), free.port());
    assert_ne!(apart.port("udp"), apart.port("main"));
    assert!(datagram(free, "?apientry=apitest1").starts_with("OK"));
}

#[test]
fn a_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _first = Server::start(&data, &[], &[]);
    let second = run(&["serve", "--data", text(&data), "--set", "mainaport=0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("already running"), "{}", stderr(&second));
}

#[test]
fn two_interrupts_end_a_server_and_hangup_reads_the_configuration_again() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("strowger.toml"));
    std::fs::write(&file, "realm = \"one\"\n").unwrap();
    let mut server = Server::start(&data, &[], &["--config", text(&file)]);
    std::fs::write(&file, "realm = 1979-05-27\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("the configuration was not read again");
    std::fs::write(&file, "realm = \"two\"\n").unwrap();
    server.signal(Signal::HUP);
    server.wait_for_log("the configuration was read again");
    server.signal(Signal::INT);
    server.signal(Signal::INT);
    let (status, _, log) = server.wait();
    assert!(status.success(), "{log}");
}

#[test]
fn users_are_managed_with_and_without_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let place = ["--data", text(&data)];
    let user = |words: &[&str]| run(&[&["user"], words, &place[..]].concat());

    let added = user(&["add", "alice", "--password", "s3cret", "--credit", "5"]);
    assert!(stdout(&added).starts_with("userid: "), "{}", stderr(&added));
    assert_eq!(user(&["add", "alice", "--password", "x"]).status.code(), Some(1));
    let server = Server::start(&data, &["apiv2key=", "apiv2md5salt="], &["--admin", ADMIN]);
    let made = stdout(&user(&["add", "bob"]));
    let password = made.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    assert_eq!(
        server.get(&format!("/mvapireq/?apientry=balance&authid=bob&authpwd={password}")),
        "Your credit is $0"
    );
    assert_eq!(server.get("/mvapireq/?apientry=balance&authid=alice&authpwd=s3cret"), "Your credit is $5");
    assert_eq!(stdout(&user(&["credit", "alice", "-1.5"])), "credit: 3.5 USD\n");
    assert!(user(&["set-password", "alice", "other"]).status.success());
    assert_eq!(server.get("/mvapireq/?apientry=balance&authid=alice&authpwd=other"), "Your credit is $3.5");
    assert!(user(&["del", "bob"]).status.success());
    assert_eq!(user(&["del", "bob"]).status.code(), Some(1));
    server.stop();
    let listed = stdout(&user(&["list"]));
    assert!(listed.contains("alice") && !listed.contains("bob"), "{listed}");
}

#[test]
fn the_console_runs_lines_with_and_without_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let console = |line: &str| run(&["console", "--data", text(&data), line]);
    assert_eq!(stdout(&console("apitest1")).lines().next().unwrap_or_default().get(..3), Some("OK:"));
    for line in ["p2p anum=1 bnum=2", "heartbeat", "mvapireq/?apientry=DISCCALL&callid=1"] {
        let refused = console(line);
        assert_eq!(stdout(&refused), "ERROR: not available: the server is not running\n", "{line}");
        assert_eq!(refused.status.code(), Some(1));
    }
    let server = Server::start(&data, &[], &[]);
    assert_eq!(stdout(&console("apitest1")).lines().next().unwrap_or_default().get(..3), Some("OK:"));
    assert_eq!(console("nosuchcommand").status.code(), Some(1));
    let mut piped = strowger(&["console", "--data", text(&data)]);
    let mut child =
        piped.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"apitest1\n\napitest1\nexit\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(stdout(&output).matches("OK").count() >= 2, "{}", stdout(&output));
    server.stop();
}

#[test]
fn a_backup_restores_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.db"));
    let place = ["--data", text(&data)];
    let server = Server::start(&data, &[], &[]);
    assert!(run(&[&["user", "add", "alice"], &place[..]].concat()).status.success());
    let copied = run(&[&["backup", text(&copy)], &place[..]].concat());
    assert!(stdout(&copied).starts_with("done: "), "{}", stderr(&copied));
    assert!(run(&[&["user", "del", "alice"], &place[..]].concat()).status.success());
    server.stop();
    let restored = run(&[&["restore", text(&copy)], &place[..]].concat());
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert!(stdout(&run(&[&["user", "list"], &place[..]].concat())).contains("alice"));
}

#[test]
fn the_same_binary_runs_on_postgresql() {
    let Ok(postgres) = std::env::var("STROWGER_TEST_POSTGRES") else {
        println!("skipped: STROWGER_TEST_POSTGRES does not name a server");
        return;
    };
    let database = format!("strowger_cli_{}", std::process::id());
    let psql = |statement: &str| {
        let url = format!("{postgres}/postgres");
        let done = std::process::Command::new("psql").args(["-qAt", &url, "-c", statement]).output().unwrap();
        assert!(done.status.success(), "{}", stderr(&done));
    };
    psql(&format!("CREATE DATABASE {database}"));
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("strowger.toml"));
    std::fs::write(&file, format!("database = \"{postgres}/{database}\"\n")).unwrap();
    let from_file = ["--config", text(&file)];
    let server = Server::start(&data, &[], &[&from_file[..], &["--admin", ADMIN]].concat());
    let place = [&["--data", text(&data)], &from_file[..]].concat();
    let added = run(&[&["user", "add", "alice", "--password", "pa", "--credit", "2"], &place[..]].concat());
    assert!(added.status.success(), "{}", stderr(&added));
    let (status, printed, log) = server.stop();
    assert!(status.success() && printed.contains("apiv2key: "), "{log}");
    let again = Server::start(&data, &["apiv2key=", "apiv2md5salt="], &from_file);
    assert_eq!(again.get("/mvapireq/?apientry=balance&authid=alice&authpwd=pa"), "Your credit is $2");
    assert_eq!(again.stop().1, "");
    assert!(!data.join("strowger.db").exists());
    psql(&format!("DROP DATABASE {database}"));
}

#[test]
fn a_reader_that_has_gone_is_no_panic() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_strowger"))
        .arg("version")
        .stdin(std::process::Stdio::null())
        .stdout({
            // The reading end of this pipe is closed before a word is written.
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            writer
        })
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(1), ""));
}
