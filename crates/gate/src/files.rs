//! Static files below `/mvweb`, read from the web root: ranges, ETag, HEAD; never a folder's listing, never anything outside
//! the root. What users uploaded (`filestorage`) is handed out as a download, whatever it says it is.

use std::io::{Read, Seek, SeekFrom};
use std::time::UNIX_EPOCH;

use bytes::Bytes as Body;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use strowger_api::folder::{Folder, FolderError, Opened};

use crate::gate::Gate;
use crate::http::plain;

/// The path below which files are served, in lower case.
const ROOT: &str = "/mvweb";
/// What users uploaded.
const STORAGE: &str = "filestorage";
/// What stands for a folder.
const INDEX: &str = "index.html";
/// The most that one answer carries, in bytes; a longer file is fetched by ranges.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
/// File answers that are read into memory at a time; further ones are told to come back.
const MAX_READING: usize = 16;

/// Accounts among whose uploads a name is looked for.
const MAX_ACCOUNTS: usize = 1_000;

static READING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(MAX_READING);

/// Types by the end of the name; everything else is a download.
const TYPES: [(&str, &str); 22] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
    ("xml", "text/xml; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("wasm", "application/wasm"),
];
const UNKNOWN: &str = "application/octet-stream";

/// What a request asks of a file.
struct Asked {
    name: String,
    head: bool,
    range: Option<String>,
    if_none_match: Option<String>,
    if_range: Option<String>,
}

/// What is sent back of a file.
struct Part {
    status: StatusCode,
    body: Vec<u8>,
    /// What a HEAD is told of the body.
    length: u64,
    content_range: Option<String>,
    tag: String,
}

/// Answers a request for a file.
pub(crate) async fn serve<B>(gate: &Gate, request: &Request<B>) -> Response<Full<Body>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served here");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let Some(name) = name_of(request.uri().path()) else {
        return plain(StatusCode::NOT_FOUND, "there is no such file");
    };
    let Ok(_permit) = READING.try_acquire() else {
        let mut busy = plain(StatusCode::SERVICE_UNAVAILABLE, "too many files are being read");
        busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return busy;
    };
    let text = |name: header::HeaderName| request.headers().get(name)?.to_str().ok().map(str::to_owned);
    let asked = Asked {
        name: name.clone(),
        head: *request.method() == Method::HEAD,
        range: text(header::RANGE),
        if_none_match: text(header::IF_NONE_MATCH),
        if_range: text(header::IF_RANGE),
    };
    let root = gate.dispatcher.web_root();
    let read =
        tokio::task::spawn_blocking(move || read(open(&Folder::open_existing(&root)?, &asked.name)?, &asked));
    match read.await {
        Ok(Ok(part)) => respond(part, &name, *request.method() == Method::HEAD),
        Ok(Err(FolderError::Io(error))) => {
            tracing::warn!(%error, "a static file cannot be read");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        }
        // A name that leads elsewhere is told no more than one that leads nowhere.
        _ => plain(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

/// The file of this name. An upload may be asked for without the account's folder, where only one account has one so called:
/// clients know the name that they sent, and not where it was put.
fn open(root: &Folder, name: &str) -> Result<Opened, FolderError> {
    root.file(name).or_else(|missing| only_upload(root, name).ok_or(missing))
}

fn only_upload(root: &Folder, name: &str) -> Option<Opened> {
    let is_account = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = name.strip_prefix(STORAGE)?.strip_prefix('/')?;
    if rest.split_once('/').is_some_and(|(first, _)| is_account(first)) {
        return None;
    }
    let last = rest.rsplit('/').next()?;
    let accounts = std::fs::read_dir(root.path().join(STORAGE)).ok()?.take(MAX_ACCOUNTS).flatten();
    let names =
        accounts.filter_map(|entry| entry.file_name().into_string().ok()).filter(|text| is_account(text));
    let mut found = names.filter_map(|account| root.file(&format!("{STORAGE}/{account}/{last}")).ok());
    let first = found.next();
    first.filter(|_| found.next().is_none())
}

/// The name below the root: decoded once, then never again. None where it can be no file's.
fn name_of(path: &str) -> Option<String> {
    let start = path.get(..ROOT.len())?;
    let rest = path.get(ROOT.len()..)?;
    if !start.eq_ignore_ascii_case(ROOT) || !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let mut decoded = Vec::with_capacity(rest.len());
    let mut bytes = rest.trim_start_matches('/').bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        decoded.push(digit(bytes.next()?)? << 4 | digit(bytes.next()?)?);
    }
    let mut name = String::from_utf8(decoded).ok()?;
    if name.is_empty() || name.ends_with('/') {
        name.push_str(INDEX);
    }
    Some(name)
}

fn read(mut opened: Opened, asked: &Asked) -> Result<Part, FolderError> {
    let age = opened.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let tag = format!("\"{:x}-{:x}\"", age.as_nanos(), opened.size);
    let nothing =
        |status, tag, content_range| Part { status, body: Vec::new(), length: 0, content_range, tag };
    let known = asked.if_none_match.as_deref().is_some_and(|tags| {
        tags.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|known| known == tag || known == "*")
    });
    if known {
        return Ok(nothing(StatusCode::NOT_MODIFIED, tag, None));
    }
    // RFC 9110 section 13.1.5: a range of another version is answered with the whole file.
    let same = asked.if_range.as_deref().is_none_or(|wanted| wanted == tag);
    let range = match asked.range.as_deref().filter(|_| same).map(|range| slice(range, opened.size)) {
        None | Some(Wanted::All) => None,
        Some(Wanted::Slice(first, last)) => Some((first, last)),
        Some(Wanted::Nothing) => {
            let range = Some(format!("bytes */{}", opened.size));
            return Ok(nothing(StatusCode::RANGE_NOT_SATISFIABLE, tag, range));
        }
    };
    let (first, length) = range.map_or((0, opened.size), |(first, last)| (first, last - first + 1));
    let mut body = Vec::new();
    if !asked.head {
        if length > MAX_ANSWER {
            return Ok(nothing(StatusCode::PAYLOAD_TOO_LARGE, tag, None));
        }
        opened.file.seek(SeekFrom::Start(first))?;
        opened.file.take(length).read_to_end(&mut body)?;
    }
    Ok(Part {
        status: if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK },
        body,
        length,
        content_range: range.map(|(first, last)| format!("bytes {first}-{last}/{}", opened.size)),
        tag,
    })
}

