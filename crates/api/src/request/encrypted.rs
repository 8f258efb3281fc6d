//! Encrypted requests: XOR with `httpapiencryptkey`, then Base64 in an alphabet that needs no escaping
//! (server-api: Hardened access). It hides a request from a glance and is not security: whoever has one request
//! and guesses its text has the key. Every other rule of authentication holds as without it.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{MAX_FIELDS, Request, query};
use crate::declare::Fields;
use crate::reply::Failure;

/// The parameter that holds a whole query.
const WHOLE: &str = "mcrfs";
/// What a single encrypted value begins with.
const MARK: &str = "oenc1_";
/// Clients pad or leave it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Request {
    /// Opens what is encrypted. Without a key nothing is looked at, but a query that only a key can open is named.
    pub(crate) fn decrypt(&mut self, key: &str) {
        let whole = self.field(WHOLE).is_some();
        let marked = |text: &str| text.starts_with(MARK);
        let single = !key.is_empty()
            && (self.fields.iter().any(|(_, value)| marked(value))
                || self.positional.iter().any(|v| marked(v)));
        if !whole && !single {
            return;
        }
        match self.open_all(key) {
            Ok(()) => self.finish(),
            Err(failure) => self.broken = Some(failure),
        }
    }

    fn open_all(&mut self, key: &str) -> Result<(), Failure> {
        let sealed = std::mem::take(&mut self.fields);
        let mut whole = false;
        for (name, value) in sealed.iter() {
            if name == WHOLE && !std::mem::replace(&mut whole, true) {
                self.open_whole(value, key)?;
            } else {
                self.push([(name, value)]);
            }
        }
        let mut fields = Fields::with_capacity(self.fields.bytes(), self.fields.len());
        for (name, value) in self.fields.iter() {
            match value.strip_prefix(MARK) {
                Some(sealed) => {
                    let bytes = open(sealed, key).ok_or_else(|| wrong(name))?;
                    fields.push(name, &query::decode(&query::text_of(&bytes), false));
                }
                None => fields.push(name, value),
            }
        }
        self.fields = fields;
        for value in &mut self.positional {
            if let Some(sealed) = value.strip_prefix(MARK) {
                let bytes = open(sealed, key).ok_or_else(|| wrong("a positional value"))?;
                *value = query::text_of(&bytes);
            }
        }
        Ok(())
    }

    /// Reads the query that one value holds.
    fn open_whole(&mut self, text: &str, key: &str) -> Result<(), Failure> {
        if key.is_empty() {
            return Err(Failure::invalid("mcrfs cannot be read: httpapiencryptkey is not set"));
        }
        let bytes = open(text, key).ok_or_else(|| wrong(WHOLE))?;
        // The original's clients keep to seven bits, and so does the original.
        let inner: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
        let inner = query::text_of(&inner);
        let inner =
            inner.split_once('?').filter(|(path, _)| !path.contains(['=', '&'])).map_or(&*inner, |(_, q)| q);
        let mut opened = Fields::default();
        query::read(&mut opened, MAX_FIELDS, inner, false);
        // Values may be encoded twice: for themselves, and for the query that they were made from.
        self.push(opened.iter().map(|(name, value)| (name, query::decode(value, false))));
        Ok(())
    }
}

fn wrong(name: &str) -> Failure {
    Failure::invalid(format!("{name} must be XOR with httpapiencryptkey, Base64, with - _ . for = + /"))
}

/// Base64 in its own alphabet, then XOR with the key over and over.
fn open(text: &str, key: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .trim()
        .chars()
        .map(|c| match c {
            '-' => '=',
            '_' => '+',
            '.' => '/',
            other => other,
        })
        .collect();
    let sealed = BASE64.decode(plain).ok()?;
    Some(sealed.iter().zip(key.bytes().cycle()).map(|(byte, key)| byte ^ key).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Transport};
    use super::*;

    fn sealed(text: &str, key: &str) -> String {
        let bytes: Vec<u8> = text.bytes().zip(key.bytes().cycle()).map(|(byte, key)| byte ^ key).collect();
        BASE64.encode(bytes).replace('=', "-").replace('+', "_").replace('/', ".")
    }

    fn read(line: &str, key: &str) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        let mut request = Request::line(Origin::new(here, here, Transport::Tcp), line.as_bytes());
        request.decrypt(key);
        request
    }

    #[test]
    fn a_whole_query_and_single_values_are_opened() {
        let key = "s3cret";
        let whole = sealed("/mvapireq/?apientry=rating&authkey=K&bnum=%2B36&txt=a%2526b", key);
        let name = sealed("rating", key);
        let text = sealed("a&b", key);
        for line in [
            format!("?mcrfs={whole}"),
            format!("/mvapireq/?mcrfs={whole}&now=5"),
            format!("?apientry=oenc1_{name}&authkey=K&bnum=+36&txt=oenc1_{text}"),
            format!("?mcrfs={}&authkey=K&txt=oenc1_{text}", sealed("apientry=rating&bnum=+36", key)),
        ] {
            let request = read(&line, key);
            assert_eq!(request.broken, None, "{line}");
            assert_eq!(request.command, "rating", "{line}");
            let fields = ["authkey", "bnum", "txt"].map(|name| request.field(name));
            assert_eq!(fields, [Some("K"), Some("+36"), Some("a&b")], "{line}");
        }
        let request = read(&format!("balance,K,alice,oenc1_{}", sealed("pa", key)), key);
        assert_eq!(request.positional, ["K", "alice", "pa"]);
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        for (line, key, wanted) in [
            ("?mcrfs=abcd", "", Some("mcrfs cannot be read: httpapiencryptkey is not set")),
            ("?mcrfs=%00%01", "k", Some("mcrfs must be XOR")),
            ("?apientry=balance&authpwd=oenc1_!", "k", Some("authpwd must be XOR")),
            ("?apientry=balance&authpwd=oenc1_!", "", None),
        ] {
            let broken = read(line, key).broken.map(|failure| failure.text);
            assert_eq!(broken.is_some(), wanted.is_some(), "{line}");
            assert!(broken.unwrap_or_default().starts_with(wanted.unwrap_or_default()), "{line}");
        }
    }
}
