//! `dbfailover`: how the database stands.

use crate::commands::means_nothing;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

params! {
    /// Nothing.
    reserved: String = "",
    /// Nothing: there is one database.
    forcedbnum: String = "",
    /// Only look how the database stands.
    checkonly: bool = "no",
    /// Nothing.
    withrestore: String = "",
    /// Nothing.
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
    means_nothing("reserved", &params.reserved)?;
    means_nothing("forcedbnum", &params.forcedbnum)?;
    means_nothing("withrestore", &params.withrestore)?;
    means_nothing("needrestart", &params.needrestart)?;
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
