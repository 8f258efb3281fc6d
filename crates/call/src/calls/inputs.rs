//! Inputs about one message, slot or money step, brought to the call or leg they belong to.

use strowger_model::id::FlowId;
use strowger_model::media::MediaEvent;
use strowger_model::payment::MoneyEvent;
use strowger_model::{AccountId, CallId, LegId, Now};
use strowger_sip::{Message, TransactionKey};

use super::Calls;
use crate::call::{Call, manner};
use crate::env::Env;
use crate::hop::Hop;
use crate::input::Belongs;
use crate::leg::{Kind, Leg, opened_by};

impl Calls {
    pub(super) fn handle_sip(&mut self, now: Now, message: &Message, from: Hop, env: &mut dyn Env) {
        let Belongs::Leg(leg) = self.belongs(message) else { return };
        match self.legs.get(&leg).copied() {
            Some(id) => self.with(now, id, env, |call, context| {
                call.handle_message(context, leg, message, from);
            }),
            None => self.with_retired(leg, |leg| leg.handle_message(now, message, from)),
        }
    }

    pub(super) fn handle_invite(
        &mut self,
        now: Now,
        message: &Message,
        from: Hop,
        (caller, trunk, called): (AccountId, bool, String),
        env: &mut dyn Env,
    ) {
        if self.belongs(message) != Belongs::NewInvite {
            return self.handle_sip(now, message, from, env);
        }
        let (id, leg, nonce) = (env.mint().call(), env.mint().leg(), env.random());
        let local = env.local(&from);
        let kind = if trunk { Kind::Trunk } else { Kind::Phone };
        let manner = manner(env);
        let leg = Leg::incoming(now, (leg, nonce), kind, message, (from, local), manner);
        let key = TransactionKey::of_request(message);
        self.invites.insert(key.clone(), leg.id());
        self.invite_of.insert(leg.id(), key);
        self.begin(now, id, Call::incoming(id, now, leg, caller, trunk, called), env, Call::start);
    }

    pub(super) fn handle_media(&mut self, now: Now, event: &MediaEvent, env: &mut dyn Env) {
        let slot = match event {
            MediaEvent::Latched { slot, .. }
            | MediaEvent::Dtmf { slot, .. }
            | MediaEvent::Silent { slot }
            | MediaEvent::Played { slot }
            | MediaEvent::Stats { slot, .. }
            | MediaEvent::Refused { slot, .. } => slot,
            MediaEvent::Slots { .. } | MediaEvent::TapClosed { .. } => return,
        };
        if let Some(id) = self.slots.get(slot).copied() {
            self.with(now, id, env, |call, context| call.handle_media(context, event));
        }
    }

    pub(super) fn handle_money(&mut self, now: Now, event: &MoneyEvent, env: &mut dyn Env) {
        self.with(now, event.step().call, env, |call, context| call.handle_money(context, event));
    }

    /// A connection is gone: whoever used it hears of it.
    pub(super) fn handle_flow_closed(&mut self, now: Now, flow: FlowId, env: &mut dyn Env) {
        let calls = self.calls.iter().filter(|(_, entry)| entry.call.uses(flow));
        let calls: Vec<CallId> = calls.map(|(id, _)| *id).collect();
        for id in calls {
            self.with(now, id, env, |call, context| call.handle_flow_closed(context, flow));
        }
        let legs = self.retired.iter().filter(|(_, retired)| retired.leg.uses(flow));
        let legs: Vec<LegId> = legs.map(|(id, _)| *id).collect();
        for id in legs {
            self.with_retired(id, |leg| leg.handle_flow_closed(now, flow));
        }
    }

    pub(super) fn handle_adopt(&mut self, now: Now, snapshot: &str) {
        let Ok(leg) = Leg::adopt_to_end(snapshot, now) else { return };
        // Both records of a placed call name the same legs.
        if self.legs.contains_key(&leg.id()) || self.retired.contains_key(&leg.id()) {
            return;
        }
        // A caller that repeats its INVITE hears its refusal again, and not of a new call.
        if let Some(key) = opened_by(snapshot) {
            self.invites.insert(key.clone(), leg.id());
            self.invite_of.insert(leg.id(), key);
        }
        self.retire(vec![leg]);
    }
}
