//! Named values in their order, all of them in one text: a request has several, and a place of its own for each would
//! cost more than reading them.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Names and values. A name may stand there more than once; then the first counts.
#[derive(Clone, Default)]
pub struct Fields {
    text: String,
    spans: Vec<Span>,
}

/// Where in the text a name stands, and its value.
#[derive(Debug, Clone, Copy)]
struct Span {
    name: (usize, usize),
    value: (usize, usize),
}

impl Fields {
    /// None yet, with room for this many bytes and fields.
    #[must_use]
    pub fn with_capacity(bytes: usize, fields: usize) -> Self {
        Self { text: String::with_capacity(bytes), spans: Vec::with_capacity(fields) }
    }

    /// One more.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.spans.push(Span { name: (start, middle), value: (middle, self.text.len()) });
    }

    /// One more, its name in lower case and without space around it.
    pub fn push_sent(&mut self, name: &str, value: &str) {
        self.push(trimmed(name), value);
        if let Some(Span { name: (start, end), .. }) = self.spans.last() {
            self.text[*start..*end].make_ascii_lowercase();
        }
    }

    /// Those of `name=value&…` in which nothing is encoded, until there are `most`; names as in [`Self::push_sent`].
    pub fn push_pairs(&mut self, text: &str, most: usize) {
        let base = self.text.len();
        self.text.push_str(text);
        let (mut start, mut middle) = (0, None);
        for at in memchr::memchr2_iter(b'&', b'=', text.as_bytes()).chain([text.len()]) {
            if text.as_bytes().get(at) == Some(&b'=') {
                middle.get_or_insert(at);
                continue;
            }
            if at > start && self.spans.len() < most {
                let value = (base + middle.map_or(at, |middle| middle + 1), base + at);
                let sent = &text[start..middle.unwrap_or(at)];
                let name = trimmed(sent);
                let lead = if name.len() == sent.len() { 0 } else { sent.len() - sent.trim_start().len() };
                let name = (base + start + lead, base + start + lead + name.len());
                self.text[name.0..name.1].make_ascii_lowercase();
                self.spans.push(Span { name, value });
            }
            (start, middle) = (at + 1, None);
        }
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (text, wanted) = (self.text.as_bytes(), name.as_bytes());
        let named = |span: &&Span| {
            let (start, end) = span.name;
            end - start == wanted.len() && text[start..end] == *wanted
        };
        self.spans.iter().find(named).map(|span| &self.text[span.value.0..span.value.1])
    }

    /// Every name and value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.spans.iter().map(|span| self.field(span))
    }

    fn field(&self, span: &Span) -> (&str, &str) {
        (&self.text[span.name.0..span.name.1], &self.text[span.value.0..span.value.1])
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// There are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of all names and values at most.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// Without space around it. Most texts have none, which their ends show.
pub fn trimmed(text: &str) -> &str {
    let bare = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let bytes = text.as_bytes();
    if bare(bytes.first()) && bare(bytes.last()) { text } else { text.trim() }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl Hash for Fields {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|field| field.hash(state));
    }
}

impl<N: AsRef<str>, V: AsRef<str>> Extend<(N, V)> for Fields {
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.push(name.as_ref(), value.as_ref());
        }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut all = Self::default();
        all.extend(fields);
        all
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_the_first_of_a_name_counts() {
        let mut fields: Fields = [("a", "1"), ("b", ""), ("a", "2")].into_iter().collect();
        fields.push_sent(" Bé ", "Ü");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "1"), ("b", ""), ("a", "2"), ("bé", "Ü")]);
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), (Some("1"), Some(""), None));
        assert_eq!((fields.len(), fields.is_empty(), fields.bytes()), (4, false, 10));
        assert_eq!(fields, fields.iter().collect());
        assert_eq!(format!("{:?}", Fields::default()), "[]");
    }

    #[test]
    fn pairs_are_the_same_as_one_after_the_other() {
        for (text, wanted) in [
            ("Ab=1&c&=2&&d=3=4&", &[("x", "0"), ("ab", "1"), ("c", ""), ("", "2"), ("d", "3=4")][..]),
            (" E\t=5& =6&  & f ", &[("x", "0"), ("e", "5"), ("", "6"), ("", ""), ("f", "")]),
            ("=", &[("x", "0"), ("", "")]),
            ("", &[("x", "0")]),
        ] {
            let mut fields: Fields = [("x", "0")].into_iter().collect();
            fields.push_pairs(text, 9);
            assert_eq!(fields.iter().collect::<Vec<_>>(), wanted, "{text}");
            assert_eq!(fields, wanted.iter().copied().collect(), "{text}");
        }
        let mut fields = Fields::default();
        fields.push_pairs("a=1&b=2&c=3", 2);
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    }
}
