//! Wishes from outside: calls to be placed and to be ended.

use strowger_model::cdr::EndedBy;
use strowger_model::{AccountId, CallId, Now};

use super::Calls;
use crate::call::{Call, Context, Trying, Wish};
use crate::env::Env;
use crate::input::{CallOrder, CallOutput, Done, OrderError};
use crate::reasons::Reason;

impl Calls {
    pub(super) fn handle_order(&mut self, now: Now, token: u64, order: CallOrder, env: &mut dyn Env) {
        let by_server = |reason: Reason| {
            move |call: &mut Call, context: &mut Context<'_>| {
                call.end(context, EndedBy::Server, reason, None);
            }
        };
        let outcome = match order {
            CallOrder::Place { initiator, first, second, shown, wait } => {
                let wish = Wish { initiator, first, second, shown, wait, token };
                return self.place(now, wish, env);
            }
            CallOrder::Test { account, called, seconds } => {
                return self.test(now, Trying { account, called, seconds, token }, env);
            }
            CallOrder::Hangup { call } => self.end_some(
                now,
                env,
                |id, _| id == call,
                by_server(Reason::Administrator),
                OrderError::NoSuchCall,
            ),
            CallOrder::HangupLeg { leg } => {
                let owner = self.legs.get(&leg).copied();
                self.end_some(
                    now,
                    env,
                    |id, _| Some(id) == owner,
                    by_server(Reason::Administrator),
                    OrderError::NoSuchLeg,
                )
            }
            CallOrder::HangupAccount { account } => {
                let calls = self.running_calls(|_, call| call.concerns(account));
                Ok(self.end_these(now, env, &calls, by_server(Reason::Administrator)))
            }
            CallOrder::HangupAll => {
                let calls = self.running_calls(|_, _| true);
                Ok(self.end_these(now, env, &calls, by_server(Reason::Shutdown)))
            }
            CallOrder::Drop { call } => self.end_some(
                now,
                env,
                |id, _| id == call,
                |call, context| call.give_up_money(context, Reason::Administrator),
                OrderError::NoSuchCall,
            ),
        };
        self.out.push_back(CallOutput::Reply { token, outcome: outcome.map(Done::Ended) });
    }

    fn running_calls(&self, wanted: impl Fn(CallId, &Call) -> bool) -> Vec<CallId> {
        let running = self.calls.iter().filter(|(id, entry)| entry.call.runs() && wanted(**id, &entry.call));
        running.map(|(id, _)| *id).collect()
    }

    fn end_these(
        &mut self,
        now: Now,
        env: &mut dyn Env,
        calls: &[CallId],
        end: impl Fn(&mut Call, &mut Context<'_>),
    ) -> usize {
        for id in calls {
            self.with(now, *id, env, &end);
        }
        calls.len()
    }

    fn end_some(
        &mut self,
        now: Now,
        env: &mut dyn Env,
        wanted: impl Fn(CallId, &Call) -> bool,
        end: impl Fn(&mut Call, &mut Context<'_>),
        otherwise: OrderError,
    ) -> Result<usize, OrderError> {
        let calls = self.running_calls(wanted);
        if calls.is_empty() { Err(otherwise) } else { Ok(self.end_these(now, env, &calls, end)) }
    }

    fn place(&mut self, now: Now, wish: Wish, env: &mut dyn Env) {
        if self.admits(wish.initiator, wish.token, env) {
            let id = env.mint().call();
            let call = Call::placed(id, now, wish, env);
            self.begin(now, id, call, env, Call::start_placed);
        }
    }

    fn test(&mut self, now: Now, trying: Trying, env: &mut dyn Env) {
        if self.admits(trying.account, trying.token, env) {
            let id = env.mint().call();
            let call = Call::test(id, now, trying, env);
            self.begin(now, id, call, env, Call::start_test);
        }
    }

    /// A call of our own may be begun for the account; else the order is answered with why not.
    fn admits(&mut self, account: AccountId, token: u64, env: &dyn Env) -> bool {
        let known = env.routes().account(account).is_some();
        let refusal = match () {
            () if env.settings().draining => Some(OrderError::Draining),
            () if self.calls.len() >= env.settings().max_calls => Some(OrderError::Full),
            () if !known => Some(OrderError::NoSuchAccount),
            () => None,
        };
        let admitted = refusal.is_none();
        if let Some(refusal) = refusal {
            self.out.push_back(CallOutput::Reply { token, outcome: Err(refusal) });
        }
        admitted
    }
}
