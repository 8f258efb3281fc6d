//! `webhooktest`: posts one event of the kind `test` and says what came back.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Its id, of webhooklist.
    id ["webhookid"]: i64,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webhooktest",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Spend,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Posts a signed event of type test to a webhook now and answers the HTTP status, or why there was none.",
    spec: "Strowger",
    example: "id=1",
    reply: "OK: status:<HTTP status>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let webhook = super::webhooks::webhook(&call, params.id).await?;
    match call.dispatcher.webhooks().test(webhook).await {
        Ok(status) if (200..300).contains(&status) => {
            Ok(Reply::ok(format!("status:{status}")).with("status", u32::from(status)))
        }
        Ok(status) => Err(Failure::failed(format!("the webhook answered {status}"))),
        Err(why) => Err(Failure::failed(why)),
    }
}
