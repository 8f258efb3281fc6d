//! The texts that validations by HTTP ask for, while they are under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where an authority asks (RFC 8555 section 8.3).
const PREFIX: &str = "/.well-known/acme-challenge/";

/// By token. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Challenges(Arc<Mutex<BTreeMap<String, String>>>);

/// A text that is given out until this is dropped.
#[derive(Debug)]
pub(crate) struct Posted {
    challenges: Challenges,
    token: String,
}

impl Challenges {
    /// Gives out `text` for `token`.
    pub(crate) fn post(&self, token: &str, text: &str) -> Posted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), text.to_owned());
        Posted { challenges: self.clone(), token: token.to_owned() }
    }

    /// The text behind a path: none where the path is another, nothing in it where nobody waits for this token.
    pub(crate) fn at(&self, path: &str) -> Option<Option<String>> {
        let token = path.strip_prefix(PREFIX)?;
        Some(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned())
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.challenges.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_given_out_while_it_is_posted() {
        let challenges = Challenges::default();
        let path = "/.well-known/acme-challenge/abc";
        assert_eq!(challenges.at(path), Some(None));
        let posted = challenges.post("abc", "abc.thumb");
        assert_eq!(challenges.at(path), Some(Some("abc.thumb".to_owned())));
        assert_eq!(challenges.at("/abc"), None);
        drop(posted);
        assert_eq!(challenges.at(path), Some(None));
    }
}
