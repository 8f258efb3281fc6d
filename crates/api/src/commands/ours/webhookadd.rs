//! `webhookadd`: events are posted to a URL from here on.

use strowger_model::Secret;

use super::events::filter;
use super::webhooks::{owner, scope};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The longest URL, in bytes.
const MAX_URL: usize = 1000;
/// The shortest secret that is taken, in bytes.
const MIN_SECRET: usize = 16;

params! {
    /// Where to post: https://…, or http://… within your own network.
    url: String,
    /// Names such as call.ended, or what stands before their dot, comma-separated; empty: all.
    types: String = "",
    /// What signs the bodies, at least 16 characters; without one it is made.
    secret: Secret = "",
    /// Events after this number; empty: from here on.
    since: Option<u64> = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "webhookadd",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Posts events to a URL, signed, in order, again until it answers 2xx. The secret is shown here and never again.",
    spec: "Strowger",
    example: "url=https://example.com/hook&types=call.ended",
    reply: "OK: webhookid:<id> secret:<secret>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (hub, _) = call.events()?;
    let url = params.url.trim();
    let lower = url.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let fits = host.is_some_and(|host| !host.is_empty() && !host.contains('@'));
    if !fits || url.len() > MAX_URL || !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains('#') {
        return Err(Failure::invalid(format!(
            "url must be http:// or https://, a host, and a path, {MAX_URL} ASCII characters at most, without user and fragment"
        )));
    }
    filter(&params.types)?;
    let secret = match params.secret.expose() {
        "" => random_secret()?,
        given if given.len() < MIN_SECRET => {
            return Err(Failure::invalid(format!("secret must be at least {MIN_SECRET} characters")));
        }
        given => given.to_owned(),
    };
    let cursor = params.since.unwrap_or_else(|| hub.newest());
    let row = (url.to_owned(), Secret::new(secret.as_str()), params.types.trim().to_ascii_lowercase());
    let id = call.store().add_webhook(scope(&call), owner(&call), row, cursor).await?;
    call.dispatcher.webhooks().tell();
    Ok(Reply::ok(format!("webhookid:{id} secret:{secret}")).with("webhookid", id).with("secret", secret))
}

fn random_secret() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Failure::failed("no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
