//! JSON bodies and messages: flat, with the parameters in an object `params`, or in positional order in an
//! array `params`, or an array alone. Numbers keep the text that was sent: money never passes through binary floating point.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{MAX_FIELDS, Request};
use crate::reply::Failure;

/// Objects within objects that are read as parameters; deeper ones stay text.
const MAX_DEPTH: usize = 4;

/// The members of an object in the order of the text, repeated names included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() < MAX_FIELDS {
                        members.push(member);
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Self)
    }
}

impl Request {
    /// Reads an object; anything else is answered with what would be right.
    pub(super) fn read_json(&mut self, text: &str) {
        let text = text.trim();
        if text.starts_with('[') {
            self.read_array(text);
        } else if !text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok() {
            self.broken = Some(Failure::invalid("the body must be a JSON object"));
        } else if let Err(wrong) = self.read_members(text, 0) {
            self.broken = Some(Failure::invalid(format!("the body must be JSON: {wrong}")));
        }
    }

    /// An array has what a positional line has: the command, key, user and password, then the command's own; only the
    /// command's own where the command is named beside it.
    fn read_array(&mut self, text: &str) {
        let items = serde_json::from_str::<Vec<&RawValue>>(text)
            .and_then(|items| items.into_iter().take(MAX_FIELDS).map(text_of).collect::<Result<Vec<_>, _>>());
        let mut items = match items {
            Ok(items) => items,
            Err(wrong) => {
                self.broken = Some(Failure::invalid(format!("the body must be JSON: {wrong}")));
                return;
            }
        };
        let named = !self.command.is_empty() || self.field("apientry").is_some();
        if !named && !items.is_empty() {
            self.command = items.remove(0).trim().to_ascii_lowercase();
            self.positional_credentials = true;
        }
        self.positional = items;
    }

    fn read_members(&mut self, text: &str, depth: usize) -> Result<(), serde_json::Error> {
        let Members(members) = serde_json::from_str(text)?;
        for (name, value) in members {
            let name = name.trim().to_ascii_lowercase();
            let holder = depth < MAX_DEPTH && matches!(name.as_str(), "params" | "parameters" | "auth");
            match value.get().as_bytes().first() {
                Some(b'{') if holder => self.read_members(value.get(), depth + 1)?,
                Some(b'[') if holder && name != "auth" => {
                    let items: Vec<&RawValue> = serde_json::from_str(value.get())?;
                    self.positional =
                        items.into_iter().take(MAX_FIELDS).map(text_of).collect::<Result<_, _>>()?;
                }
                _ => self.push([(name, text_of(value)?)]),
            }
        }
        Ok(())
    }
}

/// A value as the text of a parameter.
fn text_of(value: &RawValue) -> Result<String, serde_json::Error> {
    Ok(match value.get() {
        "null" => String::new(),
        "true" => "1".into(),
        "false" => "0".into(),
        text if text.starts_with('"') => serde_json::from_str(text)?,
        number_or_nested => number_or_nested.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Transport};
    use super::*;

    fn read(text: &str) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        let mut request = Request::new(Origin::new(here, here, Transport::Http), text.len());
        request.read_json(text);
        request
    }

    #[test]
    fn values_keep_their_text_and_the_first_of_a_name_counts() {
        let request = read(
            r#"{"A":"x","credit":9007199254740993.000001,"n":1e2,"yes":true,"none":null,"a":"y","o":{"b":[1, 2]},"s":"\u0041\n"}"#,
        );
        for (name, wanted) in [
            ("a", "x"),
            ("credit", "9007199254740993.000001"),
            ("n", "1e2"),
            ("yes", "1"),
            ("none", ""),
            ("o", "{\"b\":[1, 2]}"),
            ("s", "A\n"),
        ] {
            assert_eq!(request.field(name), Some(wanted), "{name}");
        }
    }

    #[test]
    fn parameters_may_be_nested_or_positional() {
        let request =
            read(r#"{"apientry":"x","auth":{"authid":"u"},"params":{"bnum":"1","params":["a",2]}}"#);
        assert_eq!((request.field("authid"), request.field("bnum")), (Some("u"), Some("1")));
        assert_eq!(request.positional, ["a", "2"]);
    }

    #[test]
    fn an_array_is_a_positional_line() {
        let request = read(r#"["Rating","K","u","p",3630]"#);
        assert_eq!((request.command.as_str(), request.positional_credentials), ("rating", true));
        assert_eq!(request.positional, ["K", "u", "p", "3630"]);
        assert!(read("[]").command.is_empty());
        let mut named = Request { command: "rating".into(), ..read("{}") };
        named.read_json(r#"["+36"]"#);
        assert_eq!((named.positional_credentials, named.positional), (false, vec!["+36".to_owned()]));
    }

    #[test]
    fn what_is_no_object_is_said() {
        for text in ["", "[1", "1", "\"a\"", "{", "{\"a\":}", "{\"a\":1}x", "{\"a\":\"\\ud800\"}"] {
            assert!(read(text).broken.is_some(), "{text}");
        }
        let deep = format!("{}1{}", "{\"params\":".repeat(5_000), "}".repeat(5_000));
        // What lies deeper than parameters do stays text.
        assert!(read(&deep).fields.len() <= 1);
    }
}
