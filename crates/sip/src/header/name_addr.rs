//! `"Display" <uri>;params`, the form of From, To, Contact, Route, Record-Route and their kind.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use super::HeaderError;
use super::id::HeaderId;
use super::number::{q_value, seconds};
use super::params::Params;
use super::uri::Uri;
use crate::lex::{closing_quote, decode_text, trim, unescape_quoted};

/// A name-addr or addr-spec with its header parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name without its quotes, escapes kept; none where there is none.
    pub display: Option<&'a [u8]>,
    /// The URI.
    pub uri: Uri<'a>,
    /// The parameters of the header, not of the URI.
    pub params: Params<'a>,
    /// The whole value.
    pub text: &'a [u8],
}

/// A name-addr cut into pieces: display, URI, parameters. The pieces themselves are not looked at.
pub(crate) struct Pieces<'a> {
    pub(crate) display: Option<&'a [u8]>,
    pub(crate) uri: &'a [u8],
    pub(crate) params: Params<'a>,
    pub(crate) bracketed: bool,
}

impl<'a> NameAddr<'a> {
    /// Reads one value. `header` is what an error names.
    pub fn parse(value: &'a [u8], header: HeaderId) -> Result<Self, HeaderError> {
        let text = trim(value);
        let wrong = |why| HeaderError::new(header, why);
        let pieces = split_name_addr(text).map_err(wrong)?;
        let uri = Uri::parse(pieces.uri).map_err(|error| wrong(error.0))?;
        if !pieces.bracketed && !uri.headers.is_empty() {
            // RFC 3261 20: a URI with a question mark must stand in brackets.
            return Err(wrong("URI with headers outside of angle brackets"));
        }
        if !pieces.params.are_sound() {
            return Err(wrong("malformed parameters"));
        }
        Ok(Self { display: pieces.display, uri, params: pieces.params, text })
    }

    /// The display name, escapes resolved; empty if there is none.
    #[must_use]
    pub fn display_decoded(&self) -> Cow<'a, str> {
        self.display.map_or(Cow::Borrowed(""), unescape_quoted)
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag")
    }

    /// The `expires` parameter in seconds.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        let Some(value) = self.params.get_bytes("expires") else { return Ok(None) };
        seconds(value).map(Some).ok_or(HeaderError::new(HeaderId::Contact, "malformed expires parameter"))
    }

    /// The `q` parameter in thousandths; none where it is absent or malformed.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        q_value(self.params.get("q")?)
    }

    /// The `+sip.instance` parameter without its quotes (RFC 5626).
    #[must_use]
    pub fn instance(&self) -> Option<&'a str> {
        self.params.get("+sip.instance")
    }

    /// The `reg-id` parameter (RFC 5626).
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        self.params.get("reg-id")?.parse().ok()
    }

    /// The value without its header parameters: what stands before `;tag=`.
    #[must_use]
    pub fn party(&self) -> Cow<'a, str> {
        let end = self.text.len() - self.params.as_bytes().len();
        decode_text(trim(&self.text[..end]))
    }
}

/// Cuts a trimmed name-addr into its pieces.
pub(crate) fn split_name_addr(text: &[u8]) -> Result<Pieces<'_>, &'static str> {
    let (display, rest) = match text {
        [] => return Err("empty"),
        [b'"', ..] => {
            let close = closing_quote(text, 0).ok_or("unbalanced quote")?;
            let rest = trim(&text[close + 1..]);
            if rest.first() != Some(&b'<') {
                return Err("no address after the display name");
            }
            (Some(&text[1..close]), rest)
        }
        _ => unquoted_display(text)?,
    };
    let [b'<', inside @ ..] = rest else {
        let end = memchr(b';', rest).unwrap_or(rest.len());
        let (uri, params) = rest.split_at(end);
        return Ok(Pieces { display, uri, params: Params::new(params), bracketed: false });
    };
    let close = memchr(b'>', inside).ok_or("angle bracket is not closed")?;
    let (uri, params) = (&inside[..close], &inside[close + 1..]);
    if !matches!(trim(params), [] | [b';', ..]) {
        return Err("text after the angle bracket");
    }
    Ok(Pieces { display, uri, params: Params::new(params), bracketed: true })
}

/// A display name without quotes before an angle bracket, or no display name at all.
///
/// RFC 3261 allows tokens only. Phones put almost anything there, so all is tolerated but what could be read
/// as a separator, and control characters.
fn unquoted_display(text: &[u8]) -> Result<(Option<&[u8]>, &[u8]), &'static str> {
    let stop = memchr3(b'<', b';', b'"', text);
    let Some(open) = stop.filter(|at| text[*at] == b'<') else { return Ok((None, text)) };
    let display = trim(&text[..open]);
    if display.iter().any(|b| matches!(b, b',' | b':' | b'>') || (*b < b' ' && *b != b'\t')) {
        return Err("display name must be quoted");
    }
    Ok(((!display.is_empty()).then_some(display), &text[open..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> NameAddr<'_> {
        NameAddr::parse(text, HeaderId::From).unwrap()
    }

    #[test]
    fn names_addresses_and_parameters_are_taken_apart() {
        let address = parse(br#""J Rosenberg \\\"" <sip:jdrosen@example.com;lr> ; tag = 98asjd8"#);
        assert_eq!(address.display_decoded(), "J Rosenberg \\\"");
        assert_eq!(address.uri.host, "example.com");
        assert!(address.uri.is_lr());
        assert_eq!(address.tag(), Some("98asjd8"));
        let bare = parse(b"sip:user@example.com;tag=1");
        assert_eq!((bare.uri.text, bare.tag()), ("sip:user@example.com", Some("1")));
        assert_eq!(parse(b"Joe @ (home) <sip:j@x>;").display_decoded(), "Joe @ (home)");
        let tight = parse(b"caller<sip:c@e.com>;tag=323");
        assert_eq!((tight.display_decoded().as_ref(), tight.tag()), ("caller", Some("323")));
        assert_eq!(parse(b"J\xf6rg <sip:j@x>").display_decoded(), "Jörg");
        assert_eq!(parse(br#""A" <sip:a@b>;tag=1"#).party(), r#""A" <sip:a@b>"#);
        assert_eq!(parse(b"<tel:+1>").uri.user, Some("+1"));
    }

    #[test]
    fn contact_parameters_are_typed() {
        let contact =
            parse(br#"<sip:a@b:5060;ob>;+sip.instance="<urn:uuid:0-1>";reg-id=1;q=0.33;expires=60"#);
        assert_eq!(contact.instance(), Some("<urn:uuid:0-1>"));
        assert_eq!((contact.reg_id(), contact.q(), contact.expires()), (Some(1), Some(330), Ok(Some(60))));
        assert!(parse(b"<sip:a@b>;expires=x").expires().is_err());
    }

    #[test]
    fn malformed_values_are_refused() {
        for text in [
            &b""[..],
            b"\"Mr. J. User <sip:j.user@example.com>",
            b"Bell, Alexander <sip:a@b>;tag=43",
            b"<sip:a@b",
            b"<sip:a@b> junk",
            b"sip:user@example.com?Route=%3Csip:x%3E",
            b"\"x\" sip:a@b",
            b"<sip:a@b>;;",
            b"<>",
        ] {
            assert!(NameAddr::parse(text, HeaderId::From).is_err(), "{}", decode_text(text));
        }
    }
}
