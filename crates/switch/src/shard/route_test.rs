//! Where a call would go: the same functions as for a real one, without placing it.

use strowger_model::account::Transport;
use strowger_model::{AccountId, Now};
use strowger_route::{
    Arrival, Decision, Identity, Origin, Query, Refuse, Stage, TraceStep, decide, identify_traced,
};

use super::Shard;
use crate::handle::types::RoutingTest;

impl Shard {
    pub(super) fn route(&mut self, now: Now, test: &RoutingTest) -> Decision {
        let routes = self.world.routes.load_full();
        let mut trace = Vec::new();
        let (mut caller, mut called) = (test.caller, test.called.clone());
        if let Some(source) = test.ip {
            let arrival = Arrival {
                source,
                transport: Transport::Udp,
                from_user: &test.caller_number,
                from_host: "",
                called_user: &test.called,
                called_host: "",
                digest: test.caller,
                bound_listener: false,
            };
            match identify_traced(&routes, &arrival, &mut trace) {
                Identity::Accept { account, called: stripped, .. } => {
                    caller = Some(account);
                    called = stripped;
                }
                Identity::NeedDigest { candidates } => match only(&candidates) {
                    // The one account that could answer the challenge is taken to have answered it.
                    Some(account) => {
                        let text = "as if the digest had been answered".to_owned();
                        trace.push(TraceStep { stage: Stage::Authentication, text });
                        caller = Some(account);
                    }
                    None => return refused(407, "authentication required", trace),
                },
                Identity::Refuse { status, reason } => return refused(status, reason, trace),
            }
        }
        let down = self.world.health.down();
        let query = Query {
            caller,
            called: &called,
            presented: &test.caller_number,
            now: now.wall,
            origin: Origin::Caller,
            seed: self.world.random.next(),
            down: &down,
            lines: 0,
        };
        let decision = decide(&routes, &query);
        trace.extend(decision.trace);
        Decision { plan: decision.plan, trace }
    }
}

fn only(candidates: &[AccountId]) -> Option<AccountId> {
    match candidates {
        [one] => Some(*one),
        _ => None,
    }
}

const fn refused(status: u16, reason: &'static str, trace: Vec<TraceStep>) -> Decision {
    Decision { plan: Err(Refuse { status, reason }), trace }
}
