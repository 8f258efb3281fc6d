//! What the caller hears before the answer. It sees one dialog, whose description freezes at the first 18x
//! that carries one. With several live branches it hears ring-back, unless exactly one of them sends sound.

use strowger_model::LegId;
use strowger_model::event::CallStep;
use strowger_model::media::{MediaOrder, Source};
use strowger_sdp::Session;

use super::Call;
use super::context::Context;
use crate::leg::{Description, LegOrder, Stage};

impl Call {
    /// A branch is at work.
    pub(super) fn progress(
        &mut self,
        context: &mut Context<'_>,
        leg: LegId,
        dialog: usize,
        status: u16,
        sdp: Option<Session>,
    ) {
        let Some(index) = self.trial_of(leg) else { return };
        let Some(member) = self.legs.get_mut(&leg) else { return };
        let sounds = sdp.is_some();
        if let Some(sdp) = sdp {
            member.early = Some((dialog, sdp));
        }
        let first = !std::mem::replace(&mut member.rings, true);
        if first {
            context.changed(self.id, CallStep::Ringing { leg });
        }
        if let Some(trial) = self.trials.get_mut(index) {
            trial.rang.get_or_insert(context.now.mono);
        }
        if sounds {
            self.early_media(context, index);
        }
        let waits = self.a_stage() == Some(Stage::Early);
        if waits && status == 180 {
            self.ring_a(context);
        } else if !waits && !sounds && first {
            self.play_to_a(context, Source::Ringback);
        }
    }

    /// Connects the one branch that sends sound, or lets the caller hear ring-back.
    pub(super) fn early_media(&mut self, context: &mut Context<'_>, index: usize) {
        let Some(trial) = self.trials.get(index) else { return };
        let sounding: Vec<LegId> = trial
            .branches
            .iter()
            .copied()
            .filter(|leg| self.legs.get(leg).is_some_and(|member| member.early.is_some()))
            .collect();
        let Some(a) = self.a else { return };
        match sounding.as_slice() {
            [] => {}
            [leg] => self.let_through(context, a, *leg),
            _ => {
                self.unpatch_a(context);
                if self.frozen(a) {
                    self.play_to_a(context, Source::Ringback);
                }
            }
        }
    }

    fn let_through(&mut self, context: &mut Context<'_>, a: LegId, leg: LegId) {
        let Some((_, sdp)) = self.legs.get(&leg).and_then(|member| member.early.clone()) else { return };
        let speakable = match self.legs.get(&a) {
            Some(member) if member.leg.stage() == Stage::Up => {
                let heard = member.leg.negotiation().remote();
                heard.is_some_and(|heard| strowger_sdp::compatible(heard, &sdp))
            }
            Some(_) if self.frozen(a) => true,
            Some(_) => {
                let told = self.order(context, a, LegOrder::Progress(Description::Relay(sdp)));
                self.rung |= told;
                told && self.frozen(a)
            }
            None => false,
        };
        if speakable {
            self.claim(context, leg);
            self.claim(context, a);
            self.play_to_a(context, Source::None);
            self.patch(context, a, leg);
        }
    }

    /// The calling leg has our description.
    fn frozen(&self, a: LegId) -> bool {
        self.legs.get(&a).is_some_and(|member| member.leg.negotiation().local().is_some())
    }

    /// How far the calling leg is.
    pub(super) fn a_stage(&self) -> Option<Stage> {
        self.a.and_then(|a| self.legs.get(&a)).map(|member| member.leg.stage())
    }

    /// The calling leg hears something of ours. It must have our description for that.
    pub(super) fn play_to_a(&mut self, context: &mut Context<'_>, source: Source) {
        let Some(a) = self.a.filter(|a| self.frozen(*a)) else { return };
        if let Some(slot) = self.legs.get(&a).and_then(|member| member.slot) {
            context.media(MediaOrder::Source { slot: slot.id, source });
        }
    }

    fn unpatch_a(&self, context: &mut Context<'_>) {
        if let Some(slot) = self.a.and_then(|a| self.legs.get(&a)).and_then(|member| member.slot) {
            context.media(MediaOrder::Patch { from: slot.id, to: None });
        }
    }
}
