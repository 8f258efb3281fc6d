//! Contact: addresses, or the star that removes every binding (RFC 3261 10.2.2).

use super::name_addr::NameAddr;

/// All Contact values of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contacts<'a> {
    /// `*`, alone.
    Star,
    /// Addresses in order; empty where the message has none.
    List(Vec<NameAddr<'a>>),
}
