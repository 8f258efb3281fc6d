//! `callforward`: where the account's calls go instead.

use strowger_model::{Account, AccountId};

use crate::commands::dialable;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Where all calls go; empty clears it, absent leaves it.
    anum: String = "",
    /// Where calls go while the account is busy.
    bnum: String = "",
    /// Where calls go that nobody answers.
    cnum: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "callforward",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Sets forwarding: always, on busy, on no answer. What is absent stays, what is empty is cleared.",
    spec: "server-api: User commands",
    example: "bnum=3037",
    reply: "OK: always= busy=3037 noanswer=",
    run: RUN,
};

/// The longest wait for an answer, in seconds, as `noanswertimeout` allows it.
const MAX_RING_S: u32 = 600;

async fn run(call: Call, params: Params) -> Outcome {
    let given = |name| call.args.is_given(PARAMS, name);
    let mut fields = Vec::new();
    for (name, column, value) in [
        ("anum", "forwardalways", &params.anum),
        ("bnum", "forwardonbusy", &params.bnum),
        ("cnum", "forwardonnoanswer", &params.cnum),
    ] {
        if given(name) {
            fields.push((column.to_owned(), target(&call, name, value)?));
        }
    }
    set(&call, fields).await
}

/// A target as it is stored: empty, a number or a username, and not the account itself.
pub(super) fn target(call: &Call, name: &str, value: &str) -> Result<String, Failure> {
    if value.trim().is_empty() {
        return Ok(String::new());
    }
    let target = dialable(name, value)?;
    let own = call.account()?;
    if call.switch().snapshot().by_number(&target).is_some_and(|account| account.id == own.id) {
        return Err(Failure::invalid(format!("{name} is the account itself")));
    }
    Ok(target)
}

/// The ring time as it is stored; empty is the server's default.
pub(super) fn ring_time(name: &str, value: &str) -> Result<String, Failure> {
    let value = value.trim();
    let right =
        value.is_empty() || value.parse().is_ok_and(|seconds: u32| (1..=MAX_RING_S).contains(&seconds));
    let wrong = || Failure::invalid(format!("{name} must be 1 to {MAX_RING_S} seconds, or empty"));
    // The column is a number, of which zero is the server's default.
    let stored = if value.is_empty() { "0" } else { value };
    right.then(|| stored.to_owned()).ok_or_else(wrong)
}

/// Stores what was given and answers with what is in force.
pub(super) async fn set(call: &Call, fields: Vec<(String, String)>) -> Outcome {
    let account = call.account()?;
    let id = account.id;
    if !fields.is_empty() {
        call.not_above(account)?;
        call.store().set_fields(call.scope, id, fields).await?;
        call.switch().refresh().await;
    }
    Ok(answer(call, id))
}

fn answer(call: &Call, id: AccountId) -> Reply {
    let forwarding = call.switch().account(id).map(|account: Account| account.forwarding).unwrap_or_default();
    let (always, busy, unanswered) = (&*forwarding.always, &*forwarding.on_busy, &*forwarding.on_no_answer);
    let seconds = forwarding.no_answer_ms.map(|ms| i64::from(ms / 1000));
    Reply::ok(format!("always={always} busy={busy} noanswer={unanswered}"))
        .with("forwardalways", always)
        .with("forwardonbusy", busy)
        .with("forwardonnoanswer", unanswered)
        .with("noanswertimeout", seconds)
}
