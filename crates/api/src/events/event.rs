//! One event: what it is called, who may see it, and its text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strowger_model::{AccountId, Wall};

/// The longest text within an event, in characters: what came from the network does not fill the journal.
const MAX_TEXT: usize = 200;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal),* $(,)?) => {
        /// What an event is about; the names are a contract with clients.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum EventKind { $($(#[doc = $doc])+ #[serde(rename = $name)] $kind),* }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

kinds! {
    /// A call was admitted.
    CallStarted = "call.started",
    /// The called party answered.
    CallAnswered = "call.answered",
    /// A call is over; its records are durable.
    CallEnded = "call.ended",
    /// A record was written for a call whose end was not told: after a crash, or of a database that did not answer.
    CallSettled = "call.settled",
    /// An account got its first contact.
    RegistrationGained = "registration.gained",
    /// An account lost its last contact.
    RegistrationLost = "registration.lost",
    /// A call will soon have used up its payer's credit.
    BalanceLow = "balance.low",
    /// A message was handed in, delivered, kept or given up.
    Message = "message",
    /// A new account.
    UserNew = "user.new",
    /// An account is gone.
    UserDeleted = "user.deleted",
    /// Somebody was banned.
    Ban = "ban",
    /// A webhook was switched off because it did not answer.
    WebhookDisabled = "webhook.disabled",
    /// The server began to serve.
    ServerStarted = "server.started",
    /// The server was too busy to note everything.
    Missed = "missed",
}

/// An event before it has its number.
#[derive(Debug, Clone)]
pub struct Draft {
    pub kind: EventKind,
    pub at: Wall,
    /// Who may see it beside administrators.
    pub accounts: Vec<AccountId>,
    /// Who of them may see the money.
    pub billed: Vec<AccountId>,
    pub data: Map<String, Value>,
    /// Fields that only administrators and `billed` see.
    pub money: Map<String, Value>,
    /// The newest call record that is told here or before; 0: none.
    pub record: i64,
}

impl Draft {
    /// An event that only administrators see so far.
    pub fn new(kind: EventKind, at: Wall) -> Self {
        let (data, money) = Default::default();
        Self { kind, at, accounts: Vec::new(), billed: Vec::new(), data, money, record: 0 }
    }

    /// One more field. A long text is cut.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), short(value.into()));
        self
    }

    /// One more field that only who pays sees.
    pub fn with_money(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.money.insert(name.to_owned(), short(value.into()));
        self
    }

    /// These may see it too.
    pub fn for_accounts(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        for account in accounts {
            if !self.accounts.contains(&account) {
                self.accounts.push(account);
            }
        }
        self
    }
}

fn short(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => {
            text.chars().take(MAX_TEXT).collect::<String>().into()
        }
        other => other,
    }
}

/// One event. Its JSON form is a line of the journal; clients get [`Event::text`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the node's stream, from 1, without gaps.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub at: Wall,
    /// What.
    #[serde(rename = "type")]
    pub kind: EventKind,
    #[serde(rename = "for", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) accounts: Vec<AccountId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) billed: Vec<AccountId>,
    pub(super) data: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) money: Map<String, Value>,
    #[serde(default)]
    pub(super) record: i64,
}

impl Event {
    pub(super) fn of(seq: u64, draft: Draft) -> Self {
        let Draft { kind, at, accounts, billed, data, money, record } = draft;
        Self { seq, at, kind, accounts, billed, data, money, record }
    }

    /// Whom it concerns: the accounts themselves and those above them.
    pub(crate) fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    /// The account that it is about, where it names one.
    pub(crate) fn user(&self) -> Option<AccountId> {
        self.data.get("userid").and_then(Value::as_i64).map(AccountId)
    }

    /// The account is one of those that it concerns, or stands above one.
    pub(super) fn concerns(&self, viewer: Viewer) -> bool {
        match viewer {
            Viewer::All | Viewer::Staff => true,
            Viewer::Account(id) => self.accounts.contains(&id),
        }
    }

