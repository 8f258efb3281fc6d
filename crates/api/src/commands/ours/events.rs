//! `events`: what happens, pushed on the stream that asks.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::events::{Filter, Subscription, kind_names};
use crate::reply::{Failure, Reply};

params! {
    /// Events after this number; empty: from here on. The last one that was seen, to miss none.
    since: Option<u64> = "",
    /// Names such as call.ended, or what stands before their dot, comma-separated; empty: all; off: no more.
    types: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "events",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Pushes events on this TCP or WebSocket stream, one JSON object per line or message; elsewhere says only where the stream stands.",
    spec: "Strowger",
    example: "since=120&types=call",
    reply: "OK: cursor:<number>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (hub, viewer) = call.events()?;
    if params.types.trim().eq_ignore_ascii_case("off") {
        call.stream.iter().for_each(|stream| stream.follow(None));
        return Ok(Reply::ok("off"));
    }
    let filter = filter(&params.types)?;
    let since = params.since.unwrap_or_else(|| hub.newest());
    let reader = call.caller.as_ref().map(|account| account.id);
    if let Some(stream) = &call.stream {
        let following = Subscription::new(hub, call.switch(), since, viewer, filter).read_by(reader);
        stream.follow(Some(following));
    }
    Ok(Reply::ok(format!("cursor:{since}")).with("cursor", since))
}

/// The kinds that are asked for.
pub(super) fn filter(types: &str) -> Result<Filter, Failure> {
    Filter::parse(types).map_err(|word| {
        Failure::invalid(format!("types: {word} is none of {}, or what stands before a dot", kind_names()))
    })
}
