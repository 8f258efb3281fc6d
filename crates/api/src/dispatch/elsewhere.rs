//! Requests that run on another node: let in here under their command's own rule, and asked there.

use std::sync::Arc;

use strowger_model::{Account, AccountId};
use strowger_store::AuditEntry;

use super::Dispatcher;
use super::handle::Identity;
use crate::auth::{Level, Source};
use crate::declare::{Args, Command, Outcome};
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

/// A request that is let in and runs on another node.
pub(super) struct Far {
    command: &'static Command,
    /// The name that it is for.
    called: String,
    args: Args,
    /// Who asks.
    pub(super) caller: Option<Arc<Account>>,
    pub(super) source: Source,
    level: Level,
    node: String,
    /// Another node passed it on.
    passed_on: bool,
}

impl Far {
    pub(super) fn of(
        identity: &Identity<'_>,
        caller: Option<Arc<Account>>,
        level: Level,
        node: String,
    ) -> Self {
        Self {
            command: identity.command,
            called: identity.called().to_owned(),
            args: identity.args.clone(),
            caller,
            source: *identity.source,
            level,
            node,
            passed_on: identity.request.is_passed_on(),
        }
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
    pub(super) async fn elsewhere(&self, far: Far) -> Outcome {
        let outcome = self.ask_for(&far).await;
        let account = far.caller.as_ref().map(|account| account.id);
        self.audit_node(account, &far.source.address.to_string(), &far.node, &far.called, &outcome);
        outcome
    }

    async fn ask_for(&self, far: &Far) -> Outcome {
        let called = &*far.called;
        if far.passed_on {
            return Err(passed_on());
        }
        if far.level < Level::Admin {
            return Err(Failure::denied("only what administrators ask runs on another node"));
        }
        if ONLY_HERE.contains(&called) {
            return Err(Failure::invalid(format!("{called} is about this connection and runs here")));
        }
        if FOLLOWS.contains(&called) {
            return Err(Failure::unavailable(format!(
                "{called} follows on a stream of that node itself only"
            )));
        }
        let node = nodes::named(&nodes::listed(&self.switch.config())?, &far.node)?;
        let named = bare(far.command, &far.args);
        let question = Question { positional: &far.args.positional, ..Question::new(called, &named) };
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
