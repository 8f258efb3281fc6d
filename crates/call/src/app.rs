//! The owner of a single leg: a service number, later a menu or a voicemail box. The call knows only
//! this trait; the implementations live in the `apps` crate.

use std::fmt;

use strowger_model::media::Source;

/// What an app hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppEvent {
    /// The leg is here and unanswered, its credit held.
    Started,
    /// A key was pressed.
    Dtmf(char),
    /// A bounded source came to its end.
    Played,
    /// The leg is gone: nothing the app orders has an effect any more.
    Ended,
}

/// What an app wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppOrder {
    /// Answer the leg.
    Answer,
    /// Let the leg hear this.
    Source(Source),
    /// End the call.
    Hangup,
}

/// A machine that owns one leg.
pub trait App: fmt::Debug + Send {
    /// The orders that follow from an event.
    fn handle(&mut self, event: AppEvent) -> Vec<AppOrder>;
}
