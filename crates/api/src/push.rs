//! What a stream is sent beside the answers: events, and `RESULT:` lines of what a request began. A command gives it
//! to the [`Stream`] of its request; the gate writes it between two answers.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::declare::Outcome;
use crate::events::Subscription;
use crate::reply::{Format, Wanted, encode};

/// Commands of which something may follow later, beside those that rows of `tb_api` make.
pub(crate) const COMMANDS: &[&str] = &["events", "p2p", "callback", "cb"];

/// Pushes that wait for a slow stream; more are dropped.
const QUEUE: usize = 64;

/// What replaces a secret in a quoted request.
const MASK: &str = "***";

/// One thing to be sent, or to be followed.
#[derive(Debug)]
pub enum Push {
    /// A line.
    Line(String),
    /// Events from here on, in the place of those before; none: no more.
    Follow(Option<Box<Subscription>>),
}

/// The end of a stream at which commands push.
#[derive(Debug, Clone)]
pub struct PushSender(mpsc::Sender<Push>);

impl PushSender {
    /// Both ends.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Push>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }
}

/// The stream that a request came on.
#[derive(Debug)]
pub struct Stream {
    sender: PushSender,
    request: String,
    format: Format,
}

impl Stream {
    pub(crate) fn new(sender: PushSender, raw: &[u8], format: Format) -> Self {
        Self { sender, request: masked(&String::from_utf8_lossy(raw)), format }
    }

    /// Follows events from here on.
    pub(crate) fn follow(&self, subscription: Option<Subscription>) {
        self.push(Push::Follow(subscription.map(Box::new)));
    }

    fn push(&self, push: Push) {
        if self.sender.0.try_send(push).is_err() {
            tracing::debug!("nothing can be pushed: the stream is gone, or too slow");
        }
    }
}

/// What a request began ends later: pushes `RESULT: <answer>, REQUEST: <request>`.
#[derive(Debug, Clone)]
pub struct Later(Arc<Stream>);

impl Later {
    /// For the request of a call, where it came on a stream.
    pub(crate) fn of(call: &crate::dispatch::Call) -> Option<Self> {
        call.stream.clone().map(Self)
    }

    /// Says how it ended.
    pub(crate) fn result(&self, outcome: Outcome) {
        let wanted = Wanted { format: self.0.format, soften: true, ..Wanted::default() };
        let answer = encode(outcome, &wanted);
        let answer = String::from_utf8_lossy(&answer.body);
        self.0.push(Push::Line(format!("RESULT: {answer}, REQUEST: {}", self.0.request)));
    }
}

/// A request as sent, on one line, without the values of its secrets: clients find their request by the rest.
fn masked(raw: &str) -> String {
    let line = raw.trim().replace(['\r', '\n'], " ");
    if line.starts_with('{') {
        return masked_json(&line);
    }
    if !line.contains('=') && line.contains(',') {
        // command,key,user,password,…
        let command = line.split(',').next().and_then(|name| crate::dispatch::find(name.trim()));
        let forgotten = |at: usize| {
            let param = at.checked_sub(4).and_then(|at| command?.params.get(at));
            param.is_some_and(|param| param.fleeting)
        };
        let parts = line.split(',').enumerate();
        let parts = parts.map(|(at, part)| if matches!(at, 1 | 3) || forgotten(at) { MASK } else { part });
        return parts.collect::<Vec<_>>().join(",");
    }
    let mut text = String::with_capacity(line.len());
    for part in line.split_inclusive(['&', '?', ',', ' ']) {
        let (body, end) = part.split_at(part.len() - usize::from(part.ends_with(['&', '?', ',', ' '])));
        match body.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(MASK);
            }
            _ => text.push_str(body),
        }
        text.push_str(end);
    }
    text
}

fn masked_json(line: &str) -> String {
    let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(line) else {
        return MASK.to_owned();
    };
    for (name, value) in &mut object {
        if is_secret(name) {
            *value = MASK.into();
        }
    }
    serde_json::Value::Object(object).to_string()
}

/// Names whose values open something; salts and user names do not.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "pwd", "pin", "token", "key", "md5", "nonce", "mcrfs", "param"].iter().any(|s| name.contains(s))
        || crate::dispatch::is_fleeting(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_quoted_without_its_secrets() {
        for (raw, quoted) in [
            (
                "/mvapireq/?apientry=p2p&authkey=K&authid=1&authmd5=AB&authsalt=7&anum=1&bnum=2\r\n",
                "/mvapireq/?apientry=p2p&authkey=***&authid=1&authmd5=***&authsalt=7&anum=1&bnum=2",
            ),
            ("p2p,K,alice,pa,1,2", "p2p,***,alice,***,1,2"),
            (
                "cccharge,K,alice,pa,4242424242424242,2030,12,123,5",
                "cccharge,***,alice,***,***,***,***,***,5",
            ),
            (
                "?apientry=cccharge&cardnum=42&ExpMonth=12&ccv2=1&amount=5",
                "?apientry=cccharge&cardnum=***&ExpMonth=***&ccv2=***&amount=5",
            ),
            ("p2p anum=1 authpwd=x", "p2p anum=1 authpwd=***"),
            (r#"{"apientry":"p2p","authpwd":"x"}"#, r#"{"apientry":"p2p","authpwd":"***"}"#),
            ("{broken", "***"),
        ] {
            assert_eq!(masked(raw), quoted);
        }
    }
}
