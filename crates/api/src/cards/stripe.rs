//! The provider's side: the questions of Stripe's API (payment methods and payment intents) and what its answers mean for
//! the money. Nothing here decides what to do about them. An answer that is not exactly what was expected is unclear.

use std::time::Duration;

use serde_json::Value;
use strowger_model::Secret;
use strowger_store::Payment;

use super::{Ask, Asked, Card, MAX_PROVIDER_ANSWER, Question, minor_units};

/// The longest name of a provider's object.
const MAX_ID: usize = 128;
/// The longest reason of a refusal, in characters.
const MAX_REASON: usize = 120;
/// HTTP 402: the card was refused.
const CARD_REFUSED: u16 = 402;
/// What is said where the card holder would have to confirm the payment.
pub(super) const WANTS_ACTION: &str = "the card's bank wants the card holder to confirm the payment (3-D Secure), which this command cannot ask for";
/// What is said where the provider gives no reason.
pub(super) const NOT_CARRIED_OUT: &str = "the payment was not carried out";

/// Where and how to ask.
pub(crate) struct Provider<'a> {
    pub(super) ask: &'a Ask,
    /// Without a slash at its end.
    pub(super) base: &'a str,
    pub(super) key: Secret,
    pub(super) limit: Duration,
}

/// Why a card is not charged, for its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) text: String,
    /// The card was refused, or its bank wants more.
    pub(super) declined: bool,
}

impl Reason {
    /// Nobody refused the card.
    pub(super) fn not_carried_out() -> Self {
        Self { text: NOT_CARRIED_OUT.to_owned(), declined: false }
    }

    fn declined(text: impl Into<String>) -> Self {
        Self { text: text.into(), declined: true }
    }
}

/// Why nothing can be charged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The card was refused.
    Card(Reason),
    /// The provider did not do it: the reason, for the operator.
    Provider(String),
}

/// How a payment stands at the provider.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The card was charged.
    Paid,
    /// It was not, and cannot be any more.
    Refused(Reason),
    /// It was not, but could be: the payment must be cancelled.
    Waiting(Reason),
    /// It is not known: why.
    Unclear(String),
}

impl Provider<'_> {
    /// Hands the card over; gives the provider's name for it. Moves no money.
    pub(super) async fn make_method(&self, payment: &Payment, card: &Card) -> Result<String, Refusal> {
        let fields = card.fields();
        let mut form = vec![("type", "card")];
        form.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
        let asked = self.post("/v1/payment_methods", &form, Some(format!("{}-method", payment.key))).await;
        made(asked)
    }

    /// Makes the payment without confirming it; gives the provider's name for it. Moves no money.
    pub(super) async fn make_intent(&self, payment: &Payment, method: &str) -> Result<String, Refusal> {
        let amount = minor_units(payment.amount, payment.currency).map_err(Refusal::Provider)?.to_string();
        let currency = payment.currency.code().to_ascii_lowercase();
        let (id, account) = (payment.id.to_string(), payment.account.to_string());
        let form = [
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("payment_method", method),
            ("payment_method_types[]", "card"),
            ("metadata[payment]", &id),
            ("metadata[account]", &account),
        ];
        let asked = self.post("/v1/payment_intents", &form, Some(format!("{}-intent", payment.key))).await;
        made(asked)
    }

    /// Asks for the money: the one question that moves some.
    pub(super) async fn confirm(&self, payment: &Payment) -> Standing {
        let path = format!("/v1/payment_intents/{}/confirm", payment.intent);
        let form = [("error_on_requires_action", "true")];
        let asked = self.post(&path, &form, Some(format!("{}-confirm", payment.key))).await;
        standing(payment, asked)
    }

    /// Asks what became of it.
    pub(super) async fn look(&self, payment: &Payment) -> Standing {
        let path = format!("/v1/payment_intents/{}", payment.intent);
        standing(payment, self.question(&path, None, None).await)
    }

    /// Takes it back: a provider refuses that where the card was charged. It may be asked again and again, so it has no
    /// key, by which a provider would repeat its first answer.
    pub(super) async fn cancel(&self, payment: &Payment) -> Standing {
        let path = format!("/v1/payment_intents/{}/cancel", payment.intent);
        standing(payment, self.post(&path, &[("cancellation_reason", "abandoned")], None).await)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], idempotency: Option<String>) -> Asked {
        self.question(path, Some(Secret::new(form_encoded(form))), idempotency).await
    }

    async fn question(&self, path: &str, form: Option<Secret>, idempotency: Option<String>) -> Asked {
        let url = format!("{}{path}", self.base);
        let asked = (self.ask)(Question { url, form, key: self.key.clone(), idempotency, limit: self.limit });
        asked.await.and_then(|(status, body)| {
            if body.len() > MAX_PROVIDER_ANSWER {
                Err("its answer is too long".into())
            } else {
                Ok((status, body))
            }
        })
    }
}

