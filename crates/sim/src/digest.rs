//! Digest credentials (RFC 7616, MD5, `qop=auth`) as the parties of the simulation make and check them; independent of
//! the `sip` crate on purpose.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

use crate::text::Text;

/// The header value that answers the challenge of a 401 or 407; none: there is no challenge that we know.
#[must_use]
pub fn answer(challenge: &str, method: &str, uri: &str, user: &str, password: &str) -> Option<String> {
    let rest = challenge.strip_prefix("Digest ")?;
    let (realm, nonce) = (field(rest, "realm")?, field(rest, "nonce")?);
    let response = response(&[user, realm, password, method, uri, nonce, "00000001", "0a4f113b"]);
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm=MD5, qop=auth, cnonce=\"0a4f113b\", nc=00000001"
    ))
}

/// The request carries the right credentials for a nonce of ours.
#[must_use]
pub fn is_right(request: &Text, user: &str, password: &str, nonce: &str) -> bool {
    let value = request.get("proxy-authorization").or_else(|| request.get("authorization"));
    let Some(value) = value.and_then(|value| value.strip_prefix("Digest ")) else { return false };
    let get = |name| field(value, name).unwrap_or("");
    let method = request.method();
    let parts = [user, get("realm"), password, method, get("uri"), nonce, get("nc"), get("cnonce")];
    get("username") == user && get("nonce") == nonce && get("response") == response(&parts)
}

/// `user, realm, password, method, uri, nonce, nc, cnonce`.
fn response(parts: &[&str; 8]) -> String {
    let [user, realm, password, method, uri, nonce, nc, cnonce] = parts;
    let ha1 = hex(&format!("{user}:{realm}:{password}"));
    let ha2 = hex(&format!("{method}:{uri}"));
    hex(&format!("{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}"))
}

fn hex(text: &str) -> String {
    let digest = Md5::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(32), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn field<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2617 section 3.5.
    #[test]
    fn the_digest_of_the_standard() {
        let nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let parts = [
            "Mufasa",
            "testrealm@host.com",
            "Circle Of Life",
            "GET",
            "/dir/index.html",
            nonce,
            "00000001",
            "0a4f113b",
        ];
        assert_eq!(response(&parts), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn what_we_answer_is_right() {
        let made =
            answer("Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", "INVITE", "sip:x", "u", "p").unwrap();
        let request = Text::new("INVITE sip:x SIP/2.0").with("proxy-authorization", made);
        assert!(is_right(&request, "u", "p", "n"));
        assert!(!is_right(&request, "u", "q", "n"));
        assert!(!is_right(&request, "u", "p", "m"));
    }
}
