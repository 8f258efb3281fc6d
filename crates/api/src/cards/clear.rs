//! Clearing up payments whose end is not known: after an answer that did not come, and after a crash. The provider is
//! asked what became of the payment; what it has is booked, what it has not is cancelled there, so that it never will.

use std::sync::{Arc, Weak};
use std::time::Duration;

use strowger_store::{Payment, PaymentError, PaymentState, Store};

use super::charge::{provider_of, refuse};
use super::stripe::{Provider, Reason, Standing};
use crate::dispatch::Dispatcher;

/// How often due payments are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// Looking and cancelling cross each other at most this often before it is tried later.
const ROUNDS: u32 = 3;
/// The wait after the first attempt, in milliseconds; it doubles with each.
const FIRST_WAIT_MS: i64 = 2_000;
/// The longest wait, in milliseconds.
const LONGEST_WAIT_MS: i64 = 3_600_000;

impl Dispatcher {
    /// Clears up card payments that are open, those of an earlier run at once, as long as this dispatcher lives.
    pub fn clear_up_payments(self: &Arc<Self>) {
        tokio::spawn(look_for_ever(Arc::downgrade(self)));
    }
}

/// The sooner attempts failed, the longer they wait.
fn wait_ms(attempts: u32) -> i64 {
    FIRST_WAIT_MS.checked_shl(attempts.min(20)).unwrap_or(LONGEST_WAIT_MS).min(LONGEST_WAIT_MS)
}

async fn look_for_ever(dispatcher: Weak<Dispatcher>) {
    let Some(began) = dispatcher.upgrade().map(|dispatcher| dispatcher.switch().now().wall) else { return };
    let mut left_are_due = false;
    loop {
        let Some(this) = dispatcher.upgrade() else { return };
        if !left_are_due {
            // A database that takes no writes now may do so later.
            match this.switch().store().payments_left(began).await {
                Ok(left) => {
                    left_are_due = true;
                    if left > 0 {
                        tracing::warn!(left, "card payments of an earlier run are cleared up");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "card payments of an earlier run are not cleared up yet");
                }
            }
        }
        if !look(&this).await {
            return;
        }
        drop(this);
        tokio::time::sleep(LOOK).await;
    }
}

/// Clears up what is due. False: no provider is configured, and nothing will ever be.
async fn look(dispatcher: &Dispatcher) -> bool {
    let (config, store) = (dispatcher.switch().config(), dispatcher.switch().store());
    let due = match store.payments_due(dispatcher.switch().now().wall).await {
        Ok(due) => due,
        Err(error) => {
            tracing::debug!(%error, "due card payments cannot be read");
            return true;
        }
    };
    let provider = match provider_of(dispatcher.cards(), &config) {
        Ok(provider) => provider,
        Err(why) => {
            if !due.is_empty() {
                tracing::error!(open = due.len(), %why, "ALARM: card payments cannot be cleared up");
            }
            return false;
        }
    };
    for payment in due {
        let Some(_claim) = dispatcher.cards().claim(payment.id) else { continue };
        let id = payment.id;
        match clear(store, &provider, payment).await {
            Ok(payment) if payment.state == PaymentState::Paid => {
                tracing::info!(payment = id, "a card payment was cleared up: it is paid");
                dispatcher.switch().refresh().await;
            }
            Ok(payment) if payment.state == PaymentState::Refused => {
                tracing::info!(payment = id, "a card payment was cleared up: nothing was charged");
            }
            Ok(payment) => {
                tracing::warn!(payment = id, why = payment.reason, "a card payment is not clear yet");
            }
            Err(error) => tracing::warn!(payment = id, %error, "a card payment is not clear yet"),
        }
    }
    true
}

/// Finds out what became of an open payment, and ends it. What it cannot find out now it makes due later.
///
/// # Errors
/// The database takes no writes; the payment stays as it was.
pub(super) async fn clear(
    store: &Store,
    provider: &Provider<'_>,
    payment: Payment,
) -> Result<Payment, PaymentError> {
    if payment.state == PaymentState::Begun {
        // The money is asked for only after that was written down, which is not possible any more then.
        return refuse(store, payment.id, &Reason::not_carried_out()).await;
    }
    let wait = wait_ms(payment.attempts);
    if payment.provider != provider.base {
        let why = "another provider was asked, which is not configured any more";
        return store.payment_unclear(payment.id, why, wait).await;
    }
    match outcome(provider, &payment).await {
        Standing::Paid => store.payment_paid(payment.id).await,
        Standing::Refused(reason) => refuse(store, payment.id, &reason).await,
        Standing::Waiting(Reason { text: why, .. }) | Standing::Unclear(why) => {
            store.payment_unclear(payment.id, &why, wait).await
        }
    }
}

/// Paid, refused for good, or not known.
async fn outcome(provider: &Provider<'_>, payment: &Payment) -> Standing {
    for _ in 0..ROUNDS {
        let reason = match provider.look(payment).await {
            Standing::Waiting(reason) => reason,
            known => return known,
        };
        match provider.cancel(payment).await {
            Standing::Paid => return Standing::Paid,
            // Why it was refused is the provider's to say before it was cancelled.
            Standing::Refused(_) => return Standing::Refused(reason),
            // It may have been charged in between: that the next look shows.
            Standing::Waiting(_) | Standing::Unclear(_) => {}
        }
    }
    Standing::Unclear("the provider neither charges nor cancels it".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_seldom_and_stay_hourly() {
        for (attempts, wait) in [(0, 2_000), (1, 4_000), (5, 64_000), (11, 3_600_000), (u32::MAX, 3_600_000)]
        {
            assert_eq!(wait_ms(attempts), wait, "{attempts}");
        }
    }
}
