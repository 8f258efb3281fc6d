//! The console over TCP: a login, then one command per line. For telnet, which edits, remembers, completes and pages
//! here, and for scripts, which send lines; from elsewhere only where `remoteadmin` allows.

mod editor;
mod telnet;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use strowger_api::{ConsoleUser, Origin, Request, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tracing::{debug, info};

use crate::events::Pushes;
use crate::gate::Gate;
use crate::stream::Stream;
use editor::{Editor, Show, Typed};
use telnet::Telnet;

/// Wrong logins after which the connection ends; the address's failures are counted beside it.
const MAX_LOGINS: u32 = 3;
/// Lines of a window of unknown size.
const USUAL_HEIGHT: usize = 24;
/// What stands before a command.
const PROMPT: &str = "> ";
/// What stands under a full page.
const PAGER: &str = "-- more: Enter goes on, q ends --";
/// What is done here and is no command of the API, for `help` and completion.
const LOCAL: [(&str, &str); 3] = [
    ("history", "shows what was typed here"),
    ("pagesize", "N: lines of a page; 0 does not page"),
    ("tail", "TYPES: shows events as they happen, until a key or line"),
];

/// Serves one console until it ends. An address that may not reach it is closed without a word.
pub(crate) async fn serve(gate: &Gate, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else { return };
    if !gate.dispatcher.console_reachable(peer) || gate.bans(peer) {
        return;
    }
    let idle = Duration::from_secs(gate.switch.config().idletimeout.into());
    let (reader, writer) = tokio::io::split(Stream::new(stream, Vec::new(), idle));
    let mut console = Console {
        gate,
        reader,
        writer,
        origin: Origin::new(peer, local, Transport::Console),
        telnet: Telnet::default(),
        editor: Editor::default(),
        received: VecDeque::new(),
        pushes: Pushes::new(gate),
        page: None,
    };
    if let Some(user) = console.login().await {
        info!(%peer, user = user.name(), "console login");
        console.run(&user).await;
    }
    let _ = console.writer.shutdown().await;
}

struct Console<'a> {
    gate: &'a Gate,
    reader: ReadHalf<Stream<TcpStream>>,
    writer: WriteHalf<Stream<TcpStream>>,
    origin: Origin,
    telnet: Telnet,
    editor: Editor,
    /// Typed bytes that were not looked at yet.
    received: VecDeque<u8>,
    pushes: Pushes,
    /// What `pagesize` set.
    page: Option<usize>,
}

/// What woke a console.
enum Woken {
    /// Something was typed.
    Key(u8),
    /// Something is to be shown.
    Push(String),
}

