//! What a client answers in Authorization or Proxy-Authorization, and whether it is right.

use std::borrow::Cow;

use super::{Algorithm, DigestError, Directives, Ha1};
use crate::header::{HeaderId, Uri};
use crate::lex::{unescape_quoted, unquoted};
use crate::message::Message;

/// The directives of one Digest answer.
#[derive(Debug, Clone)]
pub struct Credentials<'a> {
    /// Who it claims to be.
    pub username: Cow<'a, str>,
    /// The realm it was asked in.
    pub realm: Cow<'a, str>,
    /// The nonce.
    pub nonce: &'a str,
    /// The URI as hashed.
    pub uri: &'a str,
    /// The digest in hexadecimal.
    pub response: &'a str,
    /// The algorithm; absent means MD5, unknown is an error when reading.
    pub algorithm: Algorithm,
    /// `auth`, or none.
    pub qop: Option<&'a str>,
    /// The client's nonce; empty without qop.
    pub cnonce: &'a str,
    /// The nonce count.
    pub nc: Option<u32>,
    /// Our opaque, returned.
    pub opaque: Option<&'a str>,
    nc_text: &'a str,
    username_raw: &'a [u8],
}

/// The digest was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The nonce count that was hashed in, to be checked against replay; none without qop.
    pub nc: Option<u32>,
}

/// Every Digest answer in that header of the message; other schemes are skipped (RFC 4475 3.3.7).
pub fn credentials(
    message: &Message,
    id: HeaderId,
) -> impl Iterator<Item = Result<Credentials<'_>, DigestError>> {
    message.values(id).filter_map(Directives::of).map(Credentials::read)
}

impl<'a> Credentials<'a> {
    fn read(directives: Directives<'a>) -> Result<Self, DigestError> {
        let mut raw = Raw::default();
        for (name, value) in directives {
            raw.set(name, value);
        }
        let plain = |value: Option<&'a [u8]>, name| {
            let value = unquoted(value.ok_or(DigestError::Malformed(name))?);
            std::str::from_utf8(value).map_err(|_| DigestError::Malformed(name))
        };
        let optional =
            |value: Option<&'a [u8]>, name| value.map(|value| plain(Some(value), name)).transpose();
        let algorithm = match optional(raw.algorithm, "algorithm")? {
            None => Algorithm::Md5,
            Some(text) => Algorithm::from_text(text).ok_or(DigestError::UnknownAlgorithm)?,
        };
        let qop = optional(raw.qop, "qop")?;
        if qop.is_some_and(|qop| !qop.eq_ignore_ascii_case("auth")) {
            return Err(DigestError::UnknownQop);
        }
        let nc_text = optional(raw.nc, "nc")?.unwrap_or("");
        let nc = (nc_text.len() == 8).then(|| u32::from_str_radix(nc_text, 16).ok()).flatten();
        let cnonce = optional(raw.cnonce, "cnonce")?.unwrap_or("");
        if qop.is_some() && (nc.is_none() || cnonce.is_empty()) {
            return Err(DigestError::Malformed(if nc.is_none() { "nc" } else { "cnonce" }));
        }
        let username_raw = unquoted(raw.username.ok_or(DigestError::Malformed("username"))?);
        Ok(Self {
            username: unescape_quoted(username_raw),
            realm: unescape_quoted(unquoted(raw.realm.ok_or(DigestError::Malformed("realm"))?)),
            nonce: plain(raw.nonce, "nonce")?,
            uri: plain(raw.uri, "uri")?,
            response: plain(raw.response, "response")?,
            algorithm,
            qop,
            cnonce,
            nc: qop.and(nc),
            opaque: optional(raw.opaque, "opaque")?,
            nc_text,
            username_raw,
        })
    }

    /// The username as written inside its quotes, escapes kept.
    #[must_use]
    pub const fn username_raw(&self) -> &'a [u8] {
        self.username_raw
    }

    /// Compares the digest with the one that the right password gives, in constant time.
    ///
    /// `method` as on the wire. The caller checks realm, nonce and [`Credentials::uri_matches`].
    ///
    /// # Errors
    /// [`DigestError::Mismatch`], or [`DigestError::OtherAlgorithm`] where `ha1` is of another algorithm.
    pub fn verify(&self, ha1: &Ha1, method: &str) -> Result<Verified, DigestError> {
        if ha1.algorithm != self.algorithm {
            return Err(DigestError::OtherAlgorithm);
        }
        let ha2 = self.algorithm.digest(&[method.as_bytes(), self.uri.as_bytes()]);
        let (first, nonce, last) = (ha1.hex.as_bytes(), self.nonce.as_bytes(), ha2.as_bytes());
        let expected = match self.qop {
            Some(qop) => self.algorithm.digest(&[
                first,
                nonce,
                self.nc_text.as_bytes(),
                self.cnonce.as_bytes(),
                qop.as_bytes(),
                last,
            ]),
            None => self.algorithm.digest(&[first, nonce, last]),
        };
        if expected.matches(self.response) {
            Ok(Verified { nc: self.nc })
        } else {
            Err(DigestError::Mismatch)
        }
    }

    /// The hashed URI is the request's: equal as text, equivalent as URIs, or of the same scheme, user and
    /// host (phones and proxies add or lose ports and parameters on the way). Some devices, SIPp among them,
    /// hash only the domain: a URI without a user counts by its host; what keeps such credentials from
    /// being used for another number is the nonce count.
    #[must_use]
    pub fn uri_matches(&self, request: &Message) -> bool {
        if self.uri == request.uri_text() {
            return true;
        }
        let (Ok(hashed), Ok(asked)) = (Uri::parse_str(self.uri), request.uri()) else { return false };
        hashed.same_as(&asked)
            || (hashed.scheme == asked.scheme
                && (hashed.user_decoded().is_empty() || hashed.user_decoded() == asked.user_decoded())
                && hashed.host.eq_ignore_ascii_case(asked.host))
    }
}

