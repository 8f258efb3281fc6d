//! `checkpins`: the recharge codes, looked at now.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply, Shape};
use strowger_model::Scope;
use strowger_store::{Cell, SqlAnswer, SqlLimits};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "checkpins",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Counts the recharge codes by state: unused, expired unused, used. An expired code is refused by its date; nothing has to be changed for it.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: 0 unused, 0 expired, 0 used",
    run: RUN,
};

/// One row.
const COUNT: &str = "SELECT sum(CASE WHEN used = 0 AND (expires IS NULL OR expires = '' OR expires > getdate()) THEN 1 ELSE 0 END) AS unused, sum(CASE WHEN used = 0 AND expires IS NOT NULL AND expires <> '' AND expires <= getdate() THEN 1 ELSE 0 END) AS expired, sum(CASE WHEN used <> 0 THEN 1 ELSE 0 END) AS used FROM tb_prepaidcodes";

async fn run(call: Call, _: Params) -> Outcome {
    let limits = SqlLimits { rows: 1, allow_writes: false };
    let SqlAnswer::Rows(table, _) = call.store().sql(Scope::All, COUNT, limits).await? else {
        return Err(Failure::failed("the counts"));
    };
    let mut reply = Reply::ok("");
    let mut text = Vec::new();
    for (name, cell) in table.columns.into_iter().zip(table.rows.into_iter().flatten()) {
        // A sum of no rows is NULL.
        let count = match cell {
            Cell::Int(count) => count,
            Cell::Decimal(count) => count.parse().unwrap_or(0),
            _ => 0,
        };
        text.push(format!("{count} {name}"));
        reply = reply.with(name, count);
    }
    reply.shape = Shape::Ok(text.join(", "));
    Ok(reply)
}
