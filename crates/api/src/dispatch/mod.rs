//! The one way to a command: find, admit, authenticate, authorise, parse, run, audit, encode.

mod call;
mod callbacks;
mod console;
mod custom;
mod describe;
mod detached;
mod explain;
mod identify;
mod inspect;
mod joining;
mod keeping;
mod overrides;
mod recent;
mod refusal;
mod run_as;
mod signups;
mod table;
mod values;
mod web_clients;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strowger_config::Config;
use strowger_guard::Verdict;
use strowger_model::{AccountId, Now, Scope};
use strowger_store::{AuditEntry, ReplayRow};
use strowger_switch::Handle;

pub use call::Call;
pub(crate) use explain::pasted;
pub(crate) use inspect::{Filter, Shown};
pub(crate) use table::is_fleeting;
pub use table::{commands, completions, find, may_be_remembered};
pub(crate) use values::{Input, Text};

use crate::actions::{Actions, Job};
use crate::auth::{ApiKeys, Level, Nonces, Policy, Proof, Replays, Sessions, authorise, look, may_act_for};
use crate::declare::{Args, Command, Effect, Outcome, Run};
use crate::events::{Hub, WebhookDesk};
use crate::logs::LogControl;
use crate::mmq::Exchange;
use crate::reply::{
    Answer, Failure, Format, Kind, UDP_MAX_BYTES, UDP_UNPROVEN_BYTES, UDP_UNPROVEN_FACTOR, Wanted, encode,
};
use crate::request::{Request, Transport};
use custom::Entry;
use detached::{Panicked, detached};
use identify::Identified;
use inspect::{Course, Inspector, Stage};
use overrides::{Checked, Overrides};
use recent::Recent;
use signups::Signups;
use web_clients::WebClients;

/// The longest `requestid`, in bytes.
const MAX_REQUEST_ID: usize = 128;
/// The function that a JSONP answer calls where none is named.
const DEFAULT_CALLBACK: &str = "callback";
/// The longest answer in headers of a SIP response, in bytes: one that fits a datagram together with the response's
/// own fields.
const SIP_MAX_BYTES: usize = 900;
/// `allowtrustedip`: the console too.
const ALLOW_CONSOLE: u32 = 4;

/// What program this is.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// Its version.
    pub version: &'static str,
    /// The commit that it was made from, or `unknown`.
    pub commit: &'static str,
    /// What was built in.
    pub features: &'static [&'static str],
}

/// What the dispatcher remembers between requests, all of it bounded.
#[derive(Default)]
pub(crate) struct Memory {
    pub nonces: Nonces,
    pub replays: Replays,
    pub sessions: Sessions,
    pub signups: Signups,
    pub web_clients: WebClients,
    /// A change of the machine's address that waits for its confirmation.
    pub address: Option<crate::host::Address>,
    pub callbacks: callbacks::Callbacks,
    /// Jobs of the number scanner.
    pub scanner: crate::scanner::Jobs,
    /// Digests that wait to be written.
    pub unsaved: Vec<ReplayRow>,
}

/// Takes requests to commands and back.
pub struct Dispatcher {
    switch: Handle,
    build: Build,
    overrides: RwLock<Arc<Overrides>>,
    memory: Mutex<Memory>,
    recent: Recent,
    events: Hub,
    actions: Actions,
    log: std::sync::OnceLock<LogControl>,
    fetch: std::sync::OnceLock<crate::fetch::Fetch>,
    cards: crate::cards::Desk,
    /// The task that looks for due maintenance.
    pub(crate) schedule: crate::maintenance::Schedule,
    /// Whoever carries out what only the program can do.
    pub(crate) services: std::sync::OnceLock<tokio::sync::mpsc::Sender<crate::service::ServiceOrder>>,
    keys: RwLock<Arc<ApiKeys>>,
    inspector: Inspector,
    webhooks: WebhookDesk,
    mmq: Exchange,
}

/// What became of a request besides its outcome.
#[derive(Default)]
struct Traits {
    proven: bool,
    admin_text: bool,
    bare_ok: bool,
    course: Course,
    /// Whom the request is about.
    account: Option<Arc<strowger_model::Account>>,
}

