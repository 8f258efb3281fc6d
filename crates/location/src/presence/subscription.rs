//! One subscription: its dialog, what was told last, and the NOTIFY that tells more.

use strowger_model::{AccountId, Mono, Now};
use strowger_sip::{Dialog, HeaderId, Message, Method};

use super::status::Status;
use super::{PresenceRefusal, dialog_info, pidf};
use crate::reach::Reach;

/// The longest `id` of an Event header, in bytes.
const MAX_EVENT_ID_BYTES: usize = 128;

/// An event package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// RFC 3856.
    Presence,
    /// RFC 4235.
    Dialog,
}

impl Package {
    /// Of the Event header; the packages that there are stand in Allow-Events.
    fn of(request: &Message) -> Result<(Self, Option<Box<str>>), PresenceRefusal> {
        let bad = PresenceRefusal::new(489, "Bad Event");
        let event = request.text(HeaderId::Event).ok_or(bad)?;
        let mut parts = event.split(';').map(str::trim);
        let package = match parts.next() {
            Some(name) if name.eq_ignore_ascii_case("presence") => Self::Presence,
            Some(name) if name.eq_ignore_ascii_case("dialog") => Self::Dialog,
            _ => return Err(bad),
        };
        let id = parts.find_map(|part| part.strip_prefix("id=")).filter(|id| id.len() <= MAX_EVENT_ID_BYTES);
        Ok((package, id.map(Into::into)))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Dialog => "dialog",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Presence => pidf::TYPE,
            Self::Dialog => dialog_info::TYPE,
        }
    }
}

/// Who subscribes to whom, and how.
#[derive(Debug, Clone, Copy)]
pub struct Subscriber<'a> {
    /// Who subscribes.
    pub watcher: AccountId,
    /// To whom.
    pub target: AccountId,
    /// The URI of that account.
    pub entity: &'a str,
    /// The way back to the phone.
    pub reach: Reach,
    /// The tag of our response.
    pub tag: &'a str,
    /// Our `host:port` as the phone sees us.
    pub local: &'a str,
}

/// One subscription.
pub(crate) struct Subscription {
    pub(crate) watcher: AccountId,
    pub(crate) target: AccountId,
    package: Package,
    event_id: Option<Box<str>>,
    entity: Box<str>,
    pub(crate) dialog: Dialog,
    pub(crate) reach: Reach,
    pub(crate) local: Box<str>,
    pub(crate) expires: Mono,
    version: u32,
    /// What is to be seen.
    pub(crate) status: Status,
    /// What was told last.
    told: Option<Status>,
    /// A NOTIFY is under way; the next one waits for its answer.
    pub(crate) notifying: bool,
    /// Something is to be told.
    pub(crate) due: bool,
    /// It ends with the next NOTIFY, for this reason (RFC 6665 section 4.1.3).
    pub(crate) ending: Option<&'static str>,
}

impl Subscription {
    pub(crate) fn new(
        request: &Message,
        subscriber: &Subscriber<'_>,
        status: Status,
    ) -> Result<Self, PresenceRefusal> {
        let (package, event_id) = Package::of(request)?;
        if !accepts(request, package.media_type()) {
            return Err(PresenceRefusal::new(406, "Not Acceptable"));
        }
        let mut dialog = Dialog::uas(request, subscriber.tag)
            .map_err(|_| PresenceRefusal::new(400, "Bad Contact or Record-Route"))?;
        dialog.confirm();
        Ok(Self {
            watcher: subscriber.watcher,
            target: subscriber.target,
            package,
            event_id,
            entity: subscriber.entity.into(),
            dialog,
            reach: subscriber.reach,
            local: subscriber.local.into(),
            expires: Mono::default(),
            version: 0,
            status,
            told: None,
            notifying: false,
            due: true,
            ending: None,
        })
    }

    /// Something else is to be seen; whether that makes a difference to this subscriber.
    pub(crate) fn show(&mut self, status: &Status) {
        self.status = status.clone();
        let same = self.told.as_ref().is_some_and(|told| match self.package {
            Package::Presence => told == status,
            Package::Dialog => told.line == status.line,
        });
        self.due |= !same;
    }

    /// Writes the NOTIFY that is due.
    pub(crate) fn notify(&mut self, now: Now, via: &str, out: &mut Vec<u8>) {
        let body = match self.package {
            Package::Presence => pidf::write(&self.entity, &self.status),
            Package::Dialog => dialog_info::write(&self.entity, self.version, self.status.line),
        };
        self.version = self.version.wrapping_add(1);
        self.told = Some(self.status.clone());
        self.due = false;
        let contact = format!("<sip:presence@{}{}>", self.local, self.reach.carrier.uri_parameter());
        let mut request = self.dialog.request(out, Method::Notify, via);
        request.header(HeaderId::Contact, contact);
        match &self.event_id {
            Some(id) => request.header(HeaderId::Event, format_args!("{};id={id}", self.package.name())),
            None => request.header(HeaderId::Event, self.package.name()),
        };
        let left_s = self.expires.ms_since(now.mono).div_ceil(1000);
        match self.ending {
            Some(reason) => {
                request.header(HeaderId::SubscriptionState, format_args!("terminated;reason={reason}"))
            }
            None => request.header(HeaderId::SubscriptionState, format_args!("active;expires={left_s}")),
        };
        request.body(self.package.media_type(), body.as_bytes());
    }
}

/// Without an Accept header the package's own type is taken (RFC 6665 section 8.4).
fn accepts(request: &Message, media_type: &str) -> bool {
    let mut any = false;
    for element in request.elements(HeaderId::Accept) {
        any = true;
        let kind = element.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let main = media_type.split('/').next().unwrap_or_default();
        let ranges = [media_type.to_owned(), format!("{main}/*"), "*/*".to_owned()];
        if ranges.iter().any(|range| range.as_bytes().eq_ignore_ascii_case(kind)) {
            return true;
        }
    }
    !any
}
