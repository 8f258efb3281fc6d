//! What a command is: one constant with every field mandatory. The parser, the positional form, `help`,
//! the reference, the console's completion and the authorisation matrix are all derived from it.
//! Nothing here runs a command or knows how a request arrived.

mod args;
mod fields;
mod param;
mod value;

use std::future::Future;
use std::pin::Pin;

pub use args::Args;
pub use fields::Fields;
pub(crate) use fields::trimmed;
pub use param::Param;
pub(crate) use param::{params, wire_name};
pub use value::Value;
pub(crate) use value::{CardData, one_of};

use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// What a command answers.
pub type Outcome = Result<Reply, Failure>;

/// A running command.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One command of the catalogue.
#[derive(Debug)]
pub struct Command {
    /// The documented name, in lower case; the file is called the same.
    pub name: &'static str,
    /// Other documented names for the same thing.
    pub aliases: &'static [&'static str],
    /// The chapter of the catalogue.
    pub group: Group,
    /// Who may call it unless `tb_api` says otherwise.
    pub access: Access,
    /// What it changes.
    pub effect: Effect,
    /// Whose objects it works on.
    pub reach: Reach,
    /// The parameters in documented positional order.
    pub params: &'static [Param],
    /// One sentence.
    pub summary: &'static str,
    /// Where the documents describe it.
    pub spec: &'static str,
    /// A request, as a query without credentials.
    pub example: &'static str,
    /// Its answer.
    pub reply: &'static str,
    /// What runs.
    pub run: Run,
}

impl Command {
    /// The name and every alias.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// It does its work in this version.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        matches!(self.run, Run::Here { .. })
    }

    /// One of its parameters must be kept nowhere.
    #[must_use]
    pub fn is_fleeting(&self) -> bool {
        self.params.iter().any(|param| param.fleeting)
    }

    /// The parameter of this spelling must be kept nowhere.
    #[must_use]
    pub fn forgets(&self, spelling: &str) -> bool {
        self.params.iter().any(|param| param.fleeting && param.answers_to(spelling))
    }

    /// A declared parameter goes by this spelling.
    #[must_use]
    pub fn declares(&self, spelling: &str) -> bool {
        self.params.iter().any(|param| param.answers_to(spelling))
    }
}

/// What runs a command.
pub enum Run {
    /// The command's own file.
    Here {
        /// Parses the parameters and forgets them: tests and the console use it.
        check: fn(&Args) -> Result<(), Failure>,
        /// Parses the parameters and runs.
        run: fn(Call) -> Running,
    },
    /// Declared, and not part of this version.
    Unavailable {
        /// The true reason, as it is answered.
        why: &'static str,
    },
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here { .. } => f.write_str("Here"),
            Self::Unavailable { why } => write!(f, "Unavailable({why})"),
        }
    }
}

/// The chapters of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Public and session commands.
    Public,
    /// Commands of account holders.
    User,
    /// What the server is doing.
    Diagnostics,
    /// Administration.
    Command,
    /// Reloading and restarting.
    Reset,
    /// The rest.
    Various,
    /// Ours: no chapter of the documents.
    Ours,
}

impl Group {
    /// Every group, in the order of the catalogue.
    pub const ALL: [Self; 7] =
        [Self::Public, Self::User, Self::Diagnostics, Self::Command, Self::Reset, Self::Various, Self::Ours];

    /// The name as the catalogue has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::User => "user",
            Self::Diagnostics => "diagnostics",
            Self::Command => "command",
            Self::Reset => "reset",
            Self::Various => "various",
            Self::Ours => "ours",
        }
    }
}

/// Who may call a command unless `tb_api` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody, without even the key.
    Open,
    /// Anybody with the key.
    Public,
    /// The key and an account.
    User,
    /// The key and an administrator.
    Admin,
    /// An administrator, from an allowed address.
    Sensitive,
    /// Sensitive, and only where the start-up file switches host control on.
    Host,
}

impl Access {
    /// The name as the catalogue has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Public => "public",
            Self::User => "user",
            Self::Admin => "admin",
            Self::Sensitive => "sensitive",
            Self::Host => "host",
        }
    }

    /// A text for administrators only: it may contain the word "error".
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Admin | Self::Sensitive | Self::Host)
    }
}

/// What a command changes; the audit, replay, nonce and idempotency rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Read,
    /// The state of this connection or session.
    Session,
    /// Settings, accounts, registrations, calls.
    Write,
    /// It spends the account's own credit or opens a way to do so.
    Spend,
    /// It moves credit.
    Money,
}

impl Effect {
    /// One word for the reference.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Session => "session",
            Self::Write => "write",
            Self::Spend => "spend",
            Self::Money => "money",
        }
    }
}

/// Whose objects a command works on. What the caller may reach is the `Scope` of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// No account at all.
    Nothing,
    /// The caller's account, or `targetuser` where the caller may act for it.
    Account,
    /// Everything within the caller's scope.
    Scope,
}
