//! Access numbers (accounts of type 10) and who is known there by the caller's number alone (ANI).
//!
//! A caller's number proves nothing but what the trunk says of it, so only calls from trunks are looked at.

use strowger_model::{Account, AccountId, AccountKind};

use crate::snapshot::Snapshot;

/// What becomes of a trunk's call to an access number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessCall {
    /// The number is nobody's.
    Unknown,
    /// It is declined, and both numbers are dialled at the account's expense.
    CallBack {
        /// Who pays.
        account: AccountId,
        /// Dialled first: the caller.
        caller: String,
        /// Dialled then: what the access number leads to, else the account's own phone.
        then: String,
    },
    /// It goes on, as a call of the account.
    Through {
        /// Who pays.
        account: AccountId,
        /// What the access number leads to.
        to: String,
    },
}

/// What becomes of a call from `caller` that presents a number; none: the call is none of a trunk to an access number, or the
/// access number leads nowhere.
#[must_use]
pub fn access_call(
    snapshot: &Snapshot,
    caller: Option<AccountId>,
    presented: &str,
    called: &Account,
) -> Option<AccessCall> {
    let from_trunk = caller
        .and_then(|id| snapshot.account(id))
        .is_some_and(|caller| matches!(caller.kind, AccountKind::TrafficSender | AccountKind::SipServer));
    if called.kind != AccountKind::AccessNumber || !called.active || !from_trunk {
        return None;
    }
    let leads_to = &*called.forwarding.always;
    if !called.is_callback && leads_to.is_empty() {
        return None;
    }
    let known = snapshot.by_cli(presented);
    let Some((cli, account)) = known.and_then(|cli| Some((cli, snapshot.account(cli.account)?))) else {
        return Some(AccessCall::Unknown);
    };
    if !account.active || (called.is_callback && !cli.callback) {
        return Some(AccessCall::Unknown);
    }
    let then = if leads_to.is_empty() { &*account.username } else { leads_to };
    Some(if called.is_callback {
        AccessCall::CallBack { account: account.id, caller: presented.to_owned(), then: then.to_owned() }
    } else {
        AccessCall::Through { account: account.id, to: then.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use strowger_model::account::Forwarding;

    use super::*;
    use crate::{Change, Cli, Settings};

    const TRUNK: AccountId = AccountId(1);
    const ALICE: AccountId = AccountId(2);

    fn house() -> Snapshot {
        let mut snapshot = Snapshot::new(Settings::default());
        for account in [
            Account::new(TRUNK, AccountKind::TrafficSender, "incoming"),
            Account::new(ALICE, AccountKind::Enduser, "alice"),
        ] {
            snapshot.apply(Change::Account(Box::new(account)));
        }
        let cli = |callback| Cli { account: ALICE, callback };
        snapshot.apply(Change::Cli { number: "36301".into(), cli: cli(false) });
        snapshot.apply(Change::Cli { number: "+36302".into(), cli: cli(true) });
        snapshot
    }

    fn number(is_callback: bool, leads_to: &str) -> Account {
        Account {
            is_callback,
            forwarding: Forwarding { always: leads_to.into(), ..Forwarding::default() },
            ..Account::new(AccountId(3), AccountKind::AccessNumber, "361555")
        }
    }

    #[test]
    fn a_caller_is_known_by_number_where_a_trunk_says_it() {
        let through = Some(AccessCall::Through { account: ALICE, to: "49".into() });
        let back = |then: &str| {
            Some(AccessCall::CallBack { account: ALICE, caller: "36302".into(), then: then.into() })
        };
        let unknown = Some(AccessCall::Unknown);
        for (caller, presented, called, wanted) in [
            (Some(TRUNK), "36301", number(false, "49"), through.clone()),
            (Some(TRUNK), "+36301", number(false, "49"), through),
            (Some(TRUNK), "36309", number(false, "49"), unknown.clone()),
            (Some(TRUNK), "36302", number(true, ""), back("alice")),
            (Some(TRUNK), "36302", number(true, "49"), back("49")),
            (Some(TRUNK), "36301", number(true, "49"), unknown),
            (Some(TRUNK), "36301", number(false, ""), None),
            (Some(ALICE), "36301", number(false, "49"), None),
            (None, "36301", number(false, "49"), None),
        ] {
            assert_eq!(access_call(&house(), caller, presented, &called), wanted, "{caller:?} {presented}");
        }
    }
}
