//! `toclient`: a message to the phones of a user, or to those at an address, that are there now.

use std::collections::BTreeSet;
use std::net::IpAddr;

use strowger_model::AccountId;
use strowger_switch::{BindingFilter, InstantText, MAX_MESSAGE_BYTES, MessageState};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Accounts that one request reaches.
const MAX_ACCOUNTS: usize = 50;

params! {
    /// The user, or the address of its phones.
    clientip ["username"]: String,
    /// The text, at most 4000 bytes.
    message: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "toclient",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Sends a SIP MESSAGE to the registered phones of a user or at an address; nothing is kept for who is offline.",
    spec: "server-api: Various operations",
    example: "username=alice&message=hello",
    reply: "OK: 1 delivered",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let accounts = match params.clientip.trim().parse::<IpAddr>() {
        Ok(ip) => at_address(&call, ip).await?,
        Err(_) => vec![call.find(&params.clientip, "user")?.id],
    };
    send(&call, &accounts, &params.clientip, params.message).await
}

async fn at_address(call: &Call, ip: IpAddr) -> Result<Vec<AccountId>, Failure> {
    let filter = BindingFilter { ip: Some(ip), ..BindingFilter::default() };
    let bindings = call.switch().bindings(call.scope, filter).await?;
    let accounts: BTreeSet<AccountId> = bindings.into_iter().map(|binding| binding.account).collect();
    if accounts.len() > MAX_ACCOUNTS {
        return Err(Failure::limit(format!("more than {MAX_ACCOUNTS} users are registered from {ip}")));
    }
    Ok(accounts.into_iter().collect())
}

/// Sends to each of the accounts; `named` is how the request called them.
pub async fn send(call: &Call, accounts: &[AccountId], named: &str, message: String) -> Outcome {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(Failure::invalid(format!("message must be at most {MAX_MESSAGE_BYTES} bytes")));
    }
    let mut delivered: u32 = 0;
    for to in accounts {
        let text = InstantText {
            from: call.who(),
            content_type: "text/plain;charset=UTF-8".to_owned(),
            body: message.clone(),
        };
        let from = call.caller.as_ref().map(|account| account.id);
        let (_, state) = call.switch().send_message(from, *to, text, false).await?;
        delivered += u32::from(state == MessageState::Delivered);
    }
    if delivered == 0 {
        return Err(Failure::not_found(format!("reachable client {}", named.trim())));
    }
    Ok(Reply::ok(format!("{delivered} delivered")).with("delivered", delivered))
}
