//! The last requests, for administrators: what was asked, from where, what let it in or kept it out, what was
//! answered, how long it took. Requests are kept as they were parsed and masked when they are shown, so that noting one
//! costs little.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use strowger_model::{AccountId, Wall};

use super::find;
use super::identify::Identified;
use crate::auth::{Level, Place, Proof};
use crate::declare::{Effect, Fields, Outcome};
use crate::reply::{Data, Shape};
use crate::request::{Request, Transport};

/// A longer request is kept as masked text only, in bytes.
const MAX_WHOLE_BYTES: usize = 4_096;
/// The same for its number of fields.
const MAX_WHOLE_FIELDS: usize = 64;
/// The longest text of a request that is shown, in characters.
const MAX_TEXT: usize = 500;
/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 60;
/// The longest beginning of an answer that is kept, in characters.
const MAX_ANSWER: usize = 160;
/// Call ids of one request that are kept.
const MAX_CALLS: usize = 8;

/// How far a request came; the one that it stopped at is the one that kept it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Rate limits and bans.
    #[default]
    Limits,
    /// Its own form.
    Form,
    /// The command's name, and whether it is there.
    Command,
    /// The address lists of the older interface.
    OldLists,
    /// Key and credentials.
    Identity,
    /// What the command demands of level, address and transport.
    Rule,
    /// A nonce, or a login before.
    Nonce,
    /// Credit and registration.
    Conditions,
    /// The account that it is about.
    Target,
    /// It ran.
    Ran,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits and bans",
            Self::Form => "form",
            Self::Command => "command",
            Self::OldLists => "address lists of the old interface",
            Self::Identity => "key and credentials",
            Self::Rule => "level and address",
            Self::Nonce => "nonce or login",
            Self::Conditions => "credit or registration",
            Self::Target => "target",
            Self::Ran => "nothing",
        }
    }
}

/// What is known of a request besides itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    pub stage: Stage,
    pub place: Place,
    pub level: Level,
    pub proof: Proof,
    pub account: Option<AccountId>,
    pub target: Option<AccountId>,
}

impl Default for Course {
    fn default() -> Self {
        Self {
            stage: Stage::Limits,
            place: Place::Foreign,
            level: Level::Public,
            proof: Proof::None,
            account: None,
            target: None,
        }
    }
}

impl Course {
    /// Who asks.
    pub fn learn(&mut self, identified: &Identified) {
        self.proof = identified.caller.proof;
        self.level = identified.caller.level;
        self.account = identified.account.as_ref().map(|account| account.id);
    }

    /// What let the request in or kept it out.
    fn rule(&self) -> String {
        let place = match self.place {
            Place::Loopback => "this machine",
            Place::Trusted => "a trusted address",
            Place::Lan => "the local network",
            Place::Foreign => "elsewhere",
        };
        if self.stage == Stage::Ran {
            format!("let in: {} by {} from {place}", self.level.name(), self.proof.name())
        } else {
            format!("kept out: {} ({} from {place})", self.stage.name(), self.proof.name())
        }
    }
}

/// A request as it was parsed.
#[derive(Debug, Default)]
struct Parsed {
    command: String,
    fields: Fields,
    positional: Vec<String>,
    positional_credentials: bool,
}

#[derive(Debug)]
enum Kept {
    Whole(Parsed),
    Text { command: String, user: String, text: String },
}

#[derive(Debug)]
struct Record {
    at: Wall,
    took_us: u64,
    transport: Transport,
    address: IpAddr,
    kept: Kept,
    course: Course,
    failed: bool,
    answer: String,
    calls: Vec<String>,
}

/// One request as it is shown: masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub at: Wall,
    pub took_us: u64,
    pub transport: &'static str,
    pub address: IpAddr,
    pub user: String,
    pub account: Option<AccountId>,
    pub target: Option<AccountId>,
    pub command: String,
    pub request: String,
    pub rule: String,
    pub failed: bool,
    pub answer: String,
    pub calls: Vec<String>,
    /// It may have moved money.
    pub money: bool,
}

/// Which requests are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub user: String,
    pub command: String,
    pub address: Option<IpAddr>,
    pub only_errors: bool,
    pub count: usize,
}

/// The ring.
#[derive(Default)]
pub struct Inspector(Mutex<VecDeque<Record>>);

