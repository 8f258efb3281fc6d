//! A leg as text: whole, to move it; or only what a BYE needs, for the journal of a call.

use strowger_model::Now;
use thiserror::Error;

use super::unanswered::Unanswered;
use super::{Leg, LegOrder, Stage};
use crate::negotiation::Negotiation;
use crate::reasons::Reason;

/// An adopted leg may have sent requests since its snapshot: its next one skips so many CSeq numbers.
pub(super) const CSEQ_GAP: u32 = 100;

/// The text is no snapshot of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a snapshot of a leg: {0}")]
pub struct NotASnapshot(String);

impl Leg {
    /// The whole leg as JSON, without credentials and without what it has not sent yet: take that out first.
    #[must_use]
    pub fn snapshot(&self) -> String {
        serde_json::to_string(self).expect("a leg has no maps with keys other than text")
    }

    /// What ends the leg after a crash, as text for the journal of its call; none: nothing does, or nothing has to.
    #[must_use]
    pub fn farewell(&self) -> Option<String> {
        if self.stage == Stage::Up { Some(self.farewell_snapshot()) } else { self.unanswered() }
    }

    /// What a BYE after a crash needs, as JSON: the dialog, and nothing of descriptions and transactions.
    #[must_use]
    pub fn farewell_snapshot(&self) -> String {
        let bare = Self {
            negotiation: Negotiation::new(0),
            early: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            unacked: None,
            ack: None,
            alive_at: None,
            give_up_at: None,
            ..Self { dialog: self.dialog.clone(), ..self.shell() }
        };
        bare.snapshot()
    }

    /// The leg without its dialogs and transactions.
    fn shell(&self) -> Self {
        let mut shell =
            Self::blank(self.id, self.nonce, self.kind, self.hop, self.local.clone(), self.manner.clone());
        shell.outgoing = self.outgoing;
        shell.stage = self.stage;
        shell.minted = self.minted;
        shell.call_id.clone_from(&self.call_id);
        shell
    }

    /// The leg of a snapshot.
    ///
    /// # Errors
    /// [`NotASnapshot`]: the text is none.
    pub fn adopt(snapshot: &str) -> Result<Self, NotASnapshot> {
        serde_json::from_str(snapshot).map_err(|error| NotASnapshot(error.to_string()))
    }

    /// Goes through its own snapshot, as if it moved; what a snapshot does not carry goes along.
    ///
    /// # Errors
    /// [`NotASnapshot`]: the leg could not be read back, and is unchanged.
    pub fn readopt(&mut self) -> Result<(), NotASnapshot> {
        let mut adopted = Self::adopt(&self.snapshot())?;
        adopted.credentials = self.credentials.take();
        adopted.out = std::mem::take(&mut self.out);
        adopted.events = std::mem::take(&mut self.events);
        *self = adopted;
        Ok(())
    }

    /// The leg of a journal after a crash, and its BYE; of one that was not answered its CANCEL or refusal.
    ///
    /// # Errors
    /// [`NotASnapshot`]: the text is none.
    pub fn adopt_to_end(snapshot: &str, now: Now) -> Result<Self, NotASnapshot> {
        if let Some(unanswered) = Unanswered::read(snapshot) {
            return Ok(unanswered.end(now));
        }
        let mut leg = Self::adopt(snapshot)?;
        // The connection belonged to the life that crashed.
        leg.hop.flow = None;
        leg.minted = leg.minted.wrapping_add(CSEQ_GAP);
        if let Some(dialog) = &mut leg.dialog {
            dialog.local_cseq = dialog.local_cseq.saturating_add(CSEQ_GAP);
        }
        if leg.stage == Stage::Up {
            let hangup = LegOrder::Hangup { reason: Reason::Internal, status: None };
            leg.order(now, hangup).map_err(|error| NotASnapshot(error.to_string()))?;
        }
        leg.stage = Stage::Over;
        Ok(leg)
    }
}
