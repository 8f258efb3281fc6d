//! Names of topics and patterns over them: levels between slashes, as MQTT has them. `+` is any one level, `#` at the
//! end any number of them.

/// The longest topic or pattern, in bytes.
pub const MAX_TOPIC_BYTES: usize = 128;
/// The most levels of one.
pub const MAX_LEVELS: usize = 8;
/// The first level of what the server tells; devices only read there.
pub const SERVER: &str = "server";

const ONE: &str = "+";
const REST: &str = "#";

/// A name that messages are published under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Topic(String);

/// Which topics are subscribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Topic {
    /// Reads a topic.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        check(text)?;
        if text.contains(['+', '#']) {
            return Err("topic must not contain + or #, which belong to patterns".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It belongs to the server.
    pub fn is_servers(&self) -> bool {
        levels(&self.0).next() == Some(SERVER)
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        check(text)?;
        let mut rest = levels(text).peekable();
        while let Some(level) = rest.next() {
            if level == REST && rest.peek().is_some() {
                return Err("topic must have # as its last level only".into());
            }
            if level.contains(['+', '#']) && level != ONE && level != REST {
                return Err("topic must have + and # as whole levels only".into());
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It names topics of the server.
    pub fn is_servers(&self) -> bool {
        levels(&self.0).next() == Some(SERVER)
    }

    /// The topic is one of those. What the server tells is matched by patterns that name it, never by `#` alone:
    /// who follows all of its own devices is not flooded.
    pub fn matches(&self, topic: &Topic) -> bool {
        if topic.is_servers() && !self.is_servers() {
            return false;
        }
        let (mut wanted, mut given) = (levels(&self.0), levels(&topic.0));
        loop {
            match (wanted.next(), given.next()) {
                // `a/#` is `a` too, as MQTT has it.
                (Some(REST), _) | (None, None) => return true,
                (Some(ONE), Some(_)) => {}
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    }
}

fn levels(text: &str) -> impl Iterator<Item = &str> {
    text.split('/')
}

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_TOPIC_BYTES {
        Err(format!("topic must be 1 to {MAX_TOPIC_BYTES} bytes"))
    } else if levels(text).count() > MAX_LEVELS || levels(text).any(str::is_empty) {
        Err(format!("topic must be 1 to {MAX_LEVELS} levels, none of them empty, between slashes"))
    } else if text.chars().any(char::is_control) {
        Err("topic must not contain control characters".into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_level_by_level() {
        for (pattern, topic, expected) in [
            ("a", "a", true),
            ("a", "A", false),
            ("a", "a/b", false),
            ("a/b", "a", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("+/b", "a/b", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b/c", true),
            ("+/#", "a", true),
            ("#", "server/call/started", false),
            ("+/call/started", "server/call/started", false),
            ("server/#", "server/call/started", true),
            ("server/+/started", "server/call/started", true),
            ("#", "servers/a", true),
            ("a/\u{e9}", "a/\u{e9}", true),
        ] {
            let (read, topic) = (Pattern::parse(pattern).unwrap(), Topic::parse(topic).unwrap());
            assert_eq!(read.matches(&topic), expected, "{pattern} {topic:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(MAX_TOPIC_BYTES + 1);
        let deep = "x/".repeat(MAX_LEVELS) + "x";
        for text in ["", "/", "/a", "a/", "a//b", "a\nb", "a\0", &long, &deep] {
            assert!(Topic::parse(text).is_err() && Pattern::parse(text).is_err(), "{text:?}");
        }
        for pattern in ["a/+", "#", "+"] {
            assert!(Topic::parse(pattern).is_err() && Pattern::parse(pattern).is_ok(), "{pattern}");
        }
        for pattern in ["a+/b", "#/a", "a#", "##", "++"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Topic::parse(&long[1..]).is_ok());
    }
}