/// `application/x-www-form-urlencoded`.
fn form_encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The name of the object that was made.
fn made(asked: Asked) -> Result<String, Refusal> {
    let (status, body) = asked.map_err(Refusal::Provider)?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(reason) = card_refused(status, &answer) {
        return Err(Refusal::Card(reason));
    }
    let id = answer["id"].as_str().filter(|id| is_id(id));
    id.filter(|_| status == 200).map(str::to_owned).ok_or_else(|| Refusal::Provider(problem(status, &answer)))
}

/// Names go into paths.
fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(allowed)
}

/// What an answer about a payment means.
fn standing(payment: &Payment, asked: Asked) -> Standing {
    let (status, body) = match asked {
        Ok(answer) => answer,
        Err(why) => return Standing::Unclear(why),
    };
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(reason) = card_refused(status, &answer) {
        // The payment beside the refusal says whether it is the end of it.
        let after = answer["error"]["payment_intent"]["status"].as_str();
        return match after {
            None | Some("requires_payment_method" | "requires_source" | "canceled") => {
                Standing::Refused(reason)
            }
            Some(after) => Standing::Unclear(format!("a refused card, and the payment is {}", word(after))),
        };
    }
    if status != 200 {
        return Standing::Unclear(problem(status, &answer));
    }
    let amount = minor_units(payment.amount, payment.currency).ok();
    let same = answer["id"].as_str() == Some(payment.intent.as_str())
        && answer["amount"].as_i64().is_some_and(|sum| Some(sum) == amount)
        && answer["currency"].as_str().is_some_and(|c| c.eq_ignore_ascii_case(payment.currency.code()));
    if !same {
        return Standing::Unclear("it speaks of another payment or amount".into());
    }
    let reason = || match &answer["last_payment_error"] {
        Value::Object(error) => reason_of(&Value::Object(error.clone())),
        _ => Reason::not_carried_out(),
    };
    match answer["status"].as_str().unwrap_or_default() {
        "succeeded" => match answer["amount_received"].as_i64() {
            Some(received) if Some(received) != amount => {
                Standing::Unclear(format!("it received {received} instead of {}", amount.unwrap_or(0)))
            }
            _ => Standing::Paid,
        },
        "canceled" => Standing::Refused(reason()),
        "requires_action" | "requires_source_action" => Standing::Waiting(Reason::declined(WANTS_ACTION)),
        "requires_payment_method" | "requires_source" | "requires_confirmation" | "requires_capture" => {
            Standing::Waiting(reason())
        }
        other => Standing::Unclear(format!("the payment is {}", word(other))),
    }
}

/// Why the card was refused; none: it was not, or that is not what the answer says.
fn card_refused(status: u16, answer: &Value) -> Option<Reason> {
    let error = &answer["error"];
    (status == CARD_REFUSED && error["type"].as_str() == Some("card_error")).then(|| reason_of(error))
}

fn reason_of(error: &Value) -> Reason {
    let code = error["code"].as_str().unwrap_or_default();
    if matches!(code, "authentication_required" | "payment_intent_action_required") {
        return Reason::declined(WANTS_ACTION);
    }
    match clean(error["message"].as_str().unwrap_or_default()) {
        message if message.is_empty() => Reason::declined("the card was refused"),
        message => Reason::declined(format!("the card was refused: {message}")),
    }
}

/// For the operator: what kind of answer it is. Messages are not quoted: they may repeat what was sent.
fn problem(status: u16, answer: &Value) -> String {
    let error = &answer["error"];
    let mut text = format!("it answered {status}");
    for part in ["type", "code", "param"] {
        if let Some(value) = error[part].as_str() {
            text.push_str(&format!(" {}", word(value)));
        }
    }
    text
}

/// A word of the provider's as it may stand in a text.
fn word(text: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '[' | ']');
    text.chars().filter(allowed).take(60).collect()
}

