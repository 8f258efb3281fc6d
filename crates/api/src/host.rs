//! Programs of the operator: only those that `hostcommands` of the start-up file lists, as an argument vector without
//! a shell, bounded in time and output, and written into the audit. Nothing here decides who may ask: the access
//! `host` of a command does, and [`run_listed`] looks at the capability once more.

use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strowger_config::Config;
use strowger_model::AccountId;
use strowger_store::AuditEntry;
use strowger_switch::Handle;
use tokio::sync::Semaphore;

use crate::reply::{Failure, Kind};

/// Programs that run at a time.
const MOST_RUNNING: usize = 4;
static RUNNING: Semaphore = Semaphore::const_new(MOST_RUNNING);
/// Output that is kept, in bytes; the rest is read and dropped.
const MOST_OUTPUT: usize = 64 * 1024;
/// Words that a request may add to a listed program.
const MOST_WORDS: usize = 32;
/// The longest of them, in bytes.
const LONGEST_WORD: usize = 1_024;
/// How often a running program is looked after.
const LOOK: Duration = Duration::from_millis(10);
/// How long what an ended program wrote may take to arrive.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);
/// What programs are found by, as far as a program starts others itself.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program of the operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The name by which requests know it.
    pub(crate) name: String,
    /// The program with an absolute path, and its fixed arguments.
    words: Vec<String>,
    /// Requests may add arguments: the entry ends with `*`.
    open: bool,
}

/// The programs of `hostcommands`, each `name=/path/program argument … [*]`.
///
/// # Errors
/// The first entry that is none, in words.
pub(crate) fn listed(config: &Config) -> Result<Vec<Listed>, Failure> {
    config.hostcommands.iter().map(|entry| parse(entry)).collect()
}

fn parse(entry: &str) -> Result<Listed, Failure> {
    let wrong = || {
        let entry: String = entry.chars().take(60).collect();
        Failure::unavailable(format!("hostcommands: {entry} is not name=/path/program"))
    };
    let (name, line) = entry.split_once('=').ok_or_else(wrong)?;
    let mut words = words(line).ok_or_else(wrong)?;
    let open = words.last().is_some_and(|word| word == "*");
    if open {
        words.pop();
    }
    if name.trim().is_empty() || !words.first().is_some_and(|program| program.starts_with('/')) {
        return Err(wrong());
    }
    Ok(Listed { name: name.trim().to_owned(), words, open })
}

/// The words of a line; those in double quotes may contain spaces. Nothing else has a meaning.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
            }
            c if c.is_control() => return None,
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    (!quoted).then_some(words)
}

/// On whose behalf a program runs, for the audit.
#[derive(Debug, Clone)]
pub(crate) struct OnBehalf {
    /// Who asked.
    pub(crate) account: Option<AccountId>,
    /// From where.
    pub(crate) source: String,
}

/// What became of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    /// The exit status; none where a signal ended it.
    pub(crate) status: Option<i32>,
    /// Standard output and standard error as they came, with replacement characters where they are no UTF-8.
    pub(crate) output: String,
    /// There was more output than is kept.
    pub(crate) cut: bool,
    /// It did not end in `hosttimeout` seconds and was killed with everything it had started.
    pub(crate) timed_out: bool,
}

impl Ran {
    /// It ended by itself with status 0.
    pub(crate) fn succeeded(&self) -> bool {
        !self.timed_out && self.status == Some(0)
    }

    /// How it ended, in words.
    pub(crate) fn ending(&self) -> String {
        match self.status {
            _ if self.timed_out => "killed after hosttimeout".to_owned(),
            Some(status) => format!("exit status {status}"),
            None => "ended by a signal".to_owned(),
        }
    }
}

