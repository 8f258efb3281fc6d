//! The one way to a command: what the dispatcher holds, and a request from its form to the bytes of its answer.

mod call;
mod callbacks;
mod console;
mod custom;
mod describe;
mod detached;
mod elsewhere;
mod explain;
mod handle;
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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use strowger_config::Config;
use strowger_guard::Verdict;
use strowger_model::Account;
use strowger_store::ReplayRow;
use strowger_switch::Handle;

pub use call::Call;
pub(crate) use elsewhere::passed_on;
pub(crate) use explain::pasted;
pub(crate) use inspect::{Filter, Shown};
pub(crate) use table::is_fleeting;
pub use table::{commands, completions, find, may_be_remembered};
pub(crate) use values::{Input, Text};

use crate::actions::Actions;
use crate::auth::{ApiKeys, Nonces, Policy, Replays, Sessions, Source};
use crate::declare::{Args, Outcome};
use crate::events::{Hub, WebhookDesk};
use crate::logs::LogControl;
use crate::mmq::Exchange;
use crate::reply::{
    Answer, Failure, Format, UDP_MAX_BYTES, UDP_UNPROVEN_BYTES, UDP_UNPROVEN_FACTOR, Wanted, encode,
};
use crate::request::{Request, Transport};
use detached::{Panicked, caught, detached};
use inspect::{Course, Inspector, Stage};
use overrides::Overrides;
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
    /// Who may listen to calls, and who does.
    pub tickets: crate::listening::Tickets,
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
    nodes: std::sync::OnceLock<(crate::nodes::AskNode, crate::nodes::Visit)>,
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
    /// Nothing is answered.
    silent: bool,
    course: Course,
    /// What may follow.
    sequel: Option<Box<Sequel>>,
}

impl Traits {
    /// Whom the request is about, for what may follow.
    fn about(&mut self, account: Option<&Arc<Account>>) {
        if let Some(sequel) = &mut self.sequel {
            sequel.input.account = account.cloned();
        }
    }
}

/// What the actions of `tb_api` must know of a request when it is answered.
struct Sequel {
    rules: Arc<Overrides>,
    name: String,
    input: Input,
    source: std::net::IpAddr,
}

impl Sequel {
    fn of(rules: &Arc<Overrides>, name: &str, args: &Args, source: &Source) -> Self {
        let input = Input::new(None, &args.named);
        Self { rules: Arc::clone(rules), name: name.to_owned(), input, source: source.address }
    }
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
            nodes: std::sync::OnceLock::new(),
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
    pub fn answer<R: Into<Box<Request>>>(
        self: &Arc<Self>,
        request: R,
    ) -> impl Future<Output = Answer> + Send + use<R> {
        // In one place of its own it is not moved together with whatever waits for it.
        let answered = detached(Box::pin(Arc::clone(self).answered(request.into())));
        async {
            answered.await.unwrap_or_else(|Panicked| {
                tracing::error!("an answer could not be written");
                encode(Err(Failure::failed("internal error")), &Wanted::default())
            })
        }
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
        let handled = caught(self.handle(request, Arc::clone(&config))).await;
        let (outcome, traits) = handled.unwrap_or_else(|Panicked| {
            tracing::error!("a command panicked");
            (Err(Failure::failed("internal error")), Traits::default())
        });
        if traits.silent {
            return Answer::empty(200);
        }
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

    /// Handles a request and notes it among the last ones.
    async fn handle(self: Arc<Self>, mut request: Box<Request>, config: Arc<Config>) -> (Outcome, Traits) {
        let mut traits = Traits::default();
        let began = self.switch.now();
        let outcome = self.try_handle(&request, began, &config, &mut traits).await;
        if let (Err(failure), true) = (&outcome, traits.course.stage != Stage::Ran) {
            self.audit_refusal(&request, failure);
        }
        let most = usize::try_from(config.apiinspect).unwrap_or_default();
        if most > 0 {
            let took_us = self.switch.mono() - began.mono;
            self.inspector.note(most, began.wall, took_us, &mut request, traits.course, &outcome);
        }
        (outcome, traits)
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
