//! The offer/answer state of one dialog (RFC 3264, RFC 6337): who has offered, what we sent last, what the
//! peer sent last. It writes our descriptions; it does not know when they travel.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use strowger_model::media::Remote;
use strowger_sdp::{Direction, NotAcceptable, Ours, Policy, Role, Session};

use crate::leg::wire;

/// Where our media for the leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The address that we describe.
    pub ip: IpAddr,
    /// The RTP port.
    pub rtp: u16,
}

/// What our description is made from.
#[derive(Debug, Clone)]
pub enum Description {
    /// From what the party at the other end of the bridge described.
    Relay(Session),
    /// From nothing: the leg ends here, or its peer is not known yet.
    Local,
    /// What we described last, once more.
    Same,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nobody's.
    Stable,
    /// We offered and wait for an answer.
    LocalOffer,
    /// The peer offered and waits for our answer.
    RemoteOffer,
}

/// The offer/answer state of one dialog.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Negotiation {
    phase: Phase,
    session_id: u64,
    version: u64,
    port: Option<Port>,
    we_offered: bool,
    /// What we sent last; in [`Phase::LocalOffer`] not agreed yet.
    #[serde(with = "wire::session")]
    local: Option<Session>,
    /// What the peer sent last; in [`Phase::RemoteOffer`] not agreed yet.
    #[serde(with = "wire::session")]
    remote: Option<Session>,
    /// What was agreed before the pending offer.
    #[serde(with = "wire::session")]
    agreed: Option<Session>,
}

impl Negotiation {
    /// Nothing exchanged yet. The session id is minted by the leg.
    #[must_use]
    pub const fn new(session_id: u64) -> Self {
        Self {
            phase: Phase::Stable,
            session_id,
            version: 0,
            port: None,
            we_offered: false,
            local: None,
            remote: None,
            agreed: None,
        }
    }

    /// Where our media is from now on; set before the first description is written.
    pub const fn set_port(&mut self, port: Port) {
        self.port = Some(port);
    }

    /// Whose turn it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What we sent last.
    #[must_use]
    pub const fn local(&self) -> Option<&Session> {
        self.local.as_ref()
    }

    /// What the peer sent last.
    #[must_use]
    pub const fn remote(&self) -> Option<&Session> {
        self.remote.as_ref()
    }

    /// The peer offers.
    pub fn take_offer(&mut self, offer: Session) {
        self.agreed = self.remote.take();
        self.remote = Some(offer);
        self.phase = Phase::RemoteOffer;
    }

    /// We offer.
    ///
    /// # Errors
    /// [`NotAcceptable`] where nothing can be made from what the description is to be made from.
    pub fn offer(&mut self, description: &Description) -> Result<Vec<u8>, NotAcceptable> {
        let ours = self.ours()?;
        let made = match (description, &self.local) {
            (Description::Relay(peer), previous) => {
                strowger_sdp::relay_offer(peer, &ours, None, previous.as_ref())?
            }
            (Description::Same, Some(last)) => strowger_sdp::with_direction(last, &ours, Direction::SendRecv),
            (Description::Local | Description::Same, previous) => {
                strowger_sdp::local_offer(&ours, Direction::SendRecv, previous.as_ref())
            }
        };
        self.agreed = self.local.clone();
        let body = self.keep(made, ours.version);
        self.phase = Phase::LocalOffer;
        Ok(body)
    }

    /// We answer the peer's offer.
    ///
    /// # Errors
    /// [`NotAcceptable`] where the offer and what we have to say have nothing in common. The offer stays open.
    pub fn answer(&mut self, description: &Description) -> Result<Vec<u8>, NotAcceptable> {
        let ours = self.ours()?;
        let offer = self.remote.as_ref().ok_or(NotAcceptable::NoAudio)?;
        let made = match (description, &self.local) {
            (Description::Relay(peer), _) => strowger_sdp::relay_answer(offer, peer, &ours)?,
            (Description::Same, Some(last)) => last.clone(),
            (Description::Local | Description::Same, _) => strowger_sdp::local_answer(offer, &ours)?,
        };
        let body = self.keep(made, ours.version);
        self.agreed = None;
        self.we_offered = false;
        self.phase = Phase::Stable;
        Ok(body)
    }

    /// The peer answers our offer.
    ///
    /// # Errors
    /// [`NotAcceptable`] where the answer does not fit; the negotiation is stable again on what was agreed before.
    pub fn take_answer(&mut self, answer: Session) -> Result<(), NotAcceptable> {
        if let Some(offer) = &self.local
            && let Err(error) = strowger_sdp::check_answer(offer, &answer)
        {
            self.give_up();
            return Err(error);
        }
        self.remote = Some(answer);
        self.agreed = None;
        self.we_offered = true;
        self.phase = Phase::Stable;
        Ok(())
    }

    /// The pending offer, ours or theirs, came to nothing.
    pub fn give_up(&mut self) {
        match self.phase {
            Phase::Stable => {}
            Phase::LocalOffer => self.local = self.agreed.take(),
            Phase::RemoteOffer => self.remote = self.agreed.take(),
        }
        self.phase = Phase::Stable;
    }

    /// What the media engine must know about the peer; none before anything was exchanged.
    #[must_use]
    pub fn facts(&self, policy: Policy) -> Option<Remote> {
        let local = self.local.as_ref()?;
        let Some(remote) = &self.remote else { return Some(strowger_sdp::awaiting(local, policy)) };
        let role = if self.we_offered { Role::WeOffered } else { Role::WeAnswered };
        strowger_sdp::negotiated(local, remote, role, policy).ok()
    }

    /// What comes next is described by this; the version rises with each description that differs.
    fn ours(&self) -> Result<Ours, NotAcceptable> {
        let port = self.port.ok_or(NotAcceptable::NoAddress)?;
        let version = if self.local.is_some() { self.version + 1 } else { 1 };
        Ok(Ours { session_id: self.session_id, version, ip: port.ip, rtp_port: port.rtp })
    }

    /// Keeps our description, with the old text and version where nothing else changed.
    fn keep(&mut self, made: Session, version: u64) -> Vec<u8> {
        let repeats = self.local.as_ref().is_some_and(|last| strowger_sdp::same_but_version(last, &made));
        if !repeats {
            self.version = version;
            self.local = Some(made);
        }
        self.local.as_ref().map_or_else(Vec::new, Session::write)
    }
}
