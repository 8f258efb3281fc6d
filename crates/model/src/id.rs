//! Ids that this product mints. A remote party never chooses one of them: a SIP Call-ID is the
//! caller's, a `CallId` is ours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A call shard of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct ShardId(pub u8);

/// Where and when an id was minted: unique over nodes, restarts and shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
struct Minted {
    node: u8,
    shard: ShardId,
    epoch: u32,
    counter: u64,
}

/// The text of an id is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id of the form node.shard.epoch.counter")
    }
}

impl std::error::Error for NotAnId {}

impl fmt::Display for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}.{:x}", self.node, self.shard.0, self.epoch, self.counter)
    }
}

impl FromStr for Minted {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let mut parts = text.split('.');
        let mut next = || {
            let part = parts.next().ok_or(NotAnId)?;
            let hex = !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
            if hex { u64::from_str_radix(part, 16).map_err(|_| NotAnId) } else { Err(NotAnId) }
        };
        let id = Self {
            node: u8::try_from(next()?).map_err(|_| NotAnId)?,
            shard: ShardId(u8::try_from(next()?).map_err(|_| NotAnId)?),
            epoch: u32::try_from(next()?).map_err(|_| NotAnId)?,
            counter: next()?,
        };
        if parts.next().is_some() { Err(NotAnId) } else { Ok(id) }
    }
}

macro_rules! minted_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Text form: `node.shard.epoch.counter` in lower-case hexadecimal, as it stands in tags,
        /// branches and Call-IDs that we mint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Minted);

        impl $name {
            /// The node that minted the id.
            #[must_use]
            pub const fn node(self) -> u8 {
                self.0.node
            }
            /// The shard that minted the id.
            #[must_use]
            pub const fn shard(self) -> ShardId {
                self.0.shard
            }
            /// The boot epoch of the node when it minted the id.
            #[must_use]
            pub const fn epoch(self) -> u32 {
                self.0.epoch
            }
            /// The position within node, shard and epoch.
            #[must_use]
            pub const fn counter(self) -> u64 {
                self.0.counter
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                text.parse().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

minted_id! {
    /// One call. Also the first part of every money step's idempotency key.
    CallId
}
minted_id! {
    /// One leg: a remote party. It keeps its id when it moves to another call, shard or node.
    LegId
}

/// Mints the ids of one shard within one boot epoch.
#[derive(Debug, Clone)]
pub struct Mint {
    next: Minted,
}

impl Mint {
    /// A mint for `shard` of `node`. `epoch` is the boot epoch that the store handed out.
    #[must_use]
    pub const fn new(node: u8, shard: ShardId, epoch: u32) -> Self {
        Self { next: Minted { node, shard, epoch, counter: 1 } }
    }

    /// The next call id.
    pub const fn call(&mut self) -> CallId {
        CallId(self.take())
    }

    /// The next leg id.
    pub const fn leg(&mut self) -> LegId {
        LegId(self.take())
    }

    const fn take(&mut self) -> Minted {
        let id = self.next;
        self.next.counter += 1;
        id
    }
}

/// One pre-bound RTP/RTCP port pair of the media engine, checked by generation: an order that
/// names an older generation of the pair is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId {
    /// The media thread that owns the sockets.
    pub thread: u8,
    /// The pair's index within the thread.
    pub index: u32,
    /// How often the pair has been used.
    pub generation: u32,
}

/// One TCP, TLS or WebSocket connection that carries SIP, minted by the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_their_text_form() {
        let mut mint = Mint::new(3, ShardId(1), 0xbeef);
        let (a, b) = (mint.call(), mint.call());
        assert_ne!(a, b);
        assert_eq!(a.to_string(), "3.1.beef.1");
        assert_eq!(b.to_string().parse(), Ok(b));
    }

    #[test]
    fn foreign_texts_are_refused() {
        for text in ["", "1.2.3", "1.2.3.4.5", "1.2.3.x", "100.0.0.0", "+1.0.0.0", "1..3.4"] {
            assert_eq!(text.parse::<CallId>(), Err(NotAnId), "{text}");
        }
    }
}
