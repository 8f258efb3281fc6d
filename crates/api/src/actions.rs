//! What a row of `tb_api` does after a request: an e-mail, an SMS, a ringing telephone, a restart, a program, a
//! statement. Actions wait in one bounded queue, run one after the other when the answer is on its way, and each is
//! written into the audit. Nothing here decides which request has an action.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strowger_config::Config;
use strowger_model::{AccountId, Now, Secret};
use strowger_store::{AuditEntry, Cell, Letter, LetterKind, SqlAnswer, SqlTemplate, Store};
use strowger_switch::{Handle, P2p, WaitFor};
use tokio::sync::mpsc;

use crate::declare::Fields;
use crate::dispatch::{Call, Dispatcher, Input, Text};
use crate::host::{self, OnBehalf};
use crate::push::Later;
use crate::reply::{Failure, Kind, Reply};

/// Actions that wait.
const MAX_WAITING: usize = 256;
/// Runs of one row in a minute; further ones are dropped.
const MAX_PER_MINUTE: u64 = 60;
/// A minute, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// Recipients of one e-mail.
const MAX_RECIPIENTS: usize = 10;
/// What is added to the number of an action that follows a failure.
const AFTER_FAILURE: u32 = 50;

/// `custom_action` and `custom_action_body`, read and prepared.
#[derive(Debug)]
pub struct Action {
    /// It follows failed requests, not successful ones.
    pub on_failure: bool,
    what: What,
    /// The minute in which it ran last, times 2^16, and how often.
    runs: AtomicU64,
}

#[derive(Debug)]
enum What {
    Mail { to: Option<Text>, subject: Text, body: Text },
    Sms { to: Text, body: Text },
    Ring { to: Text },
    Restart,
    RestartDatabase,
    Reboot,
    Program(Text),
    Sql(Arc<SqlTemplate>),
}

impl Action {
    /// Reads the two columns; 0 is no action.
    ///
    /// # Errors
    /// What is wrong or not available, with its reason.
    pub async fn compile(
        store: &Store,
        config: &Config,
        number: u32,
        body: &str,
    ) -> Result<Option<Self>, String> {
        let (on_failure, kind) =
            if number > AFTER_FAILURE { (true, number - AFTER_FAILURE) } else { (false, number) };
        if number == 0 {
            return Ok(None);
        }
        if !matches!(kind, 1..=8) || (on_failure && matches!(kind, 3 | 5)) {
            return Err("custom_action must be 0 to 8, 51, 52, 54, 56, 57 or 58".into());
        }
        if matches!(kind, 4 | 6 | 7) {
            host::capable(config).map_err(|why| format!("custom_action {number}: {why}"))?;
        }
        let what = match kind {
            1..=3 => message(store, kind, body).await?,
            4 => What::Restart,
            5 => What::RestartDatabase,
            6 if config.hostrestart.is_empty() => {
                return Err(format!(
                    "custom_action {number}: hostrestart names no program in the start-up file"
                ));
            }
            6 => What::Reboot,
            7 if body.trim().is_empty() => return Err("custom_action_body: the program is missing".into()),
            7 => What::Program(Text::compile(store, body.trim()).await.map_err(in_body)?),
            _ => {
                let sql = body.trim();
                let sql = sql.strip_prefix('*').unwrap_or(sql);
                let template = store.sql_template(sql, true).await;
                What::Sql(Arc::new(template.map_err(|wrong| in_body(wrong.to_string()))?))
            }
        };
        Ok(Some(Self { on_failure, what, runs: AtomicU64::new(0) }))
    }

    /// Counts one more run in this minute, or refuses.
    fn admit(&self, now: Now) -> bool {
        let minute = now.mono.0 / 1_000 / MINUTE_MS + 1;
        let counted = self.runs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
            let runs = if packed >> 16 == minute { packed & 0xffff } else { 0 };
            (runs < MAX_PER_MINUTE).then_some(minute << 16 | (runs + 1))
        });
        counted.is_ok()
    }
}

fn in_body(wrong: String) -> String {
    format!("custom_action_body: {wrong}")
}

