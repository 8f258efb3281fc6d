//! Bytes in snapshots: a text in which each character is one byte. Compact in JSON, and lossless.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    serializer.serialize_str(&text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.chars().map(|c| u8::try_from(c).map_err(|_| D::Error::custom("a character above U+00FF"))).collect()
}
