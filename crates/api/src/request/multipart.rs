//! `multipart/form-data` (RFC 7578): the fields of a form with files. A file's content is a field like any other.

use super::{MAX_FIELDS, Request, query};
use crate::reply::Failure;

/// The longest boundary, in characters (RFC 2046 5.1.1).
const MAX_BOUNDARY: usize = 70;

impl Request {
    /// Reads the parts. Each is text of its own: a file that is not UTF-8 does not change how a name is read.
    pub(super) fn read_multipart(&mut self, content_type: &str, body: &[u8]) {
        let parameter = |part: &str| {
            let (name, value) = part.trim().split_once('=')?;
            name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').to_owned())
        };
        let boundary = content_type.split(';').find_map(parameter);
        let Some(boundary) = boundary.filter(|b| (1..=MAX_BOUNDARY).contains(&b.len())) else {
            self.broken = Some(Failure::invalid("the content type must name a boundary"));
            return;
        };
        let delimiter = format!("\r\n--{boundary}");
        // The first delimiter may begin the body.
        let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
            Some(rest) => rest,
            None => after(body, delimiter.as_bytes()).map_or(&b""[..], |(_, rest)| rest),
        };
        for _ in 0..MAX_FIELDS {
            let (part, next) = after(rest, delimiter.as_bytes()).unwrap_or((rest, b""));
            if let Some((head, value)) = after(part, b"\r\n\r\n")
                && let Some(name) = name_of(&query::text_of(head))
            {
                self.push([(name, query::text_of(value))]);
            }
            if next.is_empty() || next.starts_with(b"--") {
                return;
            }
            rest = next;
        }
    }
}

/// What stands before and after the first occurrence.
fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}

/// The name in Content-Disposition, in lower case.
fn name_of(head: &str) -> Option<String> {
    let line = head.lines().find(|line| {
        line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
    })?;
    let value = line.split(';').find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("name").then(|| value.trim_matches('"'))
    })?;
    Some(value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, Transport};
    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Request {
        let here = "127.0.0.1:1".parse().unwrap();
        let mut request = Request::new(Origin::new(here, here, Transport::Http), body.len());
        request.read_multipart(content_type, body);
        request
    }

    #[test]
    fn parts_are_fields_and_a_binary_file_does_not_spoil_the_names() {
        let body = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"Name\"\r\n\r\n\xc3\xa9\r\n--B\r\n\
            content-disposition: form-data; filename=\"name=x.bin\"; name=filedata\r\nContent-Type: application/octet-stream\r\n\r\n\
            \xff--B\r\n\r\n\r\n--B--\r\nepilogue";
        let request = read("multipart/form-data; Boundary=\"B\"", body);
        assert_eq!(request.broken, None);
        assert_eq!(request.field("name"), Some("\u{e9}"));
        assert_eq!(request.field("filedata"), Some("\u{ff}--B\r\n\r\n"));
        assert_eq!(request.fields.len(), 2);
    }

    #[test]
    fn what_is_torn_or_hostile_is_read_as_far_as_it_goes() {
        assert!(read("multipart/form-data", b"x").broken.is_some());
        assert!(read("multipart/form-data; boundary=", b"x").broken.is_some());
        assert!(read(&format!("multipart/form-data; boundary={}", "a".repeat(71)), b"x").broken.is_some());
        for body in [&b""[..], b"--B", b"--B--", b"--B\r\n\r\n", b"\r\n--B\r\nno head"] {
            let fields = read("multipart/form-data; boundary=B", body).fields;
            assert!(fields.is_empty(), "{}", body.escape_ascii());
        }
        let torn = b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue";
        assert_eq!(read("multipart/form-data; boundary=B", torn).field("a"), Some("value"));
        let part = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n";
        assert_eq!(
            read("multipart/form-data; boundary=B", part.repeat(5_000).as_bytes()).fields.len(),
            MAX_FIELDS
        );
    }
}
