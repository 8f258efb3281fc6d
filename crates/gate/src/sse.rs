//! Server-sent events (HTML Living Standard 9.2): the `events` command as an endless HTTP response. A browser that
//! reconnects says in Last-Event-ID where it was.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes as Body;
use futures_util::Stream;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Response};
use strowger_api::{Http, Request, Transport};

use crate::connection::Client;
use crate::events::Pushes;
use crate::gate::Gate;
use crate::http::{append, origin, response};

/// What the path ends with.
const NAME: &str = "events";
/// The media type that browsers ask for.
const MEDIA_TYPE: &str = "text/event-stream";
/// The first words: how long a browser waits before it comes back.
const GREETING: &str = "retry: 2000\n\n";

/// The body of an HTTP response: a whole one, or events without end.
pub(crate) type Page = Either<Full<Body>, StreamBody<Events>>;

/// Frames to come.
pub(crate) type Events = Pin<Box<dyn Stream<Item = Result<Frame<Body>, Infallible>> + Send>>;

/// The request is for a stream of events: by its path, or by what it accepts.
pub(crate) fn is_asked(request: &hyper::Request<Incoming>, accept: Option<&str>) -> bool {
    let path = request.uri().path();
    let path = path.strip_suffix('/').unwrap_or(path);
    // The name behind the last slash.
    let front = path.len().checked_sub(NAME.len() + 1).and_then(|at| path.split_at_checked(at));
    let named = front
        .is_some_and(|(_, last)| last.strip_prefix('/').is_some_and(|last| last.eq_ignore_ascii_case(NAME)));
    *request.method() == Method::GET && (named || accept.is_some_and(|accept| accept.contains(MEDIA_TYPE)))
}

/// Answers with events, or with the refusal of the `events` command.
pub(crate) async fn serve(gate: &Gate, request: &hyper::Request<Incoming>, client: Client) -> Response<Page> {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let target = resumed(&request.uri().to_string(), text(HeaderName::from_static("last-event-id")));
    let http = Http {
        method: request.method().as_str(),
        target: &target,
        content_type: None,
        accept: None,
        authorization: text(header::AUTHORIZATION),
        soap_action: None,
        body: b"",
    };
    let origin = origin(gate, headers, client, Transport::Http, Transport::Https);
    let mut pushes = Pushes::new(gate);
    let request = pushes.attach(gate, *Request::http(origin, &http), b"");
    let answer = gate.dispatcher.answer(request).await;
    if !pushes.follow_now() {
        return response(answer, false).map(Either::Left);
    }
    let mut response = Response::new(Either::Right(StreamBody::new(frames(gate.clone(), pushes))));
    let fields = response.headers_mut();
    append(fields, answer.headers);
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // nginx would keep events back until its buffer is full.
    fields.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// The target with the place to go on from in front of its query: of two spellings of a name the first counts.
fn resumed(target: &str, last: Option<&str>) -> String {
    let last =
        last.map(str::trim).filter(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
    let Some(last) = last else { return target.to_owned() };
    match target.split_once('?') {
        Some((path, query)) => format!("{path}?since={last}&{query}"),
        None => format!("{target}?since={last}"),
    }
}

fn frames(gate: Gate, pushes: Pushes) -> Events {
    let idle = Duration::from_secs(gate.switch.config().idletimeout.into());
    let beat = (idle / 3).max(Duration::from_secs(1));
    let greeted = false;
    Box::pin(futures_util::stream::unfold(
        (gate, pushes, greeted),
        move |(gate, mut pushes, greeted)| async move {
            let text = if greeted {
                tokio::select! {
                    () = gate.closed() => return None,
                    next = tokio::time::timeout(beat, pushes.next_event()) => match next {
                        // A gap has no number of its own: its cursor is where the stream goes on.
                        Ok(Some(event)) => format!("id: {}\ndata: {}\n\n", event.cursor, event.text),
                        Ok(None) => return None,
                        Err(_) => ":\n\n".to_owned(),
                    },
                }
            } else {
                GREETING.to_owned()
            };
            Some((Ok(Frame::data(Body::from(text))), (gate, pushes, true)))
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_goes_before_the_query() {
        for (target, last, expected) in [
            ("/mvapireq/events", None, "/mvapireq/events"),
            ("/mvapireq/events", Some("7"), "/mvapireq/events?since=7"),
            ("/mvapireq/events?since=1&a=b", Some("7"), "/mvapireq/events?since=7&since=1&a=b"),
            ("/mvapireq/events?a=b", Some("7&x=y"), "/mvapireq/events?a=b"),
        ] {
            assert_eq!(resumed(target, last), expected);
        }
    }
}
