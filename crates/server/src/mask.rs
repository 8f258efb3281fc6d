//! What no log may hold: values of fields that are secret by their name, wherever such a field stands in a line, and the
//! colours of a terminal, which no file wants.

/// Fields whose value is a secret.
const SECRETS: [&str; 20] = [
    "password",
    "passwd",
    "authpwd",
    "pwd",
    "authmd5",
    "md5auth",
    "authkey",
    "apikey",
    "httpapikey",
    "apiv2key",
    "token",
    "secret",
    "pin",
    "authorization",
    "filedata",
    "newpassword",
    "cardnum",
    "ccv2",
    "cvv2",
    "cvc",
];
/// What stands in a secret's place.
const MASK: &[u8] = b"***";
/// The byte that begins a colour.
const ESCAPE: u8 = 0x1b;

/// The line with every secret masked.
pub(crate) fn secrets(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let begins = at == 0 || !line[at - 1].is_ascii_alphanumeric() || ends_colour(&line[..at]);
        let value = if begins { value_of(line, at) } else { None };
        match value {
            Some(from) => {
                out.extend_from_slice(&line[at..from]);
                let quoted = from > 0 && matches!(line[from - 1], b'"' | b'\'');
                let length = value_length(&line[from..], quoted);
                if length > 0 {
                    out.extend_from_slice(MASK);
                }
                at = from + length;
            }
            None => {
                out.push(line[at]);
                at += 1;
            }
        }
    }
    out
}

/// Where the value of a secret field begins whose name begins here.
fn value_of(line: &[u8], at: usize) -> Option<usize> {
    let rest = &line[at..];
    let fits = |name: &&str| {
        rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            && !rest.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
    };
    let mut next = at + SECRETS.iter().find(|name| fits(name))?.len();
    let skip = |next: &mut usize, bytes: &[u8]| {
        let found = line.get(*next).is_some_and(|byte| bytes.contains(byte));
        *next += usize::from(found);
        found
    };
    skip(&mut next, b"\"'");
    // A colour may stand between a field's name and its value.
    next += colour_length(&line[next.min(line.len())..]);
    if !skip(&mut next, b"=:") {
        return None;
    }
    next += colour_length(&line[next.min(line.len())..]);
    skip(&mut next, b" ");
    skip(&mut next, b"\"'");
    for scheme in [&b"Bearer "[..], b"Digest "] {
        if line[next.min(line.len())..].starts_with(scheme) {
            next += scheme.len();
        }
    }
    (next < line.len()).then_some(next)
}

/// How far a value reaches.
fn value_length(value: &[u8], quoted: bool) -> usize {
    let ends = |byte: &u8| match *byte {
        b'"' | b'\'' | b'\n' | b'\r' => true,
        b' ' | b'&' | b',' | b';' | b'}' | b')' | ESCAPE => !quoted,
        _ => false,
    };
    value.iter().position(ends).unwrap_or(value.len())
}

fn colour_length(text: &[u8]) -> usize {
    if text.first() != Some(&ESCAPE) {
        return 0;
    }
    let mut length = text.iter().position(|byte| *byte == b'm').map_or(0, |end| end + 1);
    if length > 0 {
        length += colour_length(&text[length..]);
    }
    length
}

/// Whether a colour stands at the end.
fn ends_colour(text: &[u8]) -> bool {
    let begin = text.iter().rposition(|byte| *byte == ESCAPE);
    begin.is_some_and(|begin| colour_length(&text[begin..]) == text.len() - begin)
}

/// The line without colours.
pub(crate) fn colours(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let length = colour_length(&line[at..]);
        if length == 0 {
            out.push(line[at]);
            at += 1;
        } else {
            at += length;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        for (line, wanted) in [
            ("?apientry=x&authpwd=s3cret&bnum=1", "?apientry=x&authpwd=***&bnum=1"),
            ("{\"password\": \"a b\", \"x\":1}", "{\"password\": \"***\", \"x\":1}"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("user=alice Password='p w' ok", "user=alice Password='***' ok"),
            ("AUTHMD5=ABC", "AUTHMD5=***"),
            ("key=loglevel restart=false", "key=loglevel restart=false"),
            ("spinning=1 shopping: yes", "spinning=1 shopping: yes"),
            ("the password is wrong", "the password is wrong"),
            ("password=", "password="),
            ("password=\n", "password=\n"),
            ("token", "token"),
        ] {
            assert_eq!(String::from_utf8(secrets(line.as_bytes())).unwrap(), wanted);
        }
        let coloured = b"\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0ms3cret x";
        assert_eq!(secrets(coloured), b"\x1b[3mpassword\x1b[0m\x1b[2m=\x1b[0m*** x");
    }

    #[test]
    fn colours_go() {
        assert_eq!(colours(b"\x1b[2m2026\x1b[0m \x1b[32mINFO\x1b[0m x\x1b"), b"2026 INFO x\x1b");
    }

    #[test]
    fn nothing_panics() {
        let line = b"password=\"\x1b[token:Bearer pin='x";
        for length in 0..=line.len() {
            let _ = secrets(&line[..length]);
        }
    }
}
