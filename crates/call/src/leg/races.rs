//! What crosses on the way: CANCEL and an answer, two answers, an answer and its lost ACK.

use strowger_model::Now;
use strowger_sip::transaction::T1_MS;
use strowger_sip::{Message, Method};

use super::transactions::{Client, Purpose};
use super::{Leg, MAX_EARLY_DIALOGS, Stage};

/// After CANCEL the final response is awaited this long (RFC 3261 section 9.1), in milliseconds.
pub(super) const CANCELLED_MS: u64 = 64 * T1_MS;

impl Leg {
    /// A 2xx whose transaction is over comes again because our ACK was lost.
    pub(super) fn repeat_ack(&mut self, response: &Message) {
        let ours = self.dialog.as_ref().is_some_and(|dialog| dialog.matches(response));
        let Some(ack) = self.ack.as_ref().filter(|ack| ack.cseq == response.cseq()) else { return };
        if ours && (200..300).contains(&response.status()) {
            let bytes = ack.message.bytes().clone();
            self.out.push_back((self.dialog_hop(), bytes));
        }
    }

    /// An answer that nobody wants any more: another branch was faster, or our CANCEL came too late.
    pub(super) fn dismiss(&mut self, now: Now, response: &Message) {
        let Some(mut dialog) = self.dialog_of(response) else { return };
        dialog.confirm_with(response);
        let to = self.hop_of(&dialog);
        let via = self.mint_via();
        let mut bytes = Vec::with_capacity(512);
        dialog.ack(&mut bytes, response.cseq(), &via).finish();
        self.out.push_back((to, bytes.as_slice().into()));
        if !self.dismissed.contains(&dialog.remote_tag) && self.dismissed.len() < MAX_EARLY_DIALOGS {
            self.dismissed.push(dialog.remote_tag.clone());
            let via = self.mint_via();
            dialog.request(&mut bytes, Method::Bye, &via).finish();
            self.start(now, &bytes, Purpose::Bye, to);
        }
        if self.stage == Stage::Leaving {
            self.stage = Stage::Over;
        }
    }

    /// Gives up on our INVITE: CANCEL now, or as soon as it is allowed.
    pub(super) fn cancel(&mut self, now: Now) {
        self.stage = Stage::Leaving;
        self.early.clear();
        self.give_up_at = Some(now.mono.plus_ms(CANCELLED_MS));
        let invite = self.clients.iter().position(Client::is_invite);
        match invite {
            None => self.forget_invite(),
            Some(at) if self.clients[at].answered => self.forget_invite(),
            Some(at) if self.clients[at].transaction.can_cancel() => self.send_cancel(now, at),
            Some(_) => self.cancel_wanted = true,
        }
    }

    fn forget_invite(&mut self) {
        self.give_up_at = None;
        self.stage = Stage::Over;
    }

    /// The final response to our INVITE is here. A leg taken up after a crash may have several, of which it knows
    /// only one to have been sent.
    pub(super) fn forget_patience(&mut self) {
        if !self.clients.iter().any(|client| client.is_invite() && !client.answered) {
            self.give_up_at = None;
        }
    }

    pub(super) fn send_cancel(&mut self, now: Now, at: usize) {
        let mut bytes = Vec::with_capacity(512);
        let to = self.clients[at].to;
        self.clients[at].transaction.cancel(&mut bytes);
        self.start(now, &bytes, Purpose::Cancel, to);
    }
}
