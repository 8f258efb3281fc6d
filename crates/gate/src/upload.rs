//! Uploads: a multipart form with `filepath` and `filedata` becomes the request of `pputfile`, which authenticates, limits
//! and stores it like any other request.

use std::fmt::Write as _;

/// The type of the form that an upload becomes.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// Parts of one form at most.
const MAX_PARTS: usize = 64;
/// The alphabet of base64 (RFC 4648 section 4).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A request that stores a file.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Path and query.
    pub(crate) target: String,
    /// A form.
    pub(crate) body: Vec<u8>,
}

/// The upload that a multipart form is; none where it is something else.
pub(crate) fn upload(content_type: Option<&str>, target: &str, body: &[u8]) -> Option<Upload> {
    let content_type = content_type?;
    if !content_type.get(..19)?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary =
        content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
    let parts = parts(body, boundary);
    let find = |name: &str| parts.iter().find(|part| part.name.eq_ignore_ascii_case(name));
    let (path, data) = (find("filepath")?, find("filedata")?);
    let mut form = String::from("apientry=pputfile");
    let mut put = |name: &str, value: &[u8]| {
        let _ = write!(form, "&{}=", encoded(name.as_bytes()));
        form.push_str(&encoded(value));
    };
    // A form's own word for the file is kept where the path is empty.
    put("filename", if path.content.is_empty() { data.filename.as_bytes() } else { path.content });
    for part in &parts {
        let taken = ["filepath", "filedata", "filename", "apientry"];
        if !taken.iter().any(|name| part.name.eq_ignore_ascii_case(name)) {
            put(&part.name, part.content);
        }
    }
    put("filedata", base64(data.content).as_bytes());
    let query = target.split_once('?').map_or("", |(_, query)| query);
    Some(Upload { target: format!("/mvapireq/?{query}"), body: form.into_bytes() })
}

/// One part of a form.
struct Part<'a> {
    name: String,
    filename: String,
    content: &'a [u8],
}

/// RFC 7578: the parts between the boundaries.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let mark = format!("--{boundary}");
    let mark = mark.as_bytes();
    if boundary.is_empty() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let Some(mut at) = find(body, mark) else { return parts };
    while parts.len() < MAX_PARTS {
        let begin = at + mark.len();
        let Some(length) = find(&body[begin..], mark) else { break };
        let piece = &body[begin..begin + length];
        at = begin + length;
        let Some(head) = find(piece, b"\r\n\r\n") else { continue };
        let content = piece[head + 4..].strip_suffix(b"\r\n").unwrap_or(&piece[head + 4..]);
        let head = String::from_utf8_lossy(&piece[..head]).into_owned();
        let attribute = |name: &str| {
            let parts = head.split([';', '\r', '\n']).map(str::trim);
            let mut values =
                parts.filter_map(|part| part.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'));
            values.next().map(str::to_owned)
        };
        if let Some(name) = attribute("name") {
            parts.push(Part { name, filename: attribute("filename").unwrap_or_default(), content });
        }
    }
    parts
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    // A boundary begins rarely: skipping to its first byte keeps this linear for all that is not written to be slow.
    let first = *wanted.first()?;
    let mut at = 0;
    while let Some(next) = text.get(at..)?.iter().position(|byte| *byte == first) {
        at += next;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap_or(0);
            out.push(if at <= group.len() { char::from(BASE64[digit]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, wanted) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), wanted);
        }
    }

    #[test]
    fn a_form_with_a_file_becomes_a_request() {
        let mut body = b"--B\r\nContent-Disposition: form-data; name=\"filepath\"\r\n\r\na b.png\r\n--B\r\n\
            Content-Disposition: form-data; name=\"authid\"\r\n\r\nalice&x=1\r\n--B\r\nContent-Disposition: form-data; \
            name=\"filedata\"; filename=\"z.png\"\r\nContent-Type: image/png\r\n\r\n"
            .to_vec();
        body.extend([0, 255, b'\r', b'\n', b'-', b'-']);
        body.extend(b"\r\n--B--\r\n");
        let made = upload(Some("multipart/form-data; boundary=B"), "/mvweb/?authkey=K", &body).unwrap();
        assert_eq!(made.target, "/mvapireq/?authkey=K");
        let text = String::from_utf8(made.body).unwrap();
        assert_eq!(text, "apientry=pputfile&filename=a%20b.png&authid=alice%26x%3D1&filedata=AP8NCi0t");
    }

    #[test]
    fn what_is_no_upload_is_left_alone() {
        for (content_type, body) in [
            (None, ""),
            (Some("text/plain"), ""),
            (Some("multipart/form-data"), "--B"),
            (Some("multipart/form-data; boundary="), "--"),
            (Some("multipart/form-data; boundary=B"), "--B\r\n\r\n--B--"),
            (
                Some("multipart/form-data; boundary=B"),
                "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--B--",
            ),
        ] {
            assert!(upload(content_type, "/", body.as_bytes()).is_none(), "{content_type:?} {body}");
        }
    }
}
