//! `apikeyadd`: a named API key with its scopes.

use strowger_config::Addresses;
use strowger_model::Wall;
use strowger_store::ApiKeyRow;

use crate::auth::{Scopes, digest, hex};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The longest name, in characters.
const MAX_NAME: usize = 64;
/// The longest list of scopes or addresses, in bytes.
const MAX_LIST: usize = 4_096;
/// The longest life of a key with an end, in days.
const MAX_DAYS: u32 = 36_500;
/// What every key begins with, so that scanners for leaked secrets recognise it.
const MARK: &str = crate::auth::API_KEY_MARK;
const DAY_MS: i64 = 86_400_000;

params! {
    /// What the key is called: letters, digits, `-`, `_` and `.`.
    name: String,
    /// What it may be used for: commands, group:NAME, access:LEVEL (up to it), read, all; separated by commas or spaces.
    scopes: String,
    /// The account that the key acts as, by its username or id; without one the request shows credentials beside the key.
    account: String = "",
    /// From where it may be used: addresses, blocks, ranges; empty is from anywhere.
    addresses: String = "",
    /// After how many days it ends; 0 is never.
    days: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "apikeyadd",
    aliases: &[],
    group: Group::Ours,
    access: Access::Sensitive,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Makes a named API key that may be used for its scopes only; the key is shown once and not kept.",
    spec: "Strowger: API keys",
    example: "name=web&scopes=balance,cdr&addresses=192.0.2.0/24&days=365",
    reply: "OK: name:web key:swk_<64 digits>",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let name = params.name.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        return Err(Failure::invalid(format!("name must be 1 to {MAX_NAME} letters, digits, - _ or .")));
    }
    let scopes = Scopes::parse(&params.scopes, |name| call.dispatcher.has_entry(name)).map_err(|word| {
        Failure::invalid(format!(
            "scopes: {word} is neither a command nor group:NAME, access:LEVEL, read or all"
        ))
    })?;
    if scopes.is_empty() || params.scopes.len() > MAX_LIST {
        return Err(Failure::invalid(
            "scopes must name at least one command, group:NAME, access:LEVEL, read or all",
        ));
    }
    if params.addresses.len() > MAX_LIST || Addresses::parse(&params.addresses).is_none() {
        return Err(Failure::invalid("addresses must be addresses, blocks or ranges separated by commas"));
    }
    if params.days > MAX_DAYS {
        return Err(Failure::invalid(format!("days must be at most {MAX_DAYS}")));
    }
    let account = match params.account.trim() {
        "" => None,
        text => Some(call.find(text, "account")?),
    };
    if let Some(account) = &account {
        call.not_above(account)?;
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| Failure::failed("no randomness"))?;
    let key = format!("{MARK}{}", hex(&random));
    let now = call.now().wall;
    let expires = (params.days > 0).then(|| Wall(now.0 + i64::from(params.days) * DAY_MS));
    let row = ApiKeyRow {
        id: 0,
        name: name.to_owned(),
        digest: digest(&key),
        scopes: params.scopes.trim().to_owned(),
        account: account.map(|account| account.id),
        addresses: params.addresses.trim().to_owned(),
        expires,
        enabled: true,
        created: now,
        last_used: None,
    };
    let id = call.store().api_key_add(call.scope, row).await.map_err(|wrong| match wrong {
        strowger_store::UserError::Taken => Failure::invalid(format!("name {name} is taken")),
        other => other.into(),
    })?;
    call.dispatcher.reload_keys().await?;
    Ok(Reply::ok(format!("name:{name} key:{key}")).with("id", id).with("name", name).with("key", key))
}
