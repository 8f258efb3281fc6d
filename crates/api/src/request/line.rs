//! Lines of TCP and WebSocket, and datagrams: a query after the entry point, a command with its query, the query
//! alone (WebSocket), or a command with positional fields (key, user, password, then its own).

use super::{Origin, Request, body, query};
use crate::dispatch::find;

/// A line that the API answers; other lines are closed without a word.
#[must_use]
pub fn is_request_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    if line.first() == Some(&b'?') {
        return true;
    }
    let bare = line.strip_prefix(b"/").unwrap_or(line);
    let starts = |word: &[u8]| bare.len() >= word.len() && bare[..word.len()].eq_ignore_ascii_case(word);
    if starts(b"mvapi") || (line.first() == Some(&b'/') && starts(b"xmapi")) {
        return true;
    }
    let end = line.iter().position(|b| matches!(b, b',' | b' ' | b'&' | b'\r' | b'\n')).unwrap_or(line.len());
    std::str::from_utf8(&line[..end]).is_ok_and(|word| find(word).is_some())
}

/// A path of the API or of the older interface, in any case.
#[must_use]
pub fn is_api_path(path: &str) -> bool {
    let begins = |word: &str| path.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins("/mvapi") || begins("/xmapi")
}

impl Request {
    /// One line of TCP without its line end, one datagram, one message of a WebSocket.
    #[must_use]
    pub fn line(origin: Origin, line: &[u8]) -> Self {
        let mut request = Self::new(origin, line.len());
        let text = query::text_of(line);
        let text = text.trim_matches(['\r', '\n', '\0']).trim_start();
        match text.as_bytes().first() {
            Some(b'{') => request.read_body(body::Kind::Json, text.as_bytes()),
            Some(b'<') => request.read_body(body::Kind::Xml, text.as_bytes()),
            _ => request.read_line(text),
        }
        request.finish();
        request
    }

    pub(super) fn read_line(&mut self, text: &str) {
        // Clients that speak HTTP into a WebSocket send the request line's method and version too.
        let text = text.strip_prefix("GET ").unwrap_or(text);
        let text = text.strip_suffix(" HTTP/1.1").or_else(|| text.strip_suffix(" HTTP/1.0")).unwrap_or(text);
        let bare = text.trim_start_matches('/');
        let is_entry =
            ["mvapi", "xmapi"].iter().any(|e| bare.get(..5).is_some_and(|b| b.eq_ignore_ascii_case(e)));
        if is_entry || bare.starts_with('?') {
            let (path, query) = bare.split_once(['?', '&']).unwrap_or((bare, ""));
            self.take_path(path);
            self.read_query(query, false);
            return;
        }
        if bare.split(['&', ',', ' ', '?']).next().is_some_and(|first| first.contains('=')) {
            self.read_query(bare, false);
            return;
        }
        let (name, rest, mark) = match bare.find([',', ' ', '&', '?']) {
            Some(at) => (&bare[..at], &bare[at + 1..], bare.as_bytes()[at]),
            None => (bare, "", b'&'),
        };
        self.command = name.to_ascii_lowercase();
        match mark {
            b',' => self.read_positional(rest.split(',').collect(), ','),
            b' ' if rest.contains('&') && !rest.contains(' ') => self.read_query(rest, false),
            b' ' => self.read_positional(rest.split(' ').filter(|word| !word.is_empty()).collect(), ' '),
            _ => self.read_query(rest, false),
        }
        self.positional_credentials = !self.positional.is_empty();
    }

    /// Fields of a positional line; `name=value` ones go by their name if anything is called so.
    pub(super) fn read_positional(&mut self, words: Vec<&str>, joint: char) {
        let command = find(&self.command);
        for word in words {
            let named = word.split_once('=').map(|(name, value)| (name.trim().to_ascii_lowercase(), value));
            match named {
                Some((name, value)) if is_field(&name) || command.is_some_and(|c| c.declares(&name)) => {
                    let value = query::decode(value, false);
                    self.push([(name, value)]);
                }
                _ => self.positional.push(word.to_owned()),
            }
        }
        self.join_overflow(joint);
    }

