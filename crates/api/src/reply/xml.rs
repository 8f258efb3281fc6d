//! XML and HTML text: escaping and the simple element form of data.

use super::Data;

/// Text between tags; characters that XML 1.0 does not allow become U+FFFD.
pub fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

/// The members of a map as elements, the items of a list as `<row>`.
pub fn write(out: &mut String, data: &Data) {
    match data {
        Data::Map(items) => {
            for (name, item) in items {
                let name = tag(name);
                out.push_str(&format!("<{name}>"));
                write(out, item);
                out.push_str(&format!("</{name}>"));
            }
        }
        Data::List(items) => {
            for item in items {
                out.push_str("<row>");
                write(out, item);
                out.push_str("</row>");
            }
        }
        Data::Text(text) => escape(out, text),
        plain => escape(out, &plain.to_line()),
    }
}

/// A column name as an element name: what XML does not allow becomes `_`.
fn tag(name: &str) -> String {
    let mut tag: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' })
        .collect();
    if !tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        tag.insert(0, '_');
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_never_reach_the_document() {
        let mut out = String::new();
        write(&mut out, &Data::Map(vec![("1 a".into(), Data::Text("<b>&\u{0}\r".into()))]));
        assert_eq!(out, "<_1_a>&lt;b&gt;&amp;\u{fffd}&#13;</_1_a>");
    }
}
