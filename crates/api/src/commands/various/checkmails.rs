//! `checkmails`: the outbox, looked at now.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply, Shape};
use strowger_model::Scope;
use strowger_store::{Cell, SqlAnswer, SqlLimits};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "checkmails",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Counts the messages of the outbox by state. Nothing delivers them in this version.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: 0 queued, 0 sent, 0 failed",
    run: RUN,
};

/// One row.
const COUNT: &str = "SELECT sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END) AS queued, sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END) AS sent, sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed FROM tb_outbox";

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