impl Inspector {
    /// Notes a request, whose texts it takes, and forgets the oldest beyond `most`.
    pub fn note(
        &self,
        most: usize,
        at: Wall,
        took_us: u64,
        request: &mut Request,
        course: Course,
        outcome: &Outcome,
    ) {
        let mut answer = String::new();
        let calls = match outcome {
            Ok(reply) => {
                first_line(&mut answer, &reply.shape);
                calls_of(&reply.data)
            }
            Err(failure) => {
                push_cut(&mut answer, &format!("ERROR: {failure}"), MAX_ANSWER);
                Vec::new()
            }
        };
        let short = request.size <= MAX_WHOLE_BYTES && request.fields.len() <= MAX_WHOLE_FIELDS;
        let whole = short && may_be_kept(&request.command);
        let parsed = Parsed::take(request);
        let record = Record {
            at,
            took_us,
            transport: request.origin.transport,
            address: request.origin.peer.ip().to_canonical(),
            kept: if whole { Kept::Whole(parsed) } else { Kept::masked(&parsed) },
            course,
            failed: outcome.is_err(),
            answer,
            calls,
        };
        // What is forgotten is freed outside the lock.
        drop(self.push(most, record));
    }

    fn ring(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the oldest, where it has to go.
    fn push(&self, most: usize, record: Record) -> Option<Record> {
        let mut ring = self.ring();
        ring.push_back(record);
        let surplus = ring.len().saturating_sub(most);
        if surplus > 1 {
            // Fewer are kept since the last request.
            ring.drain(1..surplus);
        }
        if surplus > 0 { ring.pop_front() } else { None }
    }

    /// The youngest that fit, the youngest first.
    pub fn show(&self, filter: &Filter) -> Vec<Shown> {
        let ring = self.ring();
        ring.iter().rev().map(Record::show).filter(|shown| filter.fits(shown)).take(filter.count).collect()
    }
}

impl Filter {
    fn fits(&self, shown: &Shown) -> bool {
        let same = |wanted: &str, text: &str| wanted.is_empty() || wanted.eq_ignore_ascii_case(text);
        same(&self.user, &shown.user)
            && same(&self.command, &shown.command)
            && self.address.is_none_or(|address| address == shown.address)
            && (!self.only_errors || shown.failed)
    }
}

impl Parsed {
    fn take(request: &mut Request) -> Self {
        Self {
            command: std::mem::take(&mut request.command),
            fields: std::mem::take(&mut request.fields),
            positional: std::mem::take(&mut request.positional),
            positional_credentials: request.positional_credentials,
        }
    }
}

impl Kept {
    fn masked(request: &Parsed) -> Self {
        Self::Text {
            command: cut(&request.command, MAX_VALUE),
            user: user_of(request),
            text: masked(request),
        }
    }
}

impl Record {
    fn show(&self) -> Shown {
        let (command, user, request) = match &self.kept {
            Kept::Whole(request) => (cut(&request.command, MAX_VALUE), user_of(request), masked(request)),
            Kept::Text { command, user, text } => (command.clone(), user.clone(), text.clone()),
        };
        let money = find(&command).is_some_and(|c| !matches!(c.effect, Effect::Read | Effect::Session));
        Shown {
            at: self.at,
            took_us: self.took_us,
            transport: self.transport.name(),
            address: self.address,
            user,
            account: self.course.account,
            target: self.course.target,
            command,
            request,
            rule: self.course.rule(),
            failed: self.failed,
            answer: self.answer.clone(),
            calls: self.calls.clone(),
            money: money && !self.failed,
        }
    }
}

/// The user as the request names it.
fn user_of(request: &Parsed) -> String {
    let named = ["authid", "usr", "userid", "username"].iter().find_map(|name| request.fields.get(name));
    let positional =
        || request.positional.get(1).filter(|_| request.positional_credentials).map(String::as_str);
    cut(named.or_else(positional).unwrap_or_default(), MAX_VALUE)
}

/// The names whose values are shown: those of every request that are no secrets.
const PLAIN: [&str; 16] = [
    "authid",
    "usr",
    "userid",
    "username",
    "authsalt",
    "authsalt1",
    "authsalt2",
    "salt",
    "nonce",
    "targetuser",
    "requestid",
    "format",
    "cursor",
    "now",
    "new",
    "apientry",
];

/// Commands that have another request inside them.
const CARRIERS: [&str; 3] = ["oop", "jppget", "authexplain"];

/// Parts of names whose values are secret, personal or whole statements.
const SECRET: [&str; 21] = [
    "pass", "pwd", "pin", "token", "sql", "key", "md5", "secret", "ccv", "card", "code", "filedata",
    "answer", "csv", "txt", "message", "value", "text", "body", "request", "url",
];

/// The request may be kept as it came, to be masked when it is shown. Card data are not kept at all: not in a request
/// for them, not behind a mistyped name, and not in one request that stands inside another.
fn may_be_kept(command: &str) -> bool {
    find(command).is_some_and(|command| !command.is_fleeting() && !CARRIERS.contains(&command.name))
}

fn is_shown(request: &Parsed, name: &str) -> bool {
    if find(&request.command).is_some_and(|command| command.forgets(name)) {
        return false;
    }
    if PLAIN.contains(&name) {
        return true;
    }
    // What nobody declared may be a secret under a misspelt name.
    let declared = find(&request.command).is_some_and(|command| command.declares(name));
    declared && !SECRET.iter().any(|secret| name.contains(secret))
}

/// The request in one line, without secrets.
fn masked(request: &Parsed) -> String {
    let mut text = cut(&request.command, MAX_VALUE);
    for (name, value) in request.fields.iter() {
        if name == "apientry" || text.len() > MAX_TEXT {
            continue;
        }
        let value =
            if value.is_empty() || is_shown(request, name) { cut(value, MAX_VALUE) } else { "***".into() };
        text.push_str(&format!("&{}={value}", cut(name, MAX_VALUE)));
    }
    let command = find(&request.command);
    let credentials = if request.positional_credentials { 3 } else { 0 };
    for (index, value) in request.positional.iter().enumerate() {
        if text.len() > MAX_TEXT {
            break;
        }
        let param = index.checked_sub(credentials).and_then(|at| command.and_then(|c| c.params.get(at)));
        let shown =
            if index < credentials { index == 1 } else { param.is_some_and(|p| is_shown(request, p.name)) };
        let value = if shown || value.is_empty() { cut(value, MAX_VALUE) } else { "***".into() };
        text.push_str(&format!(",{value}"));
    }
    cut(&text, MAX_TEXT)
}

/// At most so many characters, on one line.
fn cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    push_cut(&mut out, text, most);
    out
}

