//! Parameters after a semicolon, of URIs and of header values.

use crate::lex::{closing_quote, is_token, trim, unquoted};

/// `;name=value;flag` as it stands in the message. Spaces around names and values are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Params<'a>(&'a [u8]);

impl<'a> Params<'a> {
    /// The parameters of a text that is empty or begins with a semicolon.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The value of the first parameter of that name, quotes stripped; `Some("")` for a flag.
    ///
    /// Names compare without case. A value that is not UTF-8 is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.get_bytes(name)?;
        std::str::from_utf8(unquoted(value)).ok()
    }

    /// As [`Params::get`], bytes kept and quotes too.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.unwrap_or(b""))
    }

    /// A parameter of that name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get_bytes(name).is_some()
    }

    /// Name and raw value of each parameter, in order.
    #[must_use]
    pub const fn iter(&self) -> ParamIter<'a> {
        ParamIter(self.0)
    }

    /// The whole text with its leading semicolon, or empty.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// As [`Params::as_bytes`]; empty where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &'a str {
        std::str::from_utf8(self.0).unwrap_or("")
    }

    /// Every parameter has a name that is a token, every quote is closed, and nothing else is there.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        let starts = matches!(trim(self.0), [] | [b';', ..]);
        starts
            && self.iter().all(|(name, value)| {
                let named = !name.is_empty() && name.iter().all(|b| is_token(*b) || matches!(b, b'[' | b']'));
                named && value.is_none_or(is_sound_value)
            })
    }
}

fn is_sound_value(value: &[u8]) -> bool {
    match value {
        [b'"', ..] => closing_quote(value, 0) == Some(value.len() - 1),
        _ => !value.iter().any(|b| matches!(b, b'"' | b'<' | b'>')),
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);
    type IntoIter = ParamIter<'a>;
    fn into_iter(self) -> ParamIter<'a> {
        self.iter()
    }
}

/// Iterates [`Params`].
#[derive(Debug, Clone)]
pub struct ParamIter<'a>(&'a [u8]);

impl<'a> Iterator for ParamIter<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);
    fn next(&mut self) -> Option<Self::Item> {
        let text = trim(self.0);
        let text = text.strip_prefix(b";").unwrap_or(text);
        if text.is_empty() {
            // One semicolon at the end is forgiven; two make an empty parameter, which is unsound.
            return None;
        }
        let end = end_of_param(text);
        let (param, rest) = text.split_at(end);
        self.0 = rest;
        let Some(equals) = param.iter().position(|b| *b == b'=') else {
            return Some((trim(param), None));
        };
        Some((trim(&param[..equals]), Some(trim(&param[equals + 1..]))))
    }
}

/// Position of the semicolon that ends the first parameter, quoted strings skipped.
fn end_of_param(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b';' => return at,
            b'"' => match closing_quote(text, at) {
                Some(close) => at = close,
                None => return text.len(),
            },
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_flags_quotes_and_spaces_are_read() {
        let params = Params::new(br#" ;  tag    = 19;lr;text="a;b=\"c\"" ; Q=0.5"#);
        assert_eq!(params.get("tag"), Some("19"));
        assert_eq!(params.get("LR"), Some(""));
        assert_eq!(params.get("text"), Some(r#"a;b=\"c\""#));
        assert_eq!(params.get("q"), Some("0.5"));
        assert_eq!(params.get("none"), None);
        assert!(params.are_sound());
    }

    #[test]
    fn empty_parameters_and_open_quotes_are_unsound() {
        for text in [";;", ";a;;b", ";a=\"x", "a", ";=1", ";a=<b>"] {
            assert!(!Params::new(text.as_bytes()).are_sound(), "{text}");
        }
        for text in ["", ";", ";a=1;", ";a=1 ; "] {
            assert!(Params::new(text.as_bytes()).are_sound(), "{text}");
        }
    }
}
