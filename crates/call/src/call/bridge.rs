//! Two parties in conversation: how they are connected, and how offers, keys and ends pass between them.

use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::Source;
use strowger_model::{LegId, Mono};
use strowger_sdp::{Direction, Session};

use super::context::Context;
use super::media::{codec_name, fits};
use super::{Activity, Call};
use crate::app::AppEvent;
use crate::leg::{Description, Ending, LegOrder, OrderRefused, Stage};
use crate::reasons::Reason;

/// RFC 3261 section 14.1: whoever chose the Call-ID waits so long after a 491, in milliseconds.
const GLARE_MS: std::ops::Range<u64> = 2100..4000;

/// An offer of ours is tried again so often.
const MAX_RETRIES: u8 = 3;

/// An offer that was passed on and is not answered yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    /// Whose offer; none: ours, or given up by its maker.
    asker: Option<LegId>,
    /// Who has to answer.
    asked: LegId,
    /// The offer puts the other side on hold.
    holds: bool,
}

/// Two connected legs.
#[derive(Debug)]
pub struct Bridge {
    a: LegId,
    b: LegId,
    pending: Option<Pending>,
    /// This leg must hear of the other one's codecs as soon as it can take an offer.
    owed: Option<LegId>,
    /// An offer of ours met one of the party's: tried again then.
    retry_at: Option<Mono>,
    retries: u8,
    /// Legs that have put the other one on hold.
    holders: Vec<LegId>,
}

impl Bridge {
    /// A party has put the other one on hold.
    pub const fn is_held(&self) -> bool {
        !self.holders.is_empty()
    }

    /// The calling party and the called one.
    pub const fn parties(&self) -> (LegId, LegId) {
        (self.a, self.b)
    }

    /// When an offer is tried again.
    pub const fn deadline(&self) -> Option<Mono> {
        self.retry_at
    }

    fn other(&self, leg: LegId) -> LegId {
        if leg == self.a { self.b } else { self.a }
    }
}

impl Call {
    /// A branch answered: it wins its trial, the others are told so.
    pub(super) fn branch_answered(&mut self, context: &mut Context<'_>, leg: LegId, sdp: Option<Session>) {
        let Some(index) = self.trial_of(leg) else { return };
        let Some(sdp) = sdp else {
            self.hang_up(context, leg, Reason::Media, None);
            if let Some(trial) = self.trials.get_mut(index) {
                trial.branches.retain(|branch| *branch != leg);
                trial.note_failure(488);
                if !trial.branches.is_empty() {
                    return;
                }
            }
            return self.step_failed(context, index, 488, Reason::Media);
        };
        self.drop_branches(context, index, Reason::Elsewhere, Some(leg));
        let (Some(trial), Some(member)) = (self.trials.get_mut(index), self.legs.get_mut(&leg)) else {
            return;
        };
        member.early = None;
        if let Some(target) = &member.target {
            trial.meter.take_branch(target.chain.clone());
            trial.sent.clone_from(&target.sent);
        }
        trial.meter.answered(context.now);
        trial.answered = Some(context.now);
        (trial.ring_until, trial.hear_until) = (None, None);
        trial.server = member.trunk;
        member.leg.call_id().clone_into(&mut trial.call_id);
        trial.codec = codec_name(&sdp);
        context.changed(self.id, CallStep::Answered { leg });
        match self.a {
            Some(a) => self.connect(context, a, leg, &sdp),
            None if self.test.is_some() => self.test_answered(context, leg),
            None => self.first_answered(context, leg),
        }
        if self.trials.get(index).is_some_and(super::Trial::is_open) {
            self.extend(context, index);
        }
    }

    fn connect(&mut self, context: &mut Context<'_>, a: LegId, b: LegId, sdp: &Session) {
        let Some(member) = self.legs.get(&a) else { return };
        let negotiation = member.leg.negotiation();
        // What A was told, or has said itself, may not fit the party that answered in the end.
        let known = match member.leg.stage() {
            Stage::Early => negotiation.local(),
            _ => negotiation.remote(),
        };
        let owed = known.is_some_and(|known| !fits(known, sdp));
        if member.leg.stage() == Stage::Early {
            let answer = LegOrder::Answer(Description::Relay(sdp.clone()));
            if !self.order(context, a, answer) {
                return self.end(context, EndedBy::Server, Reason::Media, Some(488));
            }
        }
        let owed = owed.then_some(a);
        self.activity = Activity::Bridged(Bridge {
            a,
            b,
            pending: None,
            owed,
            retry_at: None,
            retries: 0,
            holders: Vec::new(),
        });
        self.ends_at = Some(self.end_of_conversation(context));
        self.claim(context, b);
        self.claim(context, a);
        self.play_to_a(context, Source::None);
        self.patch(context, a, b);
        self.placed_connected(context);
        self.pay_owed(context);
    }

