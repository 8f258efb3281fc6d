//! HTTP requests: query, body by its type, the format that the request's own form asks for.

use strowger_model::Secret;

use super::{Origin, Request, body, query};
use crate::reply::Format;

/// An HTTP request as the gate read it.
#[derive(Debug, Clone, Copy)]
pub struct Http<'a> {
    /// GET, POST …
    pub method: &'a str,
    /// The raw target: path and query, or the absolute form. Nothing is decoded.
    pub target: &'a str,
    /// Content-Type.
    pub content_type: Option<&'a str>,
    /// Accept.
    pub accept: Option<&'a str>,
    /// Authorization.
    pub authorization: Option<&'a str>,
    /// SOAPAction.
    pub soap_action: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

impl Request {
    /// An HTTP request.
    #[must_use]
    pub fn http(origin: Origin, http: &Http<'_>) -> Self {
        let mut request = Self::new(origin, http.target.len() + http.body.len());
        request.preflight = http.method.eq_ignore_ascii_case("OPTIONS");
        let target = match http.target.find("://") {
            Some(at) => http.target[at + 3..].find('/').map_or("/", |slash| &http.target[at + 3 + slash..]),
            None => http.target,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        request.take_path(path);
        request.push(query::parse(query, false));
        request.bearer = http.authorization.and_then(bearer).map(Secret::new);
        let accept = http.accept.unwrap_or_default().trim_start();
        let kind = body::Kind::of(http.content_type, http.soap_action.is_some(), http.body);
        if accept.starts_with("text/html")
            && matches!(kind, body::Kind::Form | body::Kind::Multipart)
            && !http.body.is_empty()
        {
            request.format = Format::Html;
        }
        if !http.body.is_empty() {
            if kind == body::Kind::Multipart {
                request.read_multipart(http.content_type.unwrap_or_default(), http.body);
            } else {
                request.read_body(kind, http.body);
            }
        }
        request.finish();
        request
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::super::Transport;
    use super::*;

    fn post(content_type: &str, body: &str) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        let http = Http {
            method: "POST",
            target: "/mvapireq/?authkey=K",
            content_type: Some(content_type),
            accept: None,
            authorization: Some("Bearer tok"),
            soap_action: None,
            body: body.as_bytes(),
        };
        Request::http(Origin::new(here, here, Transport::Http), &http)
    }

    #[test]
    fn every_body_names_the_same_request() {
        let soap = "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
                    <rating><bnum>+36</bnum><txt>a &amp; b</txt></rating></s:Body></s:Envelope>";
        let multipart = "--X\r\nContent-Disposition: form-data; name=\"apientry\"\r\n\r\nrating\r\n--X\r\n\
                         Content-Disposition: form-data; name=\"bnum\"\r\n\r\n+36\r\n--X\r\n\
                         Content-Disposition: form-data; name=\"txt\"\r\n\r\na & b\r\n--X--\r\n";
        for (content_type, body, format) in [
            ("application/x-www-form-urlencoded", "apientry=rating&bnum=+36&txt=a+%26+b", Format::Text),
            ("application/json", r#"{"apientry":"rating","bnum":"+36","txt":"a & b"}"#, Format::Json),
            ("text/plain", r#"{"apientry":"rating","params":{"bnum":"+36","txt":"a & b"}}"#, Format::Json),
            (
                "text/xml",
                "<r><apientry>rating</apientry><bnum>+36</bnum><txt>a &#38; b</txt></r>",
                Format::Xml,
            ),
            ("text/xml", soap, Format::Soap { version_1_2: false }),
            ("text/plain", "apientry=rating\r\nbnum=+36\r\ntxt=a & b\r\n", Format::Text),
            ("multipart/form-data; boundary=X", multipart, Format::Text),
        ] {
            let request = post(content_type, body);
            assert_eq!(request.broken, None, "{body}");
            assert_eq!(request.command, "rating", "{body}");
            assert_eq!(request.field("bnum"), Some("+36"), "{body}");
            assert_eq!(request.field("txt"), Some("a & b"), "{body}");
            assert_eq!(request.field("authkey"), Some("K"), "{body}");
            assert_eq!(request.format, format, "{body}");
        }
        assert_eq!(post("application/json", r#"{"apientry":"rating","params":["+36"]}"#).positional, ["+36"]);
        assert_eq!(post("x", "").bearer.as_ref().map(|b| b.expose().to_owned()).as_deref(), Some("tok"));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_said_and_never_panics() {
        for (content_type, body) in [
            ("application/json", "{"),
            ("application/json", "[1]"),
            ("text/xml", "<a><b></a>"),
            ("text/xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
            ("text/xml", "<a>&unknown;</a>"),
        ] {
            assert!(post(content_type, body).broken.is_some(), "{body}");
        }
    }
}
