//! The `authmd5` formulas. For a wrong digest every formula that the request and the configuration make possible is
//! computed and compared, so that its time tells nothing; a right one ends the search.

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;

use super::apikey::hex;
use super::credentials::{Credentials, Digest};

/// What the server adds to the formulas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Salts<'a> {
    /// `apiv2md5salt`.
    pub server: &'a str,
    /// `httpapimd5salt`.
    pub old: &'a str,
    /// `apialtauth` allows the normal and simple formulas.
    pub alternative: bool,
}

/// Bytes of what most formulas hash.
const USUAL_TEXT: usize = 128;

/// MD5 over the parts, one after the other.
fn md5(parts: &[&str]) -> [u8; 16] {
    #[cfg(test)]
    work::count();
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Formulas that are tried on one digest.
struct Attempts<'a> {
    digest: &'a Digest,
    /// What is hashed: in one piece that is quicker than part by part.
    text: Vec<u8>,
}

impl<'a> Attempts<'a> {
    fn new(digest: &'a Digest) -> Self {
        Self { digest, text: Vec::with_capacity(USUAL_TEXT) }
    }

    /// MD5 over the parts is the digest.
    fn is(&mut self, parts: &[&str]) -> bool {
        #[cfg(test)]
        work::count();
        self.text.clear();
        for part in parts {
            self.text.extend_from_slice(part.as_bytes());
        }
        let made: [u8; 16] = Md5::digest(&self.text).into();
        bool::from(made.ct_eq(&self.digest.value))
    }
}

/// Counts digests, so that a test can compare how much work two answers are.
#[cfg(test)]
pub mod work {
    use std::cell::Cell;

    thread_local! { static DIGESTS: Cell<u32> = const { Cell::new(0) }; }

    pub fn count() {
        DIGESTS.with(|digests| digests.set(digests.get() + 1));
    }

    /// Digests that the work needs on this thread.
    pub fn measure(run: impl FnOnce()) -> u32 {
        DIGESTS.with(|digests| digests.set(0));
        run();
        DIGESTS.with(Cell::get)
    }
}

/// The digest of the documented formula without a nonce, as a client makes it.
pub fn digest_of(id: &str, password: &str, server_salt: &str, salt: &str) -> String {
    hex(&md5(&["ck5Gp", id, password, server_salt, salt]))
}

/// Compares without telling by time where two texts differ.
pub fn same_text(a: &str, b: &str) -> bool {
    // Digests have one length, so that not even the lengths are told apart.
    bool::from(md5(&[a]).ct_eq(&md5(&[b])))
}

/// Whether the digest of the request is right for this password: none where it is wrong, else whether it is over a
/// nonce. `nonces` holds the texts that count as the nonce (as issued, as sent).
///
/// Which formulas are computed for a wrong digest follows from what was sent and from the configuration alone. A right
/// one ends the search: whoever made it knows by which formula.
pub fn digest_proof(
    sent: &Credentials<'_>,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
) -> Option<bool> {
    let mut attempts = Attempts::new(digest);
    // Clients forget the prefix of the formula that hashes twice, but it alone has a second salt.
    let inner = (digest.v3 || !sent.salt2.is_empty()).then(|| inner(sent, password));
    let mut right = |nonce: &str| {
        (!digest.v3 && first(&mut attempts, sent, password, salts, nonce))
            || inner.as_ref().is_some_and(|inner| third(&mut attempts, sent, inner, salts, nonce))
    };
    if nonces.iter().any(|nonce| right(nonce)) {
        return Some(true);
    }
    let without = right("") || (!digest.v3 && older(&mut attempts, sent, password, salts));
    without.then_some(false)
}

/// The documented formula.
fn first(
    attempts: &mut Attempts<'_>,
    sent: &Credentials<'_>,
    password: &str,
    salts: Salts<'_>,
    nonce: &str,
) -> bool {
    attempts.is(&["ck5Gp", sent.id.unwrap_or_default(), password, salts.server, sent.salt1, nonce])
}

/// The other formulas that hash once; they know no nonce.
fn older(attempts: &mut Attempts<'_>, sent: &Credentials<'_>, password: &str, salts: Salts<'_>) -> bool {
    let id = sent.id.unwrap_or_default();
    let salt = sent.salt.unwrap_or(salts.old);
    let web_salt = sent.salt.unwrap_or_default();
    ["rd58s", "rD58s"].iter().any(|prefix| attempts.is(&[prefix, ":", id, ":", password, ":", salt]))
        || attempts.is(&["C8y5:", id, ":", password, ":", web_salt])
        || (salts.alternative
            && (attempts.is(&[id, ":", password])
                || attempts.is(&[id, ":", password, ":", web_salt])
                || attempts.is(&[id, password])
                || attempts.is(&[id, password, web_salt])))
}

/// What the formula that hashes twice hashes first. The document does not say in which case that is written: both count.
fn inner(sent: &Credentials<'_>, password: &str) -> [String; 2] {
    let lower = hex(&md5(&["tU29m", sent.id.unwrap_or_default(), password, sent.salt1]));
    [lower.to_ascii_uppercase(), lower]
}

