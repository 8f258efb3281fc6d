//! `wsunreg`: ends a WebRTC client's session.

use strowger_model::Scope;
use strowger_switch::{BindingFilter, UnregMode};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "wsunreg",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Session,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Ends the account's WebRTC session: its registrations over WebSocket are gone.",
    spec: "server-api: User commands",
    example: "",
    reply: "OK: 1 unregistered",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let account = call.account()?.id;
    call.memory().web_clients.end(account);
    let filter = BindingFilter { account: Some(account), websocket: true, ..BindingFilter::default() };
    let count = call.switch().unregister(Scope::Own(account), filter, UnregMode::Unregister).await?;
    Ok(Reply::ok(format!("{count} unregistered")).with("unregistered", count))
}
