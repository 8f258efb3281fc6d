//! What a running command sees: who asks, for whom, with which arguments, and the rooms it may enter.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use strowger_config::Config;
use strowger_model::{Account, Now, Scope};
use strowger_store::{RequestKey, Store};
use strowger_switch::Handle;

use super::{Dispatcher, Memory, identify};
use crate::auth::{ApiKey, Caller, Level, Proof, Source, authorise};
use crate::declare::{Args, Command};
use crate::events::{Hub, Viewer};
use crate::reply::Failure;

/// The command that runs another one.
const PASSES_ON: &str = "oop";
/// The commands that need the request itself: to pass it on, here or to another node, or for the address by which the
/// server was reached.
const KEEPS_REQUEST: [&str; 4] = [PASSES_ON, "client", "voicehere", "voicehere2"];

/// An account that may do more than this level is not changed by it.
pub(super) fn not_above(level: Level, account: &Account) -> Result<(), Failure> {
    let theirs = Level::of(account.kind, account.rights);
    if theirs >= Level::Admin && theirs > level {
        return Err(Failure::denied("general administrators only"));
    }
    Ok(())
}

/// One authorised request. It passes through many hands: in one place it is not copied by each.
#[derive(Clone)]
pub struct Call(Box<Asked>);

impl From<Asked> for Call {
    fn from(asked: Asked) -> Self {
        Self(Box::new(asked))
    }
}

impl Deref for Call {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.0
    }
}

impl DerefMut for Call {
    fn deref_mut(&mut self) -> &mut Asked {
        &mut self.0
    }
}

/// What a running command sees.
#[derive(Clone)]
pub struct Asked {
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) command: &'static Command,
    pub(crate) args: Args,
    /// Who asks; nobody for public commands and for trusted addresses without credentials.
    pub(crate) caller: Option<Arc<Account>>,
    /// As whom the caller logged in at the console.
    pub(crate) console_name: String,
    pub(crate) level: Level,
    /// Whose objects may be touched.
    pub(crate) scope: Scope,
    /// For whom: `targetuser`, else the caller.
    pub(crate) target: Option<Arc<Account>>,
    /// `targetuser` was given.
    pub(crate) target_named: bool,
    /// A user that was named without proof.
    pub(crate) unproven_user: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The named key that the request or its session showed.
    pub(crate) api_key: Option<Arc<ApiKey>>,
    pub(crate) source: Source,
    pub(crate) peer: SocketAddr,
    /// The stream that the request came on, for what is pushed on it later.
    pub(crate) stream: Option<Arc<crate::push::Stream>>,
    /// The connection that asks to be let into the message queue.
    pub(crate) joining: Option<Arc<crate::mmq::Joining>>,
    /// The address that the request reached.
    pub(crate) local: SocketAddr,
    /// The request itself, where the command needs it.
    pub(crate) request: Option<Box<crate::request::Request>>,
    /// The row of `tb_api` that is run.
    pub(crate) entry: Option<Arc<super::custom::Entry>>,
    /// Where the asked page begins.
    pub(crate) cursor: Option<i64>,
}

impl Call {
    /// The command needs the request itself.
    pub(super) fn keeps_request(&self) -> bool {
        KEEPS_REQUEST.contains(&self.command.name) && self.entry.is_none()
    }

    /// Where whoever sent the request reaches WebSockets of this server: scheme, host and port.
    pub(crate) fn web_socket_base(&self) -> Result<String, Failure> {
        let request = self.request.as_ref().ok_or_else(|| Failure::failed("the request is gone"))?;
        let (config, ports) = (self.config(), self.switch().ports());
        super::describe::web_socket_base(
            &request.origin,
            config.advertiseipmain.or(config.advertiseip),
            ports.main,
        )
        .ok_or_else(|| Failure::unavailable("the main port is closed"))
    }

    /// Runs a console line as the same caller, under the access rule of the command that it names.
    pub(crate) async fn run_line(&self, line: &str) -> crate::declare::Outcome {
        let request = self.request.as_ref().ok_or_else(|| Failure::failed("the request is gone"))?;
        let inner = request.with_line(line);
        if super::find(&inner.command).is_some_and(|command| command.name == PASSES_ON) {
            return Err(Failure::invalid("txt must be another command than oop"));
        }
        self.dispatcher.nested(&inner).await
    }

    /// Runs a console line as the same caller on another node, under the access rule that its command has here too.
    pub(crate) async fn run_line_at(&self, node: &str, line: &str) -> crate::declare::Outcome {
        let request = self.request.as_ref().ok_or_else(|| Failure::failed("the request is gone"))?;
        let inner = crate::request::Request { at_node: Some(node.to_owned()), ..request.with_line(line) };
        self.dispatcher.nested(&inner).await
    }

    /// What the console or stream of the request remembers of its node; none where each request stands alone.
    pub(crate) fn node_session(&self) -> Option<Arc<crate::nodes::NodeSession>> {
        let request = self.request.as_ref().filter(|request| request.origin.transport.is_stream())?;
        request.session.clone()
    }

