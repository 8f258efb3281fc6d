//! The API: commands, authentication, formats. Framings hand in a [`Request`] and get an [`Answer`];
//! they never see a command, and a command never sees what carried it.
//!
//! A command is one file below `commands/`; parser, help, reference and authorisation matrix are derived
//! from its declaration.

#![deny(missing_docs)]

mod actions;
mod auth;
mod backups;
pub mod cards;
mod commands;
mod declare;
mod dispatch;
mod docs;
mod events;
pub mod fetch;
pub mod folder;
mod host;
mod listening;
pub mod logs;
mod maintenance;
mod mmq;
mod nodes;
mod openapi;
mod push;
mod reply;
mod request;
mod scanner;
mod service;
mod settings_files;
pub mod transcript;

pub use auth::{Caller, Denial, Level, Place, Policy, Proof, Rule, Source, authorise, may_act_for};
pub use declare::{Access, Args, Command, Effect, Group, Outcome, Param, Reach, Run, Running, Value};
pub use dispatch::{Build, Call, Dispatcher, commands, completions, find, may_be_remembered};
pub use docs::{help_text, matrix, reference_markdown};
pub use events::{
    Event, EventKind, Filter, Hub, Pushed, Subscription, Viewer, Webhook, WebhookDesk, WebhookProgress,
    WebhookTest, all_webhooks, note_webhook, webhook_signature, webhook_subscription,
};
pub use listening::{LISTEN_PATH, Listener};
pub use mmq::{AfterRefusal, JoinRefused, Joined, Member, MemberAnswer};
pub use nodes::{
    AskNode, MOST_ANSWER, Node, NodeAnswering, NodeError, NodeRequest, NodeSecurity, NodeSession, Visit,
    Visiting,
};
pub use openapi::{Sample, Shape as SampleShape, openapi, samples, wsdl};
pub use push::{Push, PushSender, Stream};
pub use reply::{Answer, Data, Failure, Format, Kind, Reply, Shape, UDP_MAX_BYTES};
pub use request::{
    ConsoleUser, Http, MAX_BODY_BYTES, MAX_LINE_BYTES, Origin, Request, Transport, is_api_path,
    is_request_line,
};
pub use service::ServiceOrder;