    /// The JSON object that a viewer gets.
    #[must_use]
    pub fn text(&self, node: u8, viewer: Viewer) -> String {
        let mut object = Map::new();
        object.insert("seq".into(), self.seq.into());
        object.insert("type".into(), self.kind.name().into());
        object.insert("at".into(), time_text(self.at).into());
        object.insert("node".into(), node.into());
        object.extend(self.data.clone());
        let pays = match viewer {
            Viewer::All => true,
            Viewer::Staff => false,
            Viewer::Account(id) => self.billed.contains(&id),
        };
        if pays {
            object.extend(self.money.clone());
        }
        Value::Object(object).to_string()
    }
}

/// Whose eyes see the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// An administrator's.
    All,
    /// A support account's: everything but money.
    Staff,
    /// An account's: its own, and for those above it what concerns them.
    Account(AccountId),
}

/// Which kinds are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter(Vec<EventKind>);

impl Filter {
    /// Reads `call,registration.lost`: names, or what stands before their dot. Empty: everything. The error is the word
    /// that is neither.
    ///
    /// # Errors
    /// See above.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut kinds = Vec::new();
        for word in text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty() && *word != "*") {
            let found = EventKind::ALL.iter().copied().filter(|kind| {
                let name = kind.name();
                let group = name.split('.').next().unwrap_or(name);
                name.eq_ignore_ascii_case(word) || group.eq_ignore_ascii_case(word)
            });
            let before = kinds.len();
            kinds.extend(found);
            if kinds.len() == before {
                return Err(word.chars().take(40).collect());
            }
        }
        Ok(Self(kinds))
    }

    /// The kind is wanted.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }
}

/// Every name, for texts that say what would be right.
#[must_use]
pub fn kind_names() -> String {
    EventKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}

/// What a client is told in the place of events that are not kept any more.
#[must_use]
pub fn gap_text(node: u8, missed: Option<u64>, cursor: u64) -> String {
    let missed = missed.map_or(Value::Null, Value::from);
    serde_json::json!({"type": "gap", "node": node, "missed": missed, "cursor": cursor}).to_string()
}

/// Milliseconds since 1970 as RFC 3339 in UTC.
#[must_use]
pub fn time_text(at: Wall) -> String {
    let text = crate::commands::text::date(at);
    format!("{}.{:03}Z", text.replacen(' ', "T", 1), at.0.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_seen_by_who_pays() {
        let (payer, other) = (AccountId(3), AccountId(4));
        let mut draft = Draft::new(EventKind::CallEnded, Wall(1_700_000_000_123));
        draft = draft.with("call", "c1").with_money("cost", "0.2").for_accounts([payer, other]);
        draft.billed.push(payer);
        let event = Event::of(7, draft);
        let head = r#"{"seq":7,"type":"call.ended","at":"2023-11-14T22:13:20.123Z","node":1,"call":"c1""#;
        for (viewer, tail) in [
            (Viewer::All, r#","cost":"0.2"}"#),
            (Viewer::Account(payer), r#","cost":"0.2"}"#),
            (Viewer::Account(other), "}"),
        ] {
            assert_eq!(event.text(1, viewer), format!("{head}{tail}"));
            assert!(event.concerns(viewer));
        }
        assert!(!event.concerns(Viewer::Account(AccountId(5))));
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn a_filter_takes_names_and_groups() {
        let filter = Filter::parse("call, BAN").unwrap();
        assert!(filter.wants(EventKind::CallEnded) && filter.wants(EventKind::Ban));
        assert!(!filter.wants(EventKind::UserNew));
        assert!(Filter::parse("").unwrap().wants(EventKind::UserNew));
        assert_eq!(Filter::parse("call,nonsense"), Err("nonsense".to_owned()));
        assert_eq!(Filter::parse("cal"), Err("cal".to_owned()));
    }
}
