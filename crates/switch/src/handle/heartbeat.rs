//! Whether the server really works: each check does what it names, and says how long it took.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use strowger_sip::{Framing, Message};
use tokio::net::UdpSocket;

use super::types::Check;
use super::{Handle, ask};
use crate::driver::sys::disk_free_bytes;
use crate::shard::Order;

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Less free disk than this is an error, in bytes.
const LEAST_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// More letters waiting for a shard than this is an error.
const MOST_QUEUED: usize = 10_000;

impl Handle {
    /// Runs the checks. The quick form asks only whether the shards answer.
    pub async fn heartbeat(&self, full: bool) -> Vec<Check> {
        let queue = self.check("queue", self.check_queue()).await;
        if !full {
            return vec![queue];
        }
        vec![
            self.check("database", self.check_database()).await,
            self.check("sip", self.check_sip()).await,
            self.check("media", self.check_media()).await,
            self.check("disk", self.check_disk()).await,
            queue,
        ]
    }

    async fn check(&self, name: &'static str, doing: impl Future<Output = Result<String, String>>) -> Check {
        let begin = Instant::now();
        let outcome = doing.await;
        let ms = begin.elapsed().as_secs_f64() * 1000.0;
        let (detail, error) = match outcome {
            Ok(detail) => (detail, None),
            Err(error) => (String::new(), Some(error)),
        };
        Check { name, ok: error.is_none(), ms, detail, error }
    }

    async fn check_database(&self) -> Result<String, String> {
        let health = self.0.store.health().await;
        match (health.ok, health.unwell) {
            (true, None) => Ok(format!("{}: {}, {} us", health.engine, health.detail, health.write_us)),
            (_, Some(why)) => Err(format!("{}: {why}", health.engine)),
            (false, None) => Err(format!("{}: {}", health.engine, health.detail)),
        }
    }

    async fn check_queue(&self) -> Result<String, String> {
        let mut deepest = 0;
        for inbox in &self.0.inboxes {
            deepest = deepest.max(inbox.queued());
            match tokio::time::timeout(PATIENCE, ask(inbox, Order::Statistics)).await {
                Ok(Ok(_)) => {}
                Ok(Err(stopped)) => return Err(stopped.to_string()),
                Err(_) => return Err(format!("a shard does not answer within {} s", PATIENCE.as_secs())),
            }
        }
        if deepest > MOST_QUEUED {
            return Err(format!("{deepest} inputs wait"));
        }
        Ok(format!("{deepest} inputs wait"))
    }

    /// An OPTIONS to our own port, through the kernel.
    pub(super) async fn check_sip(&self) -> Result<String, String> {
        let port = self.0.ports.sip.or(self.0.ports.main_udp).ok_or("no SIP port is open")?;
        let host = match self.0.bind {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let to = SocketAddr::new(host, port);
        let failed = |error: std::io::Error| format!("{to}: {error}");
        let socket = UdpSocket::bind(SocketAddr::new(host, 0)).await.map_err(failed)?;
        let own = socket.local_addr().map_err(failed)?;
        socket.send_to(probe(own).as_bytes(), to).await.map_err(failed)?;
        let mut buffer = vec![0; 4096];
        let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
        let Ok(received) = received else {
            return Err(format!("{to} does not answer within {} s", PATIENCE.as_secs()));
        };
        let (length, _) = received.map_err(failed)?;
        match Message::parse(&buffer[..length], Framing::Datagram) {
            Ok(message) if message.status() == 200 => Ok(format!("OPTIONS to {to} answered")),
            Ok(message) => Err(format!("{to} answers {}", message.status())),
            Err(error) => Err(format!("{to} answers nonsense: {error}")),
        }
    }

    async fn check_media(&self) -> Result<String, String> {
        let media = self.0.media.clone();
        match tokio::task::spawn_blocking(move || media.loopback_check()).await {
            Ok(Ok(took)) => Ok(format!("a packet came back after {} us", took.as_micros())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn check_disk(&self) -> Result<String, String> {
        let data = self.0.data.clone();
        let free = tokio::task::spawn_blocking(move || disk_free_bytes(&data)).await;
        let free = free.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        let megabytes = free / (1024 * 1024);
        if free < LEAST_FREE_BYTES {
            return Err(format!("only {megabytes} MB are free"));
        }
        Ok(format!("{megabytes} MB are free"))
    }
}

fn probe(own: SocketAddr) -> String {
    format!(
        "OPTIONS sip:heartbeat SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKheartbeat{port};rport\r\nMax-Forwards: 70\r\nFrom: <sip:heartbeat@strowger>;tag=h{port}\r\nTo: <sip:heartbeat@strowger>\r\nCall-ID: heartbeat-{port}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        port = own.port()
    )
}
