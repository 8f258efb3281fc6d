//! One request on its way to its command: find, admit, authenticate, authorise, parse, run, audit.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use strowger_config::Config;
use strowger_model::{Account, AccountId, Now, Scope};
use strowger_route::Snapshot;
use strowger_store::AuditEntry;

use super::call::Asked;
use super::custom::Entry;
use super::elsewhere::Far;
use super::identify::{self, Identified};
use super::inspect::Stage;
use super::overrides::{Checked, Overrides};
use super::{Call, Dispatcher, MAX_REQUEST_ID, Sequel, Traits, call, find, policy, recent, refusal, refuse};
use crate::actions::Job;
use crate::auth::{Credentials, Level, Proof, Source, authorise, look, may_act_for};
use crate::declare::{Args, Command, Effect, Outcome, Run};
use crate::reply::{Failure, Kind};
use crate::request::{Request, Transport};

/// What a request asks for, and what it shows.
pub(super) struct Identity<'a> {
    pub request: &'a Request,
    /// When it came.
    pub now: Now,
    pub command: &'static Command,
    pub credentials: &'a Credentials<'a>,
    /// The account that it names.
    pub named: Option<&'a Arc<Account>>,
    pub args: &'a Args,
    pub source: &'a Source,
    /// The accounts as they were when it came.
    pub snapshot: &'a Snapshot,
}

impl Identity<'_> {
    /// The name that the request is for: a command's, or that of a row of `tb_api`.
    pub(super) fn called(&self) -> &str {
        self.args.named("apientry").unwrap_or(self.command.name)
    }
}

/// A request that may run.
struct Ready {
    work: Work,
    rule: Checked,
    /// What the account itself may do.
    own_level: Level,
}

/// What is to be done.
enum Work {
    Here(Call),
    /// On another node.
    Far(Box<Far>),
}

impl Dispatcher {
    /// Takes a request to its command and back.
    pub(super) async fn try_handle(
        self: &Arc<Self>,
        request: &Request,
        now: Now,
        config: &Config,
        traits: &mut Traits,
    ) -> Outcome {
        // What waits for nothing is no part of what waits: it would be moved together with it.
        let outcome = match self.prepare(request, now, config, traits) {
            Ok(ready) => self.complete(ready, config, traits).await,
            Err(refused) => Err(refused),
        };
        if let Some(sequel) = traits.sequel.take() {
            self.follow(*sequel, outcome.is_err());
        }
        outcome
    }

    /// A request inside another one, with all that a request goes through.
    pub(crate) async fn nested(self: &Arc<Self>, request: &Request) -> Outcome {
        let config = self.switch.config();
        self.try_handle(request, self.switch.now(), &config, &mut Traits::default()).await
    }

    /// Finds the command and whoever is named, and admits the source.
    fn prepare(
        self: &Arc<Self>,
        request: &Request,
        now: Now,
        config: &Config,
        traits: &mut Traits,
    ) -> Result<Ready, Failure> {
        let source = look(&request.origin, config);
        traits.course.place = source.place;
        let rules = self.rules();
        let (found, entry) = found(request, &rules);
        let (credentials, mut args) = match found {
            Some(command) => Credentials::take(request, command),
            None => Default::default(),
        };
        let snapshot = self.switch.snapshot();
        let named = credentials.id.and_then(|id| identify::resolve(&snapshot, id));
        let user = named.map(|account| &*account.username).or(credentials.id);
        let verdict = self.switch.guard(|guard| guard.admit_source(now, source.address, user));
        // A flood in somebody else's name must not make us one.
        traits.silent = request.origin.transport == Transport::Udp
            && !verdict.is_pass()
            && !self.switch.guard(|guard| guard.is_told(now.mono, source.address, verdict));
        refuse(verdict)?;
        traits.course.stage = Stage::Form;
        if let Some(broken) = &request.broken {
            return Err(broken.clone());
        }
        refusal::jsonp(request, config)?;
        traits.course.stage = Stage::Command;
        let declared = found.ok_or_else(|| unknown(&request.command))?;
        let command = crate::commands::as_asked(declared, &args);
        let (name, base) = match &entry {
            // Entries share one declaration: their name tells their requests apart.
            Some(entry) => {
                args.named.push("apientry", &entry.name);
                (entry.name.as_str(), entry.base())
            }
            None => (command.name, command),
        };
        traits.admin_text = base.access.is_admin();
        // Whoever passes a line of the console wants its answer.
        traits.bare_ok = declared.effect != Effect::Read && declared.name != "oop";
        if rules.len() > 0 {
            traits.sequel = Some(Box::new(Sequel::of(&rules, name, &args, &source)));
        }
        let rule = rules.rule(name, base).relax(command, config);
        let identity = Identity {
            request,
            now,
            command,
            credentials: &credentials,
            named,
            args: &args,
            source: &source,
            snapshot: &snapshot,
        };
        self.admit(&identity, rule, entry, traits, config)
    }

