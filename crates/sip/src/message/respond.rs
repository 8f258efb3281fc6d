//! A response from its request: RFC 3261 8.2.6 and 12.1.1, RFC 3581.

use std::io::Write as _;
use std::net::SocketAddr;

use super::build::push_clean;
use super::{Builder, Message};
use crate::header::{HeaderId, Via, split_name_addr};
use crate::lex::find_separator;

impl<'b> Builder<'b> {
    /// Begins the response to a request: Via, Record-Route (in 101–299 to requests that make dialogs), From,
    /// To, Call-ID, CSeq and Timestamp as far as the request has them.
    ///
    /// * `reason`: empty for the default phrase.
    /// * `to_tag`: added where To has no tag; not on 100. Empty: none.
    /// * `source`: where the request came from; `received` and `rport` of the top Via are written from it.
    pub fn response_to(
        out: &'b mut Vec<u8>,
        request: &Message,
        status: u16,
        reason: &str,
        to_tag: &str,
        source: Option<SocketAddr>,
    ) -> Self {
        let mut builder = Self::response(out, status, reason);
        builder.write_vias(request, source);
        if (101..300).contains(&status) && request.method().makes_dialog() {
            builder.copy(request, HeaderId::RecordRoute);
        }
        builder.copy(request, HeaderId::From);
        builder.write_to(request, if status == 100 { "" } else { to_tag });
        builder.copy(request, HeaderId::CallId).copy(request, HeaderId::CSeq);
        builder.copy(request, HeaderId::Timestamp);
        builder
    }

    fn write_vias(&mut self, request: &Message, source: Option<SocketAddr>) {
        for (position, value) in request.values(HeaderId::Via).enumerate() {
            let stamped = if position == 0 { source } else { None };
            let end = find_separator(value, b',').unwrap_or(value.len());
            let (top, rest) = value.split_at(end);
            self.out.extend_from_slice(b"Via: ");
            match stamped.and_then(|source| Some((source, Via::parse_loosely(top).ok()?))) {
                Some((source, via)) => {
                    stamp(self.out, &via, source);
                    push_clean(self.out, rest);
                }
                None => push_clean(self.out, value),
            }
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn write_to(&mut self, request: &Message, to_tag: &str) {
        let Some(value) = request.value(HeaderId::To) else { return };
        let has_tag = split_name_addr(value).map_or(true, |pieces| pieces.params.has("tag"));
        self.out.extend_from_slice(b"To: ");
        push_clean(self.out, value);
        if !to_tag.is_empty() && !has_tag {
            self.out.extend_from_slice(b";tag=");
            push_clean(self.out, to_tag.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

/// The Via with `received` and `rport` of the real source. What the sender wrote there is not believed.
fn stamp(out: &mut Vec<u8>, via: &Via<'_>, source: SocketAddr) {
    let address = source.ip().to_canonical();
    let head = via.text.len() - via.params.as_bytes().len();
    push_clean(out, via.text[..head].trim_ascii_end());
    for (name, value) in via.params.iter() {
        if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
            continue;
        }
        out.push(b';');
        push_clean(out, name);
        if let Some(value) = value {
            out.push(b'=');
            push_clean(out, value);
        }
    }
    // Writing into a Vec cannot fail. RFC 3581 4: with rport, received is written even if it equals sent-by.
    if via.rport().is_some() {
        let _ = write!(out, ";received={address};rport={}", source.port());
    } else if via.ip().map(|ip| ip.to_canonical()) != Some(address) {
        let _ = write!(out, ";received={address}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Framing;

    fn check(via: &str, source: &str, expected: &str) {
        let text = format!(
            "OPTIONS sip:a@b SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n\
             CSeq: 1 OPTIONS\r\n\r\n"
        );
        let request = Message::parse(text.as_bytes(), Framing::Datagram).unwrap();
        let mut out = Vec::new();
        Builder::response_to(&mut out, &request, 200, "", "t1", source.parse().ok()).finish();
        let answer = format!(
            "SIP/2.0 200 OK\r\nVia: {expected}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=t1\r\nCall-ID: x\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), answer);
    }

    #[test]
    fn the_top_via_tells_where_the_request_came_from() {
        let via = "SIP/2.0/UDP 192.0.2.1:5070";
        check(&format!("{via};branch=z9hG4bK1"), "192.0.2.1:5070", &format!("{via};branch=z9hG4bK1"));
        check(
            &format!("{via};rport;branch=z9hG4bK1"),
            "198.51.100.1:9",
            &format!("{via};branch=z9hG4bK1;received=198.51.100.1;rport=9"),
        );
        check(
            &format!("{via};received=1.1.1.1;branch=z9hG4bK1, SIP/2.0/UDP x;branch=y"),
            "[::ffff:198.51.100.1]:9",
            &format!("{via};branch=z9hG4bK1;received=198.51.100.1, SIP/2.0/UDP x;branch=y"),
        );
        check("SIP/2.0/UDP h", "[2001:db8::1]:5060", "SIP/2.0/UDP h;received=2001:db8::1");
        check("SIP/2.0/UDP h", "none", "SIP/2.0/UDP h");
    }

    #[test]
    fn record_routes_and_tags_follow_the_status() {
        let text = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nRecord-Route: <sip:p1;lr>\r\n\
            Record-Route: <sip:p2;lr>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";
        let request = Message::parse(text.as_bytes(), Framing::Datagram).unwrap();
        let mut out = Vec::new();
        for (status, routes, tagged) in [(100, 0, false), (180, 2, true), (200, 2, true), (486, 0, true)] {
            Builder::response_to(&mut out, &request, status, "", "t1", None).finish();
            let answer = Message::parse(&out, Framing::Datagram).unwrap();
            assert_eq!(answer.values(HeaderId::RecordRoute).count(), routes, "{status}");
            assert_eq!(answer.to_tag() == "t1", tagged, "{status}");
        }
    }
}
