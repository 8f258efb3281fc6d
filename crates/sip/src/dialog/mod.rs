//! Dialogs (RFC 3261 12): the state that two parties share, and requests inside it.
//!
//! A dialog is a value that goes into snapshots and journals as it is. It holds no transaction.

mod request;

use serde::{Deserialize, Serialize};

use crate::header::{HeaderId, NameAddr, Scheme};
use crate::lex::decode_text;
use crate::message::Message;
use crate::method::Method;

/// The Record-Route values taken into a route set, at most. More is a loop.
const MAX_ROUTES: usize = 32;

/// Why a message makes no dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// Not a 101–299 response, or not a request.
    #[error("a message of that kind makes no dialog")]
    WrongKind,
    /// The header is missing, malformed or too long.
    #[error("{0} is missing or malformed")]
    Header(HeaderId),
}

/// The request's CSeq is lower than one that was seen: answer 500 (RFC 3261 12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("CSeq {got} after {seen}")]
pub struct OutOfOrder {
    /// The request's.
    pub got: u32,
    /// The highest seen.
    pub seen: u32,
}

/// What identifies a dialog, seen from our side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DialogKey {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// Our tag.
    pub local_tag: Box<str>,
    /// Theirs; empty where they sent none.
    pub remote_tag: Box<str>,
}

impl DialogKey {
    /// The dialog that a received request names.
    #[must_use]
    pub fn of_request(request: &Message) -> Self {
        Self {
            call_id: request.call_id().into(),
            local_tag: request.to_tag().into(),
            remote_tag: request.from_tag().into(),
        }
    }

    /// The dialog that a received response names.
    #[must_use]
    pub fn of_response(response: &Message) -> Self {
        Self {
            call_id: response.call_id().into(),
            local_tag: response.from_tag().into(),
            remote_tag: response.to_tag().into(),
        }
    }
}

/// One side of a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialog {
    /// The Call-ID.
    pub call_id: Box<str>,
    /// Our tag.
    pub local_tag: Box<str>,
    /// Their tag; empty where they sent none (RFC 2543).
    pub remote_tag: Box<str>,
    /// Our From or To value without its tag.
    pub local_party: Box<str>,
    /// Theirs.
    pub remote_party: Box<str>,
    /// The CSeq number of our last request; 0 where we sent none.
    pub local_cseq: u32,
    /// The highest CSeq number of their requests.
    pub remote_cseq: Option<u32>,
    /// Route values in the order in which they are visited, as written.
    pub route_set: Vec<Box<str>>,
    /// The URI of their Contact.
    pub remote_target: Box<str>,
    /// The dialog was made with a `sips:` Request-URI.
    pub secure: bool,
    /// A 2xx was sent or received; before that the dialog is early.
    pub confirmed: bool,
}

impl Dialog {
    /// Ours, from our request and a 101–299 response to it (RFC 3261 12.1.2).
    ///
    /// A response without Contact, which many 18x are, leaves our Request-URI as target.
    ///
    /// # Errors
    /// [`DialogError`]
    pub fn uac(request: &Message, response: &Message) -> Result<Self, DialogError> {
        if !request.is_request() || !(101..300).contains(&response.status()) {
            return Err(DialogError::WrongKind);
        }
        let target = match target_of(response)? {
            Some(target) => target,
            None => request.uri_text().into(),
        };
        Ok(Self {
            call_id: request.call_id().into(),
            local_tag: request.from_tag().into(),
            remote_tag: response.to_tag().into(),
            local_party: party(request, HeaderId::From)?,
            remote_party: party(response, HeaderId::To)?,
            local_cseq: request.cseq(),
            remote_cseq: None,
            route_set: routes(response, true)?,
            remote_target: target,
            secure: request.uri().is_ok_and(|uri| uri.scheme == Scheme::Sips),
            confirmed: response.status() >= 200,
        })
    }

