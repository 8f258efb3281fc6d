//! A request as the framings hand it over, decoded into one shape: command, named fields, positional
//! fields, format. Nothing is authenticated or looked up here, and nothing here can fail: what cannot be
//! read is remembered and answered by the dispatcher.

mod body;
mod console;
mod encrypted;
mod http;
mod json;
mod line;
mod multipart;
mod query;
pub(crate) mod sms;
mod xml;

use std::net::SocketAddr;
use std::sync::Arc;

use strowger_model::{AccountId, Secret};

pub use console::ConsoleUser;
pub use http::Http;
pub use line::{is_api_path, is_request_line};

use crate::declare::{Fields, trimmed};
use crate::nodes::NodeSession;
use crate::openapi::Document;
use crate::push::PushSender;
use crate::reply::{Failure, Format};

/// The longest line of a stream, in bytes; the gate closes beyond.
pub const MAX_LINE_BYTES: usize = 65_536;
/// The longest HTTP body, in bytes; the gate refuses beyond.
pub const MAX_BODY_BYTES: usize = 1_048_576;
/// Fields of one request that are read; more are ignored.
const MAX_FIELDS: usize = 1_024;

/// What carried a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram: its source address proves nothing.
    Udp,
    /// Lines.
    Tcp,
    /// Lines over TLS.
    Tls,
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// WebSocket.
    WebSocket,
    /// WebSocket over TLS.
    SecureWebSocket,
    /// The console port or the socket in the data directory.
    Console,
    /// A header of a SIP request.
    Sip,
}

impl Transport {
    /// One word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Https => "https",
            Self::WebSocket => "ws",
            Self::SecureWebSocket => "wss",
            Self::Console => "console",
            Self::Sip => "sip",
        }
    }

    /// The path is encrypted.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::SecureWebSocket)
    }

    /// The source address is that of a peer who can answer.
    #[must_use]
    pub const fn proves_address(self) -> bool {
        !matches!(self, Self::Udp | Self::Sip)
    }

    /// The connection outlives the answer and may be closed by a command.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls | Self::WebSocket | Self::SecureWebSocket | Self::Console)
    }
}

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address the bytes came from, never one out of a header.
    pub peer: SocketAddr,
    /// The address they reached.
    pub local: SocketAddr,
    /// What carried them.
    pub transport: Transport,
    /// The Host header as sent.
    pub host: Option<String>,
    /// The Origin header as sent.
    pub web_origin: Option<String>,
    /// The number of its connection among the encrypted ones.
    pub encrypted: Option<u64>,
}

impl Origin {
    /// Without HTTP headers.
    #[must_use]
    pub const fn new(peer: SocketAddr, local: SocketAddr, transport: Transport) -> Self {
        Self { peer, local, transport, host: None, web_origin: None, encrypted: None }
    }
}

/// Who is known before any credential is read.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// Nobody: the request must show credentials.
    Nobody,
    /// Somebody who logged in at the console.
    Console(ConsoleUser),
    /// An account that SIP digest proved.
    Sip(AccountId),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) origin: Origin,
    pub(crate) known: Known,
    /// The command's name as sent, in lower case; empty where none was named.
    pub(crate) command: String,
    /// Names in lower case.
    pub(crate) fields: Fields,
    /// Without the command's name. Credentials in front of the arguments where `positional_credentials`.
    pub(crate) positional: Vec<String>,
    /// The first three positional fields are key, user and password.
    pub(crate) positional_credentials: bool,
    pub(crate) bearer: Option<Secret>,
    pub(crate) format: Format,
    /// A callback was named and no format: JSONP where it is switched on.
    pub(crate) jsonp_guessed: bool,
    /// The older interface.
    pub(crate) old: bool,
    /// A description of the API instead of a command.
    pub(crate) document: Option<Document>,
    /// An HTTP OPTIONS request.
    pub(crate) preflight: bool,
    /// How long the request was, in bytes.
    pub(crate) size: usize,
    /// Why it could not be read.
    pub(crate) broken: Option<Failure>,
    /// Where later answers go.
    pub(crate) stream: Option<Arc<crate::push::Stream>>,
    /// Where a connection of the message queue is left.
    pub(crate) joining: Option<Arc<crate::mmq::Joining>>,
    /// The other node on which it is to run.
    pub(crate) at_node: Option<String>,
    /// What its console or stream remembers.
    pub(crate) session: Option<Arc<NodeSession>>,
}

