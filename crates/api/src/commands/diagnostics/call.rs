//! `call`: the live calls.

use strowger_model::Wall;

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Calls of one answer.
const PAGE: usize = 1_000;

params! {
    /// The line that a test call would be made from.
    origsimid ["anum"]: String = "",
    /// The number that it would call.
    telnum ["bnum"]: String = "",
    /// Its length in seconds.
    duration: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "call",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Live calls with their state; the first column is the dbcallsid that disccall takes.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.origsimid.is_empty() || !params.telnum.is_empty() || params.duration > 0 {
        return Err(Failure::unavailable(
            "test calls are not part of this version; without parameters call lists live calls",
        ));
    }
    let now = call.now().wall;
    let mut live = call.switch().live_calls(call.scope).await?;
    live.sort_by_key(|running| (running.start, running.id));
    let from = call.cursor.and_then(|cursor| usize::try_from(cursor).ok()).unwrap_or(0);
    let next = i64::try_from(from + PAGE).ok().filter(|_| live.len() > from + PAGE);
    let rows = live
        .into_iter()
        .skip(from)
        .take(PAGE)
        .map(|running| {
            vec![
                running.id.to_string().into(),
                running.caller.map(|id| id.0).into(),
                running.caller_text.into(),
                running.dialled.into(),
                running.called.map(|id| id.0).into(),
                running.server.map(|id| id.0).into(),
                running.state.name().into(),
                running.answered.map_or(0, |answered| seconds(answered, now)).into(),
                date(running.start).into(),
                running.sip_call_id.into(),
            ]
        })
        .collect();
    let columns = [
        "dbcallsid",
        "callerid",
        "origcallerid",
        "callednumber",
        "calledid",
        "serverid",
        "state",
        "realduration",
        "callstartdate",
        "sipcallid",
    ];
    Ok(Reply::rows(&columns, rows).with_cursor(next))
}

fn seconds(from: Wall, to: Wall) -> i64 {
    to.0.saturating_sub(from.0).max(0) / 1_000
}