impl Dispatcher {
    /// A dispatcher with the rules of `tb_api`. Rows that are wrong are logged, and none of them counts.
    pub async fn start(switch: Handle, build: Build) -> Arc<Self> {
        let events = Hub::start(&switch).await;
        let (actions, jobs) = Actions::new();
        let dispatcher = Arc::new(Self {
            events,
            actions,
            webhooks: WebhookDesk::default(),
            mmq: Exchange::default(),
            switch,
            build,
            overrides: RwLock::default(),
            memory: Mutex::default(),
            recent: Recent::default(),
            log: std::sync::OnceLock::new(),
            fetch: std::sync::OnceLock::new(),
            cards: crate::cards::Desk::default(),
            schedule: crate::maintenance::Schedule::default(),
            services: std::sync::OnceLock::new(),
            keys: RwLock::default(),
            inspector: Inspector::default(),
        });
        if let Err(why) = dispatcher.reload_rules().await {
            tracing::warn!(%why, "tb_api is not used");
        }
        dispatcher.recall().await;
        tokio::spawn(Self::work_off(Arc::downgrade(&dispatcher), jobs));
        tokio::spawn(crate::mmq::feed(Arc::downgrade(&dispatcher)));
        dispatcher
    }

    /// Where word is left for whoever posts to webhooks.
    #[must_use]
    pub const fn webhooks(&self) -> &WebhookDesk {
        &self.webhooks
    }

    /// The event stream of this node.
    #[must_use]
    pub const fn events(&self) -> &Hub {
        &self.events
    }

    /// The message queue between the devices of an account.
    pub(crate) const fn mmq(&self) -> &Exchange {
        &self.mmq
    }

    /// Lets commands read and change the log. Only the first time counts.
    pub fn attach_log(&self, control: LogControl) {
        // A second log of the same process would be a mistake of the server, and the first one goes on.
        let _ = self.log.set(control);
    }

    /// Lets commands fetch from other servers. Only the first time counts.
    pub fn attach_fetch(&self, fetch: crate::fetch::Fetch) {
        let _ = self.fetch.set(fetch);
    }

    /// Lets commands ask the card payment provider. Only the first time counts.
    pub fn attach_cards(&self, ask: crate::cards::Ask) {
        self.cards.attach(ask);
    }

    /// What card payments share.
    pub(crate) const fn cards(&self) -> &crate::cards::Desk {
        &self.cards
    }

    pub(crate) fn fetch(&self) -> Option<&crate::fetch::Fetch> {
        self.fetch.get()
    }

    pub(crate) fn log(&self) -> Option<&LogControl> {
        self.log.get()
    }

    /// The folder of the static files, by configuration or below the data folder.
    #[must_use]
    pub fn web_root(&self) -> std::path::PathBuf {
        let config = self.switch.config();
        if config.webroot.is_empty() {
            self.switch.data_folder().join("mvweb")
        } else {
            (&config.webroot).into()
        }
    }

    /// Answers a request. Never fails, never panics. Dropping this future, because the peer went away, does not cut
    /// the command in the middle.
    pub fn answer(self: &Arc<Self>, request: Request) -> impl Future<Output = Answer> + Send + use<> {
        // It passes through many hands: in one place it is not copied by each.
        Arc::clone(self).answered(Box::new(request))
    }

    async fn answered(self: Arc<Self>, mut request: Box<Request>) -> Answer {
        let config = self.switch.config();
        if request.preflight {
            return preflight(&request, &config);
        }
        if let Some(document) = request.document {
            return self.describe(document, &request, &config);
        }
        request.decrypt(&config.httpapiencryptkey);
        let (wanted, web_origin) = (wanted(&request, &config), request.origin.web_origin.clone());
        let (transport, size) = (request.origin.transport, request.size);
        let most = usize::try_from(config.apiinspect).unwrap_or_default();
        let handled = detached(Box::pin(self.handle(request, most))).await;
        let (outcome, traits) = handled.unwrap_or_else(|Panicked| {
            tracing::error!("a command panicked");
            (Err(Failure::failed("internal error")), Traits::default())
        });
        let limit = match transport {
            Transport::Udp if traits.proven => Some(UDP_MAX_BYTES),
            Transport::Udp => {
                Some(UDP_UNPROVEN_BYTES.max(size.saturating_mul(UDP_UNPROVEN_FACTOR)).min(UDP_MAX_BYTES))
            }
            Transport::Sip => Some(SIP_MAX_BYTES),
            _ => None,
        };
        let wanted = Wanted { limit, soften: !traits.admin_text, bare_ok: traits.bare_ok, ..wanted };
        let mut answer = encode(outcome, &wanted);
        answer.close &= transport.is_stream();
        allow_origin(&mut answer, web_origin.as_deref(), &config);
        answer
    }

