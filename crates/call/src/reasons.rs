//! The table of disconnect reasons: one row per way a call can end. Records, events and the Reason
//! header (RFC 3326) are written from it.

/// Why a call or a dialled target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A party hung up an answered call.
    Normal,
    /// The caller gave up before an answer.
    Cancelled,
    /// The called party is busy.
    Busy,
    /// It rang and nobody answered.
    NoAnswer,
    /// The called party declined.
    Declined,
    /// No contact is registered.
    NotRegistered,
    /// No such number or account.
    NotFound,
    /// There is no price for the number.
    NoPrice,
    /// Credit does not suffice, at the start or in the course of the call.
    NoCredit,
    /// The caller may not dial this.
    Forbidden,
    /// No route, or no trunk of it is reachable.
    NoRoute,
    /// The trunk or phone refused with another status.
    Failed,
    /// The trunk or phone did not answer requests.
    Unreachable,
    /// The session descriptions have nothing in common.
    Media,
    /// No audio arrived for too long.
    RtpTimeout,
    /// A party vanished during the call.
    Vanished,
    /// The 200 was never acknowledged.
    NoAck,
    /// The longest allowed duration was reached.
    MaxDuration,
    /// An administrator ended it.
    Administrator,
    /// The server is stopping.
    Shutdown,
    /// The server is full: calls, ports or store.
    Overload,
    /// The store takes no money steps.
    StoreUnwell,
    /// Another node has taken this node's calls over.
    Fenced,
    /// A fault inside the server.
    Internal,
    /// The call was forwarded to another number.
    Forwarded,
    /// Another branch of the fork was answered.
    Elsewhere,
}

/// One row: reason, phrase, SIP status for a party still waiting, Q.850 cause, failed (not the parties' doing).
type Row = (Reason, &'static str, u16, u8, bool);

const TABLE: [Row; 26] = [
    (Reason::Normal, "normal", 200, 16, false),
    (Reason::Cancelled, "cancelled", 487, 16, false),
    (Reason::Busy, "busy", 486, 17, false),
    (Reason::NoAnswer, "no answer", 480, 19, false),
    (Reason::Declined, "declined", 603, 21, false),
    (Reason::NotRegistered, "not registered", 480, 20, true),
    (Reason::NotFound, "not found", 404, 1, true),
    (Reason::NoPrice, "no price", 403, 57, true),
    (Reason::NoCredit, "no credit", 402, 57, true),
    (Reason::Forbidden, "forbidden", 403, 57, true),
    (Reason::NoRoute, "no route", 503, 3, true),
    (Reason::Failed, "failed", 502, 127, true),
    (Reason::Unreachable, "unreachable", 408, 102, true),
    (Reason::Media, "no common media", 488, 88, true),
    (Reason::RtpTimeout, "rtp timeout", 408, 102, true),
    (Reason::Vanished, "vanished", 408, 102, true),
    (Reason::NoAck, "no ack", 408, 102, true),
    (Reason::MaxDuration, "maximum duration", 200, 31, false),
    (Reason::Administrator, "administrator", 503, 31, false),
    (Reason::Shutdown, "shutdown", 503, 31, false),
    (Reason::Overload, "overload", 503, 42, true),
    (Reason::StoreUnwell, "store unwell", 503, 41, true),
    (Reason::Fenced, "fenced", 503, 41, true),
    (Reason::Internal, "internal error", 500, 41, true),
    (Reason::Forwarded, "forwarded", 302, 16, false),
    (Reason::Elsewhere, "answered elsewhere", 487, 26, false),
];

impl Reason {
    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The phrase in records and events.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        self.row().1
    }

    /// The status for a party that still waits for an answer.
    #[must_use]
    pub fn status(self) -> u16 {
        self.row().2
    }

    /// The cause of ITU-T Q.850, for Reason headers.
    #[must_use]
    pub fn cause(self) -> u8 {
        self.row().3
    }

    /// Neither party wanted it so: the record is marked FAIL where the call was never answered.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self.row().4
    }

    /// The reason behind a refusal of routing: its phrase where that is one of the table's, else its status.
    #[must_use]
    pub fn of_refusal(status: u16, phrase: &str) -> Self {
        let named = TABLE.iter().find(|row| row.1 == phrase).map(|row| row.0);
        named.unwrap_or_else(|| match status {
            480 => Self::NotRegistered,
            503 => Self::NoRoute,
            403 => Self::Forbidden,
            status => Self::of_status(status),
        })
    }

    /// The reason behind a final status of a dialled party.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Normal,
            300..=399 => Self::Forwarded,
            402 => Self::NoCredit,
            401 | 403 | 407 => Self::Forbidden,
            404 | 410 | 484 | 604 => Self::NotFound,
            408 => Self::Unreachable,
            480 => Self::NoAnswer,
            486 | 600 => Self::Busy,
            487 => Self::Cancelled,
            415 | 488 | 606 => Self::Media,
            603 => Self::Declined,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_row_and_one_phrase() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(TABLE.iter().position(|other| other.0 == row.0), Some(index));
            assert_eq!(TABLE.iter().position(|other| other.1 == row.1), Some(index), "{}", row.1);
            assert!((200..700).contains(&row.2));
        }
        assert_eq!(Reason::Elsewhere as usize + 1, TABLE.len());
    }
}