/// Runs the program whose name is the first word of `line`; the other words are added to its arguments where its
/// entry is open for them.
///
/// # Errors
/// `not available` without the capability or the list, `access denied` for what is not listed, `busy`, `failed`.
pub(crate) async fn run_listed(switch: &Handle, who: &OnBehalf, line: &str) -> Result<Ran, Failure> {
    let config = switch.config();
    capable(&config)?;
    let list = listed(&config)?;
    if list.is_empty() {
        return Err(Failure::unavailable("hostcommands lists no program in the start-up file"));
    }
    let asked = words(line).ok_or_else(|| Failure::invalid("txt must be words, with quotes in pairs"))?;
    let (name, added) = asked.split_first().ok_or_else(|| Failure::missing("txt"))?;
    let known = || list.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>().join(", ");
    let listed = list.iter().find(|listed| listed.name.eq_ignore_ascii_case(name));
    let listed = listed.ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        Failure::denied(format!("{name} is not in hostcommands, which lists {}", known()))
    })?;
    if !added.is_empty() && !listed.open {
        return Err(Failure::denied(format!("{} takes no arguments", listed.name)));
    }
    if added.len() > MOST_WORDS || added.iter().any(|word| word.len() > LONGEST_WORD) {
        return Err(Failure::invalid(format!("txt has more than {MOST_WORDS} words, or too long ones")));
    }
    let argv = [&listed.words[..], added].concat();
    run(switch, who, &listed.name, argv).await
}

/// Runs a program that the start-up file names by another key, such as the helper of `setip`.
///
/// # Errors
/// `not available` without the capability, `busy`, `failed`.
pub(crate) async fn run_helper(
    switch: &Handle,
    who: &OnBehalf,
    program: &str,
    arguments: &[String],
) -> Result<Ran, Failure> {
    capable(&switch.config())?;
    let argv = [&[program.to_owned()], arguments].concat();
    run(switch, who, program, argv).await
}

/// The operator switched host control on.
pub(crate) fn capable(config: &Config) -> Result<(), Failure> {
    if config.hostcontrol {
        return Ok(());
    }
    Err(Failure::unavailable("hostcontrol is off in the start-up file"))
}

/// A change of the machine's address that was applied and waits for its confirmation.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// What was asked for, as the helper gets it.
    pub(crate) wanted: Vec<String>,
    confirmed: Arc<Mutex<Option<tokio::sync::oneshot::Sender<()>>>>,
}

impl Address {
    /// It waits; the sender ends the waiting.
    pub(crate) fn new(wanted: Vec<String>, confirmed: tokio::sync::oneshot::Sender<()>) -> Self {
        Self { wanted, confirmed: Arc::new(Mutex::new(Some(confirmed))) }
    }

    /// Ends the waiting; false: it was over.
    pub(crate) fn confirm(&self) -> bool {
        let sender = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(()).is_ok())
    }
}

/// Takes a change of address back unless its confirmation comes in time.
pub(crate) async fn revert_unless(
    dispatcher: Arc<crate::dispatch::Dispatcher>,
    who: OnBehalf,
    wanted: Vec<String>,
    confirmation: tokio::sync::oneshot::Receiver<()>,
    patience: Duration,
) {
    if tokio::time::timeout(patience, confirmation).await.is_ok_and(|confirmed| confirmed.is_ok()) {
        return;
    }
    dispatcher.memory().address = None;
    let switch = dispatcher.switch();
    let arguments = [&["revert".to_owned()], &wanted[..]].concat();
    let program = switch.config().hostiphelper.clone();
    match run_helper(switch, &who, &program, &arguments).await {
        Ok(ran) if ran.succeeded() => tracing::warn!("the new address was not confirmed and is reverted"),
        Ok(ran) => tracing::error!(ending = ran.ending(), "the new address was not reverted"),
        Err(failure) => tracing::error!(%failure, "the new address was not reverted"),
    }
}

async fn run(switch: &Handle, who: &OnBehalf, name: &str, argv: Vec<String>) -> Result<Ran, Failure> {
    let permit = RUNNING.try_acquire();
    let permit = permit.map_err(|_| {
        Failure::new(Kind::Busy, format!("{MOST_RUNNING} programs are running, try again later"))
    })?;
    let longest = Duration::from_secs(switch.config().hosttimeout.into());
    let running = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        spawn(&argv, longest)
    });
    let ran = running.await.map_err(|_| Failure::failed("the program was not watched to its end"))?;
    let outcome = ran.as_ref().map_or_else(ToString::to_string, Ran::ending);
    tracing::info!(name, outcome, "a program of the operator ran");
    switch.store().audit(AuditEntry {
        at: switch.now().wall,
        account: who.account,
        source: who.source.clone(),
        command: "host program".to_owned(),
        object: name.to_owned(),
        outcome,
    });
    ran.map_err(|error| Failure::failed(format!("{name}: {error}")))
}

