//! The server under test: a process on a folder of its own.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::sip::{hex, md5};

const START_LIMIT: Duration = Duration::from_secs(30);
const ADMIN: (&str, &str) = ("admin", "bench-admin");

/// The server did not start, or refused what the load needs.
#[derive(Debug)]
pub enum StartError {
    /// The process could not be started or ended at once.
    Process(String),
    /// An API request failed.
    Api {
        /// The request.
        request: String,
        /// Its answer.
        answer: String,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(why) => write!(f, "the server did not start: {why}"),
            Self::Api { request, answer } => write!(f, "the server refused {request}: {answer}"),
        }
    }
}

impl std::error::Error for StartError {}

/// A running server; dropping it ends the process and removes its folder.
pub struct Server {
    child: Child,
    folder: PathBuf,
    main_port: u16,
    sip_port: u16,
}

impl Server {
    pub fn start(binary: &Path) -> Result<Self, StartError> {
        let folder = std::env::temp_dir().join(format!("strowger-bench-{}-{}", std::process::id(), unique()));
        std::fs::create_dir_all(&folder).map_err(|error| StartError::Process(error.to_string()))?;
        let ready = folder.join("ready.json");
        let mut command = Command::new(binary);
        command.arg("serve").arg("--data").arg(folder.join("data")).arg("--ready-file").arg(&ready);
        command.arg("--admin").arg(format!("{}:{}", ADMIN.0, ADMIN.1));
        for setting in [
            "mainaport=0",
            "sipport=0",
            "adminport=0",
            "bind=127.0.0.1",
            "apiv2key=",
            "apiv2md5salt=",
            "banfailures=0",
            "ratelimitip=0",
            "ratelimituser=0",
            "ratelimitglobal=0",
            "loglevel=warn",
            "maxcalls=20000",
            "maxconnections=20000",
            "maxconnectionsperip=20000",
            // Below the ports that the system gives to the generator.
            "rtpportmin=10000",
            "rtpportmax=31999",
            // Thousands of calls a second begin with as many port pairs in hand.
            "mediapoolpairs=1024",
        ] {
            command.arg("--set").arg(setting);
        }
        let log = std::fs::File::create(folder.join("log"))
            .map_err(|error| StartError::Process(error.to_string()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = cpu::on_server_core(|| command.spawn())
            .map_err(|error| StartError::Process(format!("{}: {error}", binary.display())))?;
        let mut server = Self { child, folder, main_port: 0, sip_port: 0 };
        server.wait_until_ready(&ready)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, ready: &Path) -> Result<(), StartError> {
        let started = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(ready) {
                let ports: serde_json::Value =
                    serde_json::from_str(&text).map_err(|error| StartError::Process(error.to_string()))?;
                let port =
                    |name: &str| ports[name].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
                (self.main_port, self.sip_port) = (port("main"), port("sip"));
                return Ok(());
            }
            if self.child.try_wait().ok().flatten().is_some() || started.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(StartError::Process(log));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn main(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.main_port))
    }

    pub fn sip(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.sip_port))
    }

    /// One administrator's request; the answer must be a success.
    pub fn api(&self, request: &str) -> Result<String, StartError> {
        let failed = |answer: String| StartError::Api { request: request.to_owned(), answer };
        let line = format!("/mvapireq/?{}&{request}", authmd5(ADMIN.0, ADMIN.1, &unique().to_string()));
        let answer = self.get(&line).map_err(|error| failed(error.to_string()))?;
        if answer.contains("\r\n\r\nERROR") || !answer.starts_with("HTTP/1.1 200") {
            return Err(failed(answer));
        }
        Ok(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }

    fn get(&self, target: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.main())?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The data is thrown away: nothing is gained by an orderly end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A server that answers everything with one word, for comparison. Dropping it ends the process.
pub struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    /// Starts the program, which prints its port.
    pub fn start(binary: &Path) -> Result<Self, StartError> {
        let failed = |error: &dyn fmt::Display| StartError::Process(format!("{}: {error}", binary.display()));
        let mut command = Command::new(binary);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = cpu::on_server_core(|| command.spawn()).map_err(|error| failed(&error))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| failed(&error))?;
        }
        let port = line.trim().parse().map_err(|error| failed(&error))?;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The documented credentials of an API request: `authid`, `authsalt` and `authmd5`.
pub fn authmd5(user: &str, password: &str, salt: &str) -> String {
    let digest = hex(md5(format!("ck5Gp{user}{password}{salt}").as_bytes()));
    format!("authid={user}&authsalt={salt}&authmd5={digest}")
}

/// Numbers that differ within this process.
pub fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
