//! `balance`: the account's credit.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Reply, credit_text};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "balance",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Credit of the account.",
    spec: "server-api: User commands",
    example: "",
    reply: "Your credit is $9.8",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let account = call.account()?;
    let credit = call.store().credit(call.scope, account.id).await?;
    let text = credit_text(credit.settled, credit.currency, credit.postpaid);
    Ok(Reply::bare(text).with_values([
        ("credit", credit.settled.into()),
        ("currency", credit.currency.into()),
        ("postpaid", credit.postpaid.into()),
    ]))
}
