//! Who is asking, from where, and what that allows. No command is known here by name.

mod apikey;
mod authorise;
mod credentials;
mod doctor;
mod formula;
mod nonce;
mod prove;
mod replay;
mod session;
mod source;

use strowger_model::{Account, AccountKind};

pub(crate) use apikey::{API_KEY_MARK, ApiKey, ApiKeys, Scopes, digest, hex};
pub use authorise::{Caller, Denial, Policy, Proof, Rule, authorise, may_act_for};
pub(crate) use credentials::{Credentials, Digest, unhex};
pub(crate) use doctor::{Known, explain_digest, explain_password};
pub(crate) use formula::{Salts, digest_of, digest_proof, same_text};
pub(crate) use nonce::{Nonces, Taken};
pub(crate) use prove::{Ground, prove};
pub(crate) use replay::{KEPT_MS, MAX_REPLAYS, Replays};
pub(crate) use session::{MAX_SESSIONS, Sessions};
pub(crate) use source::look;
pub use source::{Place, Source};

/// What an account may do, from nothing to everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nobody.
    Public,
    /// Any account.
    User,
    /// Owners and resellers, over the accounts below them.
    Owner,
    /// Support: diagnostics, reading.
    Support,
    /// Administrators.
    Admin,
    /// Administrators with rights 60.
    ServerAdmin,
}

/// `tb_users.rights` of an account that may not log in.
const RIGHTS_NO_LOGIN: i32 = 10;
/// `tb_users.rights` from which an account is an administrator.
const RIGHTS_ADMIN: i32 = 50;
/// `tb_users.rights` of a general administrator.
const RIGHTS_SERVER_ADMIN: i32 = 60;

impl Level {
    /// The level of an account of this kind with these rights.
    #[must_use]
    pub const fn of(kind: AccountKind, rights: i32) -> Self {
        match kind {
            AccountKind::Admin if rights >= RIGHTS_SERVER_ADMIN => Self::ServerAdmin,
            AccountKind::Admin => Self::Admin,
            _ if rights >= RIGHTS_ADMIN => Self::Admin,
            AccountKind::Support => Self::Support,
            AccountKind::Owner | AccountKind::Reseller => Self::Owner,
            _ => Self::User,
        }
    }

    /// One word for the matrix and for refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "nobody",
            Self::User => "user",
            Self::Owner => "owner",
            Self::Support => "support",
            Self::Admin => "admin",
            Self::ServerAdmin => "srvadmin",
        }
    }
}

/// The account may show its credentials here.
pub(crate) const fn may_log_in(account: &Account) -> bool {
    account.active && account.rights != RIGHTS_NO_LOGIN
}
