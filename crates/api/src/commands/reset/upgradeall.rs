//! `upgradeall`: gateways by the operator's channel, the other nodes one after the other.

use tokio::sync::Semaphore;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::{Call, passed_on};
use crate::nodes::{self, Rolled};
use crate::reply::{Data, Failure, Kind, Reply};

/// One upgrade at a time, so that never two nodes are away together.
static ROLLING: Semaphore = Semaphore::const_new(1);
/// The columns of the report.
const COLUMNS: [&str; 6] = ["kind", "name", "state", "before", "after", "detail"];

params! {
    /// 0 or gateways, 1 or nodes, 2 or all.
    what: What = "2",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "upgradeall",
    aliases: &[],
    group: Group::Reset,
    access: Access::Host,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Upgrades gateways (0) by upgradechannel, the other nodes (1), or both (2): one node after the other ends its calls, restarts and must be healthy again before the next; stops at the first that is not.",
    spec: "server-api: Reset",
    example: "what=1",
    reply: "OK: <n> and a table",
    run: RUN,
};

/// What is upgraded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Gateways,
    Nodes,
    All,
}

impl Value for What {
    const KIND: &'static str = "0 or gateways, 1 or nodes, 2 or all";
    fn parse(text: &str) -> Option<Self> {
        one_of(
            text,
            &[
                ("0", Self::Gateways),
                ("gateways", Self::Gateways),
                ("1", Self::Nodes),
                ("nodes", Self::Nodes),
                ("2", Self::All),
                ("all", Self::All),
            ],
        )
    }
}

async fn run(call: Call, params: Params) -> Outcome {
    if call.is_passed_on() {
        return Err(passed_on());
    }
    let config = call.config();
    let channel = !config.upgradechannel.is_empty();
    if params.what == What::Gateways && !channel {
        return Err(Failure::unavailable("upgradechannel is not set in the start-up file"));
    }
    let nodes = match nodes::listed(&config) {
        Ok(nodes) if params.what != What::Gateways => nodes,
        Ok(_) => Vec::new(),
        Err(_) if params.what == What::Gateways || (params.what == What::All && channel) => {
            // A list that is wrong is no empty one.
            if params.what == What::All && !config.nodes.is_empty() {
                nodes::listed(&config)?;
            }
            Vec::new()
        }
        Err(failure) => return Err(failure),
    };
    let Ok(_alone) = ROLLING.try_acquire() else {
        return Err(Failure::new(Kind::Busy, "another upgrade is under way, see the log"));
    };
    let mut report = Vec::new();
    if params.what != What::Nodes && channel {
        nodes::gateways(&call, &mut report).await;
    }
    if !report.iter().any(Rolled::is_failed) {
        nodes::roll(&call, nodes, &mut report).await;
    }
    answer(&report)
}

/// A table where everything went well, else a refusal that names what did not, what did, and what was not begun.
fn answer(report: &[Rolled]) -> Outcome {
    let Some(failed) = report.iter().find(|rolled| rolled.is_failed()) else {
        return Ok(Reply::rows(&COLUMNS, report.iter().map(row).collect()));
    };
    let names = |state: &str| {
        let of_state = report.iter().filter(|rolled| rolled.state == state);
        let names: Vec<&str> = of_state.map(|rolled| rolled.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" ") }
    };
    Err(Failure::failed(format!(
        "{} {}: {}; done: {}; not begun: {}",
        failed.kind,
        failed.name,
        failed.detail,
        names(Rolled::DONE),
        names(Rolled::NOT_BEGUN)
    )))
}

fn row(rolled: &Rolled) -> Vec<Data> {
    let texts = [&rolled.name, rolled.state, &rolled.before, &rolled.after, &rolled.detail];
    std::iter::once(rolled.kind).chain(texts).map(Data::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_a_failure_names_all_three_kinds() {
        let rolled = |name: &str, state, detail: &str| Rolled {
            detail: detail.to_owned(),
            ..Rolled::new("node", name, state)
        };
        let done = rolled("a", Rolled::DONE, "");
        assert_eq!(answer(std::slice::from_ref(&done)).unwrap().text().lines().count(), 3);
        let report = [done, rolled("b", Rolled::FAILED, "it is gone"), rolled("c", Rolled::NOT_BEGUN, "")];
        assert_eq!(
            answer(&report).unwrap_err().to_string(),
            "failed: node b: it is gone; done: a; not begun: c"
        );
    }
}
