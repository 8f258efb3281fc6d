//! `wsuser`: begins a WebRTC client's session.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// The longest name that a client gives of itself, in bytes.
const MAX_NAME: usize = 100;

params! {
    /// The client's brand; all brands share one gateway.
    brandname: String = "",
    /// Its company.
    companyname: String = "",
    /// The SIP server of the account; empty is this one.
    upperserver: String = "",
    /// Its domain.
    upperserverdomain: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "wsuser",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Session,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Begins a WebRTC client's session: where its SIP over WebSocket goes, and its realm and ICE servers.",
    spec: "server-api: Wsuser",
    example: "brandname=brand&companyname=COMPANY",
    reply: "OK: /mfstwebsock alice",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    for (name, text) in [("brandname", &params.brandname), ("companyname", &params.companyname)] {
        if text.len() > MAX_NAME {
            return Err(Failure::invalid(format!("{name} must be at most {MAX_NAME} bytes")));
        }
    }
    for (name, text) in
        [("upperserver", &params.upperserver), ("upperserverdomain", &params.upperserverdomain)]
    {
        if !is_here(&call, text.trim()) {
            let why =
                format!("{name} is another SIP server; sessions on others are not part of this version");
            return Err(Failure::unavailable(why));
        }
    }
    call.memory().web_clients.begin(account.id, call.now().wall);
    let config = call.config();
    let domain = config.domain.iter().next().map_or_else(|| config.realm.clone(), ToString::to_string);
    Ok(Reply::ok(format!("/mfstwebsock {}", account.username))
        .with("path", "/mfstwebsock")
        .with("subprotocol", "sip")
        .with("username", account.username.to_string())
        .with("domain", domain)
        .with("realm", config.realm.clone())
        .with("iceservers", Data::List(Vec::new())))
}

/// Whether a name means this server: by domain, realm or address.
fn is_here(call: &Call, name: &str) -> bool {
    let config = call.config();
    let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok();
    let ours = |address: std::net::IpAddr| {
        address.is_loopback() || address == config.bind || config.advertiseip == Some(address)
    };
    host.is_empty()
        || host.eq_ignore_ascii_case(&config.realm)
        || host.eq_ignore_ascii_case("localhost")
        || config.domain.iter().any(|domain| domain.eq_ignore_ascii_case(host))
        || address.is_some_and(ours)
}
