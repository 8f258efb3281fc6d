//! Replies and failures as bytes in the asked format, and the size rules of UDP.

use std::borrow::Cow;

use super::{Data, Failure, Reply, Shape, html, json, one_line, xml};

/// The largest answer over UDP, in bytes.
pub const UDP_MAX_BYTES: usize = 1_490;
/// An answer to an unauthenticated datagram may always be this long, in bytes.
pub const UDP_UNPROVEN_BYTES: usize = 128;
/// Beyond that it may be this many times as long as the request.
pub const UDP_UNPROVEN_FACTOR: usize = 3;
/// The longest JSONP callback name, in characters.
const CALLBACK_MAX: usize = 64;

/// The formats of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `OK: …` or `ERROR: type: text`.
    #[default]
    Text,
    /// A JSON object.
    Json,
    /// `<response>`.
    Xml,
    /// The same in a SOAP envelope.
    Soap {
        /// SOAP 1.2 instead of 1.1.
        version_1_2: bool,
    },
    /// JavaScript: a call with the JSON object.
    Jsonp,
    /// A page for people.
    Html,
}

impl Format {
    /// The format of this name; an unknown one is text.
    #[must_use]
    pub fn by_name(name: &str) -> Self {
        match name.trim().to_ascii_lowercase().as_str() {
            "json" => Self::Json,
            "xml" => Self::Xml,
            "soap" => Self::Soap { version_1_2: false },
            "jsonp" => Self::Jsonp,
            "html" => Self::Html,
            _ => Self::Text,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Xml | Self::Soap { version_1_2: false } => "text/xml; charset=utf-8",
            Self::Soap { version_1_2: true } => "application/soap+xml; charset=utf-8",
            Self::Jsonp => "text/javascript; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

/// What the encoder must know of the request.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The format.
    pub format: Format,
    /// The JSONP callback's name.
    pub callback: String,
    /// The old interface: `OK` and `ERROR:reason`.
    pub old: bool,
    /// An old request that changes something is answered with the bare `OK`.
    pub bare_ok: bool,
    /// The word "error" must not stand in a success text.
    pub soften: bool,
    /// The HTTP status tells the result.
    pub strict: bool,
    /// `requestid`, echoed.
    pub request_id: Option<String>,
    /// For UDP: how many bytes at most.
    pub limit: Option<usize>,
}

/// Bytes ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status: 200, or by `httpstrictresponse`.
    pub status: u16,
    /// The HTTP Content-Type.
    pub content_type: &'static str,
    /// It is of one moment and for one reader: `X-Content-Type-Options: nosniff` and `Cache-Control: no-store`.
    pub fleeting: bool,
    /// More HTTP headers.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// Without a line end. Over UDP an empty body means that nothing is sent.
    pub body: Vec<u8>,
    /// Stream transports close after sending.
    pub close: bool,
}

impl Answer {
    /// An answer without content.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            fleeting: false,
            headers: Vec::new(),
            body: Vec::new(),
            close: false,
        }
    }
}

/// Writes an outcome in the wanted format.
#[must_use]
pub fn encode(outcome: Result<Reply, Failure>, wanted: &Wanted) -> Answer {
    let status = match &outcome {
        Err(failure) if wanted.strict => failure.status,
        _ => 200,
    };
    let close = matches!(&outcome, Ok(reply) if reply.close);
    let retry_after_s = outcome.as_ref().err().and_then(|failure| failure.retry_after_s);
    let own_type = outcome.as_ref().ok().and_then(|reply| reply.content_type);
    let format = if own_type.is_some() { Format::Text } else { effective(wanted) };
    let body = match outcome {
        Ok(reply) => encode_success(reply, format, wanted),
        Err(failure) => encode_failure(&failure, format, wanted),
    };
    let mut headers: Vec<(&'static str, Cow<'static, str>)> = Vec::new();
    if let Some(seconds) = retry_after_s {
        headers.push(("Retry-After", seconds.to_string().into()));
    }
    if format == Format::Html {
        headers.push(("Content-Security-Policy", "default-src 'none'".into()));
    }
    Answer {
        status,
        content_type: own_type.unwrap_or(format.content_type()),
        fleeting: true,
        headers,
        body: body.into_bytes(),
        close,
    }
}

/// A callback name that is not one is not called.
fn effective(wanted: &Wanted) -> Format {
    if wanted.format == Format::Jsonp && !is_callback(&wanted.callback) {
        Format::Json
    } else {
        wanted.format
    }
}