impl Console<'_> {
    async fn login(&mut self) -> Option<ConsoleUser> {
        if self.gate.switch.config().consoletelnet {
            self.writer.write_all(&telnet::GREETING).await.ok()?;
        }
        self.say(&format!("Strowger {}\r\n", self.gate.version)).await?;
        for _ in 0..MAX_LOGINS {
            let user = self.ask("user: ", false).await?;
            let password = self.ask("password: ", true).await?;
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
            let prompt = self.pushes.node().unwrap_or_default() + PROMPT;
            let line = self.ask(&prompt, false).await?;
            if line.is_empty() {
                continue;
            }
            let (word, rest) = line.split_once([' ', ',']).unwrap_or((&line, ""));
            match word.to_ascii_lowercase().as_str() {
                "history" => {
                    let lines: Vec<&str> = self.editor.history().collect();
                    let text = lines.join("\r\n") + "\r\n";
                    self.show(&text).await?;
                }
                "pagesize" => self.set_page(rest.trim()).await?,
                "tail" => self.tail(user, rest.trim()).await?,
                _ => {
                    let request = Request::console(self.origin.clone(), user, &line);
                    let request = self.pushes.attach(self.gate, request, line.as_bytes());
                    let answer = self.gate.dispatcher.answer(request).await;
                    let mut text = String::from_utf8_lossy(&answer.body).into_owned();
                    if line.eq_ignore_ascii_case("help") {
                        text.push_str("\nAt this console:");
                        for (name, what) in LOCAL {
                            text.push_str(&format!("\n{name} {what}"));
                        }
                    }
                    self.show(&(text + "\r\n")).await?;
                    if answer.close {
                        return None;
                    }
                }
            }
            if strowger_api::may_be_remembered(&line) {
                self.editor.remember(&line);
            }
        }
    }

    async fn set_page(&mut self, text: &str) -> Option<()> {
        match text.parse::<usize>() {
            Ok(lines) if lines == 0 || (2..=1000).contains(&lines) => {
                self.page = Some(lines);
                self.say(&format!("OK: pagesize:{lines}\r\n")).await
            }
            _ => self.say("ERROR: invalid parameter: pagesize must be 0 or 2 to 1000\r\n").await,
        }
    }

    /// Shows events until something is typed: a key where keys are sent, else a line.
    async fn tail(&mut self, user: &ConsoleUser, types: &str) -> Option<()> {
        let line = if types.is_empty() { "events".to_owned() } else { format!("events types={types}") };
        let request = Request::console(self.origin.clone(), user, &line);
        let request = self.pushes.attach(self.gate, request, line.as_bytes());
        let answer = self.gate.dispatcher.answer(request).await;
        if !answer.body.starts_with(b"OK") {
            self.writer.write_all(&answer.body).await.ok()?;
            return self.say("\r\n").await;
        }
        self.pushes.follow_now();
        self.say("OK: events follow; any key or line ends them\r\n").await?;
        loop {
            match self.woken().await? {
                Woken::Push(text) => {
                    self.say(&text).await?;
                    self.say("\r\n").await?;
                }
                Woken::Key(key) if self.editor.swallows(key) => {}
                Woken::Key(key) if self.telnet.echoes || key == b'\n' || key == b'\r' => {
                    self.pushes.stop();
                    self.editor.note_key(key);
                    return Some(());
                }
                Woken::Key(_) => {}
            }
        }
    }

    /// Prompts and reads one line; none at the end of the connection.
    async fn ask(&mut self, prompt: &str, secret: bool) -> Option<String> {
        self.say(prompt).await?;
        loop {
            let key = match self.woken().await? {
                Woken::Key(key) => key,
                Woken::Push(text) => {
                    self.say(&format!("\r\n{text}\r\n")).await?;
                    let shown =
                        if self.telnet.echoes { self.editor.shown(prompt) } else { prompt.to_owned() };
                    self.say(&shown).await?;
                    continue;
                }
            };
            let show = match (self.telnet.echoes, secret) {
                (false, _) => Show::Nothing,
                (true, true) => Show::Secret,
                (true, false) => Show::Line(prompt),
            };
            let mut out = Vec::new();
            let typed = self.editor.feed(key, show, &mut out, completions);
            self.writer.write_all(&out).await.ok()?;
            match typed {
                Typed::More => {}
                Typed::Line(line) => return Some(line.trim().to_owned()),
                Typed::Interrupt => self.say(&format!("^C\r\n{prompt}")).await?,
                Typed::End => return None,
            }
        }
    }

    /// Prints a text, page by page where there are pages.
    async fn show(&mut self, text: &str) -> Option<()> {
        let height = self.telnet.height.map_or(USUAL_HEIGHT, usize::from);
        let usual = if self.telnet.echoes { height.saturating_sub(1).max(2) } else { 0 };
        let page = self.page.unwrap_or(usual);
        let lines: Vec<&str> = text.lines().collect();
        if page == 0 || lines.len() <= page {
            return self.say(text).await;
        }
        for (index, lines) in lines.chunks(page).enumerate() {
            if index > 0 {
                self.say(PAGER).await?;
                if !self.goes_on().await? {
                    break;
                }
            }
            self.say(&(lines.join("\r\n") + "\r\n")).await?;
        }
        Some(())
    }

    /// Whether another page is wanted: one key, or the first of a line.
    async fn goes_on(&mut self) -> Option<bool> {
        let mut first = None;
        loop {
            let Woken::Key(key) = self.woken().await? else { continue };
            if self.editor.swallows(key) {
                continue;
            }
            let first = *first.get_or_insert(key);
            if self.telnet.echoes {
                self.say("\r\x1b[K").await?;
            } else if !matches!(key, b'\r' | b'\n') {
                continue;
            }
            self.editor.note_key(key);
            return Some(!matches!(first, b'q' | b'Q' | 3));
        }
    }

    /// Waits for a key or for something to show; none at the end.
    async fn woken(&mut self) -> Option<Woken> {
        loop {
            if let Some(key) = self.received.pop_front() {
                return Some(Woken::Key(key));
            }
            let mut bytes = [0; 1024];
            let count = tokio::select! {
                () = self.gate.closed() => return None,
                text = self.pushes.next() => return Some(Woken::Push(text)),
                read = self.reader.read(&mut bytes) => read.ok().filter(|count| *count > 0)?,
            };
            for byte in &bytes[..count] {
                self.received.extend(self.telnet.feed(*byte));
            }
            let replies = std::mem::take(&mut self.telnet.replies);
            self.writer.write_all(&replies).await.ok()?;
        }
    }

    async fn say(&mut self, text: &str) -> Option<()> {
        self.writer.write_all(text.as_bytes()).await.ok()
    }
}

/// What may stand for the word at the end of a line: a command, or a parameter of the command before it.
fn completions(typed: &str) -> Vec<String> {
    let mut found = strowger_api::completions(typed);
    if !typed.contains([' ', ',', '&']) {
        let local = LOCAL.iter().map(|(name, _)| (*name).to_owned());
        found.extend(local.filter(|name| name.starts_with(&typed.to_ascii_lowercase())));
        found.sort_unstable();
    }
    found
}