impl Request {
    fn new(origin: Origin, size: usize) -> Self {
        Self {
            origin,
            known: Known::Nobody,
            command: String::new(),
            fields: Fields::default(),
            positional: Vec::new(),
            positional_credentials: false,
            bearer: None,
            format: Format::Text,
            jsonp_guessed: false,
            old: false,
            document: None,
            preflight: false,
            size,
            broken: None,
            stream: None,
            joining: None,
            at_node: None,
            session: None,
        }
    }

    /// The API over SIP: the account was proved by digest.
    #[must_use]
    pub fn sip(origin: Origin, account: AccountId, line: &str) -> Self {
        Self { known: Known::Sip(account), ..Self::line(origin, line.as_bytes()) }
    }

    /// The command's name as sent, in lower case; empty where none was named.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Something may follow the answer later on the same stream: an event, the result of what was begun.
    pub(crate) fn may_push(&self) -> bool {
        crate::push::COMMANDS.contains(&self.command.as_str())
    }

    /// It is a line of a console or stream that may run its lines on another node.
    #[must_use]
    pub fn within(mut self, session: &Arc<NodeSession>) -> Self {
        self.session = Some(Arc::clone(session));
        self
    }

    /// What follows the answer later goes there. `raw`: the request as sent, which is quoted without its secrets.
    #[must_use]
    pub fn pushing_to(mut self, sender: PushSender, raw: &[u8]) -> Self {
        self.stream = Some(Arc::new(crate::push::Stream::new(sender, raw, self.format)));
        self
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// Reads `name=value&…`; see [`query`].
    fn read_query(&mut self, text: &str, form: bool) {
        query::read(&mut self.fields, MAX_FIELDS, text, form);
    }

    fn push<N: AsRef<str>, V: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = (N, V)>) {
        let room = MAX_FIELDS.saturating_sub(self.fields.len());
        self.fields.extend(fields.into_iter().take(room));
    }

    /// Reads what stands between the entry point and the query: a command, or nothing.
    fn take_path(&mut self, path: &str) {
        let mut rest = Some(path);
        let mut segment = || {
            while let Some(path) = rest {
                let (segment, behind) = query::cut(path, b'/');
                rest = behind;
                if !segment.is_empty() {
                    return Some(segment);
                }
            }
            None
        };
        let entry = segment().unwrap_or_default();
        self.old = entry.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("xmapi"));
        if let Some(command) = segment() {
            self.command = query::decode(command, false).to_ascii_lowercase();
        }
    }

    /// Names the command, sorts `param1…`, reads the format: the last step of every constructor.
    fn finish(&mut self) {
        if let Some(name) = self.fields.get("apientry").map(trimmed).filter(|name| !name.is_empty()) {
            name.clone_into(&mut self.command);
            self.command.make_ascii_lowercase();
        }
        self.take_numbered();
        // Commands such as voicerecdownload have a numeric `format` of their own.
        let format = self.field("format").filter(|format| format.trim().parse::<u32>().is_err());
        match (self.format, format.map(Format::by_name)) {
            // "soap" asks for the version that the request is in.
            (Format::Soap { .. }, Some(Format::Soap { .. })) | (_, None) => {}
            (_, Some(format)) => self.format = format,
        }
        if self.old && self.command.is_empty() {
            self.command = self.guess().into();
        }
    }

    /// `param1…paramN`: the function's own where the command is named, else function, key, user and
    /// password come first.
    fn take_numbered(&mut self) {
        let mut numbered: Vec<(usize, String)> = Vec::new();
        for (name, value) in self.fields.iter() {
            let index = name.strip_prefix("param").and_then(|digits| digits.parse::<usize>().ok());
            let fits = index.filter(|index| (1..=MAX_FIELDS).contains(index));
            if let Some(index) = fits.filter(|index| numbered.iter().all(|(known, _)| known != index)) {
                numbered.push((index, value.to_owned()));
            }
        }
        let Some(count) = numbered.iter().map(|(index, _)| *index).max() else { return };
        let mut positional = vec![String::new(); count];
        for (index, value) in numbered {
            positional[index - 1] = value;
        }
        if self.command.is_empty() {
            self.command = positional.remove(0).trim().to_ascii_lowercase();
            self.positional_credentials = true;
        }
        self.positional = positional;
    }

    /// The old interface without a command: two numbers are a phone-to-phone call, one is a callback.
    fn guess(&self) -> &'static str {
        let given =
            |names: &[&str]| names.iter().any(|n| self.field(n).is_some_and(|value| !value.is_empty()));
        let text = given(&["txt", "message"]);
        let (first, second) = (given(&["anum", "phone1", "from"]), given(&["bnum", "bnun", "phone2", "to"]));
        match (first, second) {
            (true | false, true) if text => "sms",
            (true, true) => "p2p",
            (true, false) | (false, true) => "callback",
            (false, false) => "",
        }
    }
}
