//! Which call is to be listened to, and where its voice is.

use strowger_model::{Now, Scope};

use super::Shard;
use super::orders::is_meant;
use crate::handle::types::{Audible, CallRef, ListenError};

impl Shard {
    /// Of the calls that are meant the youngest that can be listened to.
    pub(super) fn audible(&self, now: Now, scope: Scope, which: &CallRef) -> Result<Audible, ListenError> {
        let mut meant = self.visible(now, scope);
        meant.retain(|call| is_meant(call, which));
        meant.sort_by_key(|call| std::cmp::Reverse((call.started, call.call)));
        let mut why = ListenError::NoSuchCall;
        for view in meant {
            match self.calls.voices(view.call) {
                Ok(voices) => {
                    return Ok(Audible {
                        call: view.call,
                        voices,
                        caller_text: view.presented,
                        dialled: view.dialled,
                        codec: view.codec,
                    });
                }
                Err(not) if why == ListenError::NoSuchCall => why = ListenError::NotAudible(not),
                Err(_) => {}
            }
        }
        Err(why)
    }
}
