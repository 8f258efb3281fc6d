//! `getfield`: one value of one row.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// The table.
    table: String = "tb_users",
    /// The field to answer.
    retfieldname: String = "id",
    /// string or int; guessed.
    filterfieldtype: String = "",
    /// The field to search; for accounts username, id and number are tried.
    filterfieldname: String = "",
    /// What to search for.
    filterfieldvalue: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "getfield",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "One value: a field of the first row that fits.",
    spec: "server-api: Various operations",
    example: "retfieldname=credit&filterfieldvalue=alice",
    reply: "OK: 9.8",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let table = params.table.trim().to_ascii_lowercase();
    let field = params.retfieldname.trim().to_ascii_lowercase();
    if params.filterfieldtype.trim().eq_ignore_ascii_case("int")
        && params.filterfieldvalue.trim().parse::<i64>().is_err()
    {
        return Err(Failure::invalid("filterfieldvalue must be of the type int"));
    }
    let missing = || Failure::not_found(format!("{table} row for {}", params.filterfieldvalue));
    let value = if table == "tb_users" && params.filterfieldname.trim().is_empty() {
        let id = call.store().find_user(call.scope, &params.filterfieldvalue).await?.ok_or_else(missing)?;
        let fields = call.store().user_fields(call.scope, id, &[&field]).await?;
        let value = fields.into_iter().next().map(|(_, value)| value);
        // Of the columns only secrets are left out.
        Some(value.ok_or_else(|| Failure::denied(format!("{field} is never answered")))?)
    } else {
        let filter =
            if params.filterfieldname.trim().is_empty() { "id" } else { params.filterfieldname.trim() };
        call.store().get_field(call.scope, &table, &field, filter, &params.filterfieldvalue).await?
    };
    let value = value.ok_or_else(missing)?;
    Ok(Reply::ok(value.clone()).with("value", value))
}
