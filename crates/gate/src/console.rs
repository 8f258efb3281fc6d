//! The console over TCP: a login, then one command per line. For `nc` and `telnet`; from elsewhere only where
//! `remoteadmin` allows.

use std::net::SocketAddr;
use std::time::Duration;

use strowger_api::{ConsoleUser, Origin, Request, Transport};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tracing::{debug, info};

use crate::gate::Gate;
use crate::line::{Line, Lines};
use crate::stream::Stream;

/// Wrong logins after which the connection ends; the address's failures are counted beside it.
const MAX_LOGINS: u32 = 3;

/// The longest line, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// Telnet's "interpret as command".
const IAC: u8 = 255;

type Reader = Lines<ReadHalf<Stream<TcpStream>>>;
type Writer = WriteHalf<Stream<TcpStream>>;

/// Serves one console until it ends. An address that may not reach it is closed without a word.
pub(crate) async fn serve(gate: &Gate, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else { return };
    if !gate.dispatcher.console_reachable(peer) || gate.bans(peer) {
        return;
    }
    let idle = Duration::from_secs(gate.switch.config().idletimeout.into());
    let (reader, writer) = tokio::io::split(Stream::new(stream, Vec::new(), idle));
    let origin = Origin::new(peer, local, Transport::Console);
    let mut console = Console { gate, reader: Lines::new(reader), writer, origin };
    if let Some(user) = console.login().await {
        info!(%peer, user = user.name(), "console login");
        console.run(&user).await;
    }
    let _ = console.writer.shutdown().await;
}

struct Console<'a> {
    gate: &'a Gate,
    reader: Reader,
    writer: Writer,
    origin: Origin,
}

impl Console<'_> {
    async fn login(&mut self) -> Option<ConsoleUser> {
        self.say(&format!("Strowger {}\r\n", self.gate.version)).await?;
        for _ in 0..MAX_LOGINS {
            let user = self.ask("user: ").await?;
            let password = self.ask("password: ").await?;
            match self.gate.dispatcher.console_login(self.origin.peer, &user, &password).await {
                Ok(user) => return Some(user),
                Err(answer) => {
                    self.say(&String::from_utf8_lossy(&answer.body)).await?;
                    self.say("\r\n").await?;
                }
            }
        }
        debug!(peer = %self.origin.peer, "no console login");
        None
    }

    async fn run(&mut self, user: &ConsoleUser) -> Option<()> {
        loop {
            let line = self.ask("> ").await?;
            if line.is_empty() {
                continue;
            }
            let request = Request::console(self.origin.clone(), user, &line);
            let answer = self.gate.dispatcher.answer(request).await;
            self.writer.write_all(&answer.body).await.ok()?;
            self.say("\r\n").await?;
            if answer.close {
                return None;
            }
        }
    }

    /// Prompts and reads one line; none at the end of the connection.
    async fn ask(&mut self, prompt: &str) -> Option<String> {
        self.say(prompt).await?;
        let mut line = Vec::new();
        tokio::select! {
            () = self.gate.closed() => None,
            read = self.reader.next(&mut line, MAX_LINE) => match read {
                Ok(Line::Whole) => Some(String::from_utf8_lossy(&without_telnet(&line)).trim().to_owned()),
                Ok(Line::TooLong | Line::End) | Err(_) => None,
            },
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.writer.write_all(text.as_bytes()).await.ok()
    }
}

/// Removes telnet's three-byte negotiations (RFC 854), which some clients send unasked.
fn without_telnet(line: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(line.len());
    let mut bytes = line.iter();
    while let Some(byte) = bytes.next() {
        if *byte != IAC {
            plain.push(*byte);
            continue;
        }
        // WILL, WONT, DO and DONT are followed by an option.
        if matches!(bytes.next(), Some(251..=254)) {
            bytes.next();
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telnet_negotiation_is_not_typed_text() {
        for (line, expected) in [
            (&b"admin"[..], &b"admin"[..]),
            (b"\xff\xfd\x03admin\xff\xfb\x18", b"admin"),
            (b"\xff\xf1x\xff", b"x"),
        ] {
            assert_eq!(without_telnet(line), expected);
        }
    }
}
