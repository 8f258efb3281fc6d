//! `routingtest`: where a call would go, by the code that routes calls. Places none.

use std::net::{IpAddr, SocketAddr};

use strowger_switch::RoutingTest;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The port of an address that has none.
const SIP_PORT: u16 = 5060;

params! {
    /// The address that the call would come from.
    ip: Option<Source> = "",
    /// The caller: username, id or number.
    caller: String = "",
    /// The dialled number.
    called: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "routingtest",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Dry run of a call: authentication, normalisation, filters, every candidate with price and reason.",
    spec: "server-api: Diagnostics",
    example: "caller=alice&called=3630123456",
    reply: "OK: <n> and the steps",
    run: RUN,
};

/// An address with or without a port.
#[derive(Debug)]
struct Source(SocketAddr);

impl Value for Source {
    const KIND: &'static str = "an IP address, with or without a port";
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bare = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, SIP_PORT));
        text.parse().ok().or_else(bare).map(Self)
    }
}

async fn run(call: Call, params: Params) -> Outcome {
    let known = call.find(&params.caller, "caller");
    if !params.caller.is_empty() && params.ip.is_none() && known.is_err() {
        return Err(Failure::not_found(format!("caller {}", params.caller)));
    }
    let query = RoutingTest {
        ip: params.ip.map(|source| source.0),
        caller: known.ok().map(|account| account.id),
        caller_number: params.caller,
        called: params.called,
    };
    let decision = call.switch().routing_test(query).await?;
    let rows =
        decision.trace.iter().map(|step| vec![step.stage.name().into(), step.text.as_str().into()]).collect();
    let reply = Reply::rows(&["stage", "text"], rows);
    Ok(match decision.plan {
        Ok(_) => reply,
        Err(refused) => reply.with_summary(vec![
            ("status".into(), i64::from(refused.status).into()),
            ("reason".into(), refused.reason.into()),
        ]),
    })
}
