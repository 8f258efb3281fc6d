//! What a parameter accepts, found out by asking its parser: a description that the parser would contradict
//! cannot be made this way.

use crate::declare::{Args, Command, Param, Run};
use crate::reply::Kind;

/// A text that no list of words contains.
const NO_WORD: &str = "\u{1}no word\u{1}";

/// The type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// Any text.
    Text,
    /// One of these words, in any case.
    Words(Vec<&'static str>),
    /// A whole number; the least and the greatest where there are such.
    Whole(Option<i64>, Option<i64>),
    /// A decimal number with up to six digits after the point.
    Decimal,
    /// Text that follows a rule which only `Param::kind` tells.
    Ruled,
}

/// Finds out what the parameter accepts.
pub fn probe(command: &Command, param: &Param) -> Probed {
    let accepts = |text: &str| accepts(command, param, text);
    if accepts(NO_WORD) {
        return Probed::Text;
    }
    let words = words(param.kind);
    if words.len() > 1 && words.iter().all(|word| accepts(word)) {
        return Probed::Words(words);
    }
    if accepts("1") && !accepts("1.5") && !accepts("x") {
        let least = [0, 1].into_iter().find(|n| accepts(&n.to_string()) && !accepts(&(n - 1).to_string()));
        let most = [i64::from(u8::MAX), i64::from(u16::MAX), i64::from(u32::MAX)]
            .into_iter()
            .find(|n| accepts(&n.to_string()) && !accepts(&(n + 1).to_string()));
        return Probed::Whole(least, most);
    }
    if accepts("1.5") && !accepts("x") && accepts("0.000001") && !accepts("0.0000001") {
        return Probed::Decimal;
    }
    Probed::Ruled
}

/// The command takes this value of the parameter, or refuses the request for another reason.
fn accepts(command: &Command, param: &Param, text: &str) -> bool {
    let Run::Here { check, .. } = command.run else { return true };
    let args = Args { named: [(param.name, text)].into_iter().collect(), positional: Vec::new() };
    match check(&with_required(command, param, args)) {
        Err(wrong) if matches!(wrong.kind, Kind::InvalidParameter) => {
            !wrong.text.starts_with(&format!("{} must be", param.name))
        }
        _ => true,
    }
}

/// Parameters are read in order: those before the asked one must not fail first.
fn with_required(command: &Command, asked: &Param, mut args: Args) -> Args {
    let others = command.params.iter().filter(|param| param.is_required() && param.name != asked.name);
    args.named.extend(others.map(|param| (param.name, "1")));
    args
}

/// The words of a kind such as `all, in or out`; none where it is a sentence.
fn words(kind: &'static str) -> Vec<&'static str> {
    let words: Vec<&str> = kind.split(", ").flat_map(|part| part.split(" or ")).map(str::trim).collect();
    let plain = |word: &&str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'/'))
    };
    if words.iter().all(plain) { words } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::find;

    fn of(command: &str, name: &str) -> Probed {
        let command = find(command).unwrap();
        probe(command, command.params.iter().find(|p| p.name == name).unwrap())
    }

    #[test]
    fn types_are_what_the_parsers_accept() {
        assert_eq!(of("cdr", "dir"), Probed::Words(vec!["all", "in", "out"]));
        assert_eq!(of("cdr", "summary"), Probed::Words(vec!["yes", "no"]));
        assert_eq!(of("cdr", "maxcount"), Probed::Whole(Some(0), Some(4_294_967_295)));
        assert_eq!(of("cdr", "caller"), Probed::Text);
        assert_eq!(of("transfercredit", "credit"), Probed::Decimal);
        assert_eq!(of("routingtest", "ip"), Probed::Ruled);
    }
}
