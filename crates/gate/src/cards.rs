//! The way to the card payment provider. What is asked there and what the answers mean is the API's.

use std::sync::Arc;

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use strowger_api::cards::{Ask, MAX_PROVIDER_ANSWER, Question};
use strowger_config::{Addresses, Config};

use crate::outgoing::Outgoing;

/// The provider is the operator's choice in the start-up file, so that it may stand at any address.
const ANYWHERE: &str = "0.0.0.0/0, ::/0";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Asks over TLS with verified certificates, or this machine in clear.
pub(crate) fn ask(config: &Config, version: &'static str) -> Ask {
    let anywhere = Addresses::parse(ANYWHERE).unwrap_or_default();
    let outgoing = Arc::new(Outgoing::new(anywhere, config.cardca.clone()));
    Box::new(move |question| {
        let outgoing = Arc::clone(&outgoing);
        Box::pin(async move {
            let headers = headers(&question, version).ok_or("cardkey cannot stand in a header")?;
            let form = question.form.map(|form| form.expose().as_bytes().to_vec());
            let asked = outgoing.ask(&question.url, headers, form, MAX_PROVIDER_ANSWER, question.limit);
            asked.await.map_err(|error| error.to_string())
        })
    })
}

/// None: a value is none of a header.
fn headers(question: &Question, version: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let mut key = HeaderValue::from_str(&format!("Bearer {}", question.key.expose())).ok()?;
    key.set_sensitive(true);
    let agent = HeaderValue::from_str(&format!("Strowger/{version}")).ok()?;
    let mut headers = vec![(AUTHORIZATION, key), (USER_AGENT, agent), (ACCEPT, JSON)];
    if question.form.is_some() {
        headers.push((CONTENT_TYPE, FORM));
    }
    if let Some(idempotency) = &question.idempotency {
        headers.push((IDEMPOTENCY_KEY, HeaderValue::from_str(idempotency).ok()?));
    }
    Some(headers)
}
