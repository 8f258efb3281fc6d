//! `name=value&…` as it stands in query strings, raw lines and form bodies.

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode_str;

use crate::declare::Fields;

/// Fields for which room is made at once: more than most requests have.
const USUAL_FIELDS: usize = 8;

/// Splits and decodes, until there are `most` fields. `form` makes `+` a space; elsewhere it stays, because phone
/// numbers begin with it.
pub fn read(fields: &mut Fields, most: usize, text: &str, form: bool) {
    if text.is_empty() {
        return;
    }
    if fields.is_empty() {
        *fields = Fields::with_capacity(text.len(), USUAL_FIELDS);
    }
    if !form && text.is_ascii() && memchr(b'%', text.as_bytes()).is_none() {
        fields.push_pairs(text, most);
        return;
    }
    let text = restore_ampersands(text);
    let mut rest = Some(&*text);
    while let Some(text) = rest
        && fields.len() < most
    {
        let (pair, behind) = cut(text, b'&');
        rest = behind;
        if !pair.is_empty() {
            let (name, value) = cut(pair, b'=');
            fields.push_sent(&decoded(name, form), &decoded(value.unwrap_or_default(), form));
        }
    }
}

/// What stands before the first `mark`, and what behind it. The parts are short: looking at byte after byte is quicker
/// than a search that is made for long texts.
pub fn cut(text: &str, mark: u8) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == mark) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// `¶meter` and `¶m1` in the documents are `&parameter` and `&param1` that a browser took for the
/// pilcrow's entity; clients copied them.
fn restore_ampersands(text: &str) -> Cow<'_, str> {
    if text.contains("\u{b6}m") || text.contains("%B6m") || text.contains("%b6m") {
        let text = text.replace("%C2%B6m", "&param").replace("%c2%b6m", "&param");
        return text.replace("%B6m", "&param").replace("%b6m", "&param").replace("\u{b6}m", "&param").into();
    }
    text.into()
}

/// Decodes %-sequences; a bad one stays as it is. Bytes that are not UTF-8 are read as Latin-1.
pub fn decode(text: &str, form: bool) -> String {
    decoded(text, form).into_owned()
}

/// The same, without a copy where there is nothing to decode.
fn decoded(text: &str, form: bool) -> Cow<'_, str> {
    let text = if form && text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { text.into() };
    let text = match text.contains('%') {
        true => text_of(&percent_decode_str(&text).collect::<Vec<u8>>()).into(),
        false => text,
    };
    if form { regain_plus(text) } else { text }
}

/// A number that begins with a space was `+…` before the form took the plus for a space.
fn regain_plus(text: Cow<'_, str>) -> Cow<'_, str> {
    let digits = text.strip_prefix(' ').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("+{digits}").into()
    } else {
        text
    }
}

/// UTF-8, or Latin-1 where it is not.
pub fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|b| char::from(*b)).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, form: bool, wanted: &[(&str, &str)]) {
        let mut fields = Fields::default();
        read(&mut fields, 4, text, form);
        assert_eq!(fields.iter().collect::<Vec<_>>(), wanted, "{text}");
    }

    #[test]
    fn fields_are_split_and_decoded() {
        check("ApiEntry=balance&now&x=a%20b", false, &[("apientry", "balance"), ("now", ""), ("x", "a b")]);
        check("a=1&b=2&c=3&d=4&e=5", false, &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]);
        check("a=%zz%4&b=1=2&&c=%E9", false, &[("a", "%zz%4"), ("b", "1=2"), ("c", "é")]);
    }

    #[test]
    fn plus_stays_plus_but_in_forms() {
        check("n=+3630&t=a+b", false, &[("n", "+3630"), ("t", "a+b")]);
        check("n=+3630&t=a+b&u=%2B1", true, &[("n", "+3630"), ("t", "a b"), ("u", "+1")]);
    }

    #[test]
    fn pilcrows_of_the_documents_are_parameters() {
        check(
            "apientry=unreg\u{b6}m1=alma&x=%C2%B6m3",
            false,
            &[("apientry", "unreg"), ("param1", "alma"), ("x", ""), ("param3", "")],
        );
    }
}
