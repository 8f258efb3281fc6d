//! `priceassign`: which price list holds for an account, a server or a packet.

use crate::commands::prices;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The list, by name or id; none takes it away.
    list: String,
    /// An account or, for its cost, a server.
    account: String = "",
    /// A packet, by its id.
    packet: Option<i64> = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "priceassign",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Ties an account, a server (what it costs) or a packet to a price list; the next call is rated by it.",
    spec: "Strowger",
    example: "list=Retail&account=alice",
    reply: "OK: list:<id>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let id = match params.list.trim() {
        none if none.eq_ignore_ascii_case("none") => 0,
        text => prices::find(&call, text).await?.id,
    };
    match (params.account.trim(), params.packet) {
        ("", None) => return Err(Failure::missing("account")),
        (account, None) => {
            let account = call.find(account, "account")?;
            call.not_above(&account)?;
            let field = vec![("billsourceid".to_owned(), id.to_string())];
            call.store().set_fields(call.scope, account.id, field).await?;
        }
        ("", Some(packet)) => {
            call.store().packet_list(call.scope, packet, id).await.map_err(|wrong| match wrong {
                strowger_store::UserError::NotFound => Failure::not_found(format!("packet {packet}")),
                other => other.into(),
            })?;
        }
        _ => return Err(Failure::invalid("account or packet must be given, not both")),
    }
    Ok(Reply::ok(format!("list:{id}")).with("list", id))
}
