//! `apikeydel`: removes a named API key, or switches it off and on.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// What happens to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Remove,
    Disable,
    Enable,
}

impl Value for Mode {
    const KIND: &'static str = "remove, disable or enable";
    fn parse(text: &str) -> Option<Self> {
        one_of(text, &[("remove", Self::Remove), ("disable", Self::Disable), ("enable", Self::Enable)])
    }
}

params! {
    /// The key's name.
    name: String,
    /// Whether it is removed with its sessions, or only switched off or on again.
    mode: Mode = "remove",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apikeydel",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Removes a named API key and the sessions opened with it, or switches it off and on.",
    spec: "Strowger: API keys",
    example: "name=web",
    reply: "OK: web removed",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = params.name.trim();
    let (done, what) = match params.mode {
        Mode::Remove => (call.store().api_key_del(call.scope, name).await, "removed"),
        Mode::Disable => (call.store().api_key_enable(call.scope, name, false).await, "disabled"),
        Mode::Enable => (call.store().api_key_enable(call.scope, name, true).await, "enabled"),
    };
    done.map_err(|wrong| match wrong {
        strowger_store::UserError::NotFound => Failure::not_found(format!("key {name}")),
        other => other.into(),
    })?;
    call.dispatcher.reload_keys().await?;
    Ok(Reply::ok(format!("{name} {what}")).with("name", name))
}