    /// Authenticates and authorises.
    fn admit(
        self: &Arc<Self>,
        identity: &Identity<'_>,
        rule: Checked,
        entry: Option<Arc<Entry>>,
        traits: &mut Traits,
        config: &Config,
    ) -> Result<Ready, Failure> {
        let source = identity.source;
        traits.course.stage = Stage::OldLists;
        refusal::old_interface(identity.request, identity.command, source, config)?;
        traits.course.stage = Stage::Identity;
        let identified = self.identify(identity, &rule, config)?;
        traits.proven = !matches!(identified.caller.proof, Proof::None | Proof::Name);
        traits.about(identified.account.as_ref());
        if let (Some(id), Some(account), true) =
            (identity.request.origin.encrypted, &identified.account, traits.proven)
        {
            self.switch.encrypted().belongs_to(id, account.id);
        }
        traits.course.learn(&identified);
        self.admit_account(identity.now, &identified, config)?;
        traits.course.stage = Stage::Rule;
        let level = authorise(&rule.rule, &identified.caller, source, &policy(config))
            .map_err(|denial| self.denied(denial, source, identity.credentials))?;
        traits.course.level = level;
        traits.course.stage = Stage::Nonce;
        self.check_nonce(identity, &identified, &rule, config)?;
        let own_level = identified.caller.level;
        if let Some(node) = identity.request.node_of(identity.called()) {
            let far = Far::of(identity, identified.account, level, node);
            return Ok(Ready { work: Work::Far(Box::new(far)), rule, own_level });
        }
        traits.course.stage = Stage::Target;
        let mut call = self.call(identity, identified, level, rule.rule.support)?;
        traits.course.target = call.target.as_ref().map(|account| account.id);
        call.entry = entry;
        call.request = call.keeps_request().then(|| Box::new(identity.request.clone()));
        Ok(Ready { work: Work::Here(call), rule, own_level })
    }

    /// Checks the conditions beyond identity, and runs.
    async fn complete(self: &Arc<Self>, ready: Ready, config: &Config, traits: &mut Traits) -> Outcome {
        let Ready { work, rule, own_level } = ready;
        let (asker, source) = match &work {
            Work::Here(call) => (call.caller.as_ref(), &call.source),
            Work::Far(far) => (far.caller.as_ref(), &far.source),
        };
        if rule.has_conditions(config)
            && let Some(account) = asker
        {
            traits.course.stage = Stage::Conditions;
            Box::pin(self.check_conditions(account, own_level, source, &rule, config)).await?;
        }
        traits.course.stage = Stage::Ran;
        match work {
            Work::Here(call) => {
                traits.about(call.target.as_ref());
                self.run(call).await
            }
            Work::Far(far) => Box::pin(self.elsewhere(*far)).await,
        }
    }

