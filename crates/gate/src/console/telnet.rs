//! Telnet (RFC 854): takes its commands out of what is typed, and answers them. Pure: bytes in, bytes out.
//!
//! We offer to echo (RFC 857) and to suppress go-ahead (RFC 858), which makes a client send each key as it is typed, and
//! ask for the size of its window (RFC 1073). Whatever else a client offers or asks for is declined, once.

/// What we begin with: WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO NAWS.
pub(super) const GREETING: [u8; 9] = [IAC, WILL, ECHO, IAC, WILL, GO_AHEAD, IAC, DO, NAWS];

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SUB: u8 = 250;
const SUB_END: u8 = 240;
const INTERRUPT: u8 = 244;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;

const ECHO: u8 = 1;
const GO_AHEAD: u8 = 3;
const NAWS: u8 = 31;

/// The longest subnegotiation that is kept, in bytes.
const MAX_SUB: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Data,
    Command,
    Option(u8),
    Sub,
    SubCommand,
}

/// The parser of one connection.
#[derive(Debug, Default)]
pub(super) struct Telnet {
    state: State,
    sub: Vec<u8>,
    /// The client lets us echo: it sends keys, not lines.
    pub(super) echoes: bool,
    /// Lines of its window.
    pub(super) height: Option<u16>,
    /// Options that were declined: each only once, so that two sides never decline each other for ever.
    declined: Vec<u8>,
    /// To be sent.
    pub(super) replies: Vec<u8>,
}

impl Telnet {
    /// One byte as received; gives what was typed.
    pub(super) fn feed(&mut self, byte: u8) -> Option<u8> {
        let state = std::mem::take(&mut self.state);
        match (state, byte) {
            (State::Data, IAC) => self.state = State::Command,
            (State::Data, typed) => return Some(typed),
            (State::Command, IAC) => return Some(IAC),
            (State::Command, WILL..=DONT) => self.state = State::Option(byte),
            (State::Command, SUB) => {
                self.sub.clear();
                self.state = State::Sub;
            }
            (State::Command, INTERRUPT) => return Some(3),
            (State::Command, ERASE_CHARACTER) => return Some(8),
            (State::Command, ERASE_LINE) => return Some(21),
            (State::Command, _) => {}
            (State::Option(verb), option) => self.negotiate(verb, option),
            (State::Sub, IAC) => self.state = State::SubCommand,
            (State::SubCommand, SUB_END) => self.end_sub(),
            (State::Sub | State::SubCommand, byte) => {
                if self.sub.len() < MAX_SUB {
                    self.sub.push(byte);
                }
                self.state = State::Sub;
            }
        }
        None
    }

    fn negotiate(&mut self, verb: u8, option: u8) {
        match (verb, option) {
            (DO, ECHO) => self.echoes = true,
            (DONT, ECHO) => self.echoes = false,
            // What we offered or asked for ourselves.
            (_, GO_AHEAD | NAWS) => {}
            (DO, _) => self.decline(WONT, option),
            (WILL, _) => self.decline(DONT, option),
            _ => {}
        }
    }

    fn decline(&mut self, verb: u8, option: u8) {
        if !self.declined.contains(&option) {
            self.declined.push(option);
            self.replies.extend([IAC, verb, option]);
        }
    }

    fn end_sub(&mut self) {
        if let [NAWS, _, _, high, low] = self.sub[..] {
            self.height = Some(u16::from_be_bytes([high, low])).filter(|height| *height > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(telnet: &mut Telnet, bytes: &[u8]) -> Vec<u8> {
        bytes.iter().filter_map(|byte| telnet.feed(*byte)).collect()
    }

    #[test]
    fn commands_are_not_typed_text() {
        for (bytes, expected) in [
            (&b"admin"[..], &b"admin"[..]),
            (b"\xff\xfd\x03admin\xff\xfb\x18", b"admin"),
            (b"\xff\xf1x\xff", b"x"),
            (b"a\xff\xffb", b"a\xffb"),
            (b"\xff\xf4\xff\xf7\xff\xf8", b"\x03\x08\x15"),
            (b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0q", b"q"),
            (b"\xff\xfa\x18\x00xterm\xff\xffmore and more and more\xff\xf0q", b"q"),
        ] {
            assert_eq!(typed(&mut Telnet::default(), bytes), expected);
        }
    }

    #[test]
    fn offers_are_taken_or_declined_once() {
        let mut telnet = Telnet::default();
        typed(&mut telnet, b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0");
        assert!(telnet.echoes);
        assert_eq!((telnet.height, &telnet.replies[..]), (Some(24), &b""[..]));
        typed(&mut telnet, b"\xff\xfd\x06\xff\xfb\x18\xff\xfd\x06\xff\xfb\x18");
        assert_eq!(telnet.replies, b"\xff\xfc\x06\xff\xfe\x18");
        typed(&mut telnet, b"\xff\xfe\x01");
        assert!(!telnet.echoes);
    }
}