fn push_cut(out: &mut String, text: &str, most: usize) {
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.reserve_exact(text.len());
        out.push_str(text);
    } else {
        out.extend(text.chars().take(most).map(|c| if c.is_control() { ' ' } else { c }));
    }
}

fn first_line(out: &mut String, shape: &Shape) {
    match shape {
        Shape::Ok(text) => {
            out.push_str("OK: ");
            push_cut(out, text, MAX_ANSWER);
            mask_secrets(out);
        }
        Shape::Bare(text) => push_cut(out, text, MAX_ANSWER),
        Shape::Lines(lines) => out.push_str(&format!("OK: {}", lines.len())),
        Shape::Rows { rows, .. } => out.push_str(&format!("OK: {}", rows.len() + 1)),
    }
}

/// Masks tokens, keys and nonces that an answer hands out.
fn mask_secrets(text: &mut String) {
    for mark in ["token:", "key:", "nonce is:", "password:", crate::listening::LISTEN_PATH] {
        if let Some(at) = text.find(mark).map(|at| at + mark.len()) {
            let end = text[at..].find(' ').map_or(text.len(), |length| at + length);
            text.replace_range(at..end, "***");
        }
    }
}

/// The ids of calls that an answer names.
fn calls_of(data: &[(Cow<'static, str>, Data)]) -> Vec<String> {
    let named = |(name, _): &&(Cow<'static, str>, Data)| name.starts_with("callid");
    if !data.iter().any(|value| named(&value)) {
        return Vec::new();
    }
    let calls = data.iter().filter(named);
    let listed = calls.flat_map(|(_, value)| match value {
        Data::List(items) => items.iter().map(Data::to_line).collect(),
        Data::Null => Vec::new(),
        one => vec![one.to_line()],
    });
    listed.take(MAX_CALLS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{Failure, Reply};
    use crate::request::Origin;

    fn note(inspector: &Inspector, most: usize, line: &str, outcome: &Outcome) {
        let here = "192.0.2.1:9".parse().unwrap();
        let mut request = Request::line(Origin::new(here, here, Transport::Tcp), line.as_bytes());
        let course =
            Course { stage: Stage::Ran, level: Level::User, proof: Proof::Password, ..Course::default() };
        inspector.note(most, Wall(1), 5, &mut request, course, outcome);
    }

    fn all() -> Filter {
        Filter { count: 100, ..Filter::default() }
    }

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let ok = Ok(Reply::ok("userid:5 type:0 token:SECRET"));
        for line in [
            "?apientry=login&authkey=SECRET&authid=alice&authpwd=SECRET",
            "?apientry=login&authkey=SECRET&authid=alice&authmd5=SECRET&authsalt=s",
            "login,SECRET,alice,SECRET",
            "changepwd,SECRET,alice,SECRET,SECRET,SECRET",
            "?apientry=changepwd&newpassword=SECRET&oldpassword=SECRET&usr=alice",
            "?apientry=charge&pin=SECRET&usr=alice",
            "?apientry=balance&authid=alice&authpasswrd=SECRET&whatever=SECRET",
            "?apientry=db&authid=alice&sql=update tb_users set password = 'SECRET'",
            "?apientry=setfield&authid=alice&fieldname=password&fieldvalue=SECRET",
            "?apientry=cccharge&authid=alice&cardnum=SECRET&expireyear=SECRET&expmonth=SECRET&ccv2=SECRET&amount=5",
            "?apientry=cccharge&authid=alice&cvc=SECRET&expyear=SECRET&number=SECRET",
            "?apientry=jppget&authid=alice&url=/mvapireq/?cardnum=SECRET",
        ] {
            let inspector = Inspector::default();
            note(&inspector, 5, line, &ok);
            let shown = inspector.show(&all());
            assert!(!format!("{shown:?}").contains("SECRET"), "{line}: {shown:?}");
            assert_eq!(shown[0].user, "alice", "{line}");
            assert_eq!(shown[0].answer, "OK: userid:5 type:0 token:***");
        }
        // Of card data not even the ring knows anything.
        for line in [
            "?apientry=cccharge&cardnum=SECRET&ccv2=SECRET",
            "?apientry=ccharge&cardnum=SECRET",
            "?apientry=oop&txt=cccharge cardnum=SECRET",
            "cccharge,K,alice,pa,SECRET,SECRET,SECRET,SECRET,5",
        ] {
            let inspector = Inspector::default();
            note(&inspector, 5, line, &ok);
            assert!(!format!("{:?}", inspector.ring()).contains("SECRET"), "{line}");
        }
        // Too long to be kept whole.
        let inspector = Inspector::default();
        note(
            &inspector,
            5,
            &format!("?apientry=balance&authid=alice&authpwd=SECRET&x={}", "y".repeat(9_000)),
            &ok,
        );
        let shown = inspector.show(&all());
        assert!(!format!("{shown:?}").contains("SECRET") && shown[0].request.len() <= MAX_TEXT, "{shown:?}");
    }

    #[test]
    fn the_ring_keeps_the_last_and_finds_by_user_command_address_and_failure() {
        let inspector = Inspector::default();
        for number in 0..10 {
            let outcome = if number % 2 == 0 { Ok(Reply::ok("1")) } else { Err(Failure::missing("num")) };
            note(&inspector, 4, &format!("?apientry=status&authid=u{number}"), &outcome);
        }
        let users = |filter: &Filter| inspector.show(filter).into_iter().map(|s| s.user).collect::<Vec<_>>();
        assert_eq!(users(&all()), ["u9", "u8", "u7", "u6"]);
        assert_eq!(users(&Filter { only_errors: true, ..all() }), ["u9", "u7"]);
        assert_eq!(users(&Filter { user: "U8".into(), ..all() }), ["u8"]);
        assert_eq!(users(&Filter { command: "balance".into(), ..all() }), Vec::<String>::new());
        assert_eq!(users(&Filter { address: "192.0.2.2".parse().ok(), ..all() }), Vec::<String>::new());
        assert_eq!(users(&Filter { count: 1, ..all() }), ["u9"]);
        note(&inspector, 2, "status", &Ok(Reply::ok("1")));
        assert_eq!(inspector.show(&all()).len(), 2, "a smaller ring forgets at once");
    }

    #[test]
    fn calls_that_an_answer_names_are_kept() {
        let inspector = Inspector::default();
        let reply = Reply::ok("callid:7")
            .with("callid", "7")
            .with("callids", Data::List(vec!["7".into(), "8".into()]));
        note(&inspector, 4, "?apientry=p2p&usr=alice&anum=+361&bnum=+362", &Ok(reply));
        let shown = &inspector.show(&all())[0];
        assert_eq!(shown.calls, ["7", "7", "8"]);
        assert_eq!(shown.request, "p2p&usr=alice&anum=+361&bnum=+362");
        assert_eq!(shown.rule, "let in: user by password from elsewhere");
    }
}
