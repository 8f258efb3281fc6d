//! `call`: the live calls; with a line and a number a test call.

use strowger_model::cdr::EndedBy;
use strowger_model::{Account, Amount, Wall};
use strowger_switch::{TestCall, TestReport};

use crate::commands::text::date;
use crate::declare::{Access, Args, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Calls of one answer.
const PAGE: usize = 1_000;

/// The length of a test call where none is given, in seconds.
const USUAL_S: u32 = 10;

/// The longest test call, in seconds.
const MAX_S: u32 = 300;

params! {
    /// The line that a test call is made from, by username, id or number: it pays.
    origsimid ["anum"]: String = "",
    /// The number that the test call is made to; without it the live calls are listed.
    telnum ["bnum"]: String = "",
    /// How long whoever answers a test call hears a tone, 1 to 300 seconds; 10 where none is given.
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
    summary: "Live calls with their state, codec, cost so far and MOS (of the side that is heard worse), the first column is the dbcallsid that disccall takes; with origsimid and telnum a test call at that line's expense, reported when it is over.",
    spec: "server-api: Diagnostics",
    example: "origsimid=alice&telnum=3630123456&duration=5",
    reply: "OK: <n> and a table; of a test call its id, its outcome and figures",
    run: RUN,
};

/// What a test call is to everything that asks what a request does: it spends.
static TEST_CALL: Command = Command { effect: Effect::Spend, ..COMMAND };

/// The command as this request uses it. Fields that a form sends empty ask for nothing.
pub fn as_asked(command: &'static Command, args: &Args) -> &'static Command {
    let given = |index| args.text(PARAMS, index).is_some_and(|text| !text.trim().is_empty());
    let asks = || (0..PARAMS.len()).any(given);
    if command.name == COMMAND.name && asks() { &TEST_CALL } else { command }
}

async fn run(call: Call, params: Params) -> Outcome {
    if params.origsimid.is_empty() && params.telnum.is_empty() && params.duration == 0 {
        return list(&call).await;
    }
    if params.origsimid.trim().is_empty() {
        return Err(Failure::missing("origsimid").with_status(421));
    }
    let called: String = params.telnum.chars().filter(|c| !c.is_whitespace()).collect();
    if called.is_empty() {
        return Err(Failure::missing("telnum").with_status(421));
    }
    let seconds = match params.duration {
        0 => USUAL_S,
        seconds @ 1..=MAX_S => seconds,
        _ => return Err(Failure::invalid(format!("duration must be 1 to {MAX_S} seconds"))),
    };
    let line = call.find(params.origsimid.trim(), "origsimid")?;
    if !line.kind.is_enduser() {
        return Err(Failure::invalid("origsimid must be the account of a phone"));
    }
    call.not_above(&line)?;
    let order = TestCall { account: line.id, called, seconds };
    let report = call.switch().test_call(order).await?;
    Ok(tell(&call, &line, &report))
}

/// What came of a test call.
fn tell(call: &Call, line: &Account, report: &TestReport) -> Reply {
    let cdr = &report.cdr;
    let outcome = match cdr.status {
        200 => "answered",
        486 | 600 => "busy",
        _ if cdr.reason == "no answer" => "noanswer",
        _ => "failed",
    };
    let snapshot = call.switch().snapshot();
    let name = |id| snapshot.account(id).map_or_else(String::new, |account| account.username.to_string());
    let ended_by = match cdr.ended_by {
        EndedBy::Caller => "caller",
        EndedBy::Called => "called",
        EndedBy::Server | EndedBy::Recovery => "server",
    };
    let reply = Reply::ok(format!("callid:{} {outcome} {} {}", report.call, cdr.status, cdr.reason))
        .with("callid", report.call.to_string())
        .with("outcome", outcome)
        .with("status", u32::from(cdr.status))
        .with("reason", cdr.reason.as_str())
        .with("endedby", ended_by)
        .with("caller", &*line.username)
        .with("dialled", cdr.dialled.as_str())
        .with("postdialdelay", report.post_dial_ms)
        .with("ringing", report.ringing_ms)
        .with("duration", cdr.duration_ms)
        .with("codec", cdr.codec.as_str())
        .with("mos", cdr.mos.map(opinion))
        .with("called", cdr.called.map(name).unwrap_or_default())
        .with("trunk", cdr.server.map(name).unwrap_or_default())
        .with("sent", cdr.sent.as_str())
        .with("cost", cdr.cost_enduser)
        .with("currency", cdr.currency.code());
    match report.media {
        Some(media) => reply
            .with("audio", if media.received > 0 { "received" } else { "none" })
            .with("rtpreceived", media.received)
            .with("rtpsent", media.sent)
            .with("rtplost", media.lost),
        None => reply.with("audio", if cdr.status == 200 { "unknown" } else { "none" }),
    }
}

async fn list(call: &Call) -> Outcome {
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
                running.codec.into(),
                running.cost.map(|(amount, _)| amount).into(),
                running.cost.map(|(_, unit)| unit).into(),
                running.mos.map(opinion).into(),
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
        "codec",
        "cost",
        "currency",
        "mos",
    ];
    Ok(Reply::rows(&columns, rows).with_cursor(next))
}

/// Hundredths as a decimal.
fn opinion(hundredths: u16) -> Amount {
    Amount(i64::from(hundredths) * 10_000)
}

fn seconds(from: Wall, to: Wall) -> i64 {
    to.0.saturating_sub(from.0).max(0) / 1_000
}