/// A message for the card holder: one line of bounded length, in which no number is long enough to be a card's.
fn clean(message: &str) -> String {
    /// Digits that may stand together.
    const MOST_DIGITS: usize = 4;
    let mut text = String::new();
    let mut digits = String::new();
    let line = message.trim().chars().take(MAX_REASON).map(|c| if c.is_control() { ' ' } else { c });
    for c in line.chain(std::iter::once('\0')) {
        let inside = c.is_numeric() || (matches!(c, ' ' | '-') && !digits.is_empty());
        if inside {
            digits.push(c);
            continue;
        }
        let kept = digits.trim_end_matches([' ', '-']);
        let after = &digits[kept.len()..];
        if kept.chars().filter(|c| c.is_numeric()).count() > MOST_DIGITS {
            text.push_str("***");
        } else {
            text.push_str(kept);
        }
        text.push_str(after);
        digits.clear();
        if c != '\0' {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use strowger_model::{AccountId, Unit, Wall};
    use strowger_store::PaymentState;

    use super::*;

    fn payment() -> Payment {
        Payment {
            id: 7,
            account: AccountId(3),
            amount: "10".parse().unwrap(),
            currency: Unit::USD,
            state: PaymentState::Asked,
            reason: String::new(),
            provider: String::new(),
            intent: "pi_1".into(),
            key: "k".into(),
            created: Wall(0),
            changed: Wall(0),
            attempts: 0,
        }
    }

    fn stands(status: u16, body: &str) -> Standing {
        standing(&payment(), Ok((status, body.as_bytes().to_vec())))
    }

    #[test]
    fn only_the_very_answer_counts_as_paid() {
        let paid = r#"{"id":"pi_1","amount":1000,"currency":"usd","status":"succeeded"}"#;
        assert_eq!(stands(200, paid), Standing::Paid);
        assert_eq!(stands(200, &paid.replace('}', r#","amount_received":1000}"#)), Standing::Paid);
        for (status, body) in [
            (201, paid.to_owned()),
            (500, paid.to_owned()),
            (200, paid.replace("pi_1", "pi_2")),
            (200, paid.replace("1000", "999")),
            (200, paid.replace("1000", "\"1000\"")),
            (200, paid.replace("usd", "eur")),
            (200, paid.replace("succeeded", "processing")),
            (200, paid.replace("succeeded", "brand_new_status")),
            (200, paid.replace('}', r#","amount_received":999}"#)),
            (200, "[]".into()),
            (200, String::new()),
            (402, r#"{"error":{"type":"api_error"}}"#.into()),
            (402, r#"{"error":{"type":"card_error","payment_intent":{"status":"succeeded"}}}"#.into()),
        ] {
            assert!(matches!(stands(status, &body), Standing::Unclear(_)), "{status} {body}");
        }
    }

    #[test]
    fn refusals_and_what_must_be_cancelled_are_told_apart() {
        let refused =
            r#"{"error":{"type":"card_error","code":"card_declined","message":"Your card was declined."}}"#;
        let reason = "the card was refused: Your card was declined.";
        assert_eq!(stands(402, refused), Standing::Refused(Reason::declined(reason)));
        let action = r#"{"error":{"type":"card_error","code":"authentication_required"}}"#;
        assert_eq!(stands(402, action), Standing::Refused(Reason::declined(WANTS_ACTION)));
        let intent =
            |status: &str| format!(r#"{{"id":"pi_1","amount":1000,"currency":"usd","status":"{status}"}}"#);
        assert_eq!(stands(200, &intent("canceled")), Standing::Refused(Reason::not_carried_out()));
        assert_eq!(
            stands(200, &intent("requires_action")),
            Standing::Waiting(Reason::declined(WANTS_ACTION))
        );
        assert_eq!(
            stands(200, &intent("requires_confirmation")),
            Standing::Waiting(Reason::not_carried_out())
        );
        assert_eq!(stands(200, &intent("requires_capture")), Standing::Waiting(Reason::not_carried_out()));
    }

    #[test]
    fn objects_have_plain_names() {
        let name = |body: &str| made(Ok((200, body.as_bytes().to_vec())));
        assert_eq!(name(r#"{"id":"pm_1"}"#), Ok("pm_1".into()));
        for id in ["", "../x", "pi_1/confirm", "a b", "?x"] {
            assert!(matches!(name(&format!(r#"{{"id":"{id}"}}"#)), Err(Refusal::Provider(_))), "{id}");
        }
    }

    #[test]
    fn no_message_repeats_a_card() {
        for (message, shown) in [
            ("Your card has insufficient funds.", "Your card has insufficient funds."),
            ("Bad card 4242424242424242!", "Bad card ***!"),
            ("4242 4242-4242 4242 is bad", "*** is bad"),
            ("code 2000 or 51", "code 2000 or 51"),
            ("two\r\nlines", "two  lines"),
        ] {
            assert_eq!(clean(message), shown);
        }
        let echoed = r#"{"error":{"type":"invalid_request_error","param":"card[number]","message":"4242424242424242"}}"#;
        let said = stands(400, echoed);
        assert_eq!(said, Standing::Unclear("it answered 400 invalid_request_error card[number]".into()));
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form_encoded(&[("card[cvc]", "12"), ("a", "b&c=é")]), "card%5Bcvc%5D=12&a=b%26c%3D%C3%A9");
    }
}