    /// More words than parameters: the rest belongs to the last one, as in `db,select a, b from t`.
    fn join_overflow(&mut self, joint: char) {
        let own = find(&self.command).map_or(0, |c| c.params.len());
        let credentials = if matches!(self.known, super::Known::Nobody) { 3 } else { 0 };
        let most = own + credentials;
        if own > 0 && self.positional.len() > most {
            let rest = self.positional.split_off(most - 1);
            self.positional.push(rest.join(&joint.to_string()));
        }
    }
}

/// Names that are read whatever the command is.
fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 20] = [
        "authkey",
        "key",
        "authid",
        "usr",
        "username",
        "userid",
        "authpwd",
        "pwd",
        "password",
        "authmd5",
        "md5auth",
        "authsalt",
        "authsalt1",
        "authsalt2",
        "nonce",
        "pin",
        "format",
        "targetuser",
        "requestid",
        "cursor",
    ];
    FIELDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::super::Transport;
    use super::*;

    fn read(line: &str) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        Request::line(Origin::new(here, here, Transport::Tcp), line.as_bytes())
    }

    #[test]
    fn api_lines_are_told_from_others() {
        for line in [
            "mvapireq/?x",
            "/mvapi",
            "/MVAPIREG?x",
            "/xmapi/cb?x",
            "?apientry=x",
            "balance",
            "BALANCE,k,u",
            "help\r\n",
            "rating bnum=1",
            "apitest1&now",
        ] {
            assert!(is_request_line(line.as_bytes()), "{line}");
        }
        for line in ["", "GET / HTTP/1.1", "balances", "xmapi", "\u{16}\u{3}\u{1}", "INVITE sip:a SIP/2.0"] {
            assert!(!is_request_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn every_form_of_a_line_names_the_same_request() {
        for line in [
            "/mvapireq/?apientry=rating&authkey=K&bnum=%2B36",
            "mvapireg?apientry=RATING&authkey=K&bnum=+36",
            "/mvapi/rating/?authkey=K&bnum=+36",
            "?apientry=rating&authkey=K&bnum=+36",
            "apientry=rating&authkey=K&bnum=+36",
            "authkey=K&apientry=rating&bnum=+36",
            "rating&authkey=K&bnum=+36",
            "rating authkey=K&bnum=+36",
            "rating,authkey=K,bnum=+36",
            "{\"apientry\":\"rating\",\"authkey\":\"K\",\"bnum\":\"+36\"}",
        ] {
            let request = read(line);
            assert_eq!(request.command, "rating", "{line}");
            assert_eq!(request.field("authkey"), Some("K"), "{line}");
            assert_eq!(request.field("bnum"), Some("+36"), "{line}");
        }
    }

    #[test]
    fn positional_lines_have_credentials_first() {
        let request = read("db,K,admin,secret,select a, b from t where a = 'x,y'");
        assert!(request.positional_credentials);
        assert_eq!(request.positional, ["K", "admin", "secret", "select a, b from t where a = 'x,y'"]);
        let request = read("?param1=rating&param2=K&param3=u&param4=p&param5=3630");
        assert_eq!((request.command.as_str(), request.positional_credentials), ("rating", true));
        let request = read("?apientry=unreg&param1=alma&param3=1");
        assert_eq!(
            (request.positional, request.positional_credentials),
            (vec!["alma".into(), String::new(), "1".into()], false)
        );
    }

    #[test]
    fn the_old_interface_guesses_what_is_not_named() {
        for (line, command) in [
            ("/xmapi/?anum=1&bnun=2&now", "p2p"),
            ("/xmapi?anum=1", "callback"),
            ("/xmapi/balance?usr=a%41b", "balance"),
            ("/xmapi/?usr=u", ""),
        ] {
            let request = read(line);
            assert!(request.old);
            assert_eq!(request.command, command);
        }
        assert_eq!(read("/xmapi/rating?usr=a%41b&anum=+%31&x=5%").field("usr"), Some("aAb"));
        assert_eq!(read("/xmapi/rating?usr=a%41b&anum=+%31&x=5%").field("anum"), Some("+1"));
    }
}
