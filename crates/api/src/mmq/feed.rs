//! What the server tells: the events that concern an account, under `server/`, to those of its devices that follow
//! them. The reader of the event stream that this is keeps nothing: who was away asks `eventlist`.

use std::sync::Weak;

use serde_json::value::RawValue;

use super::queues::Parcel;
use super::topic::{SERVER, Topic};
use super::wire::Letter;
use crate::dispatch::Dispatcher;
use crate::events::{Event, EventKind, Viewer};

/// Events that are read at a time.
const PAGE: usize = 100;

/// Passes events on until the dispatcher ends.
pub(crate) async fn feed(dispatcher: Weak<Dispatcher>) {
    let Some((mut newest, mut cursor)) =
        dispatcher.upgrade().map(|dispatcher| (dispatcher.events().watch(), dispatcher.events().newest()))
    else {
        return;
    };
    loop {
        while cursor < *newest.borrow_and_update() {
            let Some(dispatcher) = dispatcher.upgrade() else { return };
            cursor = page(&dispatcher, cursor).await;
        }
        if newest.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on what follows a number; returns the last one that was seen.
async fn page(dispatcher: &Dispatcher, cursor: u64) -> u64 {
    let (hub, queues) = (dispatcher.events(), dispatcher.mmq());
    let newest = hub.newest();
    let page = match hub.read(cursor, PAGE).await {
        Ok(page) => page,
        Err(error) => {
            tracing::warn!(%error, "events do not reach the message queue");
            queues.queues().miss_servers(newest - cursor);
            return newest;
        }
    };
    if let Some(missed) = page.missed {
        queues.queues().miss_servers(missed);
    }
    for event in &page.events {
        pass_on(dispatcher, event);
    }
    page.events.last().map_or(newest, |last| last.seq)
}

fn pass_on(dispatcher: &Dispatcher, event: &Event) {
    let Some(topic) = topic(event.kind) else { return };
    let node = dispatcher.events().node();
    for &account in event.accounts() {
        let mut queues = dispatcher.mmq().queues();
        if !queues.is_followed(account, &topic) {
            continue;
        }
        let Ok(data) = RawValue::from_string(event.text(node, Viewer::Account(account))) else { continue };
        let text = Letter::new(&topic, &data, event.at, "", None).text(false).into();
        // Nothing is kept, so that there is room.
        let _ = queues.publish(Parcel { account, topic: &topic, text, kept: None, except: None });
    }
    if event.kind == EventKind::UserDeleted
        && let Some(account) = event.user()
    {
        dispatcher.mmq().queues().forget(account);
    }
}

/// `call.started` is told as `server/call/started`.
fn topic(kind: EventKind) -> Option<Topic> {
    Topic::parse(&format!("{SERVER}/{}", kind.name().replace('.', "/"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_has_a_topic() {
        for kind in EventKind::ALL {
            assert!(topic(*kind).is_some_and(|topic| topic.is_servers()), "{kind:?}");
        }
        assert_eq!(topic(EventKind::CallStarted).as_ref().map(Topic::as_str), Some("server/call/started"));
    }
}
