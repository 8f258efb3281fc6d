//! The arguments of one request after the credentials have been taken out: named and positional.

use super::{Fields, Param, Value};
use crate::reply::Failure;

/// Named and positional arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Args {
    /// Name in lower case and value, in the order of the request; of a repeated name the first counts.
    pub named: Fields,
    /// `param1…paramN` or the fields of a positional line. An empty one counts as not given.
    pub positional: Vec<String>,
}

impl Args {
    /// The value under exactly this name, if it was sent.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&str> {
        self.named.get(name)
    }

    /// The text of the parameter at this position of the list: by name, by alias, by position.
    #[must_use]
    pub fn text<'a>(&'a self, params: &'static [Param], index: usize) -> Option<&'a str> {
        let by_name = params[index].spellings().find_map(|name| self.named(name));
        by_name.or_else(|| self.positional.get(index).map(String::as_str).filter(|v| !v.is_empty()))
    }

    /// The parsed value of the parameter at this position, or its default.
    ///
    /// # Errors
    /// `missing parameter` where a required one is absent or empty, `invalid parameter` with what would be right.
    pub fn value<T: Value>(&self, params: &'static [Param], index: usize) -> Result<T, Failure> {
        let param = &params[index];
        let text = match (self.text(params, index), param.default) {
            (Some(text), None) if text.trim().is_empty() => return Err(missing(param)),
            (Some(text), _) => text,
            (None, Some(default)) => default,
            (None, None) => return Err(missing(param)),
        };
        // An empty value of a parameter that has a default means the default, as browsers send empty fields.
        let text = if text.is_empty() { param.default.unwrap_or(text) } else { text };
        T::parse(text).ok_or_else(|| Failure::invalid(format!("{} must be {}", param.name, param.kind)))
    }

    /// The parameter at this position was sent, even if empty.
    #[must_use]
    pub fn is_given(&self, params: &'static [Param], name: &str) -> bool {
        params.iter().position(|p| p.name == name).is_some_and(|index| self.text(params, index).is_some())
    }
}

/// A required number has its documented code of its own (421), whatever it is called.
fn missing(param: &Param) -> Failure {
    let number = ["anum", "bnum", "num"].iter().any(|n| param.answers_to(n));
    let failure = Failure::missing(param.name);
    if number { failure.with_status(421) } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[
        Param { default: None, ..Param::named("bnum") },
        Param { aliases: &["max"], kind: u32::KIND, default: Some("7"), ..Param::named("count") },
    ];

    fn args(named: &[(&str, &str)], positional: &[&str]) -> Args {
        Args {
            named: named.iter().copied().collect(),
            positional: positional.iter().map(|v| (*v).into()).collect(),
        }
    }

    #[test]
    fn a_parameter_is_found_by_name_alias_general_spelling_and_position() {
        for (given, wanted) in [
            (args(&[("bnum", "1")], &[]), "1"),
            (args(&[("bnun", "2")], &[]), "2"),
            (args(&[("phone2", "3")], &[]), "3"),
            (args(&[("to", "4"), ("to", "5")], &["6"]), "4"),
            (args(&[], &["6"]), "6"),
        ] {
            assert_eq!(given.value::<String>(PARAMS, 0).unwrap(), wanted);
        }
        assert_eq!(args(&[("max", "9")], &[]).value::<u32>(PARAMS, 1).unwrap(), 9);
        assert_eq!(args(&[("count", "")], &[]).value::<u32>(PARAMS, 1).unwrap(), 7);
    }

    #[test]
    fn what_is_absent_or_wrong_is_named() {
        let missing = args(&[], &[]).value::<String>(PARAMS, 0).unwrap_err();
        assert_eq!(missing.to_string(), "missing parameter: bnum");
        assert_eq!(missing.status, 421);
        let wrong = args(&[("count", "x")], &[]).value::<u32>(PARAMS, 1).unwrap_err();
        assert_eq!(wrong.to_string(), "invalid parameter: count must be a whole number");
    }
}
