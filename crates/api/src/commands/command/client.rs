//! `client`: the lines of this console, or one line, on another node of the installation.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::{Call, passed_on};
use crate::nodes::{self, HERE, Node, Question};
use crate::reply::{Data, Failure, Kind, Reply};

/// How long a node may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);
/// The columns of the list of nodes.
const COLUMNS: [&str; 5] = ["node", "address", "state", "ms", "detail"];

params! {
    /// The node, as `nodes` names it; `local` or nothing comes back to this one, and lists the nodes where the lines run here.
    node ["client"]: String = "",
    /// One line of the console to run there; without it every further line of this console or stream does.
    txt: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "client",
    aliases: &[],
    group: Group::Command,
    access: Access::Admin,
    effect: Effect::Session,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Runs the lines that follow on another node of the installation, or one line (client NODE COMMAND …); each under its own access rule here and there, audited on both. Without a node it comes back, or lists the nodes and whether they can be reached.",
    spec: "server-api: Commands",
    example: "node=b&txt=version",
    reply: "OK: node b: strowger 0.1.0 …; its commands follow, client comes back",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let nodes = nodes::listed(&call.config())?;
    let (name, line) = (params.node.trim(), params.txt.trim());
    let session = call.node_session();
    let there = session.as_ref().and_then(|session| session.node());
    if name.is_empty() || name.eq_ignore_ascii_case(HERE) {
        if !line.is_empty() {
            return Err(Failure::missing("node"));
        }
        if name.is_empty() && there.is_none() {
            return list(&call, nodes).await;
        }
        session.as_ref().and_then(|session| session.go(None));
        return Ok(Reply::ok("commands run here").with("node", HERE));
    }
    if call.is_passed_on() {
        return Err(passed_on());
    }
    let node = nodes::named(&nodes, name)?;
    if !line.is_empty() {
        return call.run_line_at(&node.name, line).await;
    }
    let session = session.ok_or_else(|| {
        Failure::new(
            Kind::NotAvailable,
            "there is no session here whose lines could run there: give the line too, client NODE COMMAND …",
        )
    })?;
    let version = version(&call, &node).await;
    let account = call.caller.as_ref().map(|account| account.id);
    call.dispatcher.audit_node(account, &call.source.address.to_string(), &node.name, "session", &version);
    let version = version?.headline();
    let version = version.trim_start_matches("OK: ").split(',').next().unwrap_or_default().to_owned();
    session.go(Some(node.name.clone()));
    let text = format!("node {}: {version}; its commands follow, client comes back", node.name);
    Ok(Reply::ok(text).with("node", node.name))
}

async fn version(call: &Call, node: &Node) -> Outcome {
    call.dispatcher.ask_node(node, &Question::new("version", &[]).within(PATIENCE)).await
}

/// Every node, asked at the same time.
async fn list(call: &Call, nodes: Vec<Node>) -> Outcome {
    let mut asked = JoinSet::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let call = call.clone();
        asked.spawn(async move {
            let began = Instant::now();
            let outcome = version(&call, &node).await;
            (index, row(&node, &outcome, began.elapsed()))
        });
    }
    let mut rows = asked.join_all().await;
    rows.sort_by_key(|(index, _)| *index);
    Ok(Reply::rows(&COLUMNS, rows.into_iter().map(|(_, row)| row).collect()))
}

fn row(node: &Node, outcome: &Outcome, took: Duration) -> Vec<Data> {
    let (state, detail) = match outcome {
        Ok(reply) => ("up", reply.headline().trim_start_matches("OK: ").to_owned()),
        Err(failure) if failure.text.contains("refuses nodekey") || failure.kind == Kind::AccessDenied => {
            ("refuses", failure.text.clone())
        }
        Err(failure) => ("down", failure.text.clone()),
    };
    let host = if node.host.contains(':') { format!("[{}]", node.host) } else { node.host.clone() };
    let ms = format!("{:.1}", took.as_secs_f64() * 1_000.0);
    vec![
        node.name.as_str().into(),
        format!("{host}:{}", node.port).into(),
        state.into(),
        Data::Decimal(ms),
        detail.into(),
    ]
}
