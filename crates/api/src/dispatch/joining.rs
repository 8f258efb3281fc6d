//! Logins of the message queue: a connection comes in by the command `mmq`, which goes the way of every request.

use std::sync::Arc;

use serde_json::Value;

use super::detached::{Panicked, detached};
use super::{Dispatcher, find, refuse};
use crate::auth::{ApiKey, Credentials, Source};
use crate::mmq::{AfterRefusal, Asked, COMMAND, JoinRefused, Joined, Joining, error};
use crate::reply::{Failure, Kind};
use crate::request::{Origin, Request};

impl Dispatcher {
    /// Lets a connection in by what its handshake showed; none: it showed nothing, and a message is to follow.
    pub async fn join_by_handshake(
        self: &Arc<Self>,
        request: Request,
    ) -> Option<Result<Joined, JoinRefused>> {
        let request = self.prepared(request);
        let shown = find(COMMAND).map(|command| Credentials::take(&request, command).0);
        if !shown.is_some_and(|shown| shown.any_user() || shown.id.is_some() || shown.key.is_some()) {
            return None;
        }
        Some(self.join(request, &Value::Null).await)
    }

    /// Lets a connection in by its first message.
    ///
    /// # Errors
    /// What it is told, and what follows.
    pub async fn join_by_message(
        self: &Arc<Self>,
        origin: Origin,
        text: &str,
    ) -> Result<Joined, JoinRefused> {
        let asked = Asked::parse(text);
        if asked.name != "login" {
            let failure = match asked.op {
                Err(failure) if asked.name.is_empty() => failure,
                _ => Failure::denied("the first message must be a login"),
            };
            let text = error(asked.name, &asked.id, &failure);
            return Err(JoinRefused { text, then: AfterRefusal::Retry });
        }
        let request = self.prepared(Request::line(origin, text.as_bytes()));
        self.join(request, &asked.id).await
    }

    async fn join(self: &Arc<Self>, mut request: Request, id: &Value) -> Result<Joined, JoinRefused> {
        let place = Arc::new(Joining::default());
        request.joining = Some(Arc::clone(&place));
        let handled = Arc::clone(self).handle(Box::new(request), self.switch.config());
        let outcome = match detached(Box::pin(handled)).await {
            Ok((outcome, _)) => outcome,
            Err(Panicked) => {
                tracing::error!("a login of the message queue panicked");
                Err(Failure::failed("internal error"))
            }
        };
        match outcome.map(|_| place.take()) {
            Ok(Some(member)) => Ok(Joined { text: member.welcome(id), member }),
            Ok(None) => Err(refused(id, &Failure::unavailable("a row of tb_api replaces mmq"))),
            Err(failure) => Err(refused(id, &failure)),
        }
    }

    /// Asks for the queue, whatever else it names.
    fn prepared(&self, mut request: Request) -> Request {
        request.decrypt(&self.switch.config().httpapiencryptkey);
        COMMAND.clone_into(&mut request.command);
        request.fields = request.fields.iter().filter(|(name, _)| *name != "apientry").collect();
        request
    }

    /// One message of the queue counts like any other request.
    pub(crate) fn admit_message(&self, source: &Source, user: Option<&str>) -> Result<(), Failure> {
        let now = self.switch.now();
        refuse(self.switch.guard(|guard| guard.admit_source(now, source.address, user)))?;
        match user {
            Some(user) if self.switch.config().ratelimituser > 0 => {
                refuse(self.switch.guard(|guard| guard.admit_account(now.mono, user)))
            }
            _ => Ok(()),
        }
    }

    /// A named key is still there and still for this command.
    pub(crate) fn key_holds(&self, key: &ApiKey, source: &Source, command: &str) -> bool {
        let now = self.switch.now().wall;
        let (keys, command) = (self.keys(), find(command));
        let known = keys.by_id(key.row.id);
        known.zip(command).is_some_and(|(key, command)| key.admit(now, source, command, command.name).is_ok())
    }
}

fn refused(id: &Value, failure: &Failure) -> JoinRefused {
    let then = match failure.kind {
        Kind::NewNonce => AfterRefusal::Retry,
        Kind::Limit | Kind::Busy => AfterRefusal::Full,
        _ => AfterRefusal::End,
    };
    JoinRefused { text: error("login", id, failure), then }
}
