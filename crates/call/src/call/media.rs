//! What the call tells the media engine: which pair a leg uses, who hears whom.

use strowger_model::cdr::EndedBy;
use strowger_model::media::{Latch, MediaOrder};
use strowger_model::{LegId, SlotId};
use strowger_sdp::{Policy, Session};

use super::context::Context;
use super::{Activity, Call};
use crate::leg::{Kind, Stage};
use crate::negotiation::Port;
use crate::reasons::Reason;

impl Call {
    /// Gives the calling leg its port pair, once.
    pub(super) fn ensure_slot_of_a(&mut self, context: &mut Context<'_>) -> Result<(), Reason> {
        let Some(member) = self.a.and_then(|a| self.legs.get_mut(&a)) else { return Ok(()) };
        if member.slot.is_none() {
            // Nothing may come between the claim and the leg that frees it.
            let local = context.env.local(&member.leg.hop());
            let slot = context.env.claim_slot(None).ok_or(Reason::Overload)?;
            member.slot = Some(slot);
            member.leg.set_port(Port { ip: local.media_ip, rtp: slot.rtp_port });
        }
        Ok(())
    }

    /// Tells the engine what the leg has negotiated so far.
    pub(super) fn claim(&self, context: &mut Context<'_>, leg: LegId) {
        let Some(member) = self.legs.get(&leg) else { return };
        let Some(slot) = member.slot else { return };
        let settings = context.env.settings();
        let latch = match member.leg.kind() {
            Kind::Phone if settings.learn_media => Latch::Learn,
            _ => Latch::SameHost,
        };
        let watch = settings.rtp_timeout_ms > 0 && member.leg.stage() == Stage::Up;
        let policy = Policy { latch, silent_ms: watch.then_some(settings.rtp_timeout_ms) };
        let early = member.early.as_ref().filter(|_| member.leg.stage() == Stage::Early);
        let negotiation = early
            .and_then(|(dialog, _)| member.leg.early_negotiation(*dialog))
            .unwrap_or_else(|| member.leg.negotiation());
        if let Some(remote) = negotiation.facts(policy) {
            context.media(MediaOrder::Claim { slot: slot.id, remote: Box::new(remote) });
        }
    }

    /// Two legs hear each other.
    pub(super) fn patch(&self, context: &mut Context<'_>, one: LegId, other: LegId) {
        let slot = |leg| self.legs.get(&leg).and_then(|member| member.slot).map(|slot| slot.id);
        let (Some(one), Some(other)) = (slot(one), slot(other)) else { return };
        context.media(MediaOrder::Patch { from: one, to: Some(other) });
        context.media(MediaOrder::Patch { from: other, to: Some(one) });
    }

    /// The leg that uses a slot.
    pub(super) fn leg_at(&self, slot: SlotId) -> Option<LegId> {
        let mut members = self.legs.iter();
        members.find(|(_, member)| member.slot.is_some_and(|own| own.id == slot)).map(|(id, _)| *id)
    }

    /// No audio from a party for too long ends a conversation. Before the answer silence is no news, and a
    /// phone that has put the other one on hold mostly sends nothing.
    pub(super) fn handle_silence(&mut self, context: &mut Context<'_>, slot: SlotId) {
        let up = self
            .leg_at(slot)
            .and_then(|leg| self.legs.get(&leg))
            .is_some_and(|member| member.leg.stage() == Stage::Up);
        let talks = match &self.activity {
            Activity::Bridged(bridge) => !bridge.is_held(),
            Activity::App(_) => true,
            Activity::Dial | Activity::Over => false,
        };
        if up && talks {
            self.end(context, EndedBy::Server, Reason::RtpTimeout, None);
        }
    }
}

/// The encoding name of the first voice format.
pub(super) fn codec_name(session: &Session) -> String {
    let name = session.audio().and_then(|audio| audio.voices().next());
    name.map(|format| String::from_utf8_lossy(format.name).into_owned()).unwrap_or_default()
}

/// A party that described itself as `known` may send any of its formats, and is sent the first of `other`'s:
/// do both ends understand each other without being asked again?
pub(super) fn fits(known: &Session, other: &Session) -> bool {
    let (Some(known), Some(other)) = (known.audio(), other.audio()) else { return false };
    let has = |formats: &strowger_sdp::Media<'_>, wanted: &strowger_sdp::Format<'_>| {
        formats.voices().any(|f| f.payload == wanted.payload && f.same_encoding(wanted))
    };
    let heard = other.voices().next().is_some_and(|first| has(&known, &first));
    heard && known.voices().all(|format| has(&other, &format))
}
