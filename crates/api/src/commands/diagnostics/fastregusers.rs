//! `fastregusers`: accounts as the registrar finds them in memory.

use std::collections::BTreeMap;

use strowger_model::AccountId;
use strowger_switch::BindingFilter;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// Accounts of one answer.
const PAGE: usize = 1_000;

/// Only those that are registered.
#[derive(Debug)]
struct Which(bool);

impl Value for Which {
    const KIND: &'static str = "succ or all";
    fn parse(text: &str) -> Option<Self> {
        one_of(text, &[("succ", true), ("all", false)]).map(Self)
    }
}

params! {
    /// succ for those with a live registration, all for everybody.
    which ["succ"]: Which = "succ",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "fastregusers",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Accounts that may register as they are in memory, with their contacts and how many seconds ago they were read from the database.",
    spec: "server-api: Diagnostics",
    example: "which=all",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let after = call.cursor.map(AccountId);
    let filter = BindingFilter { after, limit: BindingFilter::MOST, ..BindingFilter::default() };
    let mut contacts: BTreeMap<AccountId, u64> = BTreeMap::new();
    let bindings = call.switch().bindings(call.scope, filter).await?;
    let known_to = bindings.last().filter(|_| bindings.len() >= BindingFilter::MOST).map(|last| last.account);
    for binding in bindings {
        *contacts.entry(binding.account).or_default() += 1;
    }
    let snapshot = call.switch().snapshot();
    let mut accounts: Vec<_> = snapshot
        .accounts()
        .filter(|account| account.kind.is_enduser() && after.is_none_or(|after| account.id > after))
        .filter(|account| known_to.is_none_or(|last| account.id <= last))
        .filter(|account| !params.which.0 || contacts.contains_key(&account.id))
        .filter(|account| call.find_id(account.id.0, "account").is_ok())
        .collect();
    accounts.sort_by_key(|account| account.id);
    let more = accounts.len() > PAGE;
    accounts.truncate(PAGE);
    let next = accounts.last().filter(|_| more || known_to.is_some()).map(|last| last.id.0);
    let now = call.now().wall;
    let rows = accounts
        .into_iter()
        .map(|account| {
            let loaded = call.switch().loaded(account.id);
            vec![
                account.id.0.into(),
                (&*account.username).into(),
                contacts.get(&account.id).copied().unwrap_or(0).into(),
                account.active.into(),
                loaded.map(|at| (now.0 - at.0).max(0) / 1_000).into(),
            ]
        })
        .collect();
    Ok(Reply::rows(&["id", "username", "contacts", "enabled", "age"], rows).with_cursor(next))
}
