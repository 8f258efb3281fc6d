//! Card payments at a provider whose API is compatible with Stripe's. A payment can charge its card once at most: the
//! provider's object for it (a payment intent) is made first, its name written down, and only then is it confirmed, which
//! a provider does to one intent once. Whatever breaks afterwards, the intent is looked up and either booked or
//! cancelled; the card is not needed for that, and is kept nowhere.

mod card;
mod charge;
mod clear;
mod minor;
mod stripe;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use strowger_model::Secret;
use tokio::sync::Semaphore;

pub(crate) use card::Card;
pub(crate) use charge::{charge, page_of, provider_of};
pub(crate) use minor::minor_units;

/// Payments that are carried out at a time; further ones are told to come again.
const MAX_AT_A_TIME: usize = 32;
/// The longest answer of a provider that is read, in bytes.
pub const MAX_PROVIDER_ANSWER: usize = 256 * 1024;

/// One HTTP request to the provider.
#[derive(Debug)]
pub struct Question {
    /// The whole URL: https, or http on this machine.
    pub url: String,
    /// The form of a POST; none: a GET.
    pub form: Option<Secret>,
    /// The secret key, for `Authorization: Bearer`.
    pub key: Secret,
    /// The value of `Idempotency-Key`.
    pub idempotency: Option<String>,
    /// How long the answer may take.
    pub limit: Duration,
}

/// The HTTP status of an answer and its body of at most [`MAX_PROVIDER_ANSWER`] bytes, or why there is none; the text
/// holds neither key nor form.
pub type Asked = Result<(u16, Vec<u8>), String>;

/// A question under way.
pub type Asking = Pin<Box<dyn Future<Output = Asked> + Send>>;

/// Asks the provider: whoever has sockets hands the way to do it in. Certificates are verified, no redirection is followed.
pub type Ask = Box<dyn Fn(Question) -> Asking + Send + Sync>;

/// What the payments of a process share.
pub(crate) struct Desk {
    ask: OnceLock<Ask>,
    room: Semaphore,
    /// Payments that somebody here is at work on.
    claimed: Mutex<HashSet<i64>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { ask: OnceLock::new(), room: Semaphore::new(MAX_AT_A_TIME), claimed: Mutex::default() }
    }
}

impl Desk {
    /// Only the first time counts.
    pub(crate) fn attach(&self, ask: Ask) {
        // A second way to the provider would be a mistake of the server, and the first one goes on.
        let _ = self.ask.set(ask);
    }

    /// The payment is the caller's alone in this process until the claim is dropped; none: somebody has it.
    fn claim(&self, payment: i64) -> Option<Claim<'_>> {
        self.claims().insert(payment).then_some(Claim { desk: self, payment })
    }

    fn claims(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Desk::claim`].
struct Claim<'a> {
    desk: &'a Desk,
    payment: i64,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.desk.claims().remove(&self.payment);
    }
}
