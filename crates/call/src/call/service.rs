//! A call whose leg is owned by an app: service numbers.

use strowger_model::SlotId;
use strowger_model::cdr::EndedBy;
use strowger_model::event::CallStep;
use strowger_model::media::MediaOrder;
use strowger_route::Service;

use super::context::Context;
use super::media::codec_name;
use super::{Activity, Call};
use crate::app::{AppEvent, AppOrder};
use crate::leg::{Description, LegOrder, Stage};
use crate::reasons::Reason;

impl Call {
    /// The plan leads to a service number.
    pub(super) fn start_app(&mut self, context: &mut Context<'_>, index: usize, service: Service) {
        // A placed call dials its first party: there is nobody yet who could hear an app.
        let app = self.a.and_then(|_| context.env.app(service));
        let Some(app) = app else {
            return self.trial_failed(context, index, 404, Reason::NotFound);
        };
        if let Err(why) = self.ensure_slot_of_a(context) {
            return self.trial_failed(context, index, why.status(), why);
        }
        self.activity = Activity::App(app);
        self.tell_app(context, AppEvent::Started);
    }

    /// Tells the app, and does what it wants.
    pub(super) fn tell_app(&mut self, context: &mut Context<'_>, event: AppEvent) {
        let Activity::App(app) = &mut self.activity else { return };
        for order in app.handle(event) {
            match order {
                AppOrder::Answer => self.answer_for_app(context),
                AppOrder::Source(source) => {
                    if let Some(slot) = self.a.and_then(|a| self.legs.get(&a)).and_then(|m| m.slot) {
                        context.media(MediaOrder::Source { slot: slot.id, source });
                    }
                }
                AppOrder::Hangup => self.end(context, EndedBy::Called, Reason::Normal, None),
            }
            if !matches!(self.activity, Activity::App(_)) {
                return;
            }
        }
    }

    fn answer_for_app(&mut self, context: &mut Context<'_>) {
        let Some(a) = self.a else { return };
        if self.a_stage() == Some(Stage::Early)
            && !self.order(context, a, LegOrder::Answer(Description::Local))
        {
            return self.end(context, EndedBy::Server, Reason::Media, Some(488));
        }
        let codec = self.legs.get(&a).and_then(|m| m.leg.negotiation().local()).map(codec_name);
        let Some(index) = self.trials.len().checked_sub(1) else { return };
        let trial = &mut self.trials[index];
        trial.meter.answered(context.now);
        trial.answered = Some(context.now);
        trial.codec = codec.unwrap_or_default();
        let leg = trial.leg;
        self.ends_at = Some(self.end_of_conversation(context));
        self.claim(context, a);
        context.changed(self.id, CallStep::Answered { leg });
        self.placed_connected(context);
        self.extend(context, index);
    }

    /// A key was heard in the audio.
    pub(super) fn app_key(&mut self, context: &mut Context<'_>, slot: SlotId, digit: char) {
        if self.leg_at(slot).is_some() {
            self.tell_app(context, AppEvent::Dtmf(digit));
        }
    }

    /// A bounded source came to its end.
    pub(super) fn app_played(&mut self, context: &mut Context<'_>, slot: SlotId) {
        if self.leg_at(slot).is_some() {
            self.tell_app(context, AppEvent::Played);
        }
    }
}
