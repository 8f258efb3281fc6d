//! Requests that run on another node: let in here under their command's own rule, and asked there.

use strowger_model::AccountId;
use strowger_store::AuditEntry;

use super::identify::Identified;
use super::{Dispatcher, Identity};
use crate::auth::Level;
use crate::declare::Outcome;
use crate::nodes::{self, AskNode, Question, Visit, bare};
use crate::reply::Failure;
use crate::request::Request;

/// What is about this connection, and runs here whatever node its lines run on.
const ONLY_HERE: [&str; 5] = ["client", "keepalive", "close", "exit", "quit"];
/// What sends more than one answer, which no question to a node waits for.
const FOLLOWS: [&str; 2] = ["events", "mmq"];

impl Request {
    /// The node on which a command of this request runs; none: this one.
    pub(super) fn node_of(&self, command: &str) -> Option<String> {
        if self.at_node.is_some() {
            return self.at_node.clone();
        }
        let session = self.session.as_ref().filter(|_| !ONLY_HERE.contains(&command))?;
        session.node()
    }

    /// Another node passed this request on.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.field(nodes::MARK).is_some()
    }
}

impl Dispatcher {
    /// Lets commands ask other nodes, and visit what the start-up file names. Only the first time counts.
    pub fn attach_nodes(&self, ask: AskNode, visit: Visit) {
        // A second way to the same nodes would be no other one.
        let _ = self.nodes.set((ask, visit));
    }

    pub(crate) fn nodes_link(&self) -> Option<&(AskNode, Visit)> {
        self.nodes.get()
    }

    /// Runs an admitted request on another node. Both sides have it in their audit.
    pub(super) async fn elsewhere(
        &self,
        identity: &Identity<'_>,
        identified: &Identified,
        level: Level,
        node: &str,
    ) -> Outcome {
        let command = identity.called();
        let outcome = self.ask_for(identity, level, node).await;
        let account = identified.account.as_ref().map(|account| account.id);
        self.audit_node(account, &identity.source.address.to_string(), node, command, &outcome);
        outcome
    }

    async fn ask_for(&self, identity: &Identity<'_>, level: Level, node: &str) -> Outcome {
        let command = identity.called();
        if identity.request.is_passed_on() {
            return Err(passed_on());
        }
        if level < Level::Admin {
            return Err(Failure::denied("only what administrators ask runs on another node"));
        }
        if ONLY_HERE.contains(&command) {
            return Err(Failure::invalid(format!("{command} is about this connection and runs here")));
        }
        if FOLLOWS.contains(&command) {
            return Err(Failure::unavailable(format!(
                "{command} follows on a stream of that node itself only"
            )));
        }
        let node = nodes::named(&nodes::listed(&self.switch.config())?, node)?;
        let named = bare(identity.command, identity.args);
        let question = Question { positional: &identity.args.positional, ..Question::new(command, &named) };
        self.ask_node(&node, &question).await
    }

    /// Notes who ran what on which node.
    pub(crate) fn audit_node(
        &self,
        account: Option<AccountId>,
        source: &str,
        node: &str,
        command: &str,
        outcome: &Outcome,
    ) {
        self.switch.store().audit(AuditEntry {
            at: self.switch.now().wall,
            account,
            source: source.to_owned(),
            command: "client".to_owned(),
            object: format!("{node}: {command}"),
            outcome: outcome.as_ref().map_or_else(ToString::to_string, |_| "OK".to_owned()),
        });
    }
}

/// The refusal that keeps lines from going round between nodes.
pub(crate) fn passed_on() -> Failure {
    Failure::denied("what came from another node is not passed on to a third")
}
