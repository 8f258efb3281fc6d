//! The control socket in the data folder: one JSON order per line, one JSON outcome per line. Only the owner of
//! the folder can open it, so whoever speaks here has full rights.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use strowger_api::{ConsoleUser, Dispatcher, NodeSession, Origin, Push, PushSender, Request, Transport};
use strowger_model::Scope;
use strowger_switch::Handle;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::failure::Failure;
use crate::restore::{Line, Restore};
use crate::user::{UserOrder, perform};

/// The socket's name in the data folder.
const SOCKET: &str = "control.sock";

/// The longest order, in bytes.
const MAX_ORDER: u64 = 1024 * 1024;

/// What a subcommand asks of a running server.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// A line of the console.
    Line(String),
    /// Events of these types as they happen, until the other side sends something or goes.
    Tail(String),
    /// A change of accounts.
    User(UserOrder),
    /// A copy of the database.
    Backup(PathBuf),
    /// A backup in the database's place.
    Restore(PathBuf),
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// It was done.
    pub(crate) done: bool,
    /// What to show.
    pub(crate) text: String,
    /// The console is to end.
    pub(crate) close: bool,
    /// This only tells how far it is; further lines follow.
    #[serde(default)]
    pub(crate) more: bool,
    /// The other node on which the lines of this console run.
    #[serde(default)]
    pub(crate) node: Option<String>,
}

impl Outcome {
    pub(crate) fn of(result: Result<String>) -> Self {
        match result {
            Ok(text) => Self::plain(true, text),
            Err(error) => Self::plain(false, format!("{error:#}")),
        }
    }

    /// The last line of an order, about nothing but it.
    pub(crate) const fn plain(done: bool, text: String) -> Self {
        Self { done, text, close: false, more: false, node: None }
    }
}

/// A connection to a running server.
pub(crate) struct Client(BufReader<UnixStream>);

/// Connects to the server that runs on a data folder, if one does.
pub(crate) fn connect(data: &Path) -> Result<Option<Client>, Failure> {
    match UnixStream::connect(data.join(SOCKET)) {
        Ok(stream) => Ok(Some(Client(BufReader::new(stream)))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Ok(None)
        }
        Err(error) => Err(Failure::failed(format!("{}: {error}", data.join(SOCKET).display()))),
    }
}

impl Client {
    /// Sends an order and waits for its outcome.
    pub(crate) fn order(&mut self, order: &Order) -> Result<Outcome> {
        self.watch(order, |_| {})
    }

    /// The same for an order that takes long: `tell` is given what the server says meanwhile.
    pub(crate) fn watch(&mut self, order: &Order, mut tell: impl FnMut(&str)) -> Result<Outcome> {
        let text = serde_json::to_string(order)? + "\n";
        self.0.get_mut().write_all(text.as_bytes()).context("the control socket")?;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).context("the control socket")?;
            let outcome: Outcome = serde_json::from_str(&line).context("the server went away")?;
            if !outcome.more {
                return Ok(outcome);
            }
            tell(&outcome.text);
        }
    }

    /// Closes the connection from another thread.
    pub(crate) fn closer(&self) -> Result<UnixStream> {
        self.0.get_ref().try_clone().context("the control socket")
    }

    /// The same where a refusal ends the subcommand.
    pub(crate) fn ask(&mut self, order: &Order) -> Result<String, Failure> {
        let outcome = self.order(order)?;
        if outcome.done { Ok(outcome.text) } else { Err(Failure::failed(outcome.text)) }
    }
}

/// The server's side. Dropping it removes the socket.
pub(crate) struct Control {
    path: PathBuf,
}

