//! `heartbeat`: alive; in full, every part is really exercised.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

params! {
    /// quick or full.
    mode: String = "quick",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "heartbeat",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "quick: alive. full: exercises database, SIP, media, disk and queues; fails if one of them does.",
    spec: "server-api: Diagnostics",
    example: "mode=full",
    reply: "OK: 6 and a table of checks",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let full = match params.mode.trim().to_ascii_lowercase().as_str() {
        "quick" => false,
        "full" => true,
        _ => return Err(Failure::invalid("mode must be quick or full")),
    };
    let checks = call.switch().heartbeat(full).await;
    let broken: Vec<String> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| format!("{}: {}", check.name, check.error.as_deref().unwrap_or("no answer")))
        .collect();
    if !broken.is_empty() {
        return Err(Failure::failed(format!("heartbeat: {}", broken.join("; "))));
    }
    if !full {
        return Ok(Reply::ok("alive"));
    }
    let rows = checks
        .into_iter()
        .map(|check| {
            let ms = Data::Decimal(format!("{:.3}", check.ms));
            vec![check.name.into(), check.ok.into(), ms, check.detail.into()]
        })
        .collect();
    Ok(Reply::rows(&["name", "ok", "ms", "detail"], rows))
}
