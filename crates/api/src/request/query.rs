//! `name=value&…` as it stands in query strings, raw lines and form bodies.

use percent_encoding::percent_decode_str;

/// Splits and decodes. `form` makes `+` a space; elsewhere it stays, because phone numbers begin with it.
pub fn parse(text: &str, form: bool) -> Vec<(String, String)> {
    let decode = |value: &str| decode(value, form);
    let text = restore_ampersands(text);
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name).trim().to_ascii_lowercase(), decode(value))
        })
        .collect()
}

/// `¶meter` and `¶m1` in the documents are `&parameter` and `&param1` that a browser took for the
/// pilcrow's entity; clients copied them.
fn restore_ampersands(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains("\u{b6}m") || text.contains("%B6m") || text.contains("%b6m") {
        let text = text.replace("%C2%B6m", "&param").replace("%c2%b6m", "&param");
        return text.replace("%B6m", "&param").replace("%b6m", "&param").replace("\u{b6}m", "&param").into();
    }
    text.into()
}

/// Decodes %-sequences; a bad one stays as it is. Bytes that are not UTF-8 are read as Latin-1.
pub fn decode(text: &str, form: bool) -> String {
    let spaced;
    let text = if form && text.contains('+') {
        spaced = text.replace('+', " ");
        spaced.as_str()
    } else {
        text
    };
    let decoded = match text.contains('%') {
        true => text_of(&percent_decode_str(text).collect::<Vec<u8>>()),
        false => text.to_owned(),
    };
    if form { regain_plus(decoded) } else { decoded }
}

/// A number that begins with a space was `+…` before the form took the plus for a space.
fn regain_plus(text: String) -> String {
    let digits = text.strip_prefix(' ').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) { format!("+{digits}") } else { text }
}

/// UTF-8, or Latin-1 where it is not.
pub fn text_of(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|b| char::from(*b)).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, form: bool, wanted: &[(&str, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(parse(text, form), wanted, "{text}");
    }

    #[test]
    fn fields_are_split_and_decoded() {
        check("ApiEntry=balance&now&x=a%20b", false, &[("apientry", "balance"), ("now", ""), ("x", "a b")]);
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