/// The directives as they stand, quotes kept; the first of each name counts.
#[derive(Default)]
struct Raw<'a> {
    username: Option<&'a [u8]>,
    realm: Option<&'a [u8]>,
    nonce: Option<&'a [u8]>,
    uri: Option<&'a [u8]>,
    response: Option<&'a [u8]>,
    algorithm: Option<&'a [u8]>,
    qop: Option<&'a [u8]>,
    cnonce: Option<&'a [u8]>,
    nc: Option<&'a [u8]>,
    opaque: Option<&'a [u8]>,
}

impl<'a> Raw<'a> {
    fn set(&mut self, name: &[u8], value: &'a [u8]) {
        let places: [(&str, &mut Option<&'a [u8]>); 10] = [
            ("username", &mut self.username),
            ("realm", &mut self.realm),
            ("nonce", &mut self.nonce),
            ("uri", &mut self.uri),
            ("response", &mut self.response),
            ("algorithm", &mut self.algorithm),
            ("qop", &mut self.qop),
            ("cnonce", &mut self.cnonce),
            ("nc", &mut self.nc),
            ("opaque", &mut self.opaque),
        ];
        for (known, place) in places {
            if name.eq_ignore_ascii_case(known.as_bytes()) {
                place.get_or_insert(value);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn request(authorization: &str) -> Message {
        let text = format!(
            "GET /dir/index.html SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 GET\r\nAuthorization: {authorization}\r\n\r\n"
        );
        Message::parse(text.as_bytes(), Framing::Datagram).unwrap()
    }

    /// The example of RFC 7616 3.9.1 without its `userhash`.
    fn rfc7616(algorithm: &str, response: &str) -> String {
        format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    }

    fn check(authorization: &str, algorithm: Algorithm, expected: Result<Verified, DigestError>) {
        let request = request(authorization);
        let given = credentials(&request, HeaderId::Authorization).next().unwrap().unwrap();
        let ha1 = Ha1::of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        assert_eq!(given.verify(&ha1, "GET"), expected, "{authorization}");
        assert!(given.uri_matches(&request));
    }

    #[test]
    fn the_vectors_of_rfc_7616_verify() {
        let (md5, sha) = (Algorithm::Md5, Algorithm::Sha256);
        let right = Ok(Verified { nc: Some(1) });
        let sha_response = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        check(&rfc7616("MD5", "8ca523f5e9506fed4657c9700eebdbec"), md5, right);
        check(&rfc7616("SHA-256", sha_response), sha, right);
        check(&rfc7616("SHA-256", &sha_response.to_uppercase()), sha, right);
        check(&rfc7616("MD5", "8ca523f5e9506fed4657c9700eebdbed"), md5, Err(DigestError::Mismatch));
        check(&rfc7616("MD5", ""), md5, Err(DigestError::Mismatch));
        check(&rfc7616("SHA-256", sha_response), md5, Err(DigestError::OtherAlgorithm));
    }

    #[test]
    fn an_answer_without_qop_verifies_as_rfc_2617_did() {
        // RFC 2617 3.5's user, realm and nonce; the response is H(HA1:nonce:HA2).
        let text = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", uri=\"/dir/index.html\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", response=\"670fd8c2df070c60b045671b8b24ff02\"";
        let request = request(text);
        let given = credentials(&request, HeaderId::Authorization).next().unwrap().unwrap();
        let ha1 = Ha1::of(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1.expose_hex(), "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(given.verify(&ha1, "GET"), Ok(Verified { nc: None }));
        assert_eq!(
            Ha1::from_hex(Algorithm::Md5, ha1.expose_hex()).map(|h| given.verify(&h, "GET").is_ok()),
            Some(true)
        );
    }

    #[test]
    fn other_schemes_are_skipped_and_bad_directives_named() {
        let good = "username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\"";
        for (text, expected) in [
            ("Basic abc".to_owned(), None),
            (format!("Digest {good}"), Some(Ok(()))),
            (format!("Digest {good}, algorithm=MD5-sess"), Some(Err(DigestError::UnknownAlgorithm))),
            (format!("Digest {good}, qop=auth-int"), Some(Err(DigestError::UnknownQop))),
            (format!("Digest {good}, qop=auth, cnonce=\"x\", nc=1"), Some(Err(DigestError::Malformed("nc")))),
            (format!("Digest {good}, qop=auth, nc=00000001"), Some(Err(DigestError::Malformed("cnonce")))),
            ("Digest".to_owned(), Some(Err(DigestError::Malformed("username")))),
        ] {
            let request = request(&text);
            let given = credentials(&request, HeaderId::Authorization).next();
            assert_eq!(given.map(|c| c.map(drop)), expected, "{text}");
        }
    }
}
