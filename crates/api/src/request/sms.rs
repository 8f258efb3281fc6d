//! The text of an SMS as a request: a command's name and its parameters, or only numbers. Whose number it came from is the
//! only credential, so only a few commands can be called this way.

use crate::declare::{Args, Command};
use crate::dispatch::find;
use crate::reply::{Failure, Kind};

/// The commands that an SMS may call (server-api: "some commands are available also through SMS").
const COMMANDS: [&str; 6] = ["p2p", "callback", "balance", "rating", "charge", "cli"];
/// Words that are read; the rest is ignored.
const MAX_WORDS: usize = 16;

/// The command that an SMS from that number means, and its parameters.
///
/// # Errors
/// `unknown command` where it means none of those that an SMS may call.
pub fn command(text: &str, from: &str) -> Result<(&'static Command, Args), Failure> {
    let words = text.split([' ', ',', ';', '&', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.take(MAX_WORDS).collect();
    let first = words.first().copied().unwrap_or_default();
    // Only numbers: one is a callback to it, two are connected (http-interface: general requests).
    let name = match (is_number(first), words.len()) {
        (true, 1) => "callback",
        (true, _) => "p2p",
        (false, _) => {
            words.drain(..words.len().min(1));
            first
        }
    };
    let unknown = || Failure::new(Kind::UnknownCommand, format!("an SMS may call {}", COMMANDS.join(", ")));
    let command = find(&name.to_ascii_lowercase()).filter(|command| COMMANDS.contains(&command.name));
    let command = command.ok_or_else(unknown)?;
    Ok((command, args(command, &words, from.trim())))
}

/// Named where they are written `name=value`, else in their order. What a sender leaves out is its own number.
fn args(command: &Command, words: &[&str], from: &str) -> Args {
    let mut args = Args::default();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => args.named.push(&name.to_ascii_lowercase(), value),
            None => args.positional.push((*word).to_owned()),
        }
    }
    let named = |args: &Args, names: &[&str]| names.iter().any(|name| args.named(name).is_some());
    let own = || from.to_owned();
    match command.name {
        "callback" if args.positional.is_empty() && !named(&args, &["num", "anum"]) => {
            args.positional.push(own());
        }
        "cli" if args.positional.is_empty() && !named(&args, &["anum"]) => args.positional.push(own()),
        "p2p" if args.positional.len() == 1 => args.positional.insert(0, own()),
        "p2p" if args.positional.is_empty() && !named(&args, &["anum", "cnum"]) => {
            args.named.push("anum", from);
        }
        _ => {}
    }
    // The account is the sender's, whatever the text says.
    args.named = args.named.iter().filter(|(name, _)| command.declares(name)).collect();
    args
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('+').unwrap_or(word);
    digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = match command(text, "3630111") {
            Ok((command, args)) => {
                let named = args.named.iter().map(|(name, value)| format!(" {name}={value}"));
                format!("{} {}{}", command.name, args.positional.join(" "), named.collect::<String>())
            }
            Err(failure) => failure.kind.name().to_owned(),
        };
        assert_eq!(read.trim_end(), expected, "{text}");
    }

    #[test]
    fn texts_mean_commands() {
        check("balance", "balance");
        check(" Balance \r\n", "balance");
        check("p2p 3630222 3630333", "p2p 3630222 3630333");
        check("p2p 3630222", "p2p 3630111 3630222");
        check("p2p bnum=3630222", "p2p  bnum=3630222 anum=3630111");
        check("+3630222 3630333", "p2p +3630222 3630333");
        check("3630222", "callback 3630222");
        check("cb", "callback 3630111");
        check("cb anum=3630444", "callback  anum=3630444");
        check("rating bnum=49&targetuser=admin", "rating  bnum=49");
        check("charge 12345", "charge 12345");
    }

    #[test]
    fn nothing_else_is_called() {
        for text in ["", "hello there", "addcredit 5", "newuseri x y", "db select 1", "help"] {
            check(text, "unknown command");
        }
    }
}