/// The formula that hashes twice.
fn third(
    attempts: &mut Attempts<'_>,
    sent: &Credentials<'_>,
    inner: &[String; 2],
    salts: Salts<'_>,
    nonce: &str,
) -> bool {
    inner.iter().any(|inner| attempts.is(&[inner, sent.salt2, salts.server, nonce]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(digest: &str, credentials: &Credentials<'_>, salts: Salts<'_>, nonces: &[&str]) -> Option<bool> {
        digest_proof(credentials, &Digest::parse(digest).unwrap(), "3037", salts, nonces)
    }

    fn of<'a>(salt1: &'a str, salt2: &'a str, salt: Option<&'a str>) -> Credentials<'a> {
        Credentials { id: Some("3037"), salt1, salt2, salt, ..Credentials::default() }
    }

    const NONE: Salts<'_> = Salts { server: "", old: "87159643", alternative: false };

    #[test]
    fn a_text_of_any_length_is_hashed_in_its_parts() {
        let text = "x".repeat(200);
        for length in 0..=text.len() {
            let (front, rest) = text[..length].split_at(length / 3);
            let digest = Digest { value: Md5::digest(&text.as_bytes()[..length]).into(), v3: false };
            let mut attempts = Attempts::new(&digest);
            assert!(!attempts.is(&["another"]) && attempts.is(&[front, rest]), "{length}");
            assert!(!attempts.is(&[front, rest, "y"]), "{length}");
        }
    }

    #[test]
    fn a_right_digest_ends_the_search_and_every_wrong_one_costs_the_same() {
        let salts = Salts { server: "SRV", old: "87159643", alternative: true };
        let sent = of("s1", "", None);
        let cost = |digest: &str| {
            work::measure(|| {
                let _ = proof(digest, &sent, salts, &["0123456789"]);
            })
        };
        let wrong = cost(&"0".repeat(32));
        assert_eq!(wrong, cost(&"f".repeat(32)));
        assert_eq!(wrong, 9);
        assert_eq!(cost(&hex(&md5(&["ck5Gp", "3037", "3037", "SRV", "s1", "0123456789"]))), 1);
        assert_eq!(cost(&hex(&md5(&["ck5Gp", "3037", "3037", "SRV", "s1"]))), 2);
    }

    #[test]
    fn the_documents_own_vector() {
        for digest in ["55D1734C848443FDC0E4F750D79A33DF", "55d1734c848443fdc0e4f750d79a33df"] {
            assert_eq!(proof(digest, &of("", "", None), NONE, &[]), Some(false));
        }
        assert_eq!(proof("55D1734C848443FDC0E4F750D79A33DE", &of("", "", None), NONE, &[]), None);
        assert_eq!(proof("55D1734C848443FDC0E4F750D79A33DF", &of("x", "", None), NONE, &[]), None);
    }

    #[test]
    fn every_formula_of_the_table_is_accepted() {
        let salts = Salts { server: "SRV", old: "87159643", alternative: false };
        let open = Salts { alternative: true, ..salts };
        let third = |nonce: &str| {
            format!(
                "authv3_{}",
                hex(&md5(&[&hex(&md5(&["tU29m", "3037", "3037", "s1"])), "s2", "SRV", nonce]))
            )
        };
        let cases: Vec<(String, Credentials<'_>, Salts<'_>)> = vec![
            (hex(&md5(&["ck5Gp", "3037", "3037", "SRV", "s1"])), of("s1", "", None), salts),
            (third(""), of("s1", "s2", None), salts),
            (hex(&md5(&["rD58s:3037:3037:87159643"])), of("", "", None), salts),
            (hex(&md5(&["rd58s:3037:3037:own"])), of("", "", Some("own")), salts),
            (hex(&md5(&["C8y5:3037:3037:92624f"])), of("", "", Some("92624f")), salts),
            (hex(&md5(&["3037:3037"])), of("", "", None), open),
            (hex(&md5(&["30373037"])), of("", "", None), open),
            (hex(&md5(&["3037:3037:z"])), of("", "", Some("z")), open),
            (hex(&md5(&["30373037z"])), of("", "", Some("z")), open),
        ];
        for (digest, credentials, salts) in &cases {
            assert_eq!(proof(digest, credentials, *salts, &[]), Some(false), "{digest}");
            let over_nonce = proof(digest, credentials, *salts, &["0123456789"]);
            assert_eq!(over_nonce, Some(false), "{digest} without the nonce");
        }
        assert_eq!(proof(&hex(&md5(&["30373037"])), &of("", "", None), salts, &[]), None);
        let nonces = ["abcdefghijklmnop", "abcdefghij"];
        let over_nonce = proof(&third("abcdefghij"), &of("s1", "s2", None), salts, &nonces);
        assert_eq!(over_nonce, Some(true));
        let new = hex(&md5(&["ck5Gp", "3037", "3037", "SRV", "s1", "abcdefghijklmnop"]));
        assert_eq!(proof(&new, &of("s1", "", None), salts, &nonces), Some(true));
    }
}
