//! The names of header fields, long and compact.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! header_names {
    ($($variant:ident $name:literal,)*) => {
        /// A header field by name. Names without a variant are [`HeaderId::Other`]; their text stays in the message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub enum HeaderId {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// Any other name.
            #[default]
            Other,
        }

        /// Every known name, in the order of the variants.
        const NAMES: &[(HeaderId, &str)] = &[$((HeaderId::$variant, $name),)*];
    };
}

header_names! {
    To "To",
    Via "Via",
    CSeq "CSeq",
    Date "Date",
    From "From",
    Join "Join",
    Path "Path",
    RAck "RAck",
    RSeq "RSeq",
    Allow "Allow",
    Event "Event",
    Route "Route",
    Accept "Accept",
    MinSe "Min-SE",
    Reason "Reason",
    Server "Server",
    CallId "Call-ID",
    Contact "Contact",
    Expires "Expires",
    Privacy "Privacy",
    Require "Require",
    Subject "Subject",
    Warning "Warning",
    Identity "Identity",
    Priority "Priority",
    ReferTo "Refer-To",
    Replaces "Replaces",
    ReplyTo "Reply-To",
    SipETag "SIP-ETag",
    CallInfo "Call-Info",
    Diversion "Diversion",
    ReferSub "Refer-Sub",
    Supported "Supported",
    Timestamp "Timestamp",
    AlertInfo "Alert-Info",
    ErrorInfo "Error-Info",
    FlowTimer "Flow-Timer",
    UserAgent "User-Agent",
    InReplyTo "In-Reply-To",
    MinExpires "Min-Expires",
    ReferredBy "Referred-By",
    RetryAfter "Retry-After",
    Unsupported "Unsupported",
    AllowEvents "Allow-Events",
    ContentType "Content-Type",
    HistoryInfo "History-Info",
    MaxForwards "Max-Forwards",
    MimeVersion "MIME-Version",
    Organization "Organization",
    RecordRoute "Record-Route",
    SipIfMatch "SIP-If-Match",
    Authorization "Authorization",
    PEarlyMedia "P-Early-Media",
    ProxyRequire "Proxy-Require",
    ServiceRoute "Service-Route",
    AcceptContact "Accept-Contact",
    ContentLength "Content-Length",
    RejectContact "Reject-Contact",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    RemotePartyId "Remote-Party-ID",
    SessionExpires "Session-Expires",
    ContentEncoding "Content-Encoding",
    ContentLanguage "Content-Language",
    WwwAuthenticate "WWW-Authenticate",
    ProxyAuthenticate "Proxy-Authenticate",
    SubscriptionState "Subscription-State",
    AuthenticationInfo "Authentication-Info",
    ContentDisposition "Content-Disposition",
    PAssertedIdentity "P-Asserted-Identity",
    ProxyAuthorization "Proxy-Authorization",
    RequestDisposition "Request-Disposition",
    PPreferredIdentity "P-Preferred-Identity",
    PAccessNetworkInfo "P-Access-Network-Info",
}

/// The compact forms of RFC 3261 7.3.3 and its extensions.
const COMPACT: &[(u8, HeaderId)] = &[
    (b'a', HeaderId::AcceptContact),
    (b'b', HeaderId::ReferredBy),
    (b'c', HeaderId::ContentType),
    (b'd', HeaderId::RequestDisposition),
    (b'e', HeaderId::ContentEncoding),
    (b'f', HeaderId::From),
    (b'i', HeaderId::CallId),
    (b'j', HeaderId::RejectContact),
    (b'k', HeaderId::Supported),
    (b'l', HeaderId::ContentLength),
    (b'm', HeaderId::Contact),
    (b'o', HeaderId::Event),
    (b'r', HeaderId::ReferTo),
    (b's', HeaderId::Subject),
    (b't', HeaderId::To),
    (b'u', HeaderId::AllowEvents),
    (b'v', HeaderId::Via),
    (b'x', HeaderId::SessionExpires),
    (b'y', HeaderId::Identity),
];

/// The bytes of a line that are looked at together. Names that reach beyond are looked up one by one.
pub(crate) const WINDOW: usize = 16;

/// Every short name folded to a number, long and compact ones.
const SHORT: [(u128, HeaderId); short_count()] = short_names();

/// Position in [`SHORT`] by hash, and no name hashes to [`VACANT`] places: one comparison decides.
static PLACES: [u8; 512] = places();

/// Marks an empty place.
const VACANT: u8 = u8::MAX;

