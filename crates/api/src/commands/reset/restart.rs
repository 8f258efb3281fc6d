//! `restart`: the service, the database connections or the machine.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::host;
use crate::reply::{Failure, Reply};

params! {
    /// service, database, server or force; required.
    what: What,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "restart",
    aliases: &[],
    group: Group::Reset,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Restarts: service (after running calls ended or had draintimeout), force (at once), database (connections and listener), server (the machine, by hostrestart).",
    spec: "server-api: Reset",
    example: "what=database",
    reply: "OK: restarting, 1 calls may finish",
    run: RUN,
};

/// What is restarted.
#[derive(Debug, Clone, Copy)]
enum What {
    Service,
    Force,
    Database,
    Server,
}

impl Value for What {
    const KIND: &'static str = "service, database, server or force";
    fn parse(text: &str) -> Option<Self> {
        one_of(
            text,
            &[
                ("service", Self::Service),
                ("1", Self::Service),
                ("force", Self::Force),
                ("database", Self::Database),
                ("server", Self::Server),
            ],
        )
    }
}

async fn run(call: Call, params: Params) -> Outcome {
    match params.what {
        What::Service | What::Force => {
            let calls = call.switch().info().await.calls;
            call.dispatcher.restart_service(matches!(params.what, What::Force))?;
            let text = match params.what {
                What::Force => "restarting at once".to_owned(),
                _ => format!("restarting, {calls} calls may finish"),
            };
            Ok(Reply::ok(text).with("calls", calls))
        }
        What::Database => {
            let connections = i64::try_from(call.dispatcher.restart_database().await?).unwrap_or(i64::MAX);
            Ok(Reply::ok(format!("{connections} connections")).with("connections", connections))
        }
        What::Server => machine(&call).await,
    }
}

/// The machine itself, by the program that the operator names.
async fn machine(call: &Call) -> Outcome {
    let config = call.config();
    host::capable(&config)?;
    if config.hostrestart.is_empty() {
        return Err(Failure::unavailable("hostrestart is not set in the start-up file"));
    }
    let ran = host::run_helper(call.switch(), &call.on_behalf(), &config.hostrestart, &[]).await?;
    if !ran.succeeded() {
        return Err(Failure::failed(format!("hostrestart: {}", ran.ending())));
    }
    Ok(Reply::ok("the machine is told to restart"))
}
