//! Mends request targets of old clients, which put spaces and 8-bit text into a URL as they are. A strict parser
//! refuses those; servers that such clients were written for did not.

/// Percent-encodes what may not stand in the target of the first request line (RFC 9112 3.2). Anything else, and a
/// line that is not complete, stays as it is.
pub(crate) fn mended(bytes: Vec<u8>) -> Vec<u8> {
    let Some((start, end)) = target(&bytes) else { return bytes };
    if !bytes[start..end].iter().any(|byte| is_foreign(*byte)) {
        return bytes;
    }
    let mut mended = bytes[..start].to_vec();
    for byte in &bytes[start..end] {
        if is_foreign(*byte) {
            mended.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            mended.push(*byte);
        }
    }
    mended.extend_from_slice(&bytes[end..]);
    mended
}

/// Where the target of the first line stands: between the method and the last ` HTTP/1.`.
fn target(bytes: &[u8]) -> Option<(usize, usize)> {
    const VERSION: &[u8] = b" HTTP/1.";
    let line = &bytes[..bytes.iter().position(|byte| *byte == b'\n')?];
    let start = line.iter().position(|byte| *byte == b' ')? + 1;
    let end = line.windows(VERSION.len()).rposition(|window| window == VERSION)?;
    (start < end).then_some((start, end))
}

fn is_foreign(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x7F || matches!(byte, b'"' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_targets_that_need_it_are_changed() {
        for (sent, expected) in [
            ("GET /mvapi?a=b HTTP/1.1\r\n", "GET /mvapi?a=b HTTP/1.1\r\n"),
            ("GET /mvapi?a=x y HTTP/1.1\r\nA: b c\r\n", "GET /mvapi?a=x%20y HTTP/1.1\r\nA: b c\r\n"),
            ("GET /?a=\"<\u{e9}> HTTP/1.0\n", "GET /?a=%22%3C%C3%A9%3E HTTP/1.0\n"),
            ("GET /?a= HTTP/1.1 HTTP/1.1\r\n", "GET /?a=%20HTTP/1.1 HTTP/1.1\r\n"),
            ("GET /?a=x y", "GET /?a=x y"),
            ("GET /?a=x y\r\n", "GET /?a=x y\r\n"),
            ("GET  HTTP/1.1\r\n", "GET  HTTP/1.1\r\n"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(mended(sent.into())).unwrap(), expected);
        }
        assert_eq!(mended(b"GET /\xe9 HTTP/1.1\r\n".to_vec()), b"GET /%E9 HTTP/1.1\r\n");
    }
}
