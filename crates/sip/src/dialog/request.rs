//! Requests inside a dialog (RFC 3261 12.2.1.1), loose and strict routing.

use super::Dialog;
use crate::header::{HeaderId, NameAddr};
use crate::message::Builder;
use crate::method::Method;

/// Max-Forwards of our requests (RFC 3261 8.1.1.6).
const MAX_FORWARDS: u8 = 70;

impl Dialog {
    /// Begins a request with the next CSeq number: request line, Via, Max-Forwards, Route, From, To, Call-ID,
    /// CSeq. ACK and CANCEL are not such requests: see [`Dialog::ack`] and `ClientTransaction::cancel`.
    ///
    /// `via` is the whole Via value with the branch that the caller minted.
    pub fn request<'b>(&mut self, out: &'b mut Vec<u8>, method: Method, via: &str) -> Builder<'b> {
        self.request_named(out, method.as_str(), via)
    }

    /// As [`Dialog::request`], for methods that have no name here.
    pub fn request_named<'b>(&mut self, out: &'b mut Vec<u8>, method: &str, via: &str) -> Builder<'b> {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.write(out, method, self.local_cseq, via)
    }

    /// Begins the ACK to a 2xx; `invite_cseq` is the CSeq number of the INVITE (RFC 3261 13.2.2.4).
    pub fn ack<'b>(&self, out: &'b mut Vec<u8>, invite_cseq: u32, via: &str) -> Builder<'b> {
        self.write(out, Method::Ack.as_str(), invite_cseq, via)
    }

    /// The URI whose host gets the next request: the first route's, else the target.
    #[must_use]
    pub fn next_hop(&self) -> &str {
        self.first_route().map_or(&self.remote_target, |route| route.uri.text)
    }

    fn first_route(&self) -> Option<NameAddr<'_>> {
        NameAddr::parse(self.route_set.first()?.as_bytes(), HeaderId::Route).ok()
    }

    fn write<'b>(&self, out: &'b mut Vec<u8>, method: &str, cseq: u32, via: &str) -> Builder<'b> {
        let strict = self.first_route().filter(|route| !route.uri.is_lr());
        let uri = strict.map_or(&*self.remote_target, |route| route.uri.text);
        let mut builder = Builder::request(out, method, uri);
        builder.header(HeaderId::Via, via).header(HeaderId::MaxForwards, MAX_FORWARDS);
        for route in self.route_set.iter().skip(usize::from(strict.is_some())) {
            builder.header(HeaderId::Route, route);
        }
        if strict.is_some() {
            // RFC 3261 12.2.1.1: a strict router finds the target at the end of the routes.
            builder.header(HeaderId::Route, format_args!("<{}>", self.remote_target));
        }
        write_party(&mut builder, HeaderId::From, &self.local_party, &self.local_tag);
        write_party(&mut builder, HeaderId::To, &self.remote_party, &self.remote_tag);
        builder.header(HeaderId::CallId, &self.call_id);
        builder.header(HeaderId::CSeq, format_args!("{cseq} {method}"));
        builder
    }
}

fn write_party(builder: &mut Builder<'_>, id: HeaderId, party: &str, tag: &str) {
    if tag.is_empty() {
        builder.header(id, party);
    } else {
        builder.header(id, format_args!("{party};tag={tag}"));
    }
}