    /// Another node passed the request on.
    pub(crate) fn is_passed_on(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.is_passed_on())
    }

    pub(crate) fn switch(&self) -> &Handle {
        &self.dispatcher.switch
    }

    pub(crate) fn store(&self) -> &Store {
        self.dispatcher.switch.store()
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.dispatcher.switch.config()
    }

    /// The log files of this process.
    pub(crate) fn log(&self) -> Result<&crate::logs::LogControl, Failure> {
        self.dispatcher.log().ok_or_else(|| Failure::unavailable("this process keeps no log files"))
    }

    pub(crate) fn version(&self) -> &'static str {
        self.dispatcher.build.version
    }

    pub(crate) fn build(&self) -> super::Build {
        self.dispatcher.build
    }

    pub(crate) fn now(&self) -> Now {
        self.dispatcher.switch.now()
    }

    pub(crate) fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.dispatcher.memory()
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.level >= Level::Admin
    }

    /// The event stream, and whose eyes the caller sees it with: an administrator's, or those of the account that the
    /// request is about.
    pub(crate) fn events(&self) -> Result<(&Hub, Viewer), Failure> {
        let hub = self.dispatcher.events();
        if let Some(why) = hub.broken() {
            return Err(Failure::unavailable(format!("the event journal cannot be used: {why}")));
        }
        let viewer = match (self.level, self.target_named) {
            (Level::Admin | Level::ServerAdmin, false) => Viewer::All,
            (Level::Support, false) => Viewer::Staff,
            _ => Viewer::Account(self.account()?.id),
        };
        Ok((hub, viewer))
    }

    /// The account that the request is about.
    pub(crate) fn account(&self) -> Result<&Arc<Account>, Failure> {
        self.target.as_ref().ok_or_else(|| Failure::missing("targetuser"))
    }

    /// Whether an account could run a command with its password from where this request came, by the rules that hold.
    pub(crate) fn could_run(&self, account: &Account, command: &Command) -> bool {
        let rule = self.dispatcher.rules().rule(command.name, command).rule;
        let level = Level::of(account.kind, account.rights);
        let caller = Caller { level, proof: Proof::Password, key: true };
        let source = Source { console: false, borrowed: false, ..self.source };
        authorise(&rule, &caller, &source, &super::policy(&self.config())).is_ok()
    }

    /// An account by username, id, name or number, within the caller's scope; the refusal names `what`.
    pub(crate) fn find(&self, text: &str, what: &str) -> Result<Arc<Account>, Failure> {
        self.find_in(self.scope, text, what)
    }

    /// An account by its id, within the caller's scope.
    pub(crate) fn find_id(&self, id: i64, what: &str) -> Result<Arc<Account>, Failure> {
        let snapshot = self.switch().snapshot();
        let found = snapshot.account(strowger_model::AccountId(id)).cloned();
        found
            .filter(|account| self.reaches(account))
            .ok_or_else(|| Failure::not_found(format!("{what} {id}")))
    }

    fn reaches(&self, account: &Account) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Own(own) => account.id == own,
            Scope::Children(own) => account.id == own || self.switch().snapshot().is_below(account.id, own),
        }
    }

    /// The same within another scope.
    pub(crate) fn find_in(&self, scope: Scope, text: &str, what: &str) -> Result<Arc<Account>, Failure> {
        let snapshot = self.switch().snapshot();
        let found = identify::resolve(&snapshot, text).filter(|account| match scope {
            Scope::All => true,
            Scope::Own(own) => account.id == own,
            Scope::Children(own) => account.id == own || snapshot.is_below(account.id, own),
        });
        found.cloned().ok_or_else(|| Failure::not_found(format!("{what} {text}")))
    }

    /// Refuses to change an account that may do more than the caller.
    pub(crate) fn not_above(&self, account: &Account) -> Result<(), Failure> {
        not_above(self.level, account)
    }

    /// Demands what sensitive commands demand of the address, for the sensitive part of a command.
    pub(crate) fn sensitive(&self) -> Result<(), Failure> {
        let trusted_console = self.source.console && super::trust_console(&self.config()) > 0;
        if self.source.unproven {
            Err(Failure::denied("not over UDP"))
        } else if self.source.trusted || self.source.listed || trusted_console {
            Ok(())
        } else {
            Err(Failure::denied("not from this address"))
        }
    }

    /// A wrong code or old password counts like a wrong login.
    pub(crate) fn count_failure(&self) {
        let user = self.caller.as_ref().map(|account| &*account.username);
        self.dispatcher.count_guess(&self.source, user);
    }

    /// The caller's name, or its address where nobody logged in.
    pub(crate) fn who(&self) -> String {
        let name = self.caller_name();
        if name.is_empty() { self.peer.ip().to_string() } else { name.to_owned() }
    }

    /// The caller's name for texts and records; nothing where nobody is known.
    pub(crate) fn caller_name(&self) -> &str {
        identify::name_of(&self.console_name, self.caller.as_ref())
    }

    /// On whose behalf a program of the operator runs.
    pub(crate) fn on_behalf(&self) -> crate::host::OnBehalf {
        let account = self.caller.as_ref().map(|account| account.id);
        crate::host::OnBehalf { account, source: self.source.address.to_string() }
    }

    /// What makes the store do this request once.
    pub(crate) fn request_key(&self) -> Option<RequestKey> {
        let request = self.request_id.clone()?;
        let caller = self.caller.as_ref().map(|account| account.id).unwrap_or_default();
        Some(RequestKey { request, command: self.command.name, caller })
    }

    /// What the audit calls the object of the request: never a value that may be secret.
    pub(crate) fn object(&self) -> String {
        let secret = |name: &str| {
            ["pass", "pwd", "pin", "token", "sql", "txt", "value", "key"].iter().any(|s| name.contains(s))
                || self.command.forgets(name)
        };
        let mut object = self.target.as_ref().map(|account| account.username.to_string()).unwrap_or_default();
        for (name, value) in
            self.args.named.iter().filter(|(name, _)| self.command.declares(name) && !secret(name))
        {
            if object.len() < 200 {
                object.push_str(&format!(" {name}={}", value.chars().take(40).collect::<String>()));
            }
        }
        object
    }
}