    /// Handles a request and notes it among the last `most`.
    async fn handle(self: Arc<Self>, request: Box<Request>, most: usize) -> (Outcome, Traits) {
        let mut traits = Traits::default();
        let began = self.switch.now();
        let outcome = self.try_handle(&request, began, &mut traits).await;
        if let (Err(failure), true) = (&outcome, traits.course.stage != Stage::Ran) {
            self.audit_refusal(&request, failure);
        }
        if most > 0 {
            let took_us = self.switch.now().mono - began.mono;
            self.inspector.note(most, began.wall, took_us, &request, traits.course, &outcome);
        }
        (outcome, traits)
    }

    async fn try_handle(self: &Arc<Self>, request: &Request, now: Now, traits: &mut Traits) -> Outcome {
        let config = self.switch.config();
        let source = look(&request.origin, &config);
        traits.course.place = source.place;
        let rules = self.rules();
        let (found, entry) = found(request, &rules);
        let (credentials, mut args) = match found {
            Some(command) => crate::auth::Credentials::take(request, command),
            None => Default::default(),
        };
        let snapshot = self.switch.snapshot();
        let named = credentials.id.and_then(|id| identify::resolve(&snapshot, id));
        let user = named.as_ref().map(|account| &*account.username).or(credentials.id);
        refuse(self.switch.guard(|guard| guard.admit_source(now, source.address, user)))?;
        traits.course.stage = Stage::Form;
        if let Some(broken) = &request.broken {
            return Err(broken.clone());
        }
        refusal::jsonp(request, &config)?;
        traits.course.stage = Stage::Command;
        let declared = found.ok_or_else(|| unknown(&request.command))?;
        let command = crate::commands::as_asked(declared, &args);
        let (name, base) = match &entry {
            // Entries share one declaration: their name tells their requests apart.
            Some(entry) => {
                args.named.push(("apientry".to_owned(), entry.name.clone()));
                (entry.name.as_str(), entry.base())
            }
            None => (command.name, command),
        };
        traits.admin_text = base.access.is_admin();
        // Whoever passes a line of the console wants its answer.
        traits.bare_ok = declared.effect != Effect::Read && declared.name != "oop";
        let rule = rules.rule(name, base).relax(command, &config);
        let asked =
            Asked { request, now, command, entry: entry.clone(), credentials, named, args, source, rule };
        let outcome = self.admitted(&asked, traits, &config).await;
        if let Some(action) = rules.action(name, outcome.is_err()) {
            let input = Input::new(traits.account.clone(), &asked.args.named);
            let who = input.account.as_ref().map(|account| account.id);
            let action = Arc::clone(action);
            let job = Job::action(action, name, input, who, source.address.to_string());
            if let Err(full) = self.actions.submit(job) {
                tracing::warn!(name, %full, "an action of tb_api is dropped");
            }
        }
        outcome
    }

    /// A request inside another one, with all that a request goes through.
    pub(crate) async fn nested(self: &Arc<Self>, request: &Request) -> Outcome {
        self.try_handle(request, self.switch.now(), &mut Traits::default()).await
    }

    /// Authenticates, authorises and runs.
    async fn admitted(self: &Arc<Self>, asked: &Asked<'_>, traits: &mut Traits, config: &Config) -> Outcome {
        let Asked { request, now, command, credentials, source, rule, .. } = asked;
        let identity = Identity {
            request,
            now: *now,
            command,
            credentials,
            named: asked.named.clone(),
            args: &asked.args,
            source,
        };
        traits.course.stage = Stage::OldLists;
        refusal::old_interface(request, command, source, config)?;
        traits.course.stage = Stage::Identity;
        let identified = self.identify(&identity, rule, config)?;
        traits.proven = !matches!(identified.caller.proof, Proof::None | Proof::Name);
        traits.account.clone_from(&identified.account);
        traits.course.learn(&identified);
        self.admit_account(*now, &identified, config)?;
        traits.course.stage = Stage::Rule;
        let policy = policy(config);
        let level = authorise(&rule.rule, &identified.caller, source, &policy)
            .map_err(|denial| self.denied(denial, source, credentials))?;
        traits.course.level = level;
        traits.course.stage = Stage::Nonce;
        self.check_nonce(&identity, &identified, rule, config)?;
        traits.course.stage = Stage::Conditions;
        if rule.has_conditions(config) {
            Box::pin(self.check_conditions(&identified, source, rule, config)).await?;
        }
        traits.course.stage = Stage::Target;
        let mut call = self.call(&identity, identified, level, rule.rule.support)?;
        traits.course.target = call.target.as_ref().map(|account| account.id);
        traits.course.stage = Stage::Ran;
        call.entry.clone_from(&asked.entry);
        call.request = call.passes_on().then(|| Box::new((*request).clone()));
        traits.account.clone_from(&call.target);
        self.run(call).await
    }