    /// What a row of `tb_api` does after the answer.
    fn follow(&self, sequel: Sequel, failed: bool) {
        let Sequel { rules, name, input, source } = sequel;
        let Some(action) = rules.action(&name, failed) else { return };
        let who = input.account.as_ref().map(|account| account.id);
        let job = Job::action(Arc::clone(action), &name, input, who, source.to_string());
        if let Err(full) = self.actions.submit(job) {
            tracing::warn!(name, %full, "an action of tb_api is dropped");
        }
    }

    /// Runs the command, once per `requestid`, and writes it into the audit.
    pub(super) async fn run(self: &Arc<Self>, call: Call) -> Outcome {
        let reads = matches!(call.command.effect, Effect::Read | Effect::Session);
        // At the console reading is audited too, and what is refused.
        let audited = call.source.console && !matches!(call.command.effect, Effect::Session);
        match &call.command.run {
            Run::Here { run, .. } if reads && !audited => run(call).await,
            _ => Box::pin(self.run_recorded(call)).await,
        }
    }

    /// The same of what changes something, or is asked at the console.
    async fn run_recorded(self: &Arc<Self>, call: Call) -> Outcome {
        let ready = match &call.command.run {
            Run::Unavailable { why } => Err(Failure::unavailable(*why)),
            Run::Here { check, run } => check(&call.args).map(|()| run),
        };
        let (command, who) = (call.command, call.caller_id());
        let changes = ready.is_ok() && !matches!(command.effect, Effect::Read | Effect::Session);
        let console = call.source.console && !matches!(command.effect, Effect::Session);
        let audit = (changes || console).then(|| AuditEntry {
            at: call.now().wall,
            account: Some(who).filter(|id| id.0 > 0),
            source: call.source.address.to_string(),
            command: call.entry.as_ref().map_or_else(|| command.name.to_owned(), |entry| entry.name.clone()),
            object: call.object(),
            outcome: String::new(),
        });
        let outcome = match (ready, &call.request_id) {
            (Err(failure), _) => Err(failure),
            (Ok(run), Some(id)) if changes => {
                let key = recent::Key { caller: who, command: command.name, request: id.clone() };
                let print = fingerprint(command, &call.args);
                Box::pin(self.recent.once(call.now().mono, key, print, || run(call))).await
            }
            (Ok(run), _) => run(call).await,
        };
        if changes && outcome.is_ok() {
            Box::pin(self.switch.refresh()).await;
        }
        if let Some(audit) = audit {
            let at = self.switch.now().wall;
            let outcome = outcome.as_ref().map_or_else(ToString::to_string, |_| "OK".to_owned());
            self.switch.store().audit(AuditEntry { at, outcome, ..audit });
        }
        outcome
    }

    pub(super) fn call(
        self: &Arc<Self>,
        identity: &Identity<'_>,
        identified: Identified,
        level: Level,
        support: bool,
    ) -> Result<Call, Failure> {
        let own = identified.account.as_ref().map(|account| account.id);
        let scope = match (level, own) {
            (Level::Admin | Level::ServerAdmin, _) => Scope::All,
            // Support reads diagnostics of everybody.
            (Level::Support, _) if support => Scope::All,
            (Level::Owner, Some(id)) => Scope::Children(id),
            (_, own) => Scope::Own(own.unwrap_or_default()),
        };
        let mut target = identified.account.clone();
        let wanted = identity.args.named("targetuser").filter(|name| !name.is_empty());
        if let Some(name) = wanted {
            let changes = !matches!(identity.command.effect, Effect::Read);
            target = Some(self.acted_for(level, own, name, "targetuser", changes)?);
        }
        let request_id = identity.request.field("requestid").filter(|id| !id.is_empty()).map(str::to_owned);
        if request_id.as_ref().is_some_and(|id| id.len() > MAX_REQUEST_ID) {
            return Err(Failure::invalid(format!("requestid must be at most {MAX_REQUEST_ID} bytes")));
        }
        Ok(Call::from(Asked {
            dispatcher: Arc::clone(self),
            command: identity.command,
            args: identity.args.clone(),
            caller: identified.account,
            console_name: identified.console_name,
            level,
            scope,
            target,
            target_named: wanted.is_some(),
            unproven_user: identity
                .credentials
                .id
                .filter(|_| identified.caller.proof == Proof::None)
                .map(str::to_owned),
            request_id: request_id
                .map(|id| own_request_id(id, own, level, identity.source))
                .or(identified.single_use),
            api_key: identified.key,
            source: *identity.source,
            peer: identity.request.origin.peer,
            stream: identity.request.stream.clone(),
            joining: identity.request.joining.clone(),
            local: identity.request.origin.local,
            request: None,
            entry: None,
            cursor: identity.request.field("cursor").and_then(|cursor| cursor.trim().parse().ok()),
        }))
    }

