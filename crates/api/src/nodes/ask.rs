//! One question to another node: a form with this node's credentials and mark, and its text answer read as a reply.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use strowger_config::Config;
use tokio::sync::Semaphore;

use super::{MARK, Node, NodeError, NodeRequest};
use crate::auth::API_KEY_MARK;
use crate::declare::{Args, Command, Outcome};
use crate::dispatch::Dispatcher;
use crate::reply::{Failure, Kind, Reply};

/// Questions that are under way at a time.
const MOST_ASKED: usize = 64;
static ASKED: Semaphore = Semaphore::const_new(MOST_ASKED);
/// How long a command that somebody typed may take on another node.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node is asked: a command with its arguments.
pub(crate) struct Question<'a> {
    /// The command's name.
    pub(crate) command: &'a str,
    /// Named arguments.
    pub(crate) named: &'a [(&'a str, &'a str)],
    /// Those by position.
    pub(crate) positional: &'a [String],
    /// How long it may take.
    pub(crate) patience: Duration,
}

impl<'a> Question<'a> {
    /// A command with named arguments, as it may take when somebody waits for it.
    pub(crate) const fn new(command: &'a str, named: &'a [(&'a str, &'a str)]) -> Self {
        Self { command, named, positional: &[], patience: PATIENCE }
    }

