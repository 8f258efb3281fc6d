//! The numbers of a job, out of a parameter or a file: one a line or several, with a reason where it is none.

use crate::reply::Failure;

/// Numbers of one job: its result is still small enough for `getfile`.
pub const MAX_NUMBERS: usize = 50_000;
/// The longest number as people write it, in characters.
const MAX_TEXT: usize = 40;

/// One number as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its line in the file, or its place in the list, from 1.
    pub at: usize,
    /// What stands there, shortened and without what means something to a spreadsheet.
    pub text: Box<str>,
    /// Why it is no number.
    pub broken: Option<&'static str>,
}

/// Numbers separated by commas, semicolons, blanks or ends of lines.
///
/// # Errors
/// There is none, or there are too many.
pub fn of_list(text: &str) -> Result<Vec<Line>, Failure> {
    let words =
        text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter(|word| !word.is_empty());
    collect("list", words.enumerate().map(|(index, word)| (index + 1, word)))
}

/// One number a line; of a table the first column. Empty lines and those that begin with `#` count for nothing. Bytes
/// that are no UTF-8 make their line no number.
///
/// # Errors
/// There is none, or there are too many.
pub fn of_file(bytes: &[u8]) -> Result<Vec<Line>, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().enumerate().map(|(index, line)| {
        let first = line.split([',', ';', '\t']).next().unwrap_or_default();
        (index + 1, first.trim().trim_matches('"').trim(), line)
    });
    let counted = lines.filter(|(_, _, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    collect("file", counted.map(|(at, first, _)| (at, first)))
}

fn collect<'a>(what: &str, lines: impl Iterator<Item = (usize, &'a str)>) -> Result<Vec<Line>, Failure> {
    let mut numbers = Vec::new();
    for (at, text) in lines {
        if numbers.len() == MAX_NUMBERS {
            return Err(Failure::limit(format!("{what} may have {MAX_NUMBERS} numbers")));
        }
        numbers.push(Line { at, text: shown(text), broken: broken(text) });
    }
    if numbers.is_empty() {
        return Err(Failure::invalid(format!("{what} has no numbers")));
    }
    Ok(numbers)
}

/// Why the text is no number that anybody could dial.
fn broken(text: &str) -> Option<&'static str> {
    let separator = |c: char| " -./()".contains(c);
    match () {
        () if text.is_empty() => Some("empty"),
        () if text.chars().count() > MAX_TEXT => Some("too long"),
        () if !text.chars().any(|c| c.is_ascii_digit()) => Some("no digits"),
        () if !text.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c) || separator(c)) => {
            Some("not a number")
        }
        () => None,
    }
}

fn shown(text: &str) -> Box<str> {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "+*#._ -()/".contains(c) { c } else { '?' };
    let text: String = text.chars().take(MAX_TEXT).map(harmless).collect();
    text.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<(usize, &str, Option<&str>)> {
        lines.iter().map(|line| (line.at, &*line.text, line.broken)).collect()
    }

    #[test]
    fn a_list_is_separated_as_people_separate() {
        let lines = of_list(" 3630,+44 1;\n003612\t*21#  abc,").unwrap();
        assert_eq!(
            texts(&lines),
            [
                (1, "3630", None),
                (2, "+44", None),
                (3, "1", None),
                (4, "003612", None),
                (5, "*21#", None),
                (6, "abc", Some("no digits"))
            ]
        );
        assert!(of_list(" ,;\n").is_err() && of_list("").is_err());
        assert!(of_list(&"1 ".repeat(MAX_NUMBERS)).is_ok());
        assert!(of_list(&"1 ".repeat(MAX_NUMBERS + 1)).is_err());
    }

    #[test]
    fn bad_lines_of_a_file_keep_their_place_and_their_reason() {
        let long = "1".repeat(MAX_TEXT + 1);
        let file = format!(
            "\u{feff}number;name\r\n# comment\r\n\r\n+36 (30) 123-45.67;Eve\n=1+1,x\n{long}\n\"0044 20\",\"Bob\"\n,x"
        );
        let mut bytes = file.into_bytes();
        bytes.extend(b"\n\xff\xfe36\n");
        assert_eq!(
            texts(&of_file(&bytes).unwrap()),
            [
                (1, "number", Some("no digits")),
                (4, "+36 (30) 123-45.67", None),
                (5, "?1+1", Some("not a number")),
                (6, &long[1..], Some("too long")),
                (7, "0044 20", None),
                (8, "", Some("empty")),
                (9, "??36", Some("not a number")),
            ]
        );
        assert!(of_file(b"# nothing\n\n").is_err());
    }
}