    /// Runs the command, once per `requestid`, and writes it into the audit.
    async fn run(self: &Arc<Self>, call: Box<Call>) -> Outcome {
        let ready = match &call.command.run {
            Run::Unavailable { why } => Err(Failure::unavailable(*why)),
            Run::Here { check, run } => check(&call.args).map(|()| run),
        };
        let (command, who) = (call.command, call.caller_id());
        let changes = ready.is_ok() && !matches!(command.effect, Effect::Read | Effect::Session);
        // At the console reading is audited too, and what is refused.
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
                Box::pin(self.recent.once(call.now().mono, key, print, || run(*call))).await
            }
            (Ok(run), _) => run(*call).await,
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

    fn call(
        self: &Arc<Self>,
        identity: &Identity<'_>,
        identified: Identified,
        level: Level,
        support: bool,
    ) -> Result<Box<Call>, Failure> {
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
        Ok(Box::new(Call {
            dispatcher: Arc::clone(self),
            command: identity.command,
            args: identity.args.clone(),
            caller: identified.account,
            caller_name: identified.name,
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
    ) -> Result<Arc<strowger_model::Account>, Failure> {
        let snapshot = self.switch.snapshot();
        let found = identify::resolve(&snapshot, name).filter(|account| {
            let below = own.is_some_and(|own| snapshot.is_below(account.id, own));
            may_act_for(level, own == Some(account.id), below)
        });
        let found = found.ok_or_else(|| Failure::not_found(format!("{what} {name}")))?;
        if changes {
            call::not_above(level, &found)?;
        }
        Ok(found)
    }

    /// The running exchange.
    pub(crate) const fn switch(&self) -> &Handle {
        &self.switch
    }

    /// What rows of `tb_api` do after an answer.
    pub(crate) const fn actions(&self) -> &Actions {
        &self.actions
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests of a proven account within `ratelimituser`: who only names it uses up none of them.
    fn admit_account(&self, now: Now, identified: &Identified, config: &Config) -> Result<(), Failure> {
        let proven = !matches!(identified.caller.proof, Proof::None | Proof::Name);
        if config.ratelimituser == 0 || !proven {
            return Ok(());
        }
        refuse(self.switch.guard(|guard| guard.admit_account(now.mono, &identified.name)))
    }

    /// A row of `tb_api` makes or replaces a command of this name.
    pub(crate) fn has_entry(&self, name: &str) -> bool {
        self.rules().entry(name).is_some()
    }

    /// Something may follow the answer later on the same stream: an event, the result of what was begun.
    #[must_use]
    pub fn may_push(&self, request: &Request) -> bool {
        request.may_push() || self.has_entry(request.command())
    }

    pub(crate) fn keys(&self) -> Arc<ApiKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) const fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    fn rules(&self) -> Arc<Overrides> {
        Arc::clone(&self.overrides.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads `tb_api` again; a wrong row is named, and the old rules stay.
    pub(crate) async fn reload_rules(&self) -> Result<usize, Failure> {
        let rules = Overrides::load(self.switch.store(), &self.switch.config()).await?;
        let count = rules.len();
        *self.overrides.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        Ok(count)
    }
}

/// One request with what it asks for.
struct Asked<'a> {
    request: &'a Request,
    /// When it came.
    now: Now,
    command: &'static Command,
    entry: Option<Arc<Entry>>,
    credentials: crate::auth::Credentials<'a>,
    named: Option<Arc<strowger_model::Account>>,
    args: Args,
    source: crate::auth::Source,
    rule: Checked,
}

/// The command of a request, or what a row of `tb_api` runs under that name.
fn found(request: &Request, rules: &Overrides) -> (Option<&'static Command>, Option<Arc<Entry>>) {
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

/// One request on its way to its command.
struct Identity<'a> {
    request: &'a Request,
    /// When it came.
    now: Now,
    command: &'static Command,
    credentials: &'a crate::auth::Credentials<'a>,
    named: Option<Arc<strowger_model::Account>>,
    args: &'a Args,
    source: &'a crate::auth::Source,
}

impl Identity<'_> {
    /// The name that the request is for: a command's, or that of a row of `tb_api`.
    fn called(&self) -> &str {
        self.args.named("apientry").unwrap_or(self.command.name)
    }
}

/// Callers whom nobody knows share no request ids: one address must not get the answer of another.
fn own_request_id(id: String, own: Option<AccountId>, level: Level, source: &crate::auth::Source) -> String {
    if own.is_some() || level > Level::Public { id } else { format!("{}/{id}", source.address) }
}

/// Two requests with the same fingerprint ask for the same thing. What must be kept nowhere is not in it.
fn fingerprint(command: &Command, args: &Args) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.name.hash(&mut hasher);
    let counted = args
        .named
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "now" | "new" | "requestid" | "format"))
        .filter(|(name, _)| !command.forgets(name));
    counted.for_each(|field| field.hash(&mut hasher));
    let forgotten = |at: usize| command.params.get(at).is_some_and(|param| param.fleeting);
    let positional = args.positional.iter().enumerate().filter(|(at, _)| !forgotten(*at));
    positional.for_each(|field| field.hash(&mut hasher));
    hasher.finish()
}

