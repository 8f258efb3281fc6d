//! A server process of its own for one test, reached as a customer reaches it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// No answer takes longer; a server that is stuck fails the test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The administrator that tests name.
pub const ADMIN: &str = "root:open-sesame";

/// How an administrator's requests identify themselves.
pub const AS_ADMIN: &str = "authid=root&authpwd=open-sesame";

/// The program with some arguments, not yet run.
pub fn strowger(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strowger"));
    command.args(arguments).env_remove("STROWGER_ADMIN").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Output {
    strowger(arguments).output().unwrap()
}

/// What a run printed.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a run complained about.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A running server. Dropping it kills the process.
pub struct Server {
    child: Child,
    log: String,
    log_lines: Receiver<String>,
    pub ready_file: PathBuf,
    pub ready: Value,
}

/// The options of a server on ephemeral ports of the loopback.
pub const LOOPBACK: [&str; 6] =
    ["bind=127.0.0.1", "mainaport=0", "sipport=0", "adminport=0", "rtpportmin=0", "logformat=json"];

impl Server {
    /// Starts a server and waits until it is ready.
    pub fn start(data: &Path, settings: &[&str], arguments: &[&str]) -> Self {
        Self::start_with(data, settings, arguments, &[])
    }

    /// The same with environment variables.
    pub fn start_with(
        data: &Path,
        settings: &[&str],
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let ready_file = data.with_extension("ready");
        let mut command = strowger(&["serve", "--data"]);
        command.arg(data).arg("--ready-file").arg(&ready_file).args(arguments);
        for setting in LOOPBACK.iter().chain(settings) {
            command.arg("--set").arg(setting);
        }
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let ready = loop {
            match lines.next() {
                Some(line) => {
                    let line = line.unwrap();
                    log += &line;
                    log += "\n";
                    if line.contains("\"message\":\"ready\"") {
                        break serde_json::from_slice(&std::fs::read(&ready_file).unwrap()).unwrap();
                    }
                }
                None => panic!("the server ended: {:?}\n{log}", child.wait()),
            }
        };
        // Read on, or the server would block on a full pipe.
        let (sender, log_lines) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, log, log_lines, ready_file, ready }
    }

    /// Waits until the log says something.
    pub fn wait_for_log(&mut self, text: &str) {
        loop {
            let line = self.log_lines.recv_timeout(PATIENCE).unwrap();
            self.log += &line;
            self.log += "\n";
            if line.contains(text) {
                return;
            }
        }
    }

    /// A port of the ready file.
    pub fn port(&self, name: &str) -> u16 {
        self.ready[name].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
    }

    /// The main port's address.
    pub fn main(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port("main")).into()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; answers the exit status, standard output and the log.
    pub fn wait(mut self) -> (ExitStatus, String, String) {
        let mut printed = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        let status = self.child.wait().unwrap();
        let log = self.log_lines.iter().fold(std::mem::take(&mut self.log), |log, line| log + &line + "\n");
        (status, printed, log)
    }

    /// Ends the server in order.
    pub fn stop(self) -> (ExitStatus, String, String) {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// An API request over HTTP GET; the answer's body.
    pub fn get(&self, target: &str) -> String {
        let answer =
            exchange(self.main(), &format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or(answer)
    }

    /// An API request of the administrator.
    pub fn admin(&self, query: &str) -> String {
        self.get(&format!("/mvapireq/?{AS_ADMIN}&{query}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects with a time limit on every read and write.
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes and reads until the server closes.
pub fn exchange(to: SocketAddr, sent: &str) -> String {
    let mut stream = connect(to);
    stream.write_all(sent.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that is reset instead of closed has answered nothing more.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends bytes, ends sending, and reads until the server closes.
pub fn exchange_half(to: SocketAddr, sent: &str) -> String {
    let mut stream = connect(to);
    stream.write_all(sent.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends one datagram and waits for the answer.
pub fn datagram(to: SocketAddr, sent: &str) -> String {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(sent.as_bytes(), to).unwrap();
    let mut buffer = [0; 4096];
    let (count, _) = socket.recv_from(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}