    /// When the longest conversation is over.
    pub(super) fn end_of_conversation(&self, context: &Context<'_>) -> Mono {
        context.now.mono.plus_ms(context.env.settings().max_call_ms)
    }

    const fn bridge(&mut self) -> Option<&mut Bridge> {
        match &mut self.activity {
            Activity::Bridged(bridge) => Some(bridge),
            _ => None,
        }
    }

    /// The offer that a leg is owed, if it can take one: its description no longer fits the other party's.
    pub(super) fn pay_owed(&mut self, context: &mut Context<'_>) {
        let Some(bridge) = self.bridge() else { return };
        let (Some(leg), None, None) = (bridge.owed, bridge.pending, bridge.retry_at) else { return };
        let other = bridge.other(leg);
        let heard = self.legs.get(&other).and_then(|member| member.leg.negotiation().remote()).cloned();
        let Some(heard) = heard else { return };
        match self.try_order(context, leg, LegOrder::Offer(Description::Relay(heard))) {
            Ok(()) => {
                if let Some(bridge) = self.bridge() {
                    bridge.owed = None;
                    bridge.pending = Some(Pending { asker: None, asked: leg, holds: false });
                }
            }
            // Its ACK is still on the way, or it is negotiating itself: later.
            Err(OrderRefused::Stage) => {}
            Err(OrderRefused::Media(_)) => self.end(context, EndedBy::Server, Reason::Media, None),
        }
    }

    /// An offer that met another one is due again.
    pub(super) fn handle_retry(&mut self, context: &mut Context<'_>) {
        let now = context.now.mono;
        if let Some(bridge) = self.bridge()
            && bridge.retry_at.take_if(|at| *at <= now).is_some()
        {
            self.pay_owed(context);
        }
    }

    /// A leg acknowledged our answer and may be asked again.
    pub(super) fn acknowledged(&mut self, context: &mut Context<'_>) {
        self.pay_owed(context);
    }

    /// A party offers other media: the other party decides.
    pub(super) fn offered(&mut self, context: &mut Context<'_>, id: LegId, sdp: Option<Session>) {
        let Some(bridge) = self.bridge() else {
            // The leg ends here at the moment: an app, or a party that waits for the other one.
            if !self.order(context, id, LegOrder::AcceptOffer(Description::Local)) {
                self.order(context, id, LegOrder::Reject { status: 488 });
            }
            return self.claim(context, id);
        };
        let (other, busy) = (bridge.other(id), bridge.pending.is_some());
        if busy {
            self.order(context, id, LegOrder::Reject { status: 491 });
            return;
        }
        let Some(sdp) = sdp else { return self.offer_back(context, id, other) };
        let holds = sdp.audio().is_some_and(|audio| audio.effective_direction() != Direction::SendRecv);
        match self.try_order(context, other, LegOrder::Offer(Description::Relay(sdp))) {
            Ok(()) => {
                if let Some(bridge) = self.bridge() {
                    bridge.pending = Some(Pending { asker: Some(id), asked: other, holds });
                }
            }
            Err(why) => {
                let status = if why == OrderRefused::Stage { 491 } else { 488 };
                self.order(context, id, LegOrder::Reject { status });
            }
        }
    }

    /// A party asks for our offer: it gets what the other one described last.
    fn offer_back(&mut self, context: &mut Context<'_>, id: LegId, other: LegId) {
        let heard = self.legs.get(&other).and_then(|member| member.leg.negotiation().remote());
        let description = heard.cloned().map_or(Description::Same, Description::Relay);
        if !self.order(context, id, LegOrder::AcceptOffer(description)) {
            self.order(context, id, LegOrder::Reject { status: 488 });
        }
    }

