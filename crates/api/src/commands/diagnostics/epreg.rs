//! `epreg`: registrations, of phones here and of ours at upper servers.

use std::net::SocketAddr;

use strowger_model::account::Transport;
use strowger_model::{Account, AccountId};
use strowger_switch::{BindingFilter, OutboundState};

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Bindings of one answer.
const PAGE: usize = 1_000;

/// Which way a registration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Both,
    In,
    Out,
}

#[derive(Debug)]
struct Which(Kind);

impl Value for Which {
    const KIND: &'static str = "in, out or all";
    fn parse(text: &str) -> Option<Self> {
        one_of(text, &[("all", Kind::Both), ("in", Kind::In), ("out", Kind::Out)]).map(Self)
    }
}

params! {
    /// in, out or all.
    regtype: Which = "all",
    /// all, registered, registering, failed or unregistered.
    regstate: String = "all",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "epreg",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Registrations: of phones at this server (in) and of this server at upper servers (out).",
    spec: "server-api: Diagnostics",
    example: "regtype=out&regstate=failed",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let snapshot = call.switch().snapshot();
    let wanted = params.regstate.trim().to_ascii_lowercase();
    if !["", "all", "registered", "registering", "failed", "unregistered"].contains(&wanted.as_str()) {
        return Err(Failure::invalid(
            "regstate must be all, registered, registering, failed or unregistered",
        ));
    }
    let fits = |state: &str| wanted.is_empty() || wanted == "all" || wanted == state;
    let mut rows: Vec<Vec<Data>> = Vec::new();
    let mut next = None;
    if params.regtype.0 != Kind::In && call.cursor.is_none() {
        for outbound in call.switch().outbound_registrations().await? {
            let state = word(outbound.state);
            if fits(state) {
                let server = snapshot.account(outbound.account);
                rows.push(vec![
                    "out".into(),
                    outbound.account.0.into(),
                    server.map_or("", |server| &server.username).into(),
                    server.map(|server| address(server)).into(),
                    server
                        .and_then(|server| server.server.as_ref())
                        .map(|server| transport(server.transport))
                        .into(),
                    state.into(),
                    outbound.expires.map(date).into(),
                    i64::from(outbound.last_status).into(),
                ]);
            }
        }
    }
    if params.regtype.0 != Kind::Out && fits("registered") {
        let after = call.cursor.map(AccountId);
        let filter = BindingFilter { after, limit: PAGE, ..BindingFilter::default() };
        let bindings = call.switch().bindings(call.scope, filter).await?;
        next = bindings.last().filter(|_| bindings.len() >= PAGE).map(|binding| binding.account.0);
        rows.extend(bindings.into_iter().map(|binding| {
            vec![
                "in".into(),
                binding.account.0.into(),
                binding.username.into(),
                binding.source.to_string().into(),
                binding.transport.into(),
                "registered".into(),
                date(binding.expires).into(),
                200_i64.into(),
            ]
        }));
    }
    let columns = ["type", "id", "username", "address", "transport", "state", "expires", "laststatus"];
    Ok(Reply::rows(&columns, rows).with_cursor(next))
}

const fn word(state: OutboundState) -> &'static str {
    match state {
        OutboundState::Registering => "registering",
        OutboundState::Registered => "registered",
        OutboundState::Failed => "failed",
        OutboundState::Unregistered => "unregistered",
    }
}

fn address(account: &Account) -> String {
    let Some(server) = &account.server else { return String::new() };
    match server.ip {
        Some(ip) => SocketAddr::new(ip, server.port).to_string(),
        None => format!("{}:{}", server.domain, server.port),
    }
}

const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}
