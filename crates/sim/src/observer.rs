//! What really happened, seen from the wire at the switch's door: when calls were answered and ended. Records are
//! compared with it.

use std::collections::BTreeMap;

use strowger_model::cdr::Cdr;

use crate::text::Text;

/// What was seen of one Call-ID, in microseconds of the run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// The first 2xx to an opening INVITE arrived at the switch.
    pub answered_in: Option<u64>,
    /// The first 2xx to an opening INVITE left the switch.
    pub answered_out: Option<u64>,
    /// The first BYE, in either direction.
    pub bye: Option<u64>,
    /// The switch gave up: CANCEL.
    pub cancelled: Option<u64>,
}

/// What the wire says about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// Nothing.
    Unknown,
    /// Nobody answered.
    Unanswered,
    /// A conversation of so many milliseconds.
    Lasted(u64),
}

/// The notes of a run.
#[derive(Debug, Default)]
pub struct Observer {
    seen: BTreeMap<String, Seen>,
}

impl Observer {
    /// A datagram arrives at the switch, or leaves it.
    pub fn note(&mut self, now: u64, bytes: &[u8], leaves: bool) {
        let interesting = [b"SIP/2.0 2".as_slice(), b"BYE ", b"CANCEL "];
        if !interesting.iter().any(|start| bytes.starts_with(start)) {
            return;
        }
        let Some(message) = Text::parse(bytes) else { return };
        let method = message.method().to_owned();
        if message.status() != 0 && method != "INVITE" {
            return;
        }
        let seen = self.seen.entry(message.call_id().to_owned()).or_default();
        let place = match (method.as_str(), leaves) {
            ("INVITE", false) => &mut seen.answered_in,
            ("INVITE", true) => &mut seen.answered_out,
            ("BYE", _) => &mut seen.bye,
            ("CANCEL", true) => &mut seen.cancelled,
            _ => return,
        };
        place.get_or_insert(now);
    }

    /// What was seen of a Call-ID.
    #[must_use]
    pub fn of(&self, call_id: &str) -> Seen {
        self.seen.get(call_id).copied().unwrap_or_default()
    }

    /// What a record is about, as it was on the wire; conversations that have not ended last until `until`.
    #[must_use]
    pub fn truth(&self, cdr: &Cdr, until: u64) -> Truth {
        let (a, b) = (self.of(&cdr.sip_call_id), self.of(&cdr.sip_call_id_b));
        let inside = cdr.sip_call_id_b.is_empty();
        if inside && (a.answered_in.is_some() || cdr.status != 200) {
            // The switch itself is the called party, or nobody was called yet: the wire does not show it.
            return Truth::Unknown;
        }
        let answered = if inside { a.answered_out } else { b.answered_in };
        let in_time = |at: &u64| b.cancelled.is_none_or(|cancelled| cancelled > *at);
        let Some(answered) = answered.filter(in_time) else { return Truth::Unanswered };
        let end = [a.bye, b.bye].into_iter().flatten().filter(|bye| *bye >= answered).min();
        Truth::Lasted(end.unwrap_or(until).saturating_sub(answered) / 1000)
    }
}
