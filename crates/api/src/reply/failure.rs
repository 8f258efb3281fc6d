//! Failures of a request: the whole list of error types, and the code each has.

use std::fmt;

/// The type of an error, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong key, user or password.
    AuthFailed,
    /// Right, but not allowed.
    AccessDenied,
    /// A required parameter is absent.
    MissingParameter,
    /// A parameter is not right.
    InvalidParameter,
    /// The thing does not exist, or lies outside the caller's scope.
    NotFound,
    /// Too much, too often.
    Limit,
    /// Not enough credit.
    NoCredit,
    /// Try again later.
    Busy,
    /// It was tried and did not work.
    Failed,
    /// Not part of this version or switched off.
    NotAvailable,
    /// No such command.
    UnknownCommand,
    /// Not an error type of its own: the request must be repeated with the nonce in the text.
    NewNonce,
}

/// Each type with its name and its HTTP status where `httpstrictresponse` is on.
const KINDS: [(Kind, &str, u16); 12] = [
    (Kind::AuthFailed, "auth failed", 403),
    (Kind::AccessDenied, "access denied", 403),
    (Kind::MissingParameter, "missing parameter", 499),
    (Kind::InvalidParameter, "invalid parameter", 499),
    (Kind::NotFound, "not found", 404),
    (Kind::Limit, "limit", 429),
    (Kind::NoCredit, "no credit", 499),
    (Kind::Busy, "busy", 499),
    (Kind::Failed, "failed", 412),
    (Kind::NotAvailable, "not available", 499),
    (Kind::UnknownCommand, "unknown command", 406),
    (Kind::NewNonce, "new nonce is", 403),
];

impl Kind {
    /// Every type.
    pub const ALL: [Self; KINDS.len()] = {
        let mut all = [Self::Failed; KINDS.len()];
        let mut index = 0;
        while index < KINDS.len() {
            all[index] = KINDS[index].0;
            index += 1;
        }
        all
    };

    /// The type's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("failed", |(_, name, _)| name)
    }

    fn status(self) -> u16 {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or(499, |(.., status)| *status)
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its type.
    pub kind: Kind,
    /// What exactly, and what would be right.
    pub text: String,
    /// The HTTP status where `httpstrictresponse` is on.
    pub status: u16,
    /// For limits: seconds after which it may be tried again; the header Retry-After.
    pub retry_after_s: Option<u64>,
}

impl Failure {
    /// A failure of a type.
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), status: kind.status(), retry_after_s: None }
    }

    /// `missing parameter: name`
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self::new(Kind::MissingParameter, name)
    }

    /// `invalid parameter: text`
    #[must_use]
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(Kind::InvalidParameter, text)
    }

    /// `not found: what`
    #[must_use]
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, what)
    }

    /// `access denied: why`
    #[must_use]
    pub fn denied(why: impl Into<String>) -> Self {
        Self::new(Kind::AccessDenied, why)
    }

    /// `failed: what`
    #[must_use]
    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    /// `not available: why`
    #[must_use]
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::new(Kind::NotAvailable, why)
    }

    /// `limit: what`
    #[must_use]
    pub fn limit(what: impl Into<String>) -> Self {
        Self::new(Kind::Limit, what)
    }

    /// The one text for an unknown user and a wrong password.
    #[must_use]
    pub fn wrong_user() -> Self {
        Self::new(Kind::AuthFailed, "wrong user or password DISPLAY")
    }

    /// The text for a wrong or absent key.
    #[must_use]
    pub fn wrong_key() -> Self {
        Self::new(Kind::AuthFailed, "wrong key NORETRY")
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub const fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// With an HTTP status of its own.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::NewNonce => write!(f, "{}:{}EOF", self.kind.name(), self.text),
            _ if self.text.is_empty() => f.write_str(self.kind.name()),
            _ => write!(f, "{}: {}", self.kind.name(), self.text),
        }
    }
}
