//! A restore under a running server, and a crash that a console leaves to the next server, with a call on the line.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;

use common::{ADMIN, PATIENCE, Server, run, stderr, stdout};
use rustix::process::Signal;

const OPEN: [&str; 2] = ["apiv2key=", "apiv2md5salt="];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A trunk on this machine, recognised by its address, that calls the echo.
struct Caller(UdpSocket);

impl Caller {
    /// Tells the server of the trunk.
    fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let added = server.admin(&format!("apientry=addserver&u_name=trunk&u_ip=127.0.0.1&u_port={port}"));
        assert!(added.starts_with("OK"), "{added}");
        Self(socket)
    }

    /// Calls 5005 and answers when the call is up.
    fn call(&self, server: &Server) {
        let own = self.0.local_addr().unwrap();
        let to = (Ipv4Addr::LOCALHOST, server.port("sip"));
        let send = |method: &str, tag: &str, kind: &str, body: &str| {
            let request = format!(
                "{method} sip:5005@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:4930@{own}>;tag=t\r\nTo: <sip:5005@127.0.0.1>{tag}\r\n\
                 Call-ID: c@{own}\r\nCSeq: 1 {method}\r\nContact: <sip:4930@{own}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            self.0.send_to(request.as_bytes(), to).unwrap();
        };
        let port = own.port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        );
        send("INVITE", "", "Content-Type: application/sdp\r\n", &sdp);
        let answer = self.wait_for("SIP/2.0 200");
        let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
        let tag = to.split_once(";tag=").unwrap().1.to_owned();
        send("ACK", &format!(";tag={tag}"), "", "");
    }

    /// The next message that begins so; voice and everything else is passed over.
    fn wait_for(&self, beginning: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.0.recv(&mut buffer).unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(beginning) {
                return message;
            }
            assert!(!message.starts_with("SIP/2.0 4") && !message.starts_with("SIP/2.0 5"), "{message}");
        }
    }
}

fn users(server: &Server) -> String {
    server.admin("apientry=listusers")
}

fn records(server: &Server) -> String {
    server.admin("apientry=db&sql=select%20discreason%20from%20tb_cdrs")
}

#[test]
fn a_running_server_restores_and_serves_again_on_the_same_ports() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.db"));
    let place = ["--data", text(&data)];
    let mut server = Server::start(&data, &OPEN, &["--admin", ADMIN]);
    let caller = Caller::new(&server);
    assert!(run(&[&["user", "add", "alice"], &place[..]].concat()).status.success());
    assert!(run(&[&["backup", text(&copy)], &place[..]].concat()).status.success());
    assert!(run(&[&["user", "add", "bob"], &place[..]].concat()).status.success());
    caller.call(&server);

    let restored = run(&[&["restore", text(&copy)], &place[..]].concat());
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert_eq!(stderr(&restored), "verified; ending calls\nrestoring\nstarting again\n");
    let done = stdout(&restored);
    assert!(done.starts_with("done: ") && done.contains(" 3 accounts, 0 CDRs"), "{done}");
    caller.wait_for("BYE ");
    server.wait_for_log("\"message\":\"ready\"");
    let ready = std::fs::read_to_string(&server.ready_file).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ready).unwrap(), server.ready);
    let listed = users(&server);
    assert!(listed.contains("alice") && !listed.contains("bob"), "{listed}");
    // It calls as before, and a second restore works as the first one.
    caller.call(&server);
    let again = run(&[&["restore", text(&copy)], &place[..]].concat());
    assert!(again.status.success(), "{}", stderr(&again));
    caller.wait_for("BYE ");
    let (status, _, log) = server.stop();
    assert!(status.success(), "{log}");

    // The call of the first round was settled in the database that was kept aside, which the second one replaced.
    let aside =
        Server::start(&data, &[&OPEN[..], &["database=sqlite:strowger.db.before-restore"]].concat(), &[]);
    let kept = records(&aside);
    assert!(kept.starts_with("OK: 2\n"), "{kept}");
}

#[test]
fn a_bad_backup_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy.db"));
    let place = ["--data", text(&data)];
    let server = Server::start(&data, &OPEN, &["--admin", ADMIN]);
    assert!(run(&[&["backup", text(&copy)], &place[..]].concat()).status.success());
    let caller = Caller::new(&server);
    caller.call(&server);
    let mut damaged = std::fs::read(&copy).unwrap();
    damaged.truncate(damaged.len() / 2);
    std::fs::write(&copy, damaged).unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "not a database").unwrap();
    for file in [&copy, &other, &folder.path().join("missing"), &data.join("strowger.db")] {
        let refused = run(&[&["restore", text(file)], &place[..]].concat());
        assert_eq!(refused.status.code(), Some(1), "{}: {}", file.display(), stdout(&refused));
        assert!(stderr(&refused).contains(text(file)), "{}", stderr(&refused));
    }
    let live = server.admin("apientry=call");
    assert!(live.contains("5005"), "{live}");
}

#[test]
fn a_console_leaves_the_calls_of_a_crash_to_the_next_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &OPEN, &["--admin", ADMIN]);
    let caller = Caller::new(&server);
    caller.call(&server);
    // The journal of the answered call is queued; what is written after it is durable after it.
    assert!(server.admin("apientry=call").contains("5005"));
    assert!(server.admin("apientry=newuseri&u_username=later&u_password=later-7").starts_with("OK"));
    server.signal(Signal::KILL);
    server.wait();
    let console = run(&["console", "--data", text(&data), "db select discreason from tb_cdrs"]);
    assert!(stdout(&console).starts_with("OK: 1\n"), "no record yet: {}", stdout(&console));
    let again = Server::start(&data, &OPEN, &[]);
    caller.wait_for("BYE ");
    let settled = records(&again);
    assert!(settled.contains("recovered"), "{settled}");
}