    /// Ours, from their request and the tag that we put into the response (RFC 3261 12.1.1). It is early.
    ///
    /// A request without Contact leaves its From URI as target, as RFC 2543 did.
    ///
    /// # Errors
    /// [`DialogError`]
    pub fn uas(request: &Message, local_tag: &str) -> Result<Self, DialogError> {
        if !request.is_request() {
            return Err(DialogError::WrongKind);
        }
        let target = match target_of(request)? {
            Some(target) => target,
            None => request.from().map_err(|_| DialogError::Header(HeaderId::From))?.uri.text.into(),
        };
        Ok(Self {
            call_id: request.call_id().into(),
            local_tag: local_tag.into(),
            remote_tag: request.from_tag().into(),
            local_party: party(request, HeaderId::To)?,
            remote_party: party(request, HeaderId::From)?,
            local_cseq: 0,
            remote_cseq: Some(request.cseq()),
            route_set: routes(request, false)?,
            remote_target: target,
            secure: request.uri().is_ok_and(|uri| uri.scheme == Scheme::Sips),
            confirmed: false,
        })
    }

    /// We sent the 2xx.
    pub const fn confirm(&mut self) {
        self.confirmed = true;
    }

    /// The 2xx came: route set and target are taken from it anew (RFC 3261 13.2.2.4).
    pub fn confirm_with(&mut self, response: &Message) {
        self.confirmed = true;
        if let Ok(routes) = routes(response, true) {
            self.route_set = routes;
        }
        if self.remote_tag.is_empty() {
            self.remote_tag = response.to_tag().into();
        }
        if let Ok(Some(target)) = target_of(response) {
            self.remote_target = target;
        }
    }

    /// Checks the order of a request of theirs and remembers its CSeq. ACK and CANCEL repeat the INVITE's.
    ///
    /// # Errors
    /// [`OutOfOrder`]: answer 500.
    pub fn receive(&mut self, request: &Message) -> Result<(), OutOfOrder> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let got = request.cseq();
        if let Some(seen) = self.remote_cseq
            && got < seen
        {
            return Err(OutOfOrder { got, seen });
        }
        self.remote_cseq = Some(got);
        Ok(())
    }

    /// Takes the Contact of a target refresh request, or of the 2xx to one of ours (RFC 3261 12.2).
    pub fn refresh_target(&mut self, message: &Message) {
        let counts = message.is_request() || (200..300).contains(&message.status());
        if counts
            && message.method().refreshes_target()
            && let Ok(Some(target)) = target_of(message)
        {
            self.remote_target = target;
        }
    }

    /// The received message belongs to this dialog.
    #[must_use]
    pub fn matches(&self, message: &Message) -> bool {
        let (local, remote) = if message.is_request() {
            (message.to_tag(), message.from_tag())
        } else {
            (message.from_tag(), message.to_tag())
        };
        message.call_id() == &*self.call_id && local == &*self.local_tag && remote == &*self.remote_tag
    }

    /// The dialog's identity.
    #[must_use]
    pub fn key(&self) -> DialogKey {
        DialogKey {
            call_id: self.call_id.clone(),
            local_tag: self.local_tag.clone(),
            remote_tag: self.remote_tag.clone(),
        }
    }
}

/// The URI of the Contact; none where there is no Contact.
fn target_of(message: &Message) -> Result<Option<Box<str>>, DialogError> {
    let contact = message.contact().map_err(|_| DialogError::Header(HeaderId::Contact))?;
    Ok(contact.map(|contact| contact.uri.text.into()))
}

fn party(message: &Message, id: HeaderId) -> Result<Box<str>, DialogError> {
    let value = message.value(id).ok_or(DialogError::Header(id))?;
    let address = NameAddr::parse(value, id).map_err(|_| DialogError::Header(id))?;
    let party = address.party();
    // A bare URI gets brackets: parameters that are added to it later are the header's, not the URI's.
    Ok(if party.ends_with('>') { party.into() } else { format!("<{party}>").into() })
}

fn routes(message: &Message, reversed: bool) -> Result<Vec<Box<str>>, DialogError> {
    let wrong = DialogError::Header(HeaderId::RecordRoute);
    let mut routes = Vec::new();
    for route in message.name_addrs(HeaderId::RecordRoute) {
        if routes.len() == MAX_ROUTES {
            return Err(wrong);
        }
        routes.push(decode_text(route.map_err(|_| wrong)?.text).into());
    }
    if reversed {
        routes.reverse();
    }
    Ok(routes)
}