    /// An offer was accepted: one that was passed on, one of ours, or one that went with a 200.
    pub(super) fn accepted(&mut self, context: &mut Context<'_>, id: LegId, sdp: &Session) {
        let Some(bridge) = self.bridge() else { return self.claim(context, id) };
        let pending = bridge.pending.take_if(|pending| pending.asked == id);
        let other = bridge.other(id);
        self.claim(context, id);
        match pending {
            Some(Pending { asker: Some(asker), holds, .. }) => {
                let accept = LegOrder::AcceptOffer(Description::Relay(sdp.clone()));
                if !self.order(context, asker, accept) {
                    self.order(context, asker, LegOrder::Reject { status: 488 });
                    if let Some(bridge) = self.bridge() {
                        bridge.owed = Some(id);
                    }
                }
                self.claim(context, asker);
                self.note_hold(context, asker, holds);
            }
            Some(Pending { asker: None, .. }) => {}
            None => {
                let heard = self.legs.get(&other).and_then(|member| member.leg.negotiation().remote());
                let fits = heard.is_none_or(|heard| fits(heard, sdp));
                let held =
                    sdp.audio().is_some_and(|audio| audio.effective_direction() != Direction::SendRecv);
                if (!fits || held)
                    && let Some(bridge) = self.bridge()
                {
                    bridge.owed = Some(other);
                }
                self.note_hold(context, id, held);
            }
        }
        self.pay_owed(context);
    }

    fn note_hold(&mut self, context: &mut Context<'_>, leg: LegId, held: bool) {
        let Some(bridge) = self.bridge() else { return };
        if held == bridge.holders.contains(&leg) {
            return;
        }
        if held {
            bridge.holders.push(leg);
        } else {
            bridge.holders.retain(|holder| *holder != leg);
        }
        context.changed(self.id, CallStep::Held { leg, held });
    }

    /// An offer came to nothing.
    pub(super) fn refused(&mut self, context: &mut Context<'_>, id: LegId, status: u16) {
        let described = self.legs.get(&id).is_some_and(|m| m.leg.negotiation().remote().is_some());
        if !described {
            // The only description that we would ever have had did not come, or did not fit.
            return self.end(context, EndedBy::Server, Reason::Media, Some(488));
        }
        let Some(bridge) = self.bridge() else { return };
        if let Some(pending) = &mut bridge.pending
            && pending.asker == Some(id)
        {
            pending.asker = None;
            return;
        }
        let pending = bridge.pending.take_if(|pending| pending.asked == id);
        match pending {
            Some(Pending { asker: Some(asker), .. }) => {
                let status = if (400..700).contains(&status) { status } else { 488 };
                self.order(context, asker, LegOrder::Reject { status });
            }
            Some(Pending { asker: None, .. }) if status == 491 && bridge.retries < MAX_RETRIES => {
                bridge.owed = Some(id);
                bridge.retries += 1;
                let wait_ms = GLARE_MS.start + context.env.random() % (GLARE_MS.end - GLARE_MS.start);
                bridge.retry_at = Some(context.now.mono.plus_ms(wait_ms));
            }
            _ => {}
        }
        self.pay_owed(context);
    }

    /// A key was pressed, reported by INFO.
    pub(super) fn key(&mut self, context: &mut Context<'_>, id: LegId, digit: char, duration_ms: u32) {
        match &mut self.activity {
            Activity::Bridged(bridge) => {
                let other = bridge.other(id);
                self.order(context, other, LegOrder::Dtmf { digit, duration_ms });
            }
            Activity::App(_) => self.tell_app(context, AppEvent::Dtmf(digit)),
            Activity::Dial | Activity::Over => {}
        }
    }

    /// A leg that was answered, or that called us, is over.
    pub(super) fn party_ended(&mut self, context: &mut Context<'_>, id: LegId, status: u16, by: Ending) {
        // Of a test call the one party is the called one, and talks without a bridge.
        let tested = self.test.is_some();
        let calling = self.a == Some(id) && !tested;
        let who = match (by, calling) {
            (Ending::Silence, _) => EndedBy::Server,
            (Ending::Party, true) => EndedBy::Caller,
            (Ending::Party, false) => EndedBy::Called,
        };
        let reason = match (&self.activity, by) {
            (Activity::Dial, Ending::Party) if !tested => Reason::Cancelled,
            // The INVITE itself was refused by its leg.
            (Activity::Dial, Ending::Silence) if self.trials.is_empty() && status != 408 => Reason::Failed,
            (_, Ending::Party) if status == 200 => Reason::Normal,
            _ => Reason::Vanished,
        };
        self.end(context, who, reason, (reason == Reason::Failed).then_some(status));
    }
}
