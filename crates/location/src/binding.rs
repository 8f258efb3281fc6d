//! One contact of one account, packed: a hundred thousand of them live in memory.

use std::net::{IpAddr, SocketAddr};

use strowger_model::{Mono, Now, Wall};
use strowger_sip::Uri;

use crate::reach::{Carrier, Reach};

/// Longest total of a binding's texts in bytes; a REGISTER that needs more is refused.
pub const MAX_BINDING_TEXT_BYTES: usize = 4096;

/// The texts of a binding, in the order in which they are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// The Contact's URI as it was registered, pn-* parameters (RFC 8599) included.
    Uri,
    /// Contact parameters that mean nothing to us, as `;name=value…`.
    Params,
    /// `+sip.instance`, without quotes.
    Instance,
    /// Call-ID of the last REGISTER.
    CallId,
    /// User-Agent.
    UserAgent,
    /// X-MPUSH.
    Push,
    /// Path (RFC 3327), the field values joined by commas.
    Path,
}

/// Number of texts.
pub(crate) const TEXTS: usize = 7;

/// A registered contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    text: Box<str>,
    ends: [u16; TEXTS],
    pub(crate) reach: Reach,
    pub(crate) expires: Mono,
    pub(crate) registered: Wall,
    /// Until when the log believes it to live.
    pub(crate) stored_until: Wall,
    pub(crate) lifetime_s: u32,
    pub(crate) cseq: u32,
    /// Unique within the registrar; 0 before it is taken in.
    pub(crate) id: u32,
    pub(crate) reg_id: Option<u32>,
    pub(crate) q: u16,
}

impl Binding {
    /// Packs the texts; none where they are too long altogether. The rest is filled in by the registrar.
    pub(crate) fn pack(texts: [&str; TEXTS], reach: Reach) -> Option<Self> {
        let total: usize = texts.iter().map(|text| text.len()).sum();
        if total > MAX_BINDING_TEXT_BYTES {
            return None;
        }
        let mut ends = [0_u16; TEXTS];
        let mut end = 0;
        for (slot, text) in ends.iter_mut().zip(texts) {
            end += text.len();
            *slot = u16::try_from(end).ok()?;
        }
        Some(Self {
            text: texts.concat().into_boxed_str(),
            ends,
            reach,
            expires: Mono::default(),
            registered: Wall::default(),
            stored_until: Wall::default(),
            lifetime_s: 0,
            cseq: 0,
            id: 0,
            reg_id: None,
            q: 1000,
        })
    }

    pub(crate) fn get(&self, which: Text) -> &str {
        let index = which as usize;
        let start = if index == 0 { 0 } else { usize::from(self.ends[index - 1]) };
        self.text.get(start..usize::from(self.ends[index])).unwrap_or("")
    }

    /// The registered URI: the Request-URI of calls to this contact.
    #[must_use]
    pub fn uri(&self) -> &str {
        self.get(Text::Uri)
    }

    /// Contact parameters that are kept and given back: `;name=value…`, or empty.
    #[must_use]
    pub fn params(&self) -> &str {
        self.get(Text::Params)
    }

    /// `+sip.instance` (RFC 5626) without quotes, or empty.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.get(Text::Instance)
    }

    /// Call-ID of the last REGISTER.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.get(Text::CallId)
    }

    /// What the phone calls itself, or empty.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        self.get(Text::UserAgent)
    }

    /// The X-MPUSH header, or empty.
    #[must_use]
    pub fn push(&self) -> &str {
        self.get(Text::Push)
    }

    /// The Path set (RFC 3327), first proxy first, or empty.
    #[must_use]
    pub fn path(&self) -> &str {
        self.get(Text::Path)
    }

    /// The way back to the phone.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Preference in thousandths.
    #[must_use]
    pub const fn q(&self) -> u16 {
        self.q
    }

    /// `reg-id` (RFC 5626).
    #[must_use]
    pub const fn reg_id(&self) -> Option<u32> {
        self.reg_id
    }

    /// CSeq of the last REGISTER.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// When it was first registered.
    #[must_use]
    pub const fn registered(&self) -> Wall {
        self.registered
    }

    /// Seconds left.
    #[must_use]
    pub const fn expires_s(&self, now: Now) -> u64 {
        self.expires.ms_since(now.mono).div_ceil(1000)
    }

    /// When it expires.
    #[must_use]
    pub fn expires_at(&self, now: Now) -> Wall {
        now.wall.plus_ms(i64::try_from(self.expires.ms_since(now.mono)).unwrap_or(i64::MAX))
    }

    /// The phone believes to have another address than the one we see: a NAT lies between.
    #[must_use]
    pub fn is_natted(&self) -> bool {
        self.own_address().is_none()
    }

    /// The Contact's address, where the phone is seen under the same one: it listens on the port that it says,
    /// which need not be the one that it sends from.
    fn own_address(&self) -> Option<SocketAddr> {
        let uri = Uri::parse_str(self.uri()).ok()?;
        let ip: IpAddr = uri.ip()?.to_canonical();
        (ip == self.reach.source.ip().to_canonical()).then(|| SocketAddr::new(ip, uri.port_or_default()))
    }

    /// Where requests to the phone go: its own address where that is the one we see, else back to where the REGISTER
    /// came from. A living connection is used before either.
    #[must_use]
    pub fn destination(&self) -> Reach {
        Reach { source: self.own_address().unwrap_or(self.reach.source), ..self.reach }
    }

    /// The phone can be called without a connection that it opened.
    pub(crate) fn accepts_connections(&self) -> bool {
        matches!(self.reach.carrier, Carrier::Tcp | Carrier::Tls) && !self.is_natted()
    }

    /// Needs datagrams from us so that its NAT stays open.
    pub(crate) fn needs_pings(&self) -> bool {
        self.reach.carrier == Carrier::Udp && self.is_natted()
    }

    /// Both are the same phone: the same instance and reg-id, or the same URI by RFC 3261 section 19.1.4.
    pub(crate) fn is_same_contact(&self, other: &Self) -> bool {
        if !self.instance().is_empty() && self.instance() == other.instance() && self.reg_id == other.reg_id {
            return true;
        }
        self.has_uri(other.uri())
    }

    pub(crate) fn has_uri(&self, uri: &str) -> bool {
        if self.uri() == uri {
            return true;
        }
        match (Uri::parse_str(self.uri()), Uri::parse_str(uri)) {
            (Ok(ours), Ok(theirs)) => ours.same_as(&theirs),
            _ => false,
        }
    }

    /// Everything but the times and the request's Call-ID and CSeq is equal: nothing new for the log.
    pub(crate) fn is_refresh_of(&self, other: &Self) -> bool {
        let texts = [Text::Uri, Text::Params, Text::Instance, Text::UserAgent, Text::Push, Text::Path];
        texts.into_iter().all(|text| self.get(text) == other.get(text))
            && self.reach == other.reach
            && self.reg_id == other.reg_id
            && self.q == other.q
    }
}
