//! Handing out what other servers have: to `jppget`, and to requests with an `hsforward` parameter. Only hosts that the
//! operator listed, never a private address, bounded in size, time and number.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes as Body;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use strowger_api::fetch::Fetch;
use strowger_config::Addresses;

use crate::gate::Gate;
use crate::http::plain;
use crate::outgoing::Outgoing;

/// The longest answer that is handed on, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Fetches at a time.
const MAX_FETCHES: usize = 32;

static FETCHES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(MAX_FETCHES);

/// What `jppget` fetches with.
pub(crate) fn fetch() -> Fetch {
    let outgoing = Arc::new(Outgoing::new(Addresses::default(), String::new()));
    Box::new(move |url, hosts| {
        let outgoing = Arc::clone(&outgoing);
        Box::pin(async move {
            let Ok(_permit) = FETCHES.try_acquire() else {
                return Err("too many forwards at a time".to_owned());
            };
            let fetched = outgoing.get(&url, &hosts, MAX_BODY, PATIENCE).await;
            fetched.map(|fetched| fetched.body).map_err(|error| error.to_string())
        })
    })
}

/// The URL of the `hsforward` parameter of a query, decoded.
pub(crate) fn target(query: Option<&str>) -> Option<String> {
    let mut fields = query?.split('&').filter_map(|field| field.split_once('='));
    let value = fields.find(|(name, _)| name.eq_ignore_ascii_case("hsforward"))?.1;
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        decoded.push(if byte == b'%' { digit(bytes.next())? << 4 | digit(bytes.next())? } else { byte });
    }
    String::from_utf8(decoded).ok()
}

/// Answers with what the target has.
pub(crate) async fn serve<B>(gate: &Gate, request: &Request<B>, url: String) -> Response<Full<Body>> {
    let hosts: Vec<String> = gate.switch.config().hsforward.iter().map(ToString::to_string).collect();
    if hosts.is_empty() {
        return plain(StatusCode::NOT_FOUND, "forwarding is switched off, see hsforward");
    }
    if *request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is forwarded");
    }
    let Ok(_permit) = FETCHES.try_acquire() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many forwards at a time");
    };
    let outgoing = Outgoing::new(Addresses::default(), String::new());
    let fetched = match outgoing.get(&url, &hosts, MAX_BODY, PATIENCE).await {
        Ok(fetched) => fetched,
        Err(error) => {
            tracing::info!(%error, "a forward was not made");
            return plain(
                StatusCode::BAD_GATEWAY,
                "the target is not listed, not public, or does not answer",
            );
        }
    };
    let mut response = Response::new(Full::new(Body::from(fetched.body)));
    *response.status_mut() = StatusCode::from_u16(fetched.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(fetched.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    // Somebody else's page must not act as one of ours.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_decoded_once() {
        for (query, url) in [
            (Some("hsforward=http://a/b"), Some("http://a/b")),
            (Some("x=1&HSForward=http%3A%2F%2Fa%2F%3Fc%3D%2526"), Some("http://a/?c=%26")),
            (Some("hsforward=%"), None),
            (Some("hsforward"), None),
            (Some("x=hsforward=1"), None),
            (None, None),
        ] {
            assert_eq!(target(query).as_deref(), url, "{query:?}");
        }
    }
}
