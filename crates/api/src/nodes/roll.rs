//! Upgrades: the gateways by the operator's channel, then one node after the other. A node runs the operator's
//! program for it, ends its calls and restarts with whatever program is in place then; the next one follows when it
//! is healthy again.

use std::time::Duration;

use strowger_model::AccountKind;
use tokio::time::{Instant, sleep};

use super::{Node, Question};
use crate::declare::Outcome;
use crate::dispatch::Call;
use crate::host;
use crate::reply::{Failure, Reply, Shape};

/// How often a node is asked whether it is back.
const LOOK: Duration = Duration::from_millis(500);
/// How long one of these questions may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the operator's program may take on a node: the longest `hosttimeout`, and the way there.
const UPGRADE_PATIENCE: Duration = Duration::from_secs(3_610);
/// How long the URL of a gateway may take to answer.
const CHANNEL_PATIENCE: Duration = Duration::from_secs(30);

/// What became of one node or gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rolled {
    /// `node` or `gateway`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// [`Self::DONE`], [`Self::FAILED`] or [`Self::NOT_BEGUN`].
    pub(crate) state: &'static str,
    /// The version before.
    pub(crate) before: String,
    /// The version after.
    pub(crate) after: String,
    /// How it went.
    pub(crate) detail: String,
}

impl Rolled {
    /// It was upgraded.
    pub(crate) const DONE: &'static str = "done";
    /// It was begun and is not done.
    pub(crate) const FAILED: &'static str = "failed";
    /// One before it failed.
    pub(crate) const NOT_BEGUN: &'static str = "not begun";

    /// Nothing but a state.
    pub(crate) fn new(kind: &'static str, name: &str, state: &'static str) -> Self {
        let (before, after, detail) = Default::default();
        Self { kind, name: name.to_owned(), state, before, after, detail }
    }

    /// It was begun and is not done.
    pub(crate) fn is_failed(&self) -> bool {
        self.state == Self::FAILED
    }

    fn failed(kind: &'static str, name: &str, detail: String) -> Self {
        Self { detail, ..Self::new(kind, name, Self::FAILED) }
    }
}

/// Upgrades one node after the other; those behind the first that fails are not begun.
pub(crate) async fn roll(call: &Call, nodes: Vec<Node>, report: &mut Vec<Rolled>) {
    let mut failed = false;
    for node in nodes {
        if failed {
            report.push(Rolled::new("node", &node.name, Rolled::NOT_BEGUN));
            continue;
        }
        tracing::info!(node = node.name, "an upgrade begins");
        let rolled = match upgrade(call, &node).await {
            Ok(rolled) => rolled,
            Err(failure) => Rolled::failed("node", &node.name, failure.to_string()),
        };
        note(call, &rolled);
        failed = rolled.is_failed();
        report.push(rolled);
    }
}

/// Calls the operator's channel for each gateway; it ends at the first that fails.
pub(crate) async fn gateways(call: &Call, report: &mut Vec<Rolled>) {
    let is_gateway = |kind| {
        matches!(kind, AccountKind::GsmGateway | AccountKind::IsdnGateway | AccountKind::MessageGateway)
    };
    let snapshot = call.switch().snapshot();
    let mut found: Vec<_> =
        snapshot.accounts().filter(|account| is_gateway(account.kind) && account.active).collect();
    found.sort_by_key(|account| account.id);
    let mut failed = false;
    for account in found {
        if failed {
            report.push(Rolled::new("gateway", &account.username, Rolled::NOT_BEGUN));
            continue;
        }
        let address = call.store().user_fields(call.scope, account.id, &["ip"]).await;
        let address = address.ok().and_then(|fields| fields.into_iter().next());
        let address = address.map(|(_, value)| value).unwrap_or_default();
        let rolled = match channel(call, &account.username, &address).await {
            Ok(detail) => Rolled { detail, ..Rolled::new("gateway", &account.username, Rolled::DONE) },
            Err(failure) => Rolled::failed("gateway", &account.username, failure.to_string()),
        };
        note(call, &rolled);
        failed = rolled.is_failed();
        report.push(rolled);
    }
}

