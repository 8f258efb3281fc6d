//! What a call works with while it handles one input: the time, the surroundings, and where outputs go.

use std::collections::{BTreeMap, VecDeque};

use strowger_model::event::{CallChanged, CallStep};
use strowger_model::media::MediaOrder;
use strowger_model::payment::MoneyOrder;
use strowger_model::{AccountId, CallId, Now};

use crate::env::Env;
use crate::input::{CallOutput, LineState};
use crate::leg::{Leg, Manner};
use crate::lines::Lines;

/// The surroundings of one input.
pub struct Context<'a> {
    /// The time of the input.
    pub now: Now,
    /// What can be asked.
    pub env: &'a mut dyn Env,
    /// What is to be done.
    pub out: &'a mut VecDeque<CallOutput>,
    /// Position in the shard's stream of events.
    pub sequence: &'a mut u64,
    /// What every account's line does.
    pub lines: &'a Lines,
    /// This call's part of it.
    pub own_lines: &'a BTreeMap<AccountId, LineState>,
    /// There are as many calls as are allowed.
    pub full: bool,
    /// Legs that left their call in this input; their transactions have still to run out.
    pub retired: Vec<Leg>,
}

impl Context<'_> {
    /// Says that something happened.
    pub fn changed(&mut self, call: CallId, what: CallStep) {
        let sequence = *self.sequence;
        *self.sequence += 1;
        self.out.push_back(CallOutput::Changed(CallChanged { sequence, at: self.now.wall, call, what }));
    }

    /// An order to the media engine.
    pub fn media(&mut self, order: MediaOrder) {
        self.out.push_back(CallOutput::Media(order));
    }

    /// An order to the store.
    pub fn money(&mut self, order: MoneyOrder) {
        self.out.push_back(CallOutput::Money(order));
    }

    /// Lets out what the leg has to send.
    pub fn transmit(&mut self, leg: &mut Leg) {
        while let Some((to, bytes)) = leg.poll_transmit() {
            self.out.push_back(CallOutput::Transmit { to, bytes });
        }
    }

    /// Calls that an account has besides this one.
    pub fn other_calls(&self, account: AccountId) -> u32 {
        let own = u32::from(self.own_lines.contains_key(&account));
        self.lines.calls(account).saturating_sub(own)
    }

    /// How legs behave.
    pub fn manner(&self) -> Manner {
        manner(&*self.env)
    }
}

/// How legs behave.
pub fn manner(env: &dyn Env) -> Manner {
    let settings = env.settings();
    Manner {
        agent: settings.user_agent.clone(),
        keepalive_ms: settings.keepalive_ms,
        retry_after_s: settings.retry_after_s,
    }
}
