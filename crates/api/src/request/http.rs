//! HTTP requests: query, body by its type, the format that the request's own form asks for.

use strowger_model::Secret;

use super::{Origin, Request, body, query};
use crate::openapi::Document;
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

/// Commands that are pages to a browser.
const PAGES: [&str; 2] = ["examples", "requests"];

impl Request {
    /// An HTTP request.
    #[must_use]
    pub fn http(origin: Origin, http: &Http<'_>) -> Box<Self> {
        // It passes through many hands: in one place it is not copied by each.
        let mut request = Box::new(Self::new(origin, http.target.len() + http.body.len()));
        request.preflight = http.method.eq_ignore_ascii_case("OPTIONS");
        let absolute = if http.target.starts_with('/') { None } else { http.target.find("://") };
        let target = match absolute {
            Some(at) => http.target[at + 3..].find('/').map_or("/", |slash| &http.target[at + 3 + slash..]),
            None => http.target,
        };
        let (path, query) = query::cut(target, b'?');
        request.take_path(path);
        request.read_query(query.unwrap_or_default(), false);
        request.bearer = http.authorization.and_then(bearer).map(Secret::new);
        let accept = http.accept.unwrap_or_default().trim_start();
        let content_type = http.content_type.unwrap_or_default();
        if !http.body.is_empty() {
            let kind = body::Kind::of(http.content_type, http.soap_action.is_some(), http.body);
            if accept.starts_with("text/html") && matches!(kind, body::Kind::Form | body::Kind::Multipart) {
                request.format = Format::Html;
            }
            if kind == body::Kind::Multipart {
                request.read_multipart(content_type, http.body);
            } else {
                request.read_body(kind, http.body);
            }
        }
        let page = accept.starts_with("text/html") && PAGES.contains(&request.named());
        if page && request.format == Format::Text {
            request.format = Format::Html;
        }
        if request.command.is_empty() && matches!(request.format, Format::Soap { .. } | Format::Xml) {
            let action = http.soap_action.or_else(|| action_of(content_type)).unwrap_or_default();
            request.command = command_of(action).unwrap_or_default();
        }
        request.finish();
        request.read_callback(http.method);
        request.document = request.asks_for(http.body.is_empty());
        request
    }

    /// The command as far as it is known yet.
    fn named(&self) -> &str {
        self.field("apientry").unwrap_or(&self.command)
    }

    /// `/mvapireq/openapi.json` and `/mvapireq?wsdl`.
    fn asks_for(&self, empty: bool) -> Option<Document> {
        match self.command.as_str() {
            "openapi.json" => Some(Document::OpenApi),
            "" if empty && self.field("wsdl").is_some() => Some(Document::Wsdl),
            _ => None,
        }
    }

    /// A script element asks for JSONP by naming a callback. It sends no Origin, and the answer goes to the
    /// page that holds it, whoever's that is: the address of its reader must not speak for it.
    fn read_callback(&mut self, method: &str) {
        let named = self.field("callback").is_some_and(|name| !name.is_empty());
        let get = method.eq_ignore_ascii_case("GET");
        self.jsonp_guessed =
            named && get && self.format == Format::Text && self.field("format").is_none_or(str::is_empty);
        if (self.jsonp_guessed || self.format == Format::Jsonp) && self.origin.web_origin.is_none() {
            self.origin.web_origin = Some("null".into());
        }
    }
}

/// The `action` of a SOAP 1.2 content type (RFC 3902).
fn action_of(content_type: &str) -> Option<&str> {
    content_type.split(';').find_map(|part| part.trim().strip_prefix("action="))
}

/// The command that a SOAP action ends in, such as `"urn:strowger#balance"`.
fn command_of(action: &str) -> Option<String> {
    let name = action.trim().trim_matches('"').rsplit(['#', '/', ':']).next()?.to_ascii_lowercase();
    crate::dispatch::find(&name).map(|_| name)
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::super::Transport;
    use super::*;

    fn post(content_type: &str, body: &str) -> Box<Request> {
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
            (
                "application/x-www-form-urlencoded",
                "[x]\napientry=rating\nbnum=+36\ntxt=a & b\n",
                Format::Text,
            ),
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
        let form = post("application/x-www-form-urlencoded", "txt=two\nlines&apientry=rating&bnum=1");
        assert_eq!((form.command.as_str(), form.field("txt")), ("rating", Some("two\nlines")));
        assert_eq!(post("x", "").bearer.as_ref().map(|b| b.expose().to_owned()).as_deref(), Some("tok"));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_said_and_never_panics() {
        for (content_type, body) in [
            ("application/json", "{"),
            ("application/json", "[1"),
            ("text/xml", "<a><b></a>"),
            ("text/xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
            ("text/xml", "<a>&unknown;</a>"),
        ] {
            assert!(post(content_type, body).broken.is_some(), "{body}");
        }
    }
}
