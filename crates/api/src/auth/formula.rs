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
    sent: &Credentials,
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
    sent: &Credentials,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
    demanded: bool,
) -> Choice {
    let (id, salt1) = (sent.id.as_deref().unwrap_or_default(), sent.salt1.as_str());
    let mut matched = Choice::from(0);
    let mut try_one = |parts: &[&str]| matched |= md5(parts).ct_eq(&digest.value);
    for nonce in nonces {
        try_one(&["ck5Gp", id, password, salts.server, salt1, nonce]);
    }
    if !demanded {
        try_one(&["ck5Gp", id, password, salts.server, salt1]);
        let salt = sent.salt.as_deref().unwrap_or(salts.old);
        for prefix in ["rd58s", "rD58s"] {
            try_one(&[prefix, ":", id, ":", password, ":", salt]);
        }
        let web_salt = sent.salt.as_deref().unwrap_or_default();
        try_one(&["C8y5:", id, ":", password, ":", web_salt]);
        if salts.alternative {
            try_one(&[id, ":", password]);
            try_one(&[id, ":", password, ":", web_salt]);
            try_one(&[id, password]);
            try_one(&[id, password, web_salt]);
        }
    }
    matched
}

/// The formula that hashes twice.
fn third(
    sent: &Credentials,
    digest: &Digest,
    password: &str,
    salts: Salts<'_>,
    nonces: &[&str],
    demanded: bool,
) -> Choice {
    let id = sent.id.as_deref().unwrap_or_default();
    let lower = hex(md5(&["tU29m", id, password, &sent.salt1]));
    // The document does not say in which case the inner digest is written: both are tried.
    let inner = [lower.to_ascii_uppercase(), lower];
    let mut matched = Choice::from(0);
    for nonce in nonces.iter().copied().chain((!demanded).then_some("")) {
        for inner in &inner {
            matched |= md5(&[inner, &sent.salt2, salts.server, nonce]).ct_eq(&digest.value);
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        digest: &str,
        credentials: &Credentials,
        salts: Salts<'_>,
        nonces: &[&str],
        demanded: bool,
    ) -> bool {
        digest_matches(credentials, &Digest::parse(digest).unwrap(), "3037", salts, nonces, demanded)
    }

    fn of(salt1: &str, salt2: &str, salt: Option<&str>) -> Credentials {
        Credentials {
            id: Some("3037".into()),
            salt1: salt1.into(),
            salt2: salt2.into(),
            salt: salt.map(Into::into),
            ..Credentials::default()
        }
    }

    const NONE: Salts<'_> = Salts { server: "", old: "87159643", alternative: false };

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
        let cases: Vec<(String, Credentials, Salts<'_>)> = vec![
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
