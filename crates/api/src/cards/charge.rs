//! One card payment from the request to its answer.

use std::time::Duration;

use strowger_config::Config;
use strowger_model::{AccountId, Amount, Secret, Unit};
use strowger_store::{NewPayment, Payment, PaymentError, PaymentState, Store};

use super::clear::clear;
use super::stripe::{NOT_CARRIED_OUT, Provider, Reason, Refusal, Standing, WANTS_ACTION};
use super::{Card, Desk};
use crate::declare::Outcome;
use crate::dispatch::Call;
use crate::reply::{Failure, Kind, Reply};

/// What is said where none is configured.
const NO_PROVIDER: &str = "no card payment provider is configured (cardprovider)";
/// Seconds after which a payment may be tried again where too many run.
const COME_AGAIN_S: u64 = 5;

/// The provider that is configured.
///
/// # Errors
/// There is none, or no way to it.
pub(crate) fn provider_of<'a>(desk: &'a Desk, config: &'a Config) -> Result<Provider<'a>, Failure> {
    if config.cardprovider.is_empty() || config.cardkey.is_empty() {
        return Err(Failure::unavailable(NO_PROVIDER));
    }
    let ask = desk.ask.get().ok_or_else(|| Failure::unavailable("this process reaches no other server"))?;
    Ok(Provider {
        ask,
        base: config.cardprovider.trim_end_matches('/'),
        key: Secret::new(config.cardkey.as_str()),
        limit: Duration::from_secs(config.cardtimeout.into()),
    })
}

/// Charges a card and books the credit.
///
/// # Errors
/// The card was refused, or it is not known yet whether it was charged; then that is found out later.
pub(crate) async fn charge(
    call: &Call,
    account: AccountId,
    (amount, currency): (Amount, Unit),
    card: Card,
) -> Outcome {
    let (config, desk) = (call.config(), call.dispatcher.cards());
    let provider = provider_of(desk, &config)?;
    let Ok(_place) = desk.room.try_acquire() else {
        return Err(
            Failure::new(Kind::Busy, "too many card payments at a time, try again").after(COME_AGAIN_S)
        );
    };
    let new = NewPayment {
        account,
        amount,
        currency,
        provider: provider.base.to_owned(),
        most_declined: config.cardattempts,
    };
    let (begun, fresh) = call.store().begin_payment(call.scope, new, call.request_key()).await?;
    let payment = match desk.claim(begun.id) {
        Some(_claim) if fresh => carry_out(call, &provider, begun, card).await?,
        // Whoever began it is gone, or it is over.
        Some(_claim) if begun.state.is_open() => clear(call.store(), &provider, begun).await?,
        _ => begun,
    };
    answer(call, &payment).await
}

/// Asks the provider step by step. Every step is written down before the next one is taken.
async fn carry_out(
    call: &Call,
    provider: &Provider<'_>,
    payment: Payment,
    card: Card,
) -> Result<Payment, PaymentError> {
    let store = call.store();
    let method = provider.make_method(&payment, &card).await;
    drop(card);
    let made = match method {
        Ok(method) => provider.make_intent(&payment, &method).await,
        Err(refusal) => Err(refusal),
    };
    let intent = match made {
        Ok(intent) => intent,
        Err(Refusal::Card(reason)) => return refuse(store, payment.id, &reason).await,
        Err(Refusal::Provider(why)) => {
            tracing::warn!(payment = payment.id, why, "the card payment provider did not take a payment");
            let reason = format!("the provider cannot take payments now, {NOT_CARRIED_OUT}");
            return store.payment_refused(payment.id, &reason, false).await;
        }
    };
    let payment = store.payment_asked(payment.id, &intent).await?;
    if payment.state != PaymentState::Asked || payment.intent != intent {
        // Another node took it for abandoned and ended it.
        return Ok(payment);
    }
    // From here on the card may be charged: no failure below is the payment's end.
    let done = match provider.confirm(&payment).await {
        Standing::Paid => store.payment_paid(payment.id).await,
        Standing::Refused(reason) => refuse(store, payment.id, &reason).await,
        // It is taken back.
        Standing::Waiting(_) => clear(store, provider, payment.clone()).await,
        Standing::Unclear(why) => {
            tracing::warn!(payment = payment.id, why, "a card payment is not clear yet");
            clear(store, provider, payment.clone()).await
        }
    };
    Ok(done.unwrap_or_else(|error| {
        tracing::error!(payment = payment.id, %error, "what became of a card payment is not written down yet");
        payment
    }))
}

/// Ends a payment that was not charged and never will be.
pub(super) async fn refuse(store: &Store, id: i64, reason: &Reason) -> Result<Payment, PaymentError> {
    store.payment_refused(id, &reason.text, reason.declined).await
}

/// What is said of a payment as it stands.
async fn answer(call: &Call, payment: &Payment) -> Outcome {
    match payment.state {
        PaymentState::Paid => {
            let credit = call.store().credit(call.scope, payment.account).await?;
            Ok(Reply::ok(format!("credit is {}", credit.settled))
                .with("credit", credit.settled)
                .with("currency", credit.currency)
                .with("paymentid", payment.id))
        }
        PaymentState::Refused => {
            let page = call.config().cardpage.clone();
            let account = call.switch().snapshot().account(payment.account).cloned();
            let hint = match account {
                Some(account) if payment.reason == WANTS_ACTION && !page.is_empty() => {
                    format!("; pay at {}", page_of(&page, &account))
                }
                _ => String::new(),
            };
            Err(Failure::failed(format!("{}{hint}", payment.reason)))
        }
        PaymentState::Begun | PaymentState::Asked => Err(Failure::failed(format!(
            "payment {} is not clear yet and is being cleared up: if the card was charged the credit follows, so do not \
             pay again",
            payment.id
        ))),
    }
}

/// The payment page of an account.
pub(crate) fn page_of(template: &str, account: &strowger_model::Account) -> String {
    let name = percent_encoding::utf8_percent_encode(&account.username, percent_encoding::NON_ALPHANUMERIC);
    template.replace("{userid}", &account.id.to_string()).replace("{username}", &name.to_string())
}

impl From<PaymentError> for Failure {
    fn from(wrong: PaymentError) -> Self {
        match wrong {
            PaymentError::NotFound => Self::not_found("account"),
            PaymentError::Open { id } => Self::failed(format!(
                "payment {id} of this account is not clear yet: do not pay again before it is, see sendccinfo"
            )),
            PaymentError::TooMany => Self::limit("too many cards were refused, try again tomorrow"),
            PaymentError::NotPositive => Self::invalid("ammount must be above zero"),
            PaymentError::RequestReused => Self::invalid("requestid was used for another request"),
            PaymentError::Unavailable(why) => why.into(),
        }
    }
}
