//! Answering a challenge as a client.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Algorithm, DigestError, Directives, Ha1};
use crate::header::HeaderId;
use crate::lex::{quote, unescape_quoted, unquoted};
use crate::message::Message;

/// What a 401 or 407 asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The realm. The caller makes sure that it knows it before it answers.
    pub realm: Cow<'a, str>,
    /// The nonce, escapes kept: it is returned as it came.
    pub nonce: Cow<'a, str>,
    /// To be returned.
    pub opaque: Option<Cow<'a, str>>,
    /// Only the nonce was too old.
    pub stale: bool,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// `qop` offers `auth`.
    pub qop_auth: bool,
}

/// The strongest challenge of a 401 or 407 that we can answer; of two equals the first.
///
/// # Errors
/// There is none: the first challenge's fault is told.
pub fn best_challenge(response: &Message) -> Result<Asked<'_>, DigestError> {
    let id = challenge_header(response);
    let mut best: Option<Asked<'_>> = None;
    let mut fault = DigestError::NoChallenge;
    for directives in response.values(id).filter_map(Directives::of) {
        match Asked::read(directives) {
            Ok(asked) if best.as_ref().is_none_or(|b| asked.algorithm > b.algorithm) => best = Some(asked),
            Ok(_) => {}
            Err(error) if fault == DigestError::NoChallenge => fault = error,
            Err(_) => {}
        }
    }
    best.ok_or(fault)
}

fn challenge_header(response: &Message) -> HeaderId {
    if response.status() == 407 { HeaderId::ProxyAuthenticate } else { HeaderId::WwwAuthenticate }
}

impl<'a> Asked<'a> {
    fn read(directives: Directives<'a>) -> Result<Self, DigestError> {
        let (mut realm, mut nonce, mut opaque) = (None, None, None);
        let (mut stale, mut algorithm, mut qop) = (false, Ok(Algorithm::Md5), None);
        for (name, value) in directives {
            let value = unquoted(value);
            match name.to_ascii_lowercase().as_slice() {
                b"realm" => realm = Some(unescape_quoted(value)),
                b"nonce" => nonce = Some(unescape_quoted(value)),
                b"opaque" => opaque = Some(unescape_quoted(value)),
                b"stale" => stale = value.eq_ignore_ascii_case(b"true"),
                b"qop" => qop = Some(value),
                b"algorithm" => {
                    let known = std::str::from_utf8(value).ok().and_then(Algorithm::from_text);
                    algorithm = known.ok_or(DigestError::UnknownAlgorithm);
                }
                _ => {}
            }
        }
        let qop_auth = qop.is_some_and(|list| {
            list.split(|b| *b == b',').any(|q| q.trim_ascii().eq_ignore_ascii_case(b"auth"))
        });
        if qop.is_some_and(|list| !list.trim_ascii().is_empty()) && !qop_auth {
            return Err(DigestError::UnknownQop);
        }
        Ok(Self {
            realm: realm.ok_or(DigestError::Malformed("realm"))?,
            nonce: nonce.ok_or(DigestError::Malformed("nonce"))?,
            opaque,
            stale,
            algorithm: algorithm?,
            qop_auth,
        })
    }

    /// The value of Authorization or Proxy-Authorization.
    ///
    /// `uri` is the Request-URI as sent, `nc` counts the uses of this nonce from 1.
    #[must_use]
    pub fn answer(
        &self,
        method: &str,
        uri: &str,
        user: &str,
        password: &str,
        cnonce: &str,
        nc: u32,
    ) -> String {
        let ha1 = Ha1::of(self.algorithm, user, &self.realm, password);
        let ha2 = self.algorithm.digest(&[method.as_bytes(), uri.as_bytes()]);
        let nc_text = format!("{nc:08x}");
        let (first, nonce, last) = (ha1.hex.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes());
        let response = if self.qop_auth {
            let parts = [first, nonce, nc_text.as_bytes(), cnonce.as_bytes(), b"auth", last];
            self.algorithm.digest(&parts)
        } else {
            self.algorithm.digest(&[first, nonce, last])
        };
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
            quote(user),
            quote(&self.realm),
            quote(&self.nonce),
            quote(uri),
            response.as_str(),
            self.algorithm.as_str()
        );
        // Writing into a String cannot fail.
        if self.qop_auth {
            let _ = write!(value, ", cnonce={}, qop=auth, nc={nc_text}", quote(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(value, ", opaque={}", quote(opaque));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::credentials;
    use crate::message::Framing;

    fn response(status: u16, challenges: &str) -> Message {
        let text = format!(
            "SIP/2.0 {status} x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n{challenges}\r\n"
        );
        Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
    }

    #[test]
    fn the_strongest_known_challenge_is_chosen() {
        let md5 = "WWW-Authenticate: Digest realm=\"r\", nonce=\"m\", qop=\"auth,auth-int\"\r\n";
        let sha = "WWW-Authenticate: Digest realm=\"r\",nonce=\"s\",algorithm=SHA-256,stale=TRUE\r\n";
        let odd = "WWW-Authenticate: Digest realm=\"r\", nonce=\"o\", algorithm=SHA-512-256\r\n";
        let basic = "WWW-Authenticate: Basic realm=\"r\"\r\n";
        for (challenges, nonce) in [
            (format!("{basic}{md5}{sha}"), Ok("s")),
            (format!("{odd}{md5}"), Ok("m")),
            (odd.to_owned(), Err(DigestError::UnknownAlgorithm)),
            (basic.to_owned(), Err(DigestError::NoChallenge)),
        ] {
            let response = response(401, &challenges);
            let asked = best_challenge(&response);
            assert_eq!(asked.as_ref().map(|a| a.nonce.as_ref()).map_err(|e| *e), nonce, "{challenges}");
        }
    }

    #[test]
    fn what_we_answer_we_also_verify() {
        for (extra, nc) in
            [(", qop=\"auth\"", Some(7)), ("", None), (", algorithm=SHA-256, qop=auth", Some(7))]
        {
            let challenge =
                format!("Proxy-Authenticate: Digest realm=\"a b\", nonce=\"n,=\"{extra}, opaque=\"o\"\r\n");
            let response = response(407, &challenge);
            let asked = best_challenge(&response).unwrap();
            let value = asked.answer("INVITE", "sip:x@y", "u\"1", "secret", "c0", 7);
            let text = format!(
                "INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n\
                 CSeq: 1 INVITE\r\nProxy-Authorization: {value}\r\n\r\n"
            );
            let request = Message::parse(text.as_bytes(), Framing::Datagram).unwrap();
            let given = credentials(&request, HeaderId::ProxyAuthorization).next().unwrap().unwrap();
            let ha1 = Ha1::of(asked.algorithm, &given.username, &given.realm, "secret");
            assert_eq!(given.verify(&ha1, "INVITE").map(|v| v.nc), Ok(nc), "{value}");
            assert_eq!(given.opaque, Some("o"));
            let wrong = Ha1::of(asked.algorithm, &given.username, &given.realm, "Secret");
            assert_eq!(given.verify(&wrong, "INVITE"), Err(DigestError::Mismatch));
        }
    }
}