/// A name that a JSONP answer may call.
pub fn is_callback(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    (1..=CALLBACK_MAX).contains(&name.len()) && name.chars().all(allowed)
}

fn encode_success(mut reply: Reply, format: Format, wanted: &Wanted) -> String {
    loop {
        let body = write_success(&mut reply, format, wanted);
        let fits = wanted.limit.is_none_or(|limit| body.len() <= limit);
        if fits || !reply.drop_row() {
            return cut(body, wanted.limit);
        }
    }
}

/// A reply that is a single line has it no more afterwards; of a table rows may be dropped, and it is written again.
fn write_success(reply: &mut Reply, format: Format, wanted: &Wanted) -> String {
    let soften = |text: String| if wanted.soften && names_error(&text) { soften_errors(&text) } else { text };
    match format {
        // What a request asks for is told even where the command could have changed something, as `db` can.
        Format::Text if wanted.old && wanted.bare_ok && matches!(reply.shape, Shape::Ok(_)) => "OK".into(),
        Format::Text => soften(reply.take_text()),
        Format::Html => page(&soften(reply.text()), reply, wanted.soften),
        Format::Json | Format::Jsonp | Format::Xml | Format::Soap { .. } => {
            let text = soften(reply.headline());
            structured((200, "OK", &text), Some(reply), format, wanted)
        }
    }
}

fn encode_failure(failure: &Failure, format: Format, wanted: &Wanted) -> String {
    let prefix = if wanted.old { "ERROR:" } else { "ERROR: " };
    let text = one_line(format!("{prefix}{failure}"));
    let write = |text: &str| match format {
        Format::Text => text.to_owned(),
        Format::Html => html::message(text),
        _ => structured((499, "ERROR", text), None, format, wanted),
    };
    let body = write(&text);
    match wanted.limit {
        Some(limit) if body.len() > limit => {
            let kind = format!("{prefix}{}", failure.kind.name());
            let short = write(&kind);
            // A torn document says nothing, the bare text does.
            if short.len() > limit { cut(kind, Some(limit)) } else { short }
        }
        _ => body,
    }
}

/// A body over the limit is cut at a character: an amplifier is worse than a torn answer.
fn cut(mut body: String, limit: Option<usize>) -> String {
    if let Some(limit) = limit.filter(|limit| body.len() > *limit) {
        let end = (0..=limit).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        body.truncate(end);
    }
    body
}

fn names_error(text: &str) -> bool {
    const WORD: &[u8] = b"error";
    let bytes = text.as_bytes();
    // Most texts have not even its first two letters together.
    let near = |pair: &[u8]| pair[0] | 0x20 == WORD[0] && pair[1] | 0x20 == WORD[1];
    bytes.windows(2).any(near) && bytes.windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD))
}

/// Clients look for the word anywhere in the text and take its presence for a failure.
fn soften_errors(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(at) = lower[rest..].find("error") {
        out.push_str(&text[rest..rest + at]);
        out.push_str("e_rror");
        rest += at + "error".len();
    }
    out.push_str(&text[rest..]);
    out
}

/// The structured formats: code, status, text, data, cursor, requestid; in XML the text follows the code.
fn structured(
    (code, status, text): (i64, &str, &str),
    reply: Option<&Reply>,
    format: Format,
    wanted: &Wanted,
) -> String {
    let (status, text) =
        (("status".to_owned(), Data::Text(status.into())), ("text".to_owned(), Data::Text(text.into())));
    let (second, third) = match format {
        Format::Json | Format::Jsonp => (status, text),
        _ => (text, status),
    };
    let mut members = vec![("code".to_owned(), Data::Int(code)), second, third];
    if let Some(reply) = reply {
        members.push(("data".into(), reply.to_data()));
        members.extend(reply.cursor.iter().map(|cursor| ("cursor".to_owned(), Data::Text(cursor.clone()))));
        if !reply.summary.is_empty() {
            members.push(("summary".into(), Data::Map(reply.summary.clone())));
        }
    }
    members.extend(wanted.request_id.iter().map(|id| ("requestid".to_owned(), Data::Text(id.clone()))));
    let mut out = String::new();
    match format {
        Format::Json => json::write(&mut out, &Data::Map(members)),
        Format::Jsonp => {
            // The comment keeps the answer from being read as anything but a script.
            out.push_str(&format!("/**/{}(", wanted.callback));
            json::write(&mut out, &Data::Map(members));
            out.push_str(");");
        }
        Format::Soap { version_1_2 } => {
            let space = if version_1_2 {
                "http://www.w3.org/2003/05/soap-envelope"
            } else {
                "http://schemas.xmlsoap.org/soap/envelope/"
            };
            out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
            out.push_str(&format!("<soap:Envelope xmlns:soap=\"{space}\"><soap:Body><response>"));
            xml::write(&mut out, &Data::Map(members));
            out.push_str("</response></soap:Body></soap:Envelope>");
        }
        _ => {
            out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><response>");
            xml::write(&mut out, &Data::Map(members));
            out.push_str("</response>");
        }
    }
    out
}