fn policy(config: &Config) -> Policy {
    Policy {
        trust_admin: config.apideftrustadmin,
        trusted_only: config.apitrustediponly,
        trust_console: trust_console(config),
        host_control: config.hostcontrol,
    }
}

/// `apitrustfromconsole`, which `allowtrustedip` 4 switches on as well.
fn trust_console(config: &Config) -> u32 {
    config.apitrustfromconsole.max(u32::from(config.allowtrustedip >= ALLOW_CONSOLE))
}

fn refuse(verdict: Verdict) -> Result<(), Failure> {
    let seconds = |ms: u64| ms.div_ceil(1_000).max(1);
    match verdict {
        Verdict::Pass => Ok(()),
        Verdict::Limited { retry_after_ms } => {
            let seconds = seconds(retry_after_ms);
            Err(Failure::limit(format!("too many requests, try again in {seconds} s")).after(seconds))
        }
        Verdict::Banned { retry_after_ms } => {
            let seconds = seconds(retry_after_ms);
            Err(Failure::limit(format!("banned after failed logins for {seconds} s NORETRY")).after(seconds))
        }
    }
}

fn wanted(request: &Request, config: &Config) -> Wanted {
    let jsonp = config.enablejsonp > 0;
    let format = match request.format {
        Format::Text if request.jsonp_guessed && jsonp => Format::Jsonp,
        Format::Jsonp if !jsonp => Format::Json,
        format => format,
    };
    let callback = match format {
        Format::Jsonp => {
            request.field("callback").filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CALLBACK)
        }
        _ => "",
    };
    Wanted {
        format,
        callback: callback.to_owned(),
        old: request.old,
        strict: config.httpstrictresponse,
        request_id: request.field("requestid").filter(|id| id.len() <= MAX_REQUEST_ID).map(str::to_owned),
        ..Wanted::default()
    }
}

/// A page of an allowed origin may read the answer.
fn allow_origin(answer: &mut Answer, web_origin: Option<&str>, config: &Config) {
    let allowed =
        web_origin.filter(|web| config.corsorigins.iter().any(|o| o == "*" || o.eq_ignore_ascii_case(web)));
    if let Some(web_origin) = allowed {
        answer.headers.push(("Access-Control-Allow-Origin", web_origin.to_owned().into()));
        answer.headers.push(("Vary", "Origin".into()));
    }
}

fn preflight(request: &Request, config: &Config) -> Answer {
    let mut answer = Answer::empty(204);
    allow_origin(&mut answer, request.origin.web_origin.as_deref(), config);
    if !answer.headers.is_empty() {
        answer.headers.push(("Access-Control-Allow-Methods", "GET, POST, OPTIONS".into()));
        answer.headers.push(("Access-Control-Allow-Headers", "Authorization, Content-Type".into()));
        answer.headers.push(("Access-Control-Max-Age", "600".into()));
    }
    answer
}

impl Call {
    fn caller_id(&self) -> AccountId {
        self.caller.as_ref().map(|account| account.id).unwrap_or_default()
    }
}
