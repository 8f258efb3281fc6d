//! The `authmd5` formulas. Every formula that the request and the configuration make possible is computed
//! and compared; which one matched, and whether one did early, takes no time that an observer could measure.

use md5::{Digest as _, Md5};
use subtle::{Choice, ConstantTimeEq};

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
    matched: Choice,
}

impl<'a> Attempts<'a> {
    fn new(digest: &'a Digest) -> Self {
        Self { digest, text: Vec::with_capacity(USUAL_TEXT), matched: Choice::from(0) }
    }

    /// Tries MD5 over the parts.
    fn add(&mut self, parts: &[&str]) {
        #[cfg(test)]
        work::count();
        self.text.clear();
        for part in parts {
            self.text.extend_from_slice(part.as_bytes());
        }
        let made: [u8; 16] = Md5::digest(&self.text).into();
        self.matched |= made.ct_eq(&self.digest.value);
    }

    /// One of them was right.
    fn finish(self) -> Choice {
        self.matched
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

fn hex(digest: [u8; 16]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value & 15)]);
    digest.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The digest of the documented formula without a nonce, as a client makes it.
pub fn digest_of(id: &str, password: &str, server_salt: &str, salt: &str) -> String {
    hex(md5(&["ck5Gp", id, password, server_salt, salt]))
}

/// Compares without telling by time where two texts differ.
pub fn same_text(a: &str, b: &str) -> bool {
    // Digests have one length, so that not even the lengths are told apart.
    bool::from(md5(&[a]).ct_eq(&md5(&[b])))
}

/// The digest of the request is right for this password. `nonce` holds the texts that count as the nonce
/// (as issued, as sent); where it is `demanded`, formulas without it do not count.
///
/// Which formulas are computed follows from what was sent and from the configuration alone.
pub fn digest_matches(
    sent: &Credentials<'_>,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
    demanded: bool,
) -> bool {
    if demanded && nonces.is_empty() {
        // No formula counts; that there is no nonce is no secret.
        return false;
    }
    let mut matched = Choice::from(0);
    if !digest.v3 {
        matched |= plain(sent, digest, password, salts, nonces, demanded);
    }
    // Clients forget its prefix, but it alone has a second salt.
    if digest.v3 || !sent.salt2.is_empty() {
        matched |= third(sent, digest, password, salts, nonces, demanded);
    }
    bool::from(matched)
}

/// The formulas that hash once.
fn plain(
    sent: &Credentials<'_>,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
    demanded: bool,
) -> Choice {
    let (id, salt1) = (sent.id.unwrap_or_default(), sent.salt1);
    let mut attempts = Attempts::new(digest);
    for nonce in nonces {
        attempts.add(&["ck5Gp", id, password, salts.server, salt1, nonce]);
    }
    if !demanded {
        attempts.add(&["ck5Gp", id, password, salts.server, salt1]);
        let salt = sent.salt.unwrap_or(salts.old);
        for prefix in ["rd58s", "rD58s"] {
            attempts.add(&[prefix, ":", id, ":", password, ":", salt]);
        }
        let web_salt = sent.salt.unwrap_or_default();
        attempts.add(&["C8y5:", id, ":", password, ":", web_salt]);
        if salts.alternative {
            attempts.add(&[id, ":", password]);
            attempts.add(&[id, ":", password, ":", web_salt]);
            attempts.add(&[id, password]);
            attempts.add(&[id, password, web_salt]);
        }
    }
    attempts.finish()
}

