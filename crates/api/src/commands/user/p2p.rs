//! `p2p`: phone to phone. The server calls one number, then the other, and bridges them.

use strowger_model::event::CallStep;
use strowger_model::{Account, CallId};
use strowger_switch::{P2p, WaitFor};
use tokio::sync::broadcast::error::RecvError;

use super::placed::{Events, push_later, reply};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Failure;

params! {
    /// The second number, or the first where cnum is given instead of anum.
    bnum: String,
    /// The second number.
    cnum: String = "",
    /// 0 answers at once, 1 when connected or failed, 2 when the call is over.
    waitfor: u32 = "0",
    /// The first number; the account's own phone where only one is given.
    anum: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "p2p",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Calls the first number, when it answers the second, and bridges them; both are billed to the account.",
    spec: "server-api: User commands; http-interface: p2p",
    example: "anum=3630111&bnum=3630222",
    reply: "OK: callid:<id> calling",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    let (first, second) = numbers(&params, &account);
    if first.is_empty() {
        return Err(Failure::missing("anum").with_status(421));
    }
    let wait = match params.waitfor {
        0 => WaitFor::Placed,
        1 | 2 => WaitFor::Connected,
        _ => return Err(Failure::invalid("waitfor must be 0, 1 or 2")),
    };
    let mut events = call.switch().events();
    let placed =
        call.switch().place_p2p(P2p { account: account.id, first, second, caller: None, wait }).await?;
    let state = match params.waitfor {
        0 => {
            push_later(&call, events, placed.call);
            "calling"
        }
        1 => "connected",
        _ => {
            finished(&mut events, &call, placed.call).await?;
            "finished"
        }
    };
    Ok(reply(placed.call, state))
}

/// With anum: anum, then bnum. Else bnum, then cnum. One number: the account's own phone first.
fn numbers(params: &Params, account: &Account) -> (String, String) {
    let clean = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (a, b, c) = (clean(&params.anum), clean(&params.bnum), clean(&params.cnum));
    match (a.is_empty(), c.is_empty()) {
        (false, _) => (a, b),
        (true, false) => (b, c),
        (true, true) => {
            let own = [&account.callback_number, &account.phone, &account.username];
            (
                own.into_iter()
                    .find(|number| !number.is_empty())
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                b,
            )
        }
    }
}

/// Waits until the call is over. Where events were missed, the live calls tell.
async fn finished(events: &mut Events, call: &Call, id: CallId) -> Result<(), Failure> {
    loop {
        match events.recv().await {
            Ok(changed) if changed.call == id && matches!(changed.what, CallStep::Ended { .. }) => {
                return Ok(());
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                let live = call.switch().live_calls(strowger_model::Scope::All).await?;
                if !live.iter().any(|running| running.id == id) {
                    return Ok(());
                }
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}
