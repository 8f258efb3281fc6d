//! Digest authentication of requests (RFC 3261 section 22, RFC 8760): our challenges, and the check of answers.
//!
//! It does not know accounts: the caller finds the password. An unknown user costs and says the same as a wrong password.

use std::net::IpAddr;

use strowger_model::{Now, Secret};
use strowger_sip::digest::{self, Algorithm, Challenge, Credentials, Ha1};
use strowger_sip::{HeaderId, Message};

use crate::mac::Key;
use crate::nonce::{Nonces, Use};

/// Challenges clients and checks what they answer.
pub struct Authenticator {
    nonces: Nonces,
}

/// What a request's credentials are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthResult<T> {
    /// There are none for our realm: challenge. Not a failure.
    Missing,
    /// The password is right, the nonce is not good any more: challenge with `stale=true`. Not a failure.
    Stale,
    /// Unknown user, wrong password or malformed credentials: challenge again, and count the failure.
    Wrong {
        /// The name that was tried.
        user: String,
    },
    /// Authenticated.
    Ok(T),
}

impl Authenticator {
    /// `seed` must be random. `lifetime_ms`: how long a nonce is good; `capacity`: how many are remembered.
    #[must_use]
    pub fn new(seed: [u8; 16], lifetime_ms: u64, capacity: usize) -> Self {
        Self { nonces: Nonces::new(Key::new(seed), lifetime_ms, capacity) }
    }

    /// The values of the `WWW-Authenticate` or `Proxy-Authenticate` headers, in the order of `algorithms`.
    pub fn challenge(
        &mut self,
        now: Now,
        source: IpAddr,
        realm: &str,
        stale: bool,
        algorithms: &[Algorithm],
        mut write: impl FnMut(&Challenge<'_>),
    ) {
        let nonce = self.nonces.mint(now, source);
        for &algorithm in algorithms {
            write(&Challenge { realm, nonce: &nonce, opaque: "", stale, algorithm });
        }
    }

    /// Checks the credentials that `request` carries for `realm` in `header`. `find` gives what the caller wants to know
    /// of a user, and the password; it is asked at most once per credentials header.
    pub fn verify<'p, T>(
        &mut self,
        now: Now,
        request: &Message,
        header: HeaderId,
        source: IpAddr,
        realm: &str,
        find: impl Fn(&str) -> Option<(T, &'p Secret)>,
    ) -> AuthResult<T> {
        let mut verdict = AuthResult::Missing;
        for credentials in digest::credentials(request, header) {
            let Ok(credentials) = credentials else {
                verdict = AuthResult::Wrong { user: String::new() };
                continue;
            };
            if !credentials.realm.eq_ignore_ascii_case(realm) {
                continue;
            }
            verdict = self.check(now, request, source, realm, &credentials, &find);
            if matches!(verdict, AuthResult::Ok(_)) {
                break;
            }
        }
        verdict
    }

    fn check<'p, T>(
        &mut self,
        now: Now,
        request: &Message,
        source: IpAddr,
        realm: &str,
        credentials: &Credentials<'_>,
        find: &impl Fn(&str) -> Option<(T, &'p Secret)>,
    ) -> AuthResult<T> {
        // Some phones send user@domain as the name, and hash it so.
        let sent = credentials.username.as_ref();
        let name = sent.split_once('@').map_or(sent, |(user, _)| user);
        let algorithm = credentials.algorithm;
        let found = find(name);
        let usable = found.as_ref().is_some_and(|(_, password)| !password.is_empty());
        let password = found.as_ref().map_or("", |(_, password)| password.expose());
        let ha1 = Ha1::of(algorithm, sent, &credentials.realm, password);
        let verified = credentials.verify(&ha1, request.method_text());
        let uri_fits = credentials.uri_matches(request);
        let (Some((who, _)), Ok(verified), true, true) = (found, verified, usable, uri_fits) else {
            return AuthResult::Wrong { user: name.to_owned() };
        };
        debug_assert!(
            credentials.realm.eq_ignore_ascii_case(realm),
            "only credentials of our realm come here"
        );
        let mark = self.nonces.request_mark(&[
            request.call_id().as_bytes(),
            b"\n",
            &request.cseq().to_be_bytes(),
            request.branch().as_bytes(),
            b"\n",
            request.method_text().as_bytes(),
        ]);
        match self.nonces.accept(now, credentials.nonce, source, verified.nc, mark) {
            Use::Fresh | Use::Retransmission => AuthResult::Ok(who),
            Use::Stale => AuthResult::Stale,
        }
    }
}
