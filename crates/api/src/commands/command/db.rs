//! `db`: SQL in T-SQL dress, for administrators from trusted addresses.

use strowger_store::{SqlAnswer, SqlLimits};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// Rows of one answer.
const MAX_ROWS: usize = 1_000;

params! {
    /// One statement.
    sql ["txt"]: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "db",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Runs one SQL statement, also in T-SQL dress, within time and row limits; audited.",
    spec: "server-api: Direct database operations; DB query",
    example: "sql=select%20top%201%20username%20from%20tb_users",
    reply: "OK: 2 and a table, or OK: <rows changed>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let limits = SqlLimits { rows: MAX_ROWS, allow_writes: true };
    Ok(match call.store().sql(call.scope, &params.sql, limits).await? {
        SqlAnswer::Rows(table, cut) => {
            let reply = Reply::table(table);
            if cut { reply.with_summary(vec![("cut".into(), true.into())]) } else { reply }
        }
        SqlAnswer::Changed(rows) => Reply::ok(rows.to_string()).with("changed", rows),
    })
}
