//! Presence documents (RFC 3863, with the activities of RFC 4480): writing them, and reading as much of them as we use.

use std::fmt::Write as _;

use super::publications::Published;
use super::status::{Line, MAX_WORD_BYTES, Status};

/// The media type.
pub(super) const TYPE: &str = "application/pidf+xml";

/// The longest document that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The document of an account whose URI is `entity`.
pub(super) fn write(entity: &str, status: &Status) -> String {
    let basic = if status.open { "open" } else { "closed" };
    let (entity, word) = (escaped(entity), escaped(&status.word));
    let activity = match status.line {
        Line::Calling | Line::Speaking => "<rpid:on-the-phone/>",
        _ if status.word.eq_ignore_ascii_case("away") => "<rpid:away/>",
        _ if status.word.eq_ignore_ascii_case("busy") || status.word.eq_ignore_ascii_case("dnd") => {
            "<rpid:busy/>"
        }
        _ => "",
    };
    let mut out = String::with_capacity(640);
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"{entity}\">\
         <tuple id=\"line\"><status><basic>{basic}</basic></status><note>{word}</note></tuple>"
    );
    if !activity.is_empty() {
        let _ = write!(
            out,
            "<dm:person id=\"person\"><rpid:activities>{activity}</rpid:activities><dm:note>{word}</dm:note></dm:person>"
        );
    }
    out.push_str("</presence>\r\n");
    out
}

/// What a document says: open where any of its tuples is, and the first activity or note. None: it is no such document.
pub(super) fn read(body: &[u8]) -> Option<Published> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_BYTES)?;
    if text.contains("<!DOCTYPE") {
        return None;
    }
    let (mut root, mut open, mut activity, mut note, mut within) = (false, None, None, None, false);
    for (name, content) in elements(text) {
        match name {
            "presence" => root = true,
            "basic" => open = Some(open == Some(true) || content.trim() == "open"),
            "activities" => within = true,
            "/activities" => within = false,
            "note" if !content.trim().is_empty() => note = note.or_else(|| word(content)),
            name if within && !name.starts_with('/') && name != "unknown" => {
                activity = activity.or_else(|| word(name));
            }
            _ => {}
        }
    }
    let open = open.filter(|_| root)?;
    Some(Published { open, word: activity.or(note) })
}

/// The local names of all tags in order, closing ones with their slash, and the text that follows each.
fn elements(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('<').skip(1).filter_map(|piece| {
        let (tag, content) = piece.split_once('>')?;
        if tag.starts_with(['?', '!']) {
            return None;
        }
        let name = tag.split(|c: char| c.is_ascii_whitespace()).next()?;
        let closes = name.starts_with('/');
        let name = name.trim_matches('/');
        let local = name.rsplit(':').next()?;
        if !closes {
            return Some((local, content));
        }
        // Of the closing tags only this one matters.
        (local == "activities").then_some(("/activities", content))
    })
}

/// A text made fit to be a status.
fn word(text: &str) -> Option<Box<str>> {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    let plain = plain.replace("&amp;", "&");
    let mut fit: String = plain
        .trim()
        .chars()
        .map(|c| if matches!(c, ',' | ':') || c.is_control() { ' ' } else { c })
        .collect();
    fit.truncate(fit.floor_char_boundary(MAX_WORD_BYTES));
    (!fit.is_empty()).then(|| fit.into())
}

/// The text within an element or attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Option<(bool, Option<&str>)>) {
        let read = read(body.as_bytes());
        let seen = read.as_ref().map(|published| (published.open, published.word.as_deref()));
        assert_eq!(seen, expected, "{body}");
    }

    #[test]
    fn what_phones_publish_is_read() {
        check(
            "<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf'><tuple id='a'><status><basic>open</basic>\
             </status></tuple></presence>",
            Some((true, None)),
        );
        check(
            "<p:presence><p:tuple id='a'><p:status><p:basic> closed </p:basic></p:status><p:note>In: a, meeting &amp; so\
             </p:note></p:tuple></p:presence>",
            Some((false, Some("In  a  meeting & so"))),
        );
        check(
            "<presence><tuple><status><basic>open</basic></status></tuple><dm:person><rpid:activities><rpid:away/>\
             </rpid:activities><dm:note>x</dm:note></dm:person></presence>",
            Some((true, Some("away"))),
        );
        for wrong in [
            "",
            "open",
            "<basic>open</basic>",
            "<presence/>",
            "<!DOCTYPE x><presence><basic>open</basic></presence>",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (open, word, line) in [
            (true, "a<b>&\"c", Line::Online),
            (false, "offline", Line::Offline),
            (true, "speaking", Line::Speaking),
        ] {
            let status = Status { open, word: word.into(), line };
            let document = write("sip:\"x\"&y@h", &status);
            let read = read(document.as_bytes()).unwrap();
            let expected = if line == Line::Speaking { "on-the-phone" } else { word };
            assert_eq!((read.open, read.word.as_deref()), (open, Some(expected)), "{document}");
        }
    }
}