/// Starts it in a process group of its own and sees it to its end.
fn spawn(argv: &[String], longest: Duration) -> std::io::Result<Ran> {
    let (output, written) = std::io::pipe()?;
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").current_dir("/");
    command.stdin(Stdio::null()).stdout(written.try_clone()?).stderr(written).process_group(0);
    let mut child = command.spawn()?;
    // The command holds the writing end, which would keep the pipe from ever ending.
    drop(command);
    let (kept, ended) = collect(output);
    let status = watch(&mut child, &ended, longest)?;
    // What it started in the background may hold the pipe open for ever.
    let _ = ended.recv_timeout(OUTPUT_GRACE);
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Ran {
        status: status.and_then(|status| status.code()),
        output: String::from_utf8_lossy(&kept.bytes).into_owned(),
        cut: kept.cut,
        timed_out: status.is_none(),
    })
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

/// Reads to the end on a thread of its own and keeps the beginning.
fn collect(mut output: impl Read + Send + 'static) -> (Arc<Mutex<Kept>>, Receiver<()>) {
    let (done, ended) = channel();
    let kept = Arc::new(Mutex::new(Kept::default()));
    let shared = Arc::clone(&kept);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read) = output.read(&mut buffer)
            && read > 0
        {
            let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MOST_OUTPUT - kept.bytes.len();
            kept.bytes.extend_from_slice(&buffer[..read.min(room)]);
            kept.cut |= read > room;
        }
        // Nobody may be waiting any more.
        let _ = done.send(());
    });
    (kept, ended)
}

/// The status with which it ended; none: it was killed because its time was over.
fn watch(child: &mut Child, ended: &Receiver<()>, longest: Duration) -> std::io::Result<Option<ExitStatus>> {
    let until = Instant::now() + longest;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            kill_group(child);
            child.wait()?;
            return Ok(None);
        }
        if ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            std::thread::sleep(LOOK);
        }
    }
}

/// It has not been waited for, so the number is still its own.
fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // Everything in it may be gone already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str) -> Vec<String> {
        words(line).unwrap()
    }

    #[test]
    fn a_line_is_words_and_no_shell() {
        for (line, wanted) in [
            ("a  b", vec!["a", "b"]),
            ("a \"b c\" \"\"", vec!["a", "b c", ""]),
            ("a;b $(c) `d` | e > f", vec!["a;b", "$(c)", "`d`", "|", "e", ">", "f"]),
        ] {
            assert_eq!(words_of(line), wanted);
        }
        assert_eq!(words("a \"b"), None);
        assert_eq!(words("a\u{1b}[31m"), None);
    }

    #[test]
    fn an_entry_names_an_absolute_program() {
        let entry = parse("Ping=/bin/ping -c 1 *").unwrap();
        assert_eq!(
            (entry.name.as_str(), entry.words, entry.open),
            ("Ping", vec!["/bin/ping".into(), "-c".into(), "1".into()], true)
        );
        for wrong in ["ping", "ping=bin/ping", "=/bin/ping", "ping=", "ping=*"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn output_is_bounded_and_a_long_runner_is_killed_with_its_children() {
        let argv = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let ran = spawn(&argv(&["/bin/echo", "a b", "$HOME"]), Duration::from_secs(30)).unwrap();
        assert_eq!((ran.output.as_str(), ran.status, ran.cut), ("a b $HOME\n", Some(0), false));
        let ran =
            spawn(&argv(&["/bin/sh", "-c", "head -c 100000 /dev/zero; exit 3"]), Duration::from_secs(30));
        let ran = ran.unwrap();
        assert_eq!((ran.output.len(), ran.status, ran.cut), (MOST_OUTPUT, Some(3), true));
        let ran = spawn(&argv(&["/bin/sh", "-c", "sleep 600 & wait"]), Duration::from_millis(100)).unwrap();
        assert!(ran.timed_out && !ran.succeeded(), "{ran:?}");
        assert!(spawn(&argv(&["/no/such/program"]), Duration::from_secs(1)).is_err());
    }
}