/// Calls the operator's program or URL for one gateway; how it went.
async fn channel(call: &Call, name: &str, address: &str) -> Result<String, Failure> {
    let config = call.config();
    let channel = &config.upgradechannel;
    host::capable(&config)?;
    if channel.starts_with("http://") || channel.starts_with("https://") {
        let link = call.dispatcher.nodes_link();
        let (_, visit) = link.ok_or_else(|| Failure::unavailable("no server is running here"))?;
        let encoded = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let joint = if channel.contains('?') { '&' } else { '?' };
        let url = format!("{channel}{joint}gateway={}&address={}", encoded(name), encoded(address));
        visit(url, CHANNEL_PATIENCE).await.map_err(Failure::failed)?;
        return Ok("told".to_owned());
    }
    if !channel.starts_with('/') {
        let why = "upgradechannel is neither a program with an absolute path nor an http or https URL";
        return Err(Failure::unavailable(why));
    }
    let arguments = [name.to_owned(), address.to_owned()];
    let ran = host::run_helper(call.switch(), &call.on_behalf(), channel, &arguments).await?;
    let last = ran.output.lines().last().unwrap_or_default().trim().to_owned();
    if ran.succeeded() { Ok(last) } else { Err(Failure::failed(format!("{}: {last}", ran.ending()))) }
}

/// The log and the audit have every step.
fn note(call: &Call, rolled: &Rolled) {
    let Rolled { kind, name, state, before, after, detail } = rolled;
    tracing::info!(kind, name, state, before, after, detail, "an upgrade ended");
    let outcome: Outcome =
        if rolled.is_failed() { Err(Failure::failed(detail.clone())) } else { Ok(Reply::ok("")) };
    let account = call.caller.as_ref().map(|account| account.id);
    call.dispatcher.audit_node(account, &call.source.address.to_string(), name, "upgradeall", &outcome);
}

/// What tells a process from the one before it.
struct Life {
    epoch: String,
    version: String,
}

async fn upgrade(call: &Call, node: &Node) -> Result<Rolled, Failure> {
    let (config, dispatcher) = (call.config(), &call.dispatcher);
    let before = life(call, node).await?;
    if !config.upgradecommand.is_empty() {
        let named = [("txt", config.upgradecommand.as_str())];
        let question = Question::new("cmd", &named).within(UPGRADE_PATIENCE);
        dispatcher.ask_node(node, &question).await?;
    }
    let began = Instant::now();
    dispatcher.ask_node(node, &Question::new("restart", &[("what", "service")])).await?;
    let patience = Duration::from_secs(config.upgradetimeout.into());
    let after = back(call, node, &before, began + patience).await;
    let after = after.map_err(|last| {
        let last = last.map(|failure| format!(" ({failure})")).unwrap_or_default();
        Failure::failed(format!("it was not back within {} s{last}", patience.as_secs()))
    })?;
    let took = began.elapsed().as_secs_f64();
    Ok(Rolled {
        before: before.version,
        after: after.version,
        detail: format!("healthy again after {took:.1} s"),
        ..Rolled::new("node", &node.name, Rolled::DONE)
    })
}

/// Waits for another process than before whose every part works; else the last refusal.
async fn back(call: &Call, node: &Node, before: &Life, until: Instant) -> Result<Life, Option<Failure>> {
    let mut last = None;
    while Instant::now() < until {
        sleep(LOOK).await;
        match life(call, node).await {
            Ok(life) if life.epoch == before.epoch => last = Some(Failure::failed("it still ends its calls")),
            Ok(life) => {
                let question = Question::new("heartbeat", &[("mode", "full")]).within(PATIENCE);
                match call.dispatcher.ask_node(node, &question).await {
                    Ok(_) => return Ok(life),
                    Err(failure) => last = Some(failure),
                }
            }
            Err(failure) => last = Some(failure),
        }
    }
    Err(last)
}

async fn life(call: &Call, node: &Node) -> Result<Life, Failure> {
    let info = call.dispatcher.ask_node(node, &Question::new("info", &[]).within(PATIENCE)).await?;
    let Shape::Lines(lines) = &info.shape else {
        return Err(Failure::failed("its status is not understood"));
    };
    let field = |name: &str| {
        let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    let epoch = field("epoch").zip(field("started")).map(|(epoch, started)| format!("{epoch} {started}"));
    let epoch = epoch.ok_or_else(|| Failure::failed("its status has no epoch"))?;
    Ok(Life { epoch, version: field("version").unwrap_or_default() })
}
