//! HTTP/1.0 and 1.1 by hyper: reads requests within limits and gives them to the service that the path names.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes as Body;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use strowger_api::{Answer, Http, Origin, Request, Transport};
use tracing::{debug, info};

use crate::connection::Client;
use crate::echo;
use crate::files;
use crate::forward;
use crate::gate::Gate;
use crate::listen;
use crate::mmq;
use crate::path::{Service, service};
use crate::sse::{self, Page};
use crate::stream::{Bytes, Stream};
use crate::timer::LazyTimer;
use crate::upload::{FORM, upload};
use crate::websocket;

/// The longest request head, in bytes: a long query is a legitimate request.
const MAX_HEAD_BYTES: usize = 128 * 1024;

/// Serves requests until the connection ends.
pub(crate) async fn serve<S: Bytes>(gate: Gate, stream: Stream<S>, client: Client) {
    let limit = Duration::from_secs(gate.switch.config().headertimeout.into());
    let answering = Arc::new(gate.clone());
    let service = service_fn(move |request| {
        let gate = Arc::clone(&answering);
        let request = Box::new(request);
        async move { Ok::<_, Infallible>(answer(&gate, request, client).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(LazyTimer)
        .header_read_timeout(limit)
        .max_buf_size(MAX_HEAD_BYTES)
        // Of header fields it takes 100 at most; naming that number would have it make room for them on the heap.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        // Most wake-ups are for the connection.
        biased;
        ended = &mut connection => ended,
        () = gate.closed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(peer = %client.peer, %error, "the HTTP connection failed");
    }
}

async fn answer(gate: &Gate, request: Box<hyper::Request<Incoming>>, client: Client) -> Response<Page> {
    let head = Fields::of(request.headers());
    let (chunked, service) = (head.chunked, service(request.uri().path()));
    // What is rare has its room in a place of its own: a request would else be moved together with it.
    let mut response = if head.hosts > 1 {
        closing(StatusCode::BAD_REQUEST, "ERROR: invalid parameter: a request has one Host").map(Either::Left)
    } else if service == Service::Api && sse::is_asked(&request, text(head.accept)) {
        Box::pin(sse::serve(gate, &request, client)).await
    } else {
        whole(gate, service, request, client).await.map(Either::Left)
    };
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn whole(
    gate: &Gate,
    service: Service,
    request: Box<hyper::Request<Incoming>>,
    client: Client,
) -> Response<Full<Body>> {
    if let Some(text) = gate.challenges.at(request.uri().path()) {
        return challenge(text);
    }
    if service != Service::Api
        && let Some(url) = forward::target(request.uri().query())
    {
        return Box::pin(forward::serve(gate, &request, url)).await;
    }
    match service {
        Service::Api => api(gate, service, request, client).await,
        Service::Files if *request.method() == Method::POST => {
            Box::pin(api(gate, service, request, client)).await
        }
        Service::Files => Box::pin(files::serve(gate, &request)).await,
        Service::ApiSocket => websocket::api(gate.clone(), *request, client),
        Service::SipSocket => websocket::sip(gate.clone(), *request, client),
        Service::EchoSocket => echo::serve(gate.clone(), *request),
        Service::QueueSocket => mmq::serve(gate.clone(), *request, client),
        Service::ListenSocket => Box::pin(listen::serve(gate, *request, client)).await,
        Service::None(why) => plain(StatusCode::NOT_FOUND, why),
    }
}

/// The text that a certificate authority asks for (RFC 8555 section 8.3).
fn challenge(text: Option<String>) -> Response<Full<Body>> {
    let Some(text) = text else { return plain(StatusCode::NOT_FOUND, "no validation is under way") };
    let mut response = Response::new(Full::new(Body::from(text)));
    let octets = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, octets);
    response
}

/// One API request.
async fn api(
    gate: &Gate,
    service: Service,
    request: Box<hyper::Request<Incoming>>,
    client: Client,
) -> Response<Full<Body>> {
    let head_only = *request.method() == Method::HEAD;
    let parsed = if request.body().is_end_stream() {
        let parsed = parsed(gate, service, &request, b"", client);
        drop(request);
        parsed
    } else {
        let (head, incoming) = request.into_parts();
        match Box::pin(read_body(gate, incoming)).await {
            Ok(body) => parsed(gate, service, &hyper::Request::from_parts(head, ()), &body, client),
            Err(refused) => {
                info!(peer = %client.peer, status = refused.status().as_u16(), "a request body was not taken");
                return refused;
            }
        }
    };
    match parsed {
        Some(request) => response(gate.dispatcher.answer(request).await, head_only),
        None => plain(StatusCode::BAD_REQUEST, "an upload is a multipart form with filepath and filedata"),
    }
}

/// The request of a head and a body; none where it should be an upload and is not.
fn parsed<B>(
    gate: &Gate,
    service: Service,
    head: &hyper::Request<B>,
    body: &[u8],
    client: Client,
) -> Option<Box<Request>> {
    let fields = Fields::of(head.headers());
    // Most requests name a path alone, which needs no copy.
    let target = match head.uri().path_and_query() {
        Some(target) if head.uri().scheme().is_none() => Cow::Borrowed(target.as_str()),
        _ => Cow::Owned(head.uri().to_string()),
    };
    let upload = if body.is_empty() { None } else { upload(text(fields.content_type), &target, body) };
    if upload.is_none() && service == Service::Files {
        return None;
    }
    let (target, content_type, body) = match &upload {
        Some(upload) => (upload.target.as_str(), Some(FORM), upload.body.as_slice()),
        None => (&*target, text(fields.content_type), body),
    };
    let http = Http {
        method: head.method().as_str(),
        target,
        content_type,
        accept: text(fields.accept),
        authorization: text(fields.authorization),
        soap_action: text(fields.soap_action),
        body,
    };
    let mut origin = client.origin(Transport::Http, Transport::Https);
    origin.host = text(fields.host).map(str::to_owned);
    origin.web_origin = text(fields.origin).map(str::to_owned);
    Some(Request::http(behind_proxies(gate, head.headers(), origin), &http))
}

/// The first of each header field that means something to the API. Looking through the few that a request has costs less
/// than asking for each.
#[derive(Default)]
struct Fields<'a> {
    content_type: Option<&'a HeaderValue>,
    accept: Option<&'a HeaderValue>,
    authorization: Option<&'a HeaderValue>,
    soap_action: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    origin: Option<&'a HeaderValue>,
    /// Whom a request with two of them is for is a matter of opinion (RFC 9112 section 3.2).
    hosts: usize,
    /// Which of two lengths counts is a matter of opinion between servers (RFC 9112 section 6.3), so nothing that follows
    /// a body in chunks is taken for a request.
    chunked: bool,
}

impl<'a> Fields<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "content-type" => &mut fields.content_type,
                "accept" => &mut fields.accept,
                "authorization" => &mut fields.authorization,
                "soapaction" => &mut fields.soap_action,
                "host" => {
                    fields.hosts += 1;
                    &mut fields.host
                }
                "transfer-encoding" => {
                    fields.chunked = true;
                    continue;
                }
                "origin" => &mut fields.origin,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        fields
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

/// Reads the body within the limits of size and time.
async fn read_body(gate: &Gate, incoming: Incoming) -> Result<Body, Response<Full<Body>>> {
    let config = gate.switch.config();
    let most = usize::try_from(config.apimaxrequest).unwrap_or(usize::MAX);
    let too_long = || closing(StatusCode::PAYLOAD_TOO_LARGE, "ERROR: limit: the request body is too long");
    // What is announced as too long is not waited for.
    if incoming.size_hint().lower() > u64::from(config.apimaxrequest) {
        return Err(too_long());
    }
    let limit = Duration::from_secs(config.idletimeout.into());
    match tokio::time::timeout(limit, Limited::new(incoming, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(closing(StatusCode::BAD_REQUEST, "ERROR: failed: the request body is broken")),
        Err(_) => Err(closing(StatusCode::REQUEST_TIMEOUT, "ERROR: failed: the request body took too long")),
    }
}

/// Who sent a request. Behind a proxy that the configuration lists it is whom the proxy names.
pub(crate) fn origin(
    gate: &Gate,
    headers: &HeaderMap,
    client: Client,
    clear: Transport,
    secure: Transport,
) -> Origin {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let mut origin = client.origin(clear, secure);
    origin.host = text(header::HOST);
    origin.web_origin = text(header::ORIGIN);
    behind_proxies(gate, headers, origin)
}

/// Whom our proxies name, where one of them sent the request.
fn behind_proxies(gate: &Gate, headers: &HeaderMap, mut origin: Origin) -> Origin {
    let config = gate.switch.peek_config();
    let proxies = &config.proxylist;
    if proxies.contains(origin.peer.ip()) {
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|v| v.split(',')).map(str::trim).collect();
        if let Some(address) = first_stranger(&hops, |hop| proxies.contains(hop)) {
            origin.peer = SocketAddr::new(address, origin.peer.port());
        }
    }
    origin
}

/// The last hop that is no proxy of ours; what stands left of it could have been written by anybody.
fn first_stranger(hops: &[&str], ours: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    for hop in hops.iter().rev() {
        let address: IpAddr = hop.parse().ok()?;
        if !ours(address) {
            return Some(address);
        }
    }
    None
}

pub(crate) fn response(answer: Answer, head_only: bool) -> Response<Full<Body>> {
    let body = if head_only { Body::new() } else { Body::from(answer.body) };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if answer.fleeting {
        headers.clone_from(&FLEETING_TEXT);
    }
    if !answer.fleeting || answer.content_type != TEXT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    }
    append(headers, answer.headers);
    if answer.close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The Content-Type of texts.
const TEXT: &str = "text/plain; charset=utf-8";

/// The header fields of most answers: copying them costs less than entering one after the other.
static FLEETING_TEXT: LazyLock<HeaderMap> = LazyLock::new(|| {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(TEXT)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ])
});

