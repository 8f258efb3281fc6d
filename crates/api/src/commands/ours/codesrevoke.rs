//! `codesrevoke`: recharge codes go.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// A code, or its id in codeslist.
    code: String = "",
    /// All unused codes that begin with this.
    prefix: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "codesrevoke",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Removes unused recharge codes: one, or all with a prefix; used ones stay.",
    spec: "Strowger",
    example: "prefix=SPRING",
    reply: "OK: revoked:<n>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (text, by_prefix) = match (params.code.trim(), params.prefix.trim()) {
        ("", "") => return Err(Failure::missing("code")),
        (code, "") => (code, false),
        ("", prefix) => (prefix, true),
        _ => return Err(Failure::invalid("code or prefix must be given, not both")),
    };
    let revoked = call.store().codes_revoke(call.scope, text, by_prefix).await?;
    if revoked == 0 {
        return Err(Failure::not_found("an unused code like this"));
    }
    Ok(Reply::ok(format!("revoked:{revoked}")).with("revoked", revoked))
}
