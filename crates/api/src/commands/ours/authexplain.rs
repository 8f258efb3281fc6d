//! `authexplain`: what would become of a request, and which ingredient of its credentials is wrong.

use std::net::IpAddr;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::{Call, pasted};
use crate::reply::{Failure, Reply};
use crate::request::{MAX_LINE_BYTES, Transport};

impl Value for Transport {
    const KIND: &'static str = "http, https, tcp, tls, udp, ws or wss";
    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Http,
            Self::Https,
            Self::Tcp,
            Self::Tls,
            Self::Udp,
            Self::WebSocket,
            Self::SecureWebSocket,
        ];
        one_of(text, &all.map(|transport| (transport.name(), transport)))
    }
}

params! {
    /// The request as it is sent: a line, a path with its query, or a whole URL; percent-encoded once more as this parameter.
    request: String,
    /// The address that it comes from.
    address ["ip"]: IpAddr = "127.0.0.1",
    /// What carries it.
    transport: Transport = "http",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "authexplain",
    aliases: &[],
    group: Group::Ours,
    access: Access::Sensitive,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Says what would become of a request, rule by rule, and which ingredient of its authmd5 or password is wrong; does nothing.",
    spec: "Strowger: authentication doctor",
    example: "request=%3Fapientry%3Dbalance%26authid%3Dalice%26authpwd%3Dsecret&address=192.0.2.1",
    reply: "OK: 12 and a table of step, verdict, detail",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if params.request.len() > MAX_LINE_BYTES {
        return Err(Failure::invalid(format!("request must be at most {MAX_LINE_BYTES} bytes")));
    }
    let request = pasted(&params.request, params.address, params.transport);
    let found = call.dispatcher.explain(request).await;
    let rows = found.into_iter().map(|f| vec![f.step.into(), f.verdict.into(), f.detail.into()]).collect();
    Ok(Reply::rows(&["step", "verdict", "detail"], rows))
}
