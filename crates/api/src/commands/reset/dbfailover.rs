//! `dbfailover`: how the database stands.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Not used.
    reserved: String = "",
    /// Not used: there is one database.
    forcedbnum: String = "",
    /// Only look how the database stands.
    checkonly: bool = "no",
    /// Not used.
    withrestore: String = "",
    /// Not used.
    needrestart: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "dbfailover",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "With checkonly=1 the health of the database: written and read, and how long it took. Failing over is the database server's work.",
    spec: "server-api: Reset",
    example: "checkonly=1",
    reply: "OK: SQLite: written and read, 812 us",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.checkonly {
        return Err(Failure::unavailable(
            "one database is configured, and PostgreSQL fails over to its standby by itself; use checkonly=1",
        ));
    }
    let health = call.store().health().await;
    if !health.ok || health.unwell.is_some() {
        return Err(Failure::failed(health.unwell.unwrap_or(health.detail)));
    }
    Ok(Reply::ok(format!("{}: {}, {} us", health.engine, health.detail, health.write_us))
        .with("engine", health.engine)
        .with("writeus", health.write_us))
}
