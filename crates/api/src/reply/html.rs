//! Plain pages for people. Every text is escaped; there is no script, no style and no link.

use super::xml::escape;

/// A page with a text as it stands.
pub fn message(text: &str) -> String {
    let mut out = head(text.lines().next().unwrap_or_default());
    out.push_str("<pre>");
    escape(&mut out, text);
    out.push_str("</pre></body></html>");
    out
}

/// A page with a table, and lines below it.
pub fn table(
    title: &str,
    columns: &[String],
    rows: impl Iterator<Item = impl Iterator<Item = String>>,
    below: impl Iterator<Item = String>,
) -> String {
    let mut out = head(title);
    out.push_str("<p>");
    escape(&mut out, title);
    out.push_str("</p><table border=\"1\"><tr>");
    for column in columns {
        element(&mut out, "th", column);
    }
    out.push_str("</tr>");
    for row in rows {
        out.push_str("<tr>");
        row.for_each(|cell| element(&mut out, "td", &cell));
        out.push_str("</tr>");
    }
    out.push_str("</table>");
    below.for_each(|line| element(&mut out, "p", &line));
    out.push_str("</body></html>");
    out
}

fn head(title: &str) -> String {
    let mut out = String::from("<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>");
    escape(&mut out, title);
    out.push_str("</title></head><body>");
    out
}

fn element(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>"));
    escape(out, text);
    out.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped() {
        let bad = "<script>\"'&";
        let rows = [[bad.to_owned()]];
        let page = table(
            bad,
            &[bad.to_owned()],
            rows.into_iter().map(IntoIterator::into_iter),
            [bad.to_owned()].into_iter(),
        );
        assert_eq!(page.matches("&lt;script&gt;&quot;&#39;&amp;").count(), 5, "{page}");
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(message(bad).matches("&lt;script&gt;").count(), 2);
    }
}