/// An e-mail, SMS or call: lines `***TO` and `***SUBJECT` first, then the text.
async fn message(store: &Store, kind: u32, body: &str) -> Result<What, String> {
    let (mut to, mut subject, mut rest) = (None, String::new(), body);
    while let Some(line) = rest.trim_start_matches(['\r', '\n']).strip_prefix("***") {
        let (line, after) = line.split_once('\n').unwrap_or((line, ""));
        let (name, value) = line.split_once([' ', ':', '=']).unwrap_or((line.trim(), ""));
        match name.trim().to_ascii_uppercase().as_str() {
            "TO" => to = Some(value.trim().trim_start_matches([':', '=']).trim().to_owned()),
            "SUBJECT" => subject = value.trim().to_owned(),
            _ => return Err(format!("custom_action_body: ***{name} is unknown, write ***TO or ***SUBJECT")),
        }
        rest = after;
    }
    let compiled = |text: String| async move { Text::compile(store, &text).await.map_err(in_body) };
    let body = compiled(rest.trim().to_owned()).await?;
    let to = match to {
        Some(to) => Some(compiled(to).await?),
        None => None,
    };
    let no_number = || "custom_action_body must begin with a line ***TO and a number".to_owned();
    Ok(match kind {
        1 if rest.trim().is_empty() => return Err("custom_action_body: the text is missing".into()),
        1 => What::Mail { to, subject: compiled(subject).await?, body },
        2 if rest.trim().is_empty() => return Err("custom_action_body: the text is missing".into()),
        2 => What::Sms { to: to.ok_or_else(no_number)?, body },
        _ => What::Ring { to: to.ok_or_else(no_number)? },
    })
}

/// Something to be done after an answer.
pub struct Job {
    work: Todo,
    name: String,
    input: Input,
    who: Option<AccountId>,
    source: String,
    /// Where the result is pushed, for a request that came on a stream.
    later: Option<Later>,
}

enum Todo {
    Action(Arc<Action>),
    Sql(Arc<SqlTemplate>, Vec<Cell>),
}

impl Job {
    /// An action of a row, after a request of this name.
    pub fn action(
        action: Arc<Action>,
        name: &str,
        input: Input,
        who: Option<AccountId>,
        source: String,
    ) -> Self {
        Self { work: Todo::Action(action), name: name.to_owned(), input, who, source, later: None }
    }

    /// A write of a row whose answer does not wait for it.
    pub fn sql(call: &Call, name: &str, template: Arc<SqlTemplate>, values: Vec<Cell>) -> Self {
        Self {
            work: Todo::Sql(template, values),
            name: name.to_owned(),
            input: Input { account: None, fields: Fields::default() },
            who: call.caller.as_ref().map(|account| account.id),
            source: call.source.address.to_string(),
            later: Later::of(call),
        }
    }
}

/// The queue.
pub struct Actions {
    jobs: mpsc::Sender<Job>,
}

impl Actions {
    /// A queue, and where its jobs come out.
    pub fn new() -> (Self, mpsc::Receiver<Job>) {
        let (jobs, queue) = mpsc::channel(MAX_WAITING);
        (Self { jobs }, queue)
    }

    /// Queues a job.
    ///
    /// # Errors
    /// Too many wait.
    pub fn submit(&self, job: Job) -> Result<(), Failure> {
        let full = |_| Failure::new(Kind::Busy, format!("{MAX_WAITING} actions of tb_api wait already"));
        self.jobs.try_send(job).map_err(full)
    }
}

impl Dispatcher {
    /// Carries the jobs out, one after the other, as long as the dispatcher lives.
    pub(crate) async fn work_off(this: std::sync::Weak<Self>, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            let Some(dispatcher) = this.upgrade() else { return };
            dispatcher.carry_out(job).await;
        }
    }

    async fn carry_out(self: &Arc<Self>, job: Job) {
        let switch = self.switch().clone();
        let (kind, outcome) = match &job.work {
            Todo::Sql(template, values) => (
                "sql",
                switch.store().sql_bound(template, values.clone(), 1).await.map(done).map_err(Into::into),
            ),
            Todo::Action(action) if !action.admit(switch.now()) => {
                ("action", Err(Failure::limit(format!("{MAX_PER_MINUTE} runs a minute"))))
            }
            Todo::Action(action) => self.act(action, &job, &switch).await,
        };
        if let Err(failure) = &outcome {
            tracing::warn!(name = %job.name, kind, %failure, "an action of tb_api was not carried out");
        } else if matches!(kind, "sql") {
            switch.refresh().await;
        }
        if let Some(later) = &job.later {
            later.result(outcome.clone().map(|text| Reply::ok(text.trim_start_matches("OK").trim_start())));
        }
        switch.store().audit(AuditEntry {
            at: switch.now().wall,
            account: job.who,
            source: job.source,
            command: "action".into(),
            object: format!("{} {kind}", job.name),
            outcome: outcome.unwrap_or_else(|failure| failure.to_string()),
        });
    }

    /// Returns what the audit calls it, and what became of it.
    async fn act(
        self: &Arc<Self>,
        action: &Action,
        job: &Job,
        switch: &Handle,
    ) -> (&'static str, Result<String, Failure>) {
        let (store, input) = (switch.store(), &job.input);
        let who = OnBehalf { account: job.who, source: job.source.clone() };
        match &action.what {
            What::Mail { to, subject, body } => {
                ("mail", mail(switch, &job.name, input, to.as_ref(), subject, body).await)
            }
            What::Sms { to, body } => ("sms", sms(switch, &job.name, input, to, body).await),
            What::Ring { to } => ("ring", ring(switch, input, to).await),
            What::Restart => ("restart", self.restart_service(false).map(|()| "OK".to_owned())),
            What::RestartDatabase => {
                ("restart database", self.restart_database().await.map(|n| format!("OK {n}")))
            }
            What::Reboot => {
                let ran = host::run_helper(switch, &who, &switch.config().hostrestart, &[]).await;
                ("reboot", ran.map(|ran| ran.ending()))
            }
            What::Program(line) => ("program", program(switch, &who, input, line).await),
            What::Sql(template) => {
                let values = input.bind(store, template.slots()).await;
                let answer = match values {
                    Ok(values) => store.sql_bound(template, values, 1).await.map_err(Failure::from),
                    Err(missing) => Err(missing),
                };
                ("sql", answer.map(done))
            }
        }
    }
}