/// A multiplier under which no two short names share a place; a test proves it.
const MULTIPLIER: u64 = 0x41f4_1550_5e0e_9de7;

/// The bit that makes letters small. Hyphens and digits have it anyway.
const SMALL: u128 = u128::from_le_bytes([0x20; WINDOW]);

const fn short_count() -> usize {
    let mut count = COMPACT.len();
    let mut at = 0;
    while at < NAMES.len() {
        count += (NAMES[at].1.len() < WINDOW) as usize;
        at += 1;
    }
    count
}

const fn short_names() -> [(u128, HeaderId); short_count()] {
    let mut short = [(0, HeaderId::Other); short_count()];
    let mut next = 0;
    let mut at = 0;
    while at < NAMES.len() {
        if NAMES[at].1.len() < WINDOW {
            short[next] = (fold(NAMES[at].1.as_bytes()), NAMES[at].0);
            next += 1;
        }
        at += 1;
    }
    at = 0;
    while at < COMPACT.len() {
        short[next] = (fold(&[COMPACT[at].0]), COMPACT[at].1);
        next += 1;
        at += 1;
    }
    short
}

/// A name of less than [`WINDOW`] bytes as a number, in small letters.
const fn fold(name: &[u8]) -> u128 {
    let mut window = [0; WINDOW];
    let mut at = 0;
    while at < name.len() {
        window[at] = name[at] | 0x20;
        at += 1;
    }
    u128::from_le_bytes(window)
}

const fn places() -> [u8; 512] {
    let mut places = [VACANT; 512];
    let mut at = 0;
    while at < SHORT.len() {
        places[place(SHORT[at].0)] = at as u8;
        at += 1;
    }
    places
}

const fn place(folded: u128) -> usize {
    let mixed = folded as u64 ^ ((folded >> 64) as u64).rotate_left(23);
    (mixed.wrapping_mul(MULTIPLIER) >> 55) as usize
}

/// Bytes before the first colon among the first [`WINDOW`] bytes of a line, and the known header that they
/// name. A name that is not known, or is not followed by its colon at once, is [`HeaderId::Other`].
pub(crate) fn name_in_window(window: [u8; WINDOW]) -> Option<(usize, HeaderId)> {
    const ONES: u128 = u128::from_le_bytes([1; WINDOW]);
    const HIGHS: u128 = u128::from_le_bytes([0x80; WINDOW]);
    const COLONS: u128 = u128::from_le_bytes([b':'; WINDOW]);
    let word = u128::from_le_bytes(window);
    // The lowest high bit of this marks the first byte that is a colon.
    let difference = word ^ COLONS;
    let marks = difference.wrapping_sub(ONES) & !difference & HIGHS;
    if marks == 0 {
        return None;
    }
    let bits = marks.trailing_zeros() & !7;
    let folded = (word | SMALL) & ((1 << bits) - 1);
    let id = match SHORT.get(usize::from(PLACES[place(folded)])) {
        Some((known, id)) if *known == folded => *id,
        _ => HeaderId::Other,
    };
    Some(((bits / 8) as usize, id))
}

impl HeaderId {
    /// The header of a field name, in any case, long or compact.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Self {
        if name.len() < WINDOW {
            let folded = fold(name);
            return match SHORT.get(usize::from(PLACES[place(folded)])) {
                Some((known, id)) if *known == folded => *id,
                _ => Self::Other,
            };
        }
        NAMES
            .iter()
            .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
            .map_or(Self::Other, |(id, _)| *id)
    }

    /// The long name; empty for [`HeaderId::Other`].
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |(_, name)| *name)
    }
}

impl fmt::Display for HeaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Other { "header" } else { self.name() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_place_of_its_own() {
        assert_eq!(PLACES.iter().filter(|place| **place != VACANT).count(), SHORT.len());
        for (at, (id, name)) in NAMES.iter().enumerate() {
            assert_eq!(*id as usize, at);
            assert_eq!(HeaderId::from_name(name.to_ascii_uppercase().as_bytes()), *id);
            assert_eq!(id.name(), *name);
        }
    }

    #[test]
    fn compact_and_unknown_names_are_told_apart() {
        assert_eq!(HeaderId::from_name(b"V"), HeaderId::Via);
        assert_eq!(HeaderId::from_name(b"k"), HeaderId::Supported);
        assert_eq!(HeaderId::from_name(b"z"), HeaderId::Other);
        assert_eq!(HeaderId::from_name(b"X-MPUSH"), HeaderId::Other);
        assert_eq!(HeaderId::from_name(b"a-name-that-is-much-longer-than-any"), HeaderId::Other);
    }
}
