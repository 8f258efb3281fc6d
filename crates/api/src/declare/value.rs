//! What the text of a parameter may be turned into.

use std::net::IpAddr;

use strowger_model::{Amount, Secret, Unit};

/// A type that a parameter can have.
pub trait Value: Sized {
    /// What is right, as the sentence "NAME must be …" ends.
    const KIND: &'static str;
    /// What is sent is kept nowhere, not even where it would be masked when it is shown: card data.
    const FLEETING: bool = false;
    /// Nothing where the text is not right.
    fn parse(text: &str) -> Option<Self>;
}

impl Value for String {
    const KIND: &'static str = "text";
    fn parse(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Value for Secret {
    const KIND: &'static str = "text";
    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

/// A part of card data: used once, and kept, logged and quoted nowhere.
#[derive(Debug)]
pub struct CardData(Secret);

impl CardData {
    /// The clear text. Every caller is a place to review.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Value for CardData {
    const KIND: &'static str = "digits";
    const FLEETING: bool = true;
    fn parse(text: &str) -> Option<Self> {
        Some(Self(Secret::new(text.trim())))
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;
    const FLEETING: bool = T::FLEETING;
    /// An empty text is none.
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

impl Value for u32 {
    const KIND: &'static str = "a whole number";
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Value for u64 {
    const KIND: &'static str = "a whole number";
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Value for i64 {
    const KIND: &'static str = "a whole number";
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Value for Amount {
    const KIND: &'static str = "a decimal number with at most six digits after the point";
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
}

impl Value for Unit {
    const KIND: &'static str = "a currency code of three letters";
    fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|unit| matches!(unit, Self::Currency(_)))
    }
}

impl Value for IpAddr {
    const KIND: &'static str = "an IP address";
    fn parse(text: &str) -> Option<Self> {
        text.trim().trim_matches(['[', ']']).parse().ok()
    }
}

impl Value for bool {
    const KIND: &'static str = "yes or no";
    fn parse(text: &str) -> Option<Self> {
        one_of(
            text,
            &[("yes", true), ("1", true), ("true", true), ("no", false), ("0", false), ("false", false)],
        )
    }
}

/// The choice that goes by this text, in any case.
pub fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, choice)| *choice)
}