impl Control {
    /// Takes the place of a server that is gone; refuses where one is running.
    pub(crate) fn claim_in(data: &Path) -> Result<(Self, UnixListener), Failure> {
        let path = data.join(SOCKET);
        if connect(data)?.is_some() {
            return Err(Failure::failed(format!("a server is already running on {}", data.display())));
        }
        let bound = remove_stale(&path).and_then(|()| UnixListener::bind(&path)).and_then(|listener| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = bound.with_context(|| format!("the control socket {}", path.display()))?;
        Ok((Self { path }, listener))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // If it is gone already there is nothing to do.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what an earlier run may have left.
pub(crate) fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// One outcome, on a line.
async fn say(writer: &mut (impl tokio::io::AsyncWrite + Unpin), outcome: &Outcome) -> io::Result<()> {
    let text = serde_json::to_string(outcome).map_err(io::Error::other)? + "\n";
    writer.write_all(text.as_bytes()).await
}

/// What orders are performed with.
#[derive(Clone)]
pub(crate) struct Performer {
    pub(crate) switch: Handle,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Where restores go; none where no server runs that could stop and start again.
    pub(crate) restores: Option<mpsc::Sender<Restore>>,
}

impl Performer {
    /// Accepts connections until the runtime ends.
    pub(crate) async fn serve(self, listener: tokio::net::UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let performer = self.clone();
                    tokio::spawn(async move {
                        if let Err(error) = performer.converse(stream).await {
                            warn!(%error, "a control connection failed");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "the control socket");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn converse(&self, stream: tokio::net::UnixStream) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = tokio::io::BufReader::new(reader);
        let mut line = Vec::new();
        let session = Arc::new(NodeSession::default());
        loop {
            line.clear();
            if (&mut reader).take(MAX_ORDER).read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let outcome = match serde_json::from_slice(&line) {
                Ok(Order::Restore(file)) => match self.verify(&file).await {
                    Ok(()) => {
                        let stream = reader.into_inner().reunite(writer).map_err(io::Error::other)?;
                        self.hand_over(Restore::new(file, Line::new(stream.into_std()?)?));
                        return Ok(());
                    }
                    Err(refused) => Outcome::of(Err(refused)),
                },
                Ok(Order::Tail(types)) => return self.tail(&types, reader, writer).await,
                Ok(order) => self.perform(order, &session).await,
                Err(error) => Outcome::of(Err(anyhow::Error::new(error).context("not an order"))),
            };
            say(&mut writer, &outcome).await?;
        }
    }

    async fn perform(&self, order: Order, session: &Arc<NodeSession>) -> Outcome {
        match order {
            Order::Line(line) => self.line(&line, session).await,
            Order::User(order) => {
                let done = perform(self.switch.store(), &order).await;
                self.switch.refresh().await;
                Outcome::of(done)
            }
            Order::Backup(file) => {
                info!(file = %file.display(), "backup");
                let report = self.switch.store().backup(Scope::All, file).await;
                Outcome::of(report.map(|r| crate::backup::describe(&r)).map_err(anyhow::Error::new))
            }
            Order::Tail(_) => Outcome::of(Err(anyhow::anyhow!("events need a connection of their own"))),
            Order::Restore(_) => Outcome::of(Err(anyhow::anyhow!("a restore needs a connection of its own"))),
        }
    }

    /// Sends events until the other side has enough.
    async fn tail(
        &self,
        types: &str,
        mut reader: impl tokio::io::AsyncRead + Unpin,
        mut writer: impl tokio::io::AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let line = if types.is_empty() { "events".to_owned() } else { format!("events types={types}") };
        let request =
            Request::console(Origin::new(here, here, Transport::Console), &ConsoleUser::local_root(), &line);
        let (sender, mut pushed) = PushSender::channel();
        let answer = self.dispatcher.answer(request.pushing_to(sender, line.as_bytes())).await;
        let Ok(Push::Follow(Some(mut events))) = pushed.try_recv() else {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            return say(&mut writer, &Outcome::plain(false, text)).await;
        };
        let mut anything = [0];
        loop {
            let batch = tokio::select! {
                _ = reader.read(&mut anything) => return Ok(()),
                batch = events.next() => batch,
            };
            let Some(batch) = batch else {
                return say(&mut writer, &Outcome::of(Ok("no more events".to_owned()))).await;
            };
            for event in batch {
                say(&mut writer, &Outcome { more: true, ..Outcome::plain(true, event.text) }).await?;
            }
        }
    }

    /// A file that is no whole backup is refused before anything is stopped.
    async fn verify(&self, file: &Path) -> Result<()> {
        let (store, from) = (self.switch.store().clone(), file.to_owned());
        let verified = tokio::task::spawn_blocking(move || store.verify_backup(&from)).await?;
        verified.with_context(|| format!("{}", file.display()))
    }

    /// Leaves the restore to whoever can stop and start the exchange.
    fn hand_over(&self, restore: Restore) {
        let Some(restores) = &self.restores else { return restore.refuse("no server is running") };
        if let Err(refused) = restores.try_send(restore) {
            refused.into_inner().refuse("another restore is under way");
        }
    }

    /// Runs a console line with full rights, on the node of its session.
    pub(crate) async fn line(&self, line: &str, session: &Arc<NodeSession>) -> Outcome {
        let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let origin = Origin::new(here, here, Transport::Console);
        let request = Request::console(origin, &ConsoleUser::local_root(), line).within(session);
        let answer = self.dispatcher.answer(request).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let done = !text.starts_with("ERROR");
        Outcome { close: answer.close, node: session.node(), ..Outcome::plain(done, text) }
    }
}
