//! `examples`: requests that work on this server for one account, made from the declarations, digests included.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use strowger_model::Account;

use crate::auth::{Level, digest_of};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::{Call, commands};
use crate::reply::{Failure, Reply};

/// What stays as it is in a query (RFC 3986 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'+');

params! {
    /// The account: username, id or number; your own without it.
    user ["name"]: String = "",
    /// Only this command.
    command ["txt"]: String = "",
    /// The address to write, such as https://pbx.example; empty is this server as it was reached.
    url: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "examples",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Working requests for an account and every command that it may use: URL, curl, JSON and WebSocket line. \
              They hold the key and digests of the account: show them to nobody else.",
    spec: "Strowger",
    example: "user=alice&command=balance",
    reply: "OK: 5\ncommand\tform\trequest\nbalance\turl\thttp://HOST/mvapireq/?apientry=balance&authkey=KEY&authid=alice&authmd5=MD5&authsalt=SALT",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = if params.user.is_empty() {
        call.caller.clone().ok_or_else(|| Failure::missing("user"))?
    } else {
        call.find(&params.user, "user")?
    };
    may_see(&call, &account)?;
    if account.password.is_empty() {
        return Err(Failure::failed("the account has no password"));
    }
    let base = base(&call, &params.url).await?;
    let only = params.command.trim().to_ascii_lowercase();
    let wanted = |command: &&&'static Command| {
        command.is_available()
            && (only.is_empty() || command.names().any(|name| name == only))
            && call.could_run(&account, command)
    };
    let mut rows = Vec::new();
    for command in commands().iter().filter(wanted) {
        let pairs = pairs(&call, &account, command)?;
        for (form, request) in forms(&base, &pairs) {
            rows.push(vec![command.name.into(), form.into(), request.into()]);
        }
    }
    if rows.is_empty() && !only.is_empty() {
        return Err(Failure::not_found(format!("command {only} that {} may use", account.username)));
    }
    Ok(Reply::rows(&["command", "form", "request"], rows))
}

/// A digest opens the account: only whoever stands above it, or is it, gets one.
fn may_see(call: &Call, account: &Account) -> Result<(), Failure> {
    let own = call.caller.as_ref().is_some_and(|caller| caller.id == account.id);
    let local = call.caller.is_none() && call.level == Level::ServerAdmin;
    if own || local || Level::of(account.kind, account.rights) < call.level {
        return Ok(());
    }
    Err(Failure::denied("only accounts that may do less than you"))
}

/// Scheme and authority of this server.
async fn base(call: &Call, url: &str) -> Result<String, Failure> {
    let url = url.trim().trim_end_matches('/');
    if !url.is_empty() {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
        let web = url.starts_with("http://") || url.starts_with("https://");
        return if web && url.chars().all(plain) {
            Ok(url.to_owned())
        } else {
            Err(Failure::invalid("url must be http:// or https:// and a host"))
        };
    }
    let config = call.config();
    let Some(port) = call.switch().info().await.ports.main else {
        return Err(Failure::failed("the main port is closed, name the address by url"));
    };
    let advertised = config.advertiseipmain.or(config.advertiseip);
    let address = advertised.unwrap_or_else(|| call.local.ip().to_canonical());
    Ok(format!("http://{}", std::net::SocketAddr::new(address, port)))
}

/// The fields of the request, credentials first, each example with a salt of its own.
fn pairs(call: &Call, account: &Account, command: &Command) -> Result<Vec<(String, String)>, Failure> {
    let config = call.config();
    let mut pairs = vec![("apientry".to_owned(), command.name.to_owned())];
    if command.access > Access::Open && !config.apiv2key.is_empty() {
        pairs.push(("authkey".into(), config.apiv2key.to_string()));
    }
    if command.access > Access::Public {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|_| Failure::failed("no randomness"))?;
        let salt = u32::from_le_bytes(random).to_string();
        let (name, password) = (&*account.username, account.password.expose());
        let digest = digest_of(name, password, &config.apiv2md5salt, &salt);
        pairs.extend([
            ("authid".into(), name.to_owned()),
            ("authmd5".into(), digest),
            ("authsalt".into(), salt),
        ]);
    }
    let example = command.example.split('&').filter_map(|pair| pair.split_once('='));
    // Examples are written as they stand in an address.
    let plain = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
    pairs.extend(example.map(|(name, value)| (name.to_owned(), plain(value))));
    Ok(pairs)
}

/// The same request in every form.
fn forms(base: &str, pairs: &[(String, String)]) -> [(&'static str, String); 4] {
    let query: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED))).collect();
    let line = format!("/mvapireq/?{}", query.join("&"));
    let url = format!("{base}{line}");
    let object: Map<String, Value> =
        pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    // Nothing in an encoded query ends a text in single quotes.
    [
        ("curl", format!("curl '{url}'")),
        ("url", url),
        ("json", Value::from(object).to_string()),
        ("websocket", line),
    ]
}
