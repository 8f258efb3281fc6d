//! Whether a call can be listened to, and where its voice is. Listening changes nothing about the call, which does not
//! know of its listeners.

use strowger_model::media::{Codec, Latch};
use strowger_model::{LegId, SlotId};
use strowger_sdp::Policy;
use thiserror::Error;

use super::{Activity, Call};

/// Where the voice of the two parties arrives: the caller's, the called one's.
pub type Voices = [SlotId; 2];

/// Why nobody can listen to a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAudible {
    /// It is dialling or ringing.
    #[error("the call is not answered yet")]
    NotAnswered,
    /// Echo, music, a test call.
    #[error("one side of the call is this server itself")]
    Service,
    /// It is being ended.
    #[error("the call is over")]
    Over,
    /// A party has no media port here.
    #[error("the voice of the call does not go through this server")]
    Elsewhere,
    /// SRTP whose keys only the parties have.
    #[error("the call is encrypted from end to end (SRTP)")]
    Sealed,
    /// Nothing that is decoded here.
    #[error("the call speaks {0}, only PCMU and PCMA can be listened to")]
    Codec(String),
}

impl Call {
    /// Where the voice of the parties arrives.
    ///
    /// # Errors
    /// [`NotAudible`].
    pub fn voices(&self) -> Result<Voices, NotAudible> {
        match &self.activity {
            Activity::Bridged(bridge) => {
                let (a, b) = bridge.parties();
                Ok([self.voice(a)?, self.voice(b)?])
            }
            Activity::App(_) => Err(NotAudible::Service),
            Activity::Dial if self.test.is_some() => Err(NotAudible::Service),
            Activity::Dial => Err(NotAudible::NotAnswered),
            Activity::Over => Err(NotAudible::Over),
        }
    }

    fn voice(&self, leg: LegId) -> Result<SlotId, NotAudible> {
        let member = self.legs.get(&leg).ok_or(NotAudible::Over)?;
        let slot = member.slot.ok_or(NotAudible::Elsewhere)?;
        let negotiation = member.leg.negotiation();
        // Only the format is looked at; how the address is learnt and silence is told makes no difference.
        let policy = Policy { latch: Latch::Never, silent_ms: None };
        let facts = negotiation.facts(policy).ok_or(NotAudible::Elsewhere)?;
        let sealed =
            negotiation.remote().is_some_and(|remote| remote.audio().is_some_and(|audio| audio.is_srtp()));
        match facts.audio.codec {
            Codec::Pcmu | Codec::Pcma => Ok(slot.id),
            Codec::Other if sealed => Err(NotAudible::Sealed),
            Codec::Other => {
                let codec = self.trials.last().map(|trial| trial.codec.clone()).unwrap_or_default();
                Err(NotAudible::Codec(codec))
            }
        }
    }
}