/// The formula that hashes twice.
fn third(
    sent: &Credentials<'_>,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
    demanded: bool,
) -> Choice {
    let id = sent.id.unwrap_or_default();
    let lower = hex(md5(&["tU29m", id, password, sent.salt1]));
    // The document does not say in which case the inner digest is written: both are tried.
    let inner = [lower.to_ascii_uppercase(), lower];
    let mut attempts = Attempts::new(digest);
    for nonce in nonces.iter().copied().chain((!demanded).then_some("")) {
        for inner in &inner {
            attempts.add(&[inner, sent.salt2, salts.server, nonce]);
        }
    }
    attempts.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        digest: &str,
        credentials: &Credentials<'_>,
        salts: Salts<'_>,
        nonces: &[&str],
        demanded: bool,
    ) -> bool {
        digest_matches(credentials, &Digest::parse(digest).unwrap(), "3037", salts, nonces, demanded)
    }

    fn of<'a>(salt1: &'a str, salt2: &'a str, salt: Option<&'a str>) -> Credentials<'a> {
        Credentials { id: Some("3037"), salt1, salt2, salt, ..Credentials::default() }
    }

    const NONE: Salts<'_> = Salts { server: "", old: "87159643", alternative: false };

    #[test]
    fn a_text_of_any_length_is_found_among_others() {
        let text = "x".repeat(200);
        for length in 0..=text.len() {
            let (front, rest) = text[..length].split_at(length / 3);
            let digest = Digest { value: Md5::digest(&text.as_bytes()[..length]).into(), v3: false };
            for place in 0..3 {
                let mut attempts = Attempts::new(&digest);
                (0..place).for_each(|_| attempts.add(&["another"]));
                attempts.add(&[front, rest]);
                assert!(bool::from(attempts.finish()), "{length} {place}");
            }
            let mut attempts = Attempts::new(&digest);
            attempts.add(&[front, rest, "y"]);
            assert!(!bool::from(attempts.finish()), "{length}");
        }
    }

    #[test]
    fn the_documents_own_vector() {
        for digest in ["55D1734C848443FDC0E4F750D79A33DF", "55d1734c848443fdc0e4f750d79a33df"] {
            assert!(check(digest, &of("", "", None), NONE, &[], false));
        }
        assert!(!check("55D1734C848443FDC0E4F750D79A33DE", &of("", "", None), NONE, &[], false));
        assert!(!check("55D1734C848443FDC0E4F750D79A33DF", &of("x", "", None), NONE, &[], false));
    }

    #[test]
    fn every_formula_of_the_table_is_accepted() {
        let salts = Salts { server: "SRV", old: "87159643", alternative: false };
        let open = Salts { alternative: true, ..salts };
        let third = |nonce: &str| {
            format!("authv3_{}", hex(md5(&[&hex(md5(&["tU29m", "3037", "3037", "s1"])), "s2", "SRV", nonce])))
        };
        let cases: Vec<(String, Credentials<'_>, Salts<'_>)> = vec![
            (hex(md5(&["ck5Gp", "3037", "3037", "SRV", "s1"])), of("s1", "", None), salts),
            (third(""), of("s1", "s2", None), salts),
            (hex(md5(&["rD58s:3037:3037:87159643"])), of("", "", None), salts),
            (hex(md5(&["rd58s:3037:3037:own"])), of("", "", Some("own")), salts),
            (hex(md5(&["C8y5:3037:3037:92624f"])), of("", "", Some("92624f")), salts),
            (hex(md5(&["3037:3037"])), of("", "", None), open),
            (hex(md5(&["30373037"])), of("", "", None), open),
            (hex(md5(&["3037:3037:z"])), of("", "", Some("z")), open),
            (hex(md5(&["30373037z"])), of("", "", Some("z")), open),
        ];
        for (digest, credentials, salts) in &cases {
            assert!(check(digest, credentials, *salts, &[], false), "{digest}");
            assert!(!check(digest, credentials, *salts, &["0123456789"], true), "{digest} without the nonce");
        }
        assert!(!check(&hex(md5(&["30373037"])), &of("", "", None), salts, &[], false));
        assert!(check(
            &third("abcdefghij"),
            &of("s1", "s2", None),
            salts,
            &["abcdefghijklmnop", "abcdefghij"],
            true
        ));
        let new = hex(md5(&["ck5Gp", "3037", "3037", "SRV", "s1", "abcdefghijklmnop"]));
        assert!(check(&new, &of("s1", "", None), salts, &["abcdefghijklmnop", "abcdefghij"], true));
    }
}
