//! The event stream: what happens on this node, numbered without gaps, kept for a bounded window, read with a cursor.
//! It knows no transport: gates push what a [`Subscription`] gives.

mod calls;
mod collect;
mod event;
mod hub;
mod journal;
mod subscription;
mod webhooks;

pub use event::{Event, EventKind, Filter, Viewer};
pub(crate) use event::{kind_names, time_text};
pub use hub::Hub;
pub use strowger_store::{Webhook, WebhookProgress};
pub use subscription::{Pushed, Subscription};
pub use webhooks::{
    WebhookDesk, WebhookTest, all_webhooks, note_webhook, webhook_signature, webhook_subscription,
};
