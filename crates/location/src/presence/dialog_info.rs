//! Dialog documents (RFC 4235) for busy lamps: whether the line of an account is in use. Which calls they are is not told.

use super::pidf::escaped;
use super::status::Line;

/// The media type.
pub(super) const TYPE: &str = "application/dialog-info+xml";

/// The whole state; `version` counts the documents of one subscription from 0 (RFC 4235 section 4.1.1).
pub(super) fn write(entity: &str, version: u32, line: Line) -> String {
    let entity = escaped(entity);
    let dialog = match line {
        Line::Offline | Line::Online => "",
        Line::Calling => "<dialog id=\"line\"><state>early</state></dialog>",
        Line::Speaking => "<dialog id=\"line\"><state>confirmed</state></dialog>",
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" \
         version=\"{version}\" state=\"full\" entity=\"{entity}\">{dialog}</dialog-info>\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lamp_is_lit_while_the_line_is_in_use() {
        let state = |line| {
            let text = write("sip:bob@h", 3, line);
            assert!(text.contains("version=\"3\" state=\"full\" entity=\"sip:bob@h\""), "{text}");
            text.split_once("<state>").map(|(_, rest)| rest.split('<').next().unwrap_or("").to_owned())
        };
        assert_eq!(state(Line::Online), None);
        assert_eq!(state(Line::Calling).as_deref(), Some("early"));
        assert_eq!(state(Line::Speaking).as_deref(), Some("confirmed"));
    }
}
