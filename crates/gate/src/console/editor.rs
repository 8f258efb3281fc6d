//! The line that is being typed: editing, history and completion. Pure: bytes in, and what the terminal is to be sent.
//! Where the terminal edits by itself (line mode) nothing is sent, and backspaces are honoured all the same.

use std::collections::VecDeque;

/// Lines that are remembered.
const MAX_HISTORY: usize = 200;
/// The longest line, in bytes.
const MAX_LINE: usize = 16 * 1024;

/// What a byte led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// The line goes on.
    More,
    /// A whole line.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line, or a line without end.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

/// What the terminal shows of what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show<'a> {
    /// Nothing: it shows that itself.
    Nothing,
    /// Nothing but the line's end: it is a password.
    Secret,
    /// Everything, after this prompt.
    Line(&'a str),
}

/// The editor of one console.
#[derive(Debug, Default)]
pub(super) struct Editor {
    line: Vec<char>,
    cursor: usize,
    /// Bytes of a character that is not complete.
    partial: Vec<u8>,
    escape: Escape,
    /// A line ended with CR: LF or NUL after it belongs to it.
    after_cr: bool,
    history: VecDeque<String>,
    /// Which remembered line is shown.
    at: Option<usize>,
}

impl Editor {
    /// What was typed before, the oldest first.
    pub(super) fn history(&self) -> impl Iterator<Item = &str> {
        self.history.iter().map(String::as_str)
    }

    /// Remembers a line.
    pub(super) fn remember(&mut self, line: &str) {
        if line.is_empty() || self.history.back().is_some_and(|last| last == line) {
            return;
        }
        self.history.push_back(line.to_owned());
        if self.history.len() > MAX_HISTORY {
            self.history.pop_front();
        }
    }

    /// The byte still belongs to the end of the last line: CR LF and CR NUL are one.
    pub(super) fn swallows(&mut self, byte: u8) -> bool {
        std::mem::take(&mut self.after_cr) && matches!(byte, b'\n' | 0)
    }

    /// The same for a key that was no part of a line.
    pub(super) fn note_key(&mut self, byte: u8) {
        self.after_cr = byte == b'\r';
    }

    /// The unfinished line as the terminal shows it: after something else was printed it is shown again.
    pub(super) fn shown(&self, prompt: &str) -> String {
        let back = self.line.len() - self.cursor;
        let line: String = self.line.iter().collect();
        let back = if back > 0 { format!("\x1b[{back}D") } else { String::new() };
        format!("\r\x1b[K{prompt}{line}{back}")
    }

    /// One typed byte. `complete` gives the words that may stand for a beginning.
    pub(super) fn feed(
        &mut self,
        byte: u8,
        show: Show<'_>,
        out: &mut Vec<u8>,
        complete: impl Fn(&str) -> Vec<String>,
    ) -> Typed {
        let after_cr = std::mem::take(&mut self.after_cr);
        if self.escape != Escape::None {
            self.escaped(byte);
            self.redraw(show, out);
            return Typed::More;
        }
        match byte {
            b'\n' | 0 if after_cr => return Typed::More,
            b'\r' | b'\n' => {
                self.after_cr = byte == b'\r';
                if show != Show::Nothing {
                    out.extend(b"\r\n");
                }
                return Typed::Line(self.take());
            }
            3 => {
                self.take();
                return Typed::Interrupt;
            }
            4 if self.line.is_empty() => return Typed::End,
            8 | 127 if self.cursor > 0 => {
                self.cursor -= 1;
                self.line.remove(self.cursor);
            }
            1 => self.cursor = 0,
            5 => self.cursor = self.line.len(),
            11 => self.line.truncate(self.cursor),
            21 => {
                self.line.drain(..self.cursor);
                self.cursor = 0;
            }
            23 => self.erase_word(),
            b'\t' if matches!(show, Show::Line(_)) => self.complete(out, complete),
            27 => {
                self.escape = Escape::Begun;
                return Typed::More;
            }
            b'\t' => self.insert(b' '),
            0..32 | 127 => return Typed::More,
            typed => {
                if self.line.len() >= MAX_LINE {
                    return Typed::End;
                }
                self.insert(typed);
            }
        }
        self.redraw(show, out);
        Typed::More
    }

    fn take(&mut self) -> String {
        self.partial.clear();
        (self.cursor, self.at) = (0, None);
        std::mem::take(&mut self.line).into_iter().collect()
    }

