//! What a stream is sent beside its answers: results of what was begun earlier, and events that it follows. Nothing is
//! kept per stream before a request asks for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use strowger_api::{NodeSession, Push, PushSender, Pushed, Request, Subscription};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::gate::Gate;

/// The pushes of one stream.
pub(crate) struct Pushes {
    channel: Option<(PushSender, mpsc::Receiver<Push>)>,
    following: Option<Box<Subscription>>,
    /// Where its lines run, once one asked for another node.
    session: Option<Arc<NodeSession>>,
    ready: VecDeque<Pushed>,
    /// A stream that follows is not silent for longer: its peer, and the watch on silence, see that it lives.
    beat: Duration,
    next_beat: Instant,
}

impl Pushes {
    pub(crate) fn new(gate: &Gate) -> Self {
        let idle = Duration::from_secs(gate.switch.config().idletimeout.into());
        let beat = (idle / 3).max(Duration::from_secs(1));
        Self {
            channel: None,
            following: None,
            session: None,
            ready: VecDeque::new(),
            beat,
            next_beat: Instant::now() + beat,
        }
    }

    /// The other node on which the lines of this stream run.
    pub(crate) fn node(&self) -> Option<String> {
        self.session.as_ref().and_then(|session| session.node())
    }

    /// Lets a request push here, if it is one that may, and choose the node of those that follow.
    pub(crate) fn attach(&mut self, gate: &Gate, request: Request, raw: &[u8]) -> Request {
        if request.command() == "client" {
            self.session.get_or_insert_default();
        }
        let request = match &self.session {
            Some(session) => request.within(session),
            None => request,
        };
        if !gate.dispatcher.may_push(&request) {
            return request;
        }
        let (sender, _) = self.channel.get_or_insert_with(PushSender::channel);
        request.pushing_to(sender.clone(), raw)
    }

    /// The next text to send; waits for ever where there is nothing to wait for. May be cut short and called again.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some(pushed) = self.ready.pop_front() {
                self.next_beat = Instant::now() + self.beat;
                return pushed.text;
            }
            tokio::select! {
                push = order(&mut self.channel) => match push {
                    Push::Line(line) => return line,
                    Push::Follow(following) => {
                        self.following = following;
                        self.next_beat = Instant::now() + self.beat;
                    }
                },
                pushed = events(&mut self.following) => match pushed {
                    Some(pushed) => self.ready.extend(pushed),
                    None => {
                        self.following = None;
                        return r#"{"type":"end"}"#.to_owned();
                    }
                },
                () = tokio::time::sleep_until(self.next_beat), if self.following.is_some() => {
                    self.next_beat = Instant::now() + self.beat;
                    let cursor = self.following.as_ref().map_or(0, |following| following.cursor());
                    return format!(r#"{{"type":"keepalive","cursor":{cursor}}}"#);
                }
            }
        }
    }

    /// Follows nothing any more.
    pub(crate) fn stop(&mut self) {
        self.following = None;
        self.ready.clear();
    }

    /// The same for a stream of events alone, with their cursors; none: no event follows.
    pub(crate) async fn next_event(&mut self) -> Option<Pushed> {
        loop {
            if let Some(pushed) = self.ready.pop_front() {
                return Some(pushed);
            }
            self.ready.extend(self.following.as_mut()?.next().await?);
        }
    }

    /// Takes what a request that was answered just now asked to follow; false: nothing.
    pub(crate) fn follow_now(&mut self) -> bool {
        if let Some((_, receiver)) = &mut self.channel
            && let Ok(Push::Follow(following)) = receiver.try_recv()
        {
            self.following = following;
        }
        self.following.is_some()
    }
}

/// The next order of a command.
async fn order(channel: &mut Option<(PushSender, mpsc::Receiver<Push>)>) -> Push {
    match channel {
        // We hold a sender ourselves, so the channel does not end.
        Some((_, receiver)) => match receiver.recv().await {
            Some(push) => push,
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

async fn events(following: &mut Option<Box<Subscription>>) -> Option<Vec<Pushed>> {
    match following {
        Some(following) => following.next().await,
        None => std::future::pending().await,
    }
}