    /// The account that a caller may act for; the refusal names `what`.
    pub(crate) fn acted_for(
        &self,
        level: Level,
        own: Option<AccountId>,
        name: &str,
        what: &str,
        changes: bool,
    ) -> Result<Arc<Account>, Failure> {
        let snapshot = self.switch.snapshot();
        let found = identify::resolve(&snapshot, name).filter(|account| {
            let below = own.is_some_and(|own| snapshot.is_below(account.id, own));
            may_act_for(level, own == Some(account.id), below)
        });
        let found = found.ok_or_else(|| Failure::not_found(format!("{what} {name}")))?;
        if changes {
            call::not_above(level, found)?;
        }
        Ok(Arc::clone(found))
    }

    /// The requests of a proven account within `ratelimituser`: who only names it uses up none of them.
    fn admit_account(&self, now: Now, identified: &Identified, config: &Config) -> Result<(), Failure> {
        let proven = !matches!(identified.caller.proof, Proof::None | Proof::Name);
        if config.ratelimituser == 0 || !proven {
            return Ok(());
        }
        refuse(self.switch.guard(|guard| guard.admit_account(now.mono, identified.name())))
    }
}

/// The command of a request, or what a row of `tb_api` runs under that name.
pub(super) fn found(request: &Request, rules: &Overrides) -> (Option<&'static Command>, Option<Arc<Entry>>) {
    let command = find(&request.command);
    let entry = match command {
        _ if rules.len() == 0 => None,
        Some(command) => rules.entry(command.name),
        None => rules.entry(&request.command.to_ascii_lowercase()),
    };
    match entry {
        Some(entry) => (Some(entry.command()), Some(Arc::clone(entry))),
        None => (command, None),
    }
}

fn unknown(name: &str) -> Failure {
    if name.is_empty() {
        Failure::missing("apientry")
    } else {
        Failure::new(Kind::UnknownCommand, name.chars().take(64).collect::<String>())
    }
}

/// Callers whom nobody knows share no request ids: one address must not get the answer of another.
fn own_request_id(id: String, own: Option<AccountId>, level: Level, source: &Source) -> String {
    if own.is_some() || level > Level::Public { id } else { format!("{}/{id}", source.address) }
}

/// Two requests with the same fingerprint ask for the same thing. What must be kept nowhere is not in it.
pub(super) fn fingerprint(command: &Command, args: &Args) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.name.hash(&mut hasher);
    let counted = args
        .named
        .iter()
        .filter(|(name, _)| !matches!(*name, "now" | "new" | "requestid" | "format"))
        .filter(|(name, _)| !command.forgets(name));
    counted.for_each(|field| field.hash(&mut hasher));
    let forgotten = |at: usize| command.params.get(at).is_some_and(|param| param.fleeting);
    let positional = args.positional.iter().enumerate().filter(|(at, _)| !forgotten(*at));
    positional.for_each(|field| field.hash(&mut hasher));
    hasher.finish()
}

impl Call {
    fn caller_id(&self) -> AccountId {
        self.caller.as_ref().map(|account| account.id).unwrap_or_default()
    }
}
