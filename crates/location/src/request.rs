//! What a REGISTER asks for (RFC 3261 section 10.3), checked as a whole before anything changes.

use std::borrow::Cow;

use strowger_sip::{Contacts, HeaderId, Message, NameAddr, Scheme, decode_text};

use crate::binding::{Binding, MAX_BINDING_TEXT_BYTES, TEXTS};
use crate::reach::Reach;
use crate::registrar::RegistrarSettings;

/// Longest User-Agent that is kept, in bytes; the rest is cut.
const MAX_USER_AGENT_BYTES: usize = 128;

/// Why a REGISTER changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct RegisterRefusal {
    /// The SIP status.
    pub status: u16,
    /// The reason phrase.
    pub reason: &'static str,
    /// Value of Min-Expires in seconds, with 423.
    pub min_expires_s: Option<u32>,
}

impl RegisterRefusal {
    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason, min_expires_s: None }
    }
}

/// What is asked.
pub(crate) enum Asked {
    /// The list of bindings.
    Query,
    /// Removal of all.
    RemoveAll,
    /// Changes; lifetime 0 removes.
    Changes(Vec<Change>),
}

/// One contact and its lifetime in seconds.
pub(crate) struct Change {
    pub(crate) binding: Binding,
    pub(crate) lifetime_s: u32,
}

/// Reads the request.
pub(crate) fn asked(
    request: &Message,
    settings: &RegistrarSettings,
    reach: Reach,
) -> Result<Asked, RegisterRefusal> {
    let contacts = request.contacts().map_err(|_| RegisterRefusal::new(400, "Bad Contact"))?;
    // RFC 3261 section 20.19: a malformed value counts as absent.
    let expires_s = request.expires().unwrap_or(None);
    let list = match contacts {
        Contacts::Star if expires_s == Some(0) => return Ok(Asked::RemoveAll),
        Contacts::Star => return Err(RegisterRefusal::new(400, "Wildcard Contact needs Expires 0")),
        Contacts::List(list) if list.is_empty() => return Ok(Asked::Query),
        Contacts::List(list) => list,
    };
    if list.len() > settings.max_contacts {
        return Err(RegisterRefusal::new(403, "Too Many Contacts"));
    }
    let common = Common::of(request);
    let mut changes = Vec::with_capacity(list.len());
    for contact in &list {
        let wanted = contact.expires().unwrap_or(None).or(expires_s).unwrap_or(settings.default_expires_s);
        let lifetime_s = bounded(wanted, settings)?;
        let mut binding = common.binding(contact, reach)?;
        binding.cseq = request.cseq();
        binding.lifetime_s = lifetime_s;
        binding.q = contact.q().unwrap_or(1000).min(1000);
        binding.reg_id = contact.reg_id();
        changes.push(Change { binding, lifetime_s });
    }
    Ok(Asked::Changes(changes))
}

fn bounded(wanted_s: u32, settings: &RegistrarSettings) -> Result<u32, RegisterRefusal> {
    if wanted_s == 0 || wanted_s >= settings.min_expires_s {
        return Ok(wanted_s.min(settings.max_expires_s));
    }
    Err(RegisterRefusal {
        status: 423,
        reason: "Interval Too Brief",
        min_expires_s: Some(settings.min_expires_s),
    })
}

/// What all contacts of a request share.
struct Common<'a> {
    call_id: &'a str,
    user_agent: Cow<'a, str>,
    push: Cow<'a, str>,
    path: String,
}

impl<'a> Common<'a> {
    fn of(request: &'a Message) -> Self {
        let text = |value: Option<&'a [u8]>| decode_text(value.unwrap_or_default());
        let mut path = String::new();
        for value in request.values(HeaderId::Path) {
            if !path.is_empty() {
                path.push(',');
            }
            path.push_str(&decode_text(value));
        }
        let mut user_agent = text(request.value(HeaderId::UserAgent));
        if user_agent.len() > MAX_USER_AGENT_BYTES {
            let cut = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
            user_agent = user_agent[..cut].to_owned().into();
        }
        Self { call_id: request.call_id(), user_agent, push: text(request.named("X-MPUSH")), path }
    }

    fn binding(&self, contact: &NameAddr<'_>, reach: Reach) -> Result<Binding, RegisterRefusal> {
        if !matches!(contact.uri.scheme, Scheme::Sip | Scheme::Sips) || contact.uri.host.is_empty() {
            return Err(RegisterRefusal::new(400, "Contact Is No SIP URI"));
        }
        let params = kept_params(contact);
        let texts: [&str; TEXTS] = [
            contact.uri.text,
            &params,
            contact.instance().unwrap_or(""),
            self.call_id,
            &self.user_agent,
            &self.push,
            &self.path,
        ];
        Binding::pack(texts, reach).ok_or(RegisterRefusal::new(403, "Contact Too Long"))
    }
}

/// The parameters that have no field of their own, as they stood on the wire.
fn kept_params(contact: &NameAddr<'_>) -> String {
    let mut kept = String::new();
    for (name, value) in contact.params.iter() {
        let own = ["expires", "q", "+sip.instance", "reg-id"];
        if own.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
            || kept.len() > MAX_BINDING_TEXT_BYTES
        {
            continue;
        }
        kept.push(';');
        kept.push_str(&decode_text(name));
        if let Some(value) = value {
            kept.push('=');
            kept.push_str(&decode_text(value));
        }
    }
    kept
}
