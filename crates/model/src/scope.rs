//! Whose objects an operation may see. There is no way to read or change an account, a CDR or a call
//! without one.

use crate::account::AccountId;

/// The objects an operation may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only what belongs to this account.
    Own(AccountId),
    /// What belongs to this account and to every account below it.
    Children(AccountId),
    /// Everything: administrators and the server itself.
    All,
}