    fn insert(&mut self, byte: u8) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                for character in text.chars() {
                    self.line.insert(self.cursor, character);
                    self.cursor += 1;
                }
                self.partial.clear();
            }
            // No character is longer, and no beginning of one is wrong in the middle.
            Err(error) if error.error_len().is_some() || self.partial.len() >= 4 => self.partial.clear(),
            Err(_) => {}
        }
    }

    fn erase_word(&mut self) {
        let before = &self.line[..self.cursor];
        let end = before.iter().rposition(|c| *c != ' ').map_or(0, |at| at + 1);
        let start = before[..end].iter().rposition(|c| *c == ' ').map_or(0, |at| at + 1);
        self.line.drain(start..self.cursor);
        self.cursor = start;
    }

    /// ESC [ and a letter, with numbers before it.
    fn escaped(&mut self, byte: u8) {
        match (self.escape, byte) {
            (Escape::Begun, b'[' | b'O') => {
                self.escape = Escape::Sequence;
                return;
            }
            (Escape::Sequence, b'0'..=b'9' | b';') => return,
            (Escape::Sequence, b'A') => self.recall(true),
            (Escape::Sequence, b'B') => self.recall(false),
            (Escape::Sequence, b'C') => self.cursor = (self.cursor + 1).min(self.line.len()),
            (Escape::Sequence, b'D') => self.cursor = self.cursor.saturating_sub(1),
            (Escape::Sequence, b'H') => self.cursor = 0,
            (Escape::Sequence, b'F') => self.cursor = self.line.len(),
            _ => {}
        }
        self.escape = Escape::None;
    }

    fn recall(&mut self, older: bool) {
        let newest = self.history.len();
        let at = self.at.unwrap_or(newest);
        let next = if older { at.saturating_sub(1) } else { (at + 1).min(newest) };
        self.at = Some(next);
        self.line = self.history.get(next).map(|line| line.chars().collect()).unwrap_or_default();
        self.cursor = self.line.len();
    }

    /// The word at the cursor becomes as long as all candidates agree; several are listed.
    fn complete(&mut self, out: &mut Vec<u8>, complete: impl Fn(&str) -> Vec<String>) {
        let typed: String = self.line[..self.cursor].iter().collect();
        let candidates = complete(&typed);
        let Some(first) = candidates.first() else { return };
        let common = candidates.iter().fold(first.len(), |common, other| {
            first.bytes().zip(other.bytes()).take(common).take_while(|(a, b)| a == b).count()
        });
        let word = typed.len() - typed.rfind([' ', ',', '&']).map_or(0, |at| at + 1);
        if common <= word && candidates.len() > 1 {
            out.extend(format!("\r\n{}\r\n", candidates.join("  ")).as_bytes());
            return;
        }
        for _ in 0..word {
            self.cursor -= 1;
            self.line.remove(self.cursor);
        }
        for byte in first.bytes().take(common) {
            self.insert(byte);
        }
        if candidates.len() == 1 && !first.ends_with('=') {
            self.insert(b' ');
        }
    }

    fn redraw(&self, show: Show<'_>, out: &mut Vec<u8>) {
        if let Show::Line(prompt) = show {
            out.extend(self.shown(prompt).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(editor: &mut Editor, bytes: &[u8], show: Show<'_>) -> (Vec<Typed>, String) {
        let names = |typed: &str| -> Vec<String> {
            let all = ["balance", "bannedlist", "cdr"];
            all.iter().filter(|name| name.starts_with(typed)).map(ToString::to_string).collect()
        };
        let mut out = Vec::new();
        let typed = bytes.iter().map(|byte| editor.feed(*byte, show, &mut out, names));
        let typed = typed.filter(|typed| *typed != Typed::More).collect();
        (typed, String::from_utf8(out).unwrap())
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.to_owned())
    }

    #[test]
    fn lines_are_edited_whoever_echoes() {
        for (bytes, expected) in [
            (&b"cdr\r\n"[..], vec![line("cdr")]),
            (b"a\r\0b\nc\r", vec![line("a"), line("b"), line("c")]),
            (b"cdx\x08r\n", vec![line("cdr")]),
            (b"x\x7f\x7f\x7fcdr\n", vec![line("cdr")]),
            (b"wrong\x15cdr\n", vec![line("cdr")]),
            (b"cdr day\x17x\n", vec![line("cdr x")]),
            (b"dr\x1b[D\x1b[Dc\n", vec![line("cdr")]),
            (b"dr\x01c\x05!\n", vec![line("cdr!")]),
            (b"\xc3\xa9\xc3\x08\n", vec![line("")]),
            (b"\xc3\xa9\xff\xe2\n", vec![line("\u{e9}")]),
            (b"ab\x03c\n", vec![Typed::Interrupt, line("c")]),
            (b"\x04", vec![Typed::End]),
        ] {
            for show in [Show::Nothing, Show::Line("> ")] {
                assert_eq!(
                    lines(&mut Editor::default(), bytes, show).0,
                    expected,
                    "{}",
                    bytes.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            lines(&mut Editor::default(), b"secret\x7f\r\n", Show::Secret),
            (vec![line("secre")], "\r\n".into())
        );
    }

    #[test]
    fn history_and_completion() {
        let mut editor = Editor::default();
        editor.remember("first");
        editor.remember("second");
        editor.remember("second");
        assert_eq!(editor.history().count(), 2);
        for (bytes, expected) in [
            (&b"\x1b[A\n"[..], "second"),
            (b"\x1b[A\x1b[A\x1b[A\n", "first"),
            (b"\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B\n", ""),
            (b"c\t\n", "cdr "),
            (b"b\t\n", "ba"),
            (b"bal\ttargetuser=a\n", "balance targetuser=a"),
            (b"q\t\n", "q"),
        ] {
            assert_eq!(
                lines(&mut editor, bytes, Show::Line("> ")).0,
                [line(expected)],
                "{}",
                bytes.escape_ascii()
            );
        }
        assert!(lines(&mut editor, b"ba\t", Show::Line("> ")).1.contains("balance  bannedlist"));
    }

    #[test]
    fn a_line_without_end_ends_the_console() {
        let mut editor = Editor::default();
        let typed = lines(&mut editor, &[b'a'; MAX_LINE + 1], Show::Nothing).0;
        assert_eq!(typed, [Typed::End]);
    }
}