/// What a Range header asks of a file.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// It asks in a way that is not served: several ranges, other units, nonsense.
    All,
    /// From the first byte to the last, inclusive.
    Slice(u64, u64),
    /// Bytes that the file does not have.
    Nothing,
}

/// RFC 9110 section 14.1.2.
fn slice(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Wanted::All;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first.trim()), number(last.trim())) {
        (Some(first), Some(last)) if last < first => Wanted::All,
        (Some(first), _) if first >= size => Wanted::Nothing,
        (Some(first), Some(last)) => Wanted::Slice(first, last.min(size - 1)),
        (Some(first), None) if last.trim().is_empty() => Wanted::Slice(first, size - 1),
        (None, Some(0)) => Wanted::Nothing,
        (None, Some(_)) if first.trim().is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(suffix)) if first.trim().is_empty() => {
            Wanted::Slice(size.saturating_sub(suffix), size - 1)
        }
        _ => Wanted::All,
    }
}

fn respond(part: Part, name: &str, head: bool) -> Response<Full<Body>> {
    let mut response = Response::new(Full::new(Body::from(part.body)));
    *response.status_mut() = part.status;
    let headers = response.headers_mut();
    let mut put = |name: header::HeaderName, value: &str| {
        // Every value here is made of digits, names of types and quoted hexadecimal numbers.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::ETAG, &part.tag);
    put(header::ACCEPT_RANGES, "bytes");
    if let Some(range) = &part.content_range {
        put(header::CONTENT_RANGE, range);
    }
    if part.status == StatusCode::NOT_MODIFIED {
        return response;
    }
    if head && part.status.is_success() {
        put(header::CONTENT_LENGTH, &part.length.to_string());
    }
    if name.split('/').next().is_some_and(|folder| folder.eq_ignore_ascii_case(STORAGE)) {
        put(header::CONTENT_TYPE, UNKNOWN);
        put(header::CONTENT_DISPOSITION, "attachment");
        put(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
        put(header::CACHE_CONTROL, "private, no-cache");
    } else {
        put(header::CONTENT_TYPE, type_of(name));
        put(header::CACHE_CONTROL, "no-cache");
    }
    response
}

fn type_of(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map_or(UNKNOWN, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_once() {
        for (path, name) in [
            ("/mvweb/a/b.txt", Some("a/b.txt")),
            ("/MVWEB/A", Some("A")),
            ("/mvweb", Some("index.html")),
            ("/mvweb/", Some("index.html")),
            ("/mvweb/d/", Some("d/index.html")),
            ("/mvweb/%2e%2e/x", Some("../x")),
            ("/mvweb/%252e%252e/x", Some("%2e%2e/x")),
            ("/mvweb/a%00b", Some("a\0b")),
            ("/mvweb/%", None),
            ("/mvweb/%zz", None),
            ("/mvweb/%ff", None),
            ("/mvwebx/a", None),
        ] {
            assert_eq!(name_of(path).as_deref(), name, "{path}");
        }
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        for (range, size, wanted) in [
            ("bytes=0-4", 10, Wanted::Slice(0, 4)),
            ("bytes=5-", 10, Wanted::Slice(5, 9)),
            ("bytes=5-99999999999999999999999", 10, Wanted::Slice(5, 9)),
            ("bytes=-3", 10, Wanted::Slice(7, 9)),
            ("bytes=-30", 10, Wanted::Slice(0, 9)),
            ("bytes=10-", 10, Wanted::Nothing),
            ("bytes=-0", 10, Wanted::Nothing),
            ("bytes=0-", 0, Wanted::Nothing),
            ("bytes=-1", 0, Wanted::Nothing),
            ("bytes=4-2", 10, Wanted::All),
            ("bytes=0-1,3-4", 10, Wanted::All),
            ("bytes=-", 10, Wanted::All),
            ("bytes=+1-2", 10, Wanted::All),
            ("lines=1-2", 10, Wanted::All),
        ] {
            assert_eq!(slice(range, size), wanted, "{range} of {size}");
        }
    }
}