/// Adds the fields of an answer.
pub(crate) fn append(headers: &mut HeaderMap, fields: Vec<(&'static str, Cow<'static, str>)>) {
    for (name, value) in fields {
        let value = match value {
            Cow::Borrowed(fixed) => Ok(HeaderValue::from_static(fixed)),
            Cow::Owned(made) => HeaderValue::try_from(made),
        };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
            headers.append(name, value);
        }
    }
}

/// A short text, such as a refusal.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Full<Body>> {
    let mut response = Response::new(Full::new(Body::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A refusal after which the connection cannot be used: the rest of the body was not read.
fn closing(status: StatusCode, text: &'static str) -> Response<Full<Body>> {
    let mut response = plain(status, text);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_proxies_say_is_believed() {
        let ours = |address: IpAddr| address.to_string().starts_with("10.");
        for (hops, expected) in [
            (&["198.51.100.7"][..], Some("198.51.100.7")),
            (&["127.0.0.1", "198.51.100.7", "10.0.0.2"], Some("198.51.100.7")),
            (&["10.0.0.3", "10.0.0.2"], None),
            (&["198.51.100.7", "garbage"], None),
            (&[], None),
        ] {
            assert_eq!(first_stranger(hops, ours).map(|a| a.to_string()).as_deref(), expected, "{hops:?}");
        }
    }
}
