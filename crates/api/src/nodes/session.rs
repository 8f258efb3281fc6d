//! What a console, or a stream of the API, remembers between its lines: the node on which they run.

use std::sync::{Mutex, PoisonError};

/// The node of one console or stream; none: this one.
#[derive(Debug, Default)]
pub struct NodeSession(Mutex<Option<String>>);

impl NodeSession {
    /// The other node on which lines run, by its name here.
    #[must_use]
    pub fn node(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lines run there from here on; gives where they ran before.
    pub(crate) fn go(&self, node: Option<String>) -> Option<String> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), node)
    }
}
