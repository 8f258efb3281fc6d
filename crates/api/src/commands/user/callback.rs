//! `callback`: the server rings a number, and when it answers connects it to the account's phone.

use strowger_model::Account;
use strowger_switch::{LineStatus, P2p, WaitFor};

use super::placed::{push_later, reply};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Failure;

params! {
    /// The number to be rung.
    num ["anum"]: String,
    /// The voice menu that the answered number is led to; -1, 0 or nothing: none.
    ivr: String = "",
    /// The number to connect it to; the account's own phone where none is given.
    bnum ["cnum", "target"]: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "callback",
    aliases: &["cb"],
    group: Group::User,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Rings the number, and when it answers connects it to the account's phone or to bnum; both are billed to the account.",
    spec: "server-api: User commands; http-interface: callback",
    example: "anum=3630111",
    reply: "OK: callid:<id> calling",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !matches!(params.ivr.trim(), "" | "0" | "-1") {
        return Err(Failure::unavailable("voice menus are not part of this version, leave ivr out"));
    }
    let account = call.account()?.clone();
    let clean = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let (first, asked) = (clean(&params.num), clean(&params.bnum));
    let second = if asked.is_empty() { own_phone(&call, &account).await? } else { asked };
    if first == second {
        return Err(Failure::invalid("num must be another number than the one it is connected to"));
    }
    let limit = call.config().callbacklimit;
    if !call.memory().callbacks.admit(call.now().mono, account.id, limit) {
        return Err(Failure::limit(format!("{limit} callbacks an hour, see callbacklimit")));
    }
    let order = P2p { account: account.id, first, second, caller: None, wait: WaitFor::Placed };
    let events = call.switch().events();
    let placed = call.switch().place_p2p(order).await?;
    push_later(&call, events, placed.call);
    Ok(reply(placed.call, "calling"))
}

/// The registered phone, else the number that the account is reached at.
async fn own_phone(call: &Call, account: &Account) -> Result<String, Failure> {
    if call.switch().line_state(account.id).await? >= LineStatus::Online {
        return Ok(account.username.to_string());
    }
    let number = [&account.callback_number, &account.phone].into_iter().find(|number| !number.is_empty());
    number.map(ToString::to_string).ok_or_else(|| {
        Failure::failed(format!(
            "no phone of {} is registered, name the other number in bnum",
            account.username
        ))
    })
}
