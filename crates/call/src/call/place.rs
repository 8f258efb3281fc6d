//! Calls that the server makes itself: one party first, then the other, both at the initiator's expense.

use strowger_model::event::CallStep;
use strowger_model::media::Source;
use strowger_model::{AccountId, CallId, LegId, Now};
use strowger_route::Origin;

use super::context::Context;
use super::{Call, Caller};
use crate::env::Env;
use crate::input::{CallOutput, Done, OrderError, Wait};
use crate::leg::Presented;
use crate::reasons::Reason;

/// Max-Forwards of a call that begins here (RFC 3261 section 8.1.1.6).
const MAX_FORWARDS: u32 = 70;

/// What a placed call still has to do and to say.
#[derive(Debug)]
pub struct Placed {
    /// The order to reply to; none when that is done.
    token: Option<u64>,
    wait: Wait,
    initiator: AccountId,
    second: String,
    /// The first party is being dialled or has been.
    launched: bool,
}

/// What is to be placed.
#[derive(Debug)]
pub struct Wish {
    /// Who pays.
    pub initiator: AccountId,
    /// Rung first.
    pub first: String,
    /// Rung then.
    pub second: String,
    /// The number shown to both.
    pub shown: Option<String>,
    /// When to reply.
    pub wait: Wait,
    /// The order to reply to.
    pub token: u64,
}

impl Call {
    /// A call that the server makes. It begins with [`Call::start_placed`].
    pub fn placed(id: CallId, now: Now, wish: Wish, env: &dyn Env) -> Self {
        let caller = account_as_caller(wish.initiator, wish.shown, env);
        let mut call = Self::new(id, now, caller, wish.first);
        call.placed = Some(Placed {
            token: Some(wish.token),
            wait: wish.wait,
            initiator: wish.initiator,
            second: wish.second,
            launched: false,
        });
        call
    }

    /// Dials the first party.
    pub fn start_placed(&mut self, context: &mut Context<'_>) {
        let Some(by) = self.placed.as_ref().map(|placed| placed.initiator) else { return };
        let dialled = self.dialled.clone();
        let step = CallStep::Started { leg: None, caller: Some(by), dialled: dialled.clone() };
        context.changed(self.id, step);
        match self.decide(context, &dialled, Origin::Initiated { by }) {
            Ok(plan) => self.try_plan(context, plan),
            Err(refuse) => self.refuse(context, &refuse),
        }
    }

    /// The first party answered: the second one is dialled, the first hears ring-back meanwhile.
    pub(super) fn first_answered(&mut self, context: &mut Context<'_>, leg: LegId) {
        self.a = Some(leg);
        if let Some(member) = self.legs.get(&leg) {
            member.leg.call_id().clone_into(&mut self.sip_call_id);
        }
        self.claim(context, leg);
        self.placed_reply(context, Wait::FirstAnswered);
        let Some(placed) = &self.placed else { return };
        let (second, by) = (placed.second.clone(), placed.initiator);
        self.dialled.clone_from(&second);
        match self.decide(context, &second, Origin::Initiated { by }) {
            Ok(plan) => {
                self.play_to_a(context, Source::Ringback);
                self.try_plan(context, plan);
            }
            Err(refuse) => self.refuse(context, &refuse),
        }
    }

    /// The first INVITE is about to leave.
    pub(super) fn placed_reply_at_launch(&mut self, context: &mut Context<'_>) {
        if let Some(placed) = &mut self.placed {
            placed.launched = true;
            self.placed_reply(context, Wait::Placed);
        }
    }

    /// Both talk.
    pub(super) fn placed_connected(&mut self, context: &mut Context<'_>) {
        self.placed_reply(context, Wait::Connected);
    }

    fn placed_reply(&mut self, context: &mut Context<'_>, reached: Wait) {
        let Some(placed) = &mut self.placed else { return };
        if placed.wait == reached
            && let Some(token) = placed.token.take()
        {
            let done = Done::Placed { call: self.id, answered: reached != Wait::Placed };
            context.out.push_back(CallOutput::Reply { token, outcome: Ok(done) });
        }
    }

    /// The call ended before what was waited for.
    pub(super) fn placed_failed(&mut self, context: &mut Context<'_>, status: u16, reason: Reason) {
        let Some(placed) = &mut self.placed else { return };
        let Some(token) = placed.token.take() else { return };
        let reason = reason.phrase().to_owned();
        let outcome = if placed.launched {
            Err(OrderError::Failed { call: self.id, status, reason })
        } else {
            Err(OrderError::Refused { status, reason })
        };
        context.out.push_back(CallOutput::Reply { token, outcome });
    }
}

/// An account as the caller of a call that begins here: with its name, and its number unless another one is shown.
pub(super) fn account_as_caller(account: AccountId, shown: Option<String>, env: &dyn Env) -> Caller {
    let known = env.routes().account(account).cloned();
    let display = known.as_ref().map(|known| known.display_name.to_string()).unwrap_or_default();
    let own = known.map(|known| {
        let number = if known.phone.is_empty() { &known.username } else { &known.phone };
        number.to_string()
    });
    Caller {
        account: Some(account),
        trunk: false,
        presented: Presented { display, number: shown.or(own).unwrap_or_default(), private: false },
        max_forwards: MAX_FORWARDS,
    }
}