fn done(answer: SqlAnswer) -> String {
    match answer {
        SqlAnswer::Rows(..) => "OK".to_owned(),
        SqlAnswer::Changed(rows) => format!("OK {rows}"),
    }
}

fn anything(_: &str) -> Result<(), Failure> {
    Ok(())
}

async fn mail(
    switch: &Handle,
    name: &str,
    input: &Input,
    to: Option<&Text>,
    subject: &Text,
    body: &Text,
) -> Result<String, Failure> {
    let store = switch.store();
    let to = match to {
        Some(to) => to.fill(store, input, anything).await?,
        None => switch.config().adminemail.clone(),
    };
    let subject = subject.fill(store, input, anything).await?;
    let subject = if subject.trim().is_empty() { format!("API request {name}") } else { subject };
    let body = Secret::new(body.fill(store, input, anything).await?);
    let recipients: Vec<&str> =
        to.split([',', ';']).map(str::trim).filter(|to| !to.is_empty()).take(MAX_RECIPIENTS).collect();
    if recipients.is_empty() {
        return Err(Failure::missing("***TO, or adminemail"));
    }
    for to in &recipients {
        let letter = Letter {
            kind: LetterKind::Mail,
            to: (*to).to_owned(),
            from: String::new(),
            subject: subject.clone(),
            body: body.clone(),
            correlation: format!("action/{name}"),
        };
        store.outbox_queue(letter).await?;
    }
    Ok(format!("OK {}", recipients.len()))
}

async fn sms(switch: &Handle, name: &str, input: &Input, to: &Text, body: &Text) -> Result<String, Failure> {
    let store = switch.store();
    let letter = Letter {
        kind: LetterKind::Sms,
        to: to.fill(store, input, anything).await?,
        from: String::new(),
        subject: String::new(),
        body: Secret::new(body.fill(store, input, anything).await?),
        correlation: format!("action/{name}"),
    };
    store.outbox_queue(letter).await?;
    Ok("OK".to_owned())
}

/// Calls a number, and plays music to whoever answers. The account of the request pays.
async fn ring(switch: &Handle, input: &Input, to: &Text) -> Result<String, Failure> {
    let account = input.account.as_ref().ok_or_else(|| Failure::missing("authid"))?.id;
    let first = to.fill(switch.store(), input, anything).await?;
    let music = switch.config().servicemusic.clone();
    if music.is_empty() {
        return Err(Failure::unavailable("servicemusic is switched off"));
    }
    let order = P2p { account, first, second: music, caller: None, wait: WaitFor::Placed };
    Ok(format!("OK {}", switch.place_p2p(order).await?.call))
}

async fn program(switch: &Handle, who: &OnBehalf, input: &Input, line: &Text) -> Result<String, Failure> {
    // A value is one word, and never an option of the program.
    let one_word = |value: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\');
        if value.chars().any(odd) || value.starts_with('-') {
            return Err(Failure::invalid(
                "a value with blanks, quotation marks or a leading dash is no argument",
            ));
        }
        Ok(())
    };
    let line = line.fill(switch.store(), input, one_word).await?;
    let ran = host::run_listed(switch, who, &line).await?;
    if ran.succeeded() { Ok("OK".to_owned()) } else { Err(Failure::failed(ran.ending())) }
}
