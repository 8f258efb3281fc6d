//! Messages and session descriptions inside snapshots: their bytes as text, one character per byte.

/// A text with one character per byte.
pub(super) fn to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of such a text; none where a character is no byte.
pub(super) fn to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// `Option<Session>` in a snapshot.
pub mod session {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use strowger_sdp::Session;

    /// Writes the description.
    pub fn serialize<S: Serializer>(session: &Option<Session>, to: S) -> Result<S::Ok, S::Error> {
        session.as_ref().map(|s| super::to_text(&s.write())).serialize(to)
    }

    /// Reads the description.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Session>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let bytes = super::to_bytes(&text).ok_or_else(|| D::Error::custom("not bytes"))?;
        Session::parse(&bytes).map(Some).map_err(D::Error::custom)
    }
}

/// `Message` in a snapshot.
pub mod message {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use strowger_sip::{Framing, Message};

    /// Writes the message.
    pub fn serialize<S: Serializer>(message: &Message, to: S) -> Result<S::Ok, S::Error> {
        super::to_text(message.bytes()).serialize(to)
    }

    /// Reads the message.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Message, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = super::to_bytes(&text).ok_or_else(|| D::Error::custom("not bytes"))?;
        Message::parse(&bytes, Framing::Datagram).map_err(D::Error::custom)
    }
}

/// `Option<Message>` in a snapshot.
pub mod kept {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use strowger_sip::{Framing, Message};

    /// Writes the message.
    pub fn serialize<S: Serializer>(message: &Option<Message>, to: S) -> Result<S::Ok, S::Error> {
        message.as_ref().map(|message| super::to_text(message.bytes())).serialize(to)
    }

    /// Reads the message.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Message>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let bytes = super::to_bytes(&text).ok_or_else(|| D::Error::custom("not bytes"))?;
        Message::parse(&bytes, Framing::Datagram).map(Some).map_err(D::Error::custom)
    }
}