/// Tables are tables, all else is its text.
fn page(text: &str, reply: &Reply, soften: bool) -> String {
    let Shape::Rows { columns, rows } = &reply.shape else { return html::message(text) };
    let cell = |data: &Data| {
        let text = if let Data::Text(text) = data { text.clone() } else { data.to_line() };
        if soften { soften_errors(&text) } else { text }
    };
    let below = reply.summary.iter().map(|(name, value)| format!("{name}={}", value.to_line()));
    let next = reply.cursor.iter().map(|cursor| format!("cursor={cursor}"));
    html::table(
        text.lines().next().unwrap_or_default(),
        columns,
        rows.iter().map(|row| row.iter().map(cell)),
        below.chain(next),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(outcome: Result<Reply, Failure>, wanted: &Wanted, body: &str) {
        assert_eq!(String::from_utf8(encode(outcome, wanted).body).unwrap(), body);
    }

    fn wanted(format: &str) -> Wanted {
        Wanted { format: Format::by_name(format), soften: true, callback: "f".into(), ..Wanted::default() }
    }

    #[test]
    fn each_format_says_the_same() {
        let reply = || Ok(Reply::ok("credit is 5").with("credit", strowger_model::Amount::units(5)));
        check(reply(), &wanted("cleartext"), "OK: credit is 5");
        let json = r#"{"code":200,"status":"OK","text":"OK: credit is 5","data":{"credit":5}}"#;
        check(reply(), &wanted("JSON"), json);
        check(reply(), &wanted("jsonp"), &format!("/**/f({json});"));
        check(
            reply(),
            &wanted("xml"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><code>200</code><text>OK: credit is 5</text>\
             <status>OK</status><data><credit>5</credit></data></response>",
        );
        check(
            Err(Failure::missing("bnum")),
            &wanted("json"),
            r#"{"code":499,"status":"ERROR","text":"ERROR: missing parameter: bnum"}"#,
        );
        check(
            Err(Failure::missing("bnum")),
            &Wanted { old: true, ..wanted("") },
            "ERROR:missing parameter: bnum",
        );
    }

    #[test]
    fn a_success_text_never_contains_the_word_and_data_keeps_it() {
        let reply = Reply::ok("Terrorist ErRoR").with("name", "Error");
        check(Ok(reply.clone()), &wanted("text"), "OK: Te_rrorist e_rror");
        let json = String::from_utf8(encode(Ok(reply), &wanted("json")).body).unwrap();
        assert!(json.contains(r#""name":"Error""#) && !json.contains("ErRoR"), "{json}");
    }

    #[test]
    fn a_callback_that_is_not_a_name_is_not_called() {
        let answer = encode(Ok(Reply::ok("x")), &Wanted { callback: "alert(1)".into(), ..wanted("jsonp") });
        assert_eq!(answer.content_type, "application/json");
    }

    #[test]
    fn over_udp_rows_are_dropped_until_the_answer_fits_and_a_cursor_tells_where_to_go_on() {
        let rows = (1..=100_i64).map(|id| vec![id.into(), "x".repeat(20).into()]).collect();
        let reply = Reply::rows(&["id", "name"], rows);
        let answer = encode(Ok(reply), &Wanted { limit: Some(200), ..wanted("text") });
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.len() <= 200);
        let kept = text.lines().count() - 2;
        assert!(kept >= 2 && text.starts_with(&format!("OK: {} cursor:{kept}\n", kept + 1)), "{text}");
    }

    #[test]
    fn over_udp_an_error_is_shortened_to_its_type() {
        let limit = Some(30);
        check(
            Err(Failure::invalid("y".repeat(99))),
            &Wanted { limit, ..wanted("") },
            "ERROR: invalid parameter",
        );
        check(Err(Failure::missing("bnum")), &Wanted { limit, ..wanted("soap") }, "ERROR: missing parameter");
    }
}
