//! One status from three sources: the line, what the account said by API, and what its phone published.

use strowger_model::Mono;

use super::publications::Published;

/// The longest status text, in bytes.
pub const MAX_WORD_BYTES: usize = 64;

/// What the line of an account does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Not registered.
    Offline,
    /// Registered.
    Online,
    /// It dials or rings.
    Calling,
    /// It talks.
    Speaking,
}

impl Line {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Calling => "calling",
            Self::Speaking => "speaking",
        }
    }
}

/// What an account said of itself by API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetStatus {
    pub(crate) word: Box<str>,
    pub(crate) since: Mono,
    pub(crate) until: Mono,
}

/// What others see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The account can be reached.
    pub open: bool,
    /// In one word or a few: `online`, `away`, `speaking`.
    pub word: Box<str>,
    /// What the line does; offline where the account does not want to be seen.
    pub line: Line,
}

impl Status {
    /// Who wants to look absent does, whatever the line says. A call comes next, then what was said last, then the line.
    pub(crate) fn merge(line: Line, set: Option<&SetStatus>, published: Option<(Mono, &Published)>) -> Self {
        let hidden =
            set.is_some_and(|set| ["offline", "invisible"].iter().any(|w| set.word.eq_ignore_ascii_case(w)));
        if hidden {
            return Self { open: false, word: Line::Offline.word().into(), line: Line::Offline };
        }
        let of_line = Self { open: line > Line::Offline, word: line.word().into(), line };
        if line > Line::Online {
            return of_line;
        }
        match (set, published) {
            (Some(set), Some((since, published))) if since > set.since => Self::published(published, line),
            (Some(set), _) => Self { open: true, word: set.word.clone(), line },
            (None, Some((_, published))) => Self::published(published, line),
            (None, None) => of_line,
        }
    }

    fn published(published: &Published, line: Line) -> Self {
        let plain = if published.open { Line::Online } else { Line::Offline };
        let word = published.word.clone().unwrap_or_else(|| plain.word().into());
        Self { open: published.open, word, line }
    }
}

/// A text that may be a status: it stands between colons and commas in answers.
#[must_use]
pub fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD_BYTES && !text.chars().any(|c| matches!(c, ',' | ':') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: Line, set: Option<(&str, u64)>, published: Option<(&str, u64)>, expected: (&str, bool)) {
        let set =
            set.map(|(word, at)| SetStatus { word: word.into(), since: Mono(at), until: Mono(u64::MAX) });
        let published = published
            .map(|(word, at)| (Mono(at), Published { open: word != "gone", word: Some(word.into()) }));
        let status = Status::merge(line, set.as_ref(), published.as_ref().map(|(at, p)| (*at, p)));
        assert_eq!((&*status.word, status.open), expected);
    }

    #[test]
    fn what_is_seen_follows_the_sources_in_order() {
        check(Line::Offline, None, None, ("offline", false));
        check(Line::Online, None, None, ("online", true));
        check(Line::Online, Some(("Away", 1)), None, ("Away", true));
        check(Line::Offline, Some(("Away", 1)), None, ("Away", true));
        check(Line::Speaking, Some(("Away", 1)), None, ("speaking", true));
        check(Line::Speaking, Some(("Invisible", 1)), Some(("busy", 2)), ("offline", false));
        check(Line::Online, Some(("Away", 1)), Some(("busy", 2)), ("busy", true));
        check(Line::Online, Some(("Away", 3)), Some(("busy", 2)), ("Away", true));
        check(Line::Online, None, Some(("gone", 2)), ("gone", false));
    }

    #[test]
    fn a_status_breaks_no_list() {
        assert!(is_word("Out for lunch") && is_word("") && is_word("ünterwegs"));
        assert!(!is_word("a,b") && !is_word("a:b") && !is_word("a\nb") && !is_word(&"x".repeat(65)));
    }
}