    /// The same with another limit.
    pub(crate) const fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn form(&self, config: &Config) -> Result<String, Failure> {
        let number = config.nodeid.to_string();
        let mut form = String::new();
        let mut add = |name: &str, value: &str| {
            let joint = if form.is_empty() { "" } else { "&" };
            form.push_str(&format!("{joint}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        };
        add("apientry", self.command);
        add(MARK, &number);
        let own_key = || Some(&*config.apiv2key).filter(|key| !key.is_empty());
        match config.nodekey.split_once(':') {
            _ if config.nodekey.is_empty() => return Err(Failure::unavailable("nodekey is not set")),
            _ if config.nodekey.starts_with(API_KEY_MARK) => add("authkey", &config.nodekey),
            Some((user, password)) => {
                own_key().into_iter().for_each(|key| add("authkey", key));
                add("authid", user);
                add("authpwd", password);
            }
            None => {
                return Err(Failure::unavailable("nodekey is neither a named API key nor user:password"));
            }
        }
        self.named.iter().for_each(|(name, value)| add(name, value));
        for (index, value) in self.positional.iter().enumerate() {
            add(&format!("param{}", index + 1), value);
        }
        Ok(form)
    }
}

impl Dispatcher {
    /// Asks a node and reads its answer. A refusal of what this node shows says that, not what the asker showed.
    pub(crate) async fn ask_node(&self, node: &Node, question: &Question<'_>) -> Outcome {
        let (ask, _) = self.nodes_link().ok_or_else(|| Failure::unavailable("no server is running here"))?;
        let body = question.form(&self.switch().config())?;
        let _permit = ASKED.try_acquire().map_err(|_| {
            Failure::new(Kind::Busy, format!("{MOST_ASKED} questions to nodes are under way"))
        })?;
        let request = NodeRequest { node: node.clone(), body, patience: question.patience };
        let name = &node.name;
        let text = ask(request).await.map_err(|error| {
            let kind = if matches!(error, NodeError::Clear(_)) { Kind::NotAvailable } else { Kind::Failed };
            Failure::new(kind, format!("node {name}: {error}"))
        })?;
        read(&text).map_err(|failure| match failure.kind {
            Kind::AuthFailed | Kind::NewNonce => {
                Failure::failed(format!("node {name} refuses nodekey ({failure})"))
            }
            _ => failure,
        })
    }
}

/// The arguments of a request as they go on to another node: without what proved it here.
pub(crate) fn bare<'a>(command: &Command, args: &'a Args) -> Vec<(&'a str, &'a str)> {
    const SHOWN: [&str; 14] = [
        "key", "usr", "userid", "username", "pwd", "password", "pin", "token", "md5", "salt", "now", "new",
        "apientry", MARK,
    ];
    let format = |name: &str, value: &str| name == "format" && value.trim().parse::<u32>().is_err();
    let goes =
        |name: &str, value: &str| command.declares(name) || !(SHOWN.contains(&name) || format(name, value));
    let named = args.named.iter();
    named.filter(|(name, value)| goes(name, value)).collect()
}

/// The text answer of a node as the reply or failure that it was there.
fn read(text: &str) -> Outcome {
    if let Some(failure) = text.strip_prefix("ERROR: ").or_else(|| text.strip_prefix("ERROR:")) {
        return Err(failure_of(failure.trim()));
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let rest: Vec<String> = rest.lines().map(str::to_owned).collect();
    let Some(ok) = first.trim_end().strip_prefix("OK: ") else {
        if rest.is_empty() {
            return Ok(Reply::bare(first));
        }
        return Ok(Reply::lines(text.lines().map(str::to_owned).collect()));
    };
    if rest.is_empty() && ok != "0" {
        return Ok(Reply::ok(ok));
    }
    let cursor = ok.split_once(" cursor:").map(|(_, cursor)| cursor.to_owned());
    Ok(Reply { cursor, ..Reply::lines(rest) })
}

fn failure_of(text: &str) -> Failure {
    let kinds = Kind::ALL.into_iter();
    let found = kinds.filter_map(|kind| Some((kind, text.strip_prefix(kind.name())?)));
    match found.max_by_key(|(kind, _)| kind.name().len()) {
        Some((kind, rest)) => Failure::new(kind, rest.trim_start_matches(':').trim()),
        None => Failure::failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_node_is_the_same_here() {
        for text in [
            "OK: restarting, 1 calls may finish",
            "Your credit is $5",
            "OK: 3 cursor:17\nid\tname\n1\ta\\tb\n2\tc",
            "OK: 0",
            "OK: 1\nversion=0.1",
        ] {
            assert_eq!(read(text).unwrap().text(), text);
        }
        for text in ["not found: account bob", "missing parameter: bnum", "busy", "failed: a: b"] {
            assert_eq!(read(&format!("ERROR: {text}")).unwrap_err().to_string(), text);
        }
        assert_eq!(read("ERROR: nonsense").unwrap_err().to_string(), "failed: nonsense");
        assert_eq!(read("<p>\n</p>").unwrap().text(), "OK: 2\n<p>\n</p>");
    }

    #[test]
    fn a_question_shows_what_this_node_is_known_by() {
        let named = [("bnum", "+36 1")];
        let question = Question { positional: &["a&b".to_owned()], ..Question::new("rating", &named) };
        let form = |settings: &[(&str, &str)]| question.form(&Config::with(settings));
        assert_eq!(
            form(&[("nodekey", "swk_1"), ("nodeid", "3")]).unwrap(),
            "apientry=rating&vianode=3&authkey=swk%5F1&bnum=%2B36%201&param1=a%26b"
        );
        assert_eq!(
            form(&[("nodekey", "admin:p:w"), ("apiv2key", "K"), ("nodeid", "3")]).unwrap(),
            "apientry=rating&vianode=3&authkey=K&authid=admin&authpwd=p%3Aw&bnum=%2B36%201&param1=a%26b"
        );
        assert_eq!(form(&[]).unwrap_err().to_string(), "not available: nodekey is not set");
        assert!(form(&[("nodekey", "x")]).is_err());
    }

    #[test]
    fn what_proved_a_request_does_not_go_on() {
        let args = Args {
            named: [("token", "t"), ("username", "bob"), ("targetuser", "alice"), ("format", "json")]
                .into_iter()
                .collect(),
            positional: vec![],
        };
        let of = |name: &str| bare(crate::dispatch::find(name).unwrap(), &args);
        assert_eq!(of("balance"), [("targetuser", "alice")]);
        assert_eq!(of("transfercredit"), [("username", "bob"), ("targetuser", "alice")]);
    }
}
