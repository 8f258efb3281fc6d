//! How a leg is ended by us: refused, cancelled or with BYE, whichever fits how far it is.

use strowger_model::Now;
use strowger_sip::{HeaderId, Method};

use super::transactions::Purpose;
use super::{Leg, Stage};
use crate::reasons::Reason;

impl Leg {
    /// Ends the leg. There is no event: whoever orders it knows.
    pub(super) fn hang_up(&mut self, now: Now, reason: Reason, status: Option<u16>) {
        let cause = reason.cause();
        match (self.stage, self.outgoing) {
            (Stage::Over | Stage::Leaving, _) => {}
            (Stage::Early, true) => self.cancel(now),
            (Stage::Early, false) => self.refuse(now, reason, status),
            (Stage::Up, _) => self.say_goodbye(now, cause),
        }
        self.alive_at = None;
        self.pump(now);
    }

    /// A final response to the INVITE that opened the leg.
    pub(super) fn refuse(&mut self, now: Now, reason: Reason, status: Option<u16>) {
        let status = match status.unwrap_or_else(|| reason.status()) {
            // A final refusal must refuse; what the other end answered may have been none.
            status @ 300..=699 => status,
            _ => 480,
        };
        self.stage = Stage::Over;
        let Some(server) = self.open_server(&[Method::Invite]) else { return };
        let retry_after_s = self.manner.retry_after_s;
        self.respond(now, server, status, |builder| {
            builder.header(HeaderId::Reason, reason_value(reason));
            if status == 503 {
                builder.header(HeaderId::RetryAfter, retry_after_s);
            }
            builder.finish();
        });
    }

    /// BYE, or its preparation: a callee may not send it before its 200 is acknowledged (RFC 3261 section 15).
    fn say_goodbye(&mut self, now: Now, cause: u8) {
        while let Some(open) = self.open_server(&[Method::Invite, Method::Update]) {
            self.respond_plainly(now, open, 487);
        }
        if self.unacked.is_some() && !self.outgoing {
            self.farewell = Some(cause);
            self.stage = Stage::Leaving;
        } else {
            self.send_bye(now, Some(cause));
            self.stage = Stage::Over;
        }
    }

    /// BYE in the dialog, with a Q.850 cause.
    pub(super) fn send_bye(&mut self, now: Now, cause: Option<u8>) {
        self.send_within(now, Method::Bye, Purpose::Bye, |builder| {
            if let Some(cause) = cause {
                builder.header(HeaderId::Reason, format!("Q.850;cause={cause}"));
            }
            builder.finish();
        });
    }
}

/// The Reason header of a refusal (RFC 3326).
fn reason_value(reason: Reason) -> String {
    format!("Q.850;cause={};text=\"{}\"", reason.cause(), reason.phrase())
}
