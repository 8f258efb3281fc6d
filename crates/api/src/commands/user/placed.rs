//! Calls between two numbers that a command orders without waiting for them: how they went on is pushed later.

use strowger_model::CallId;
use strowger_model::event::{CallChanged, CallStep};
use strowger_switch::{Handle, LiveState};
use tokio::sync::broadcast::error::RecvError;

use crate::declare::Outcome;
use crate::dispatch::Call;
use crate::push::Later;
use crate::reply::{Failure, Reply};

/// What happens to calls.
pub(super) type Events = tokio::sync::broadcast::Receiver<CallChanged>;

/// The answer of a state of a call.
pub(super) fn reply(call: CallId, state: &'static str) -> Reply {
    Reply::ok(format!("callid:{call} {state}")).with("callid", call.to_string()).with("state", state)
}

/// Pushes how the call went on where the request came on a stream. `events` began before the call was placed.
pub(super) fn push_later(call: &Call, mut events: Events, id: CallId) {
    if let Some(later) = Later::of(call) {
        let switch = call.switch().clone();
        tokio::spawn(async move { later.result(settled(&mut events, &switch, id).await) });
    }
}

/// How an order that was answered at once went on: both talk, or it failed before that.
async fn settled(events: &mut Events, switch: &Handle, id: CallId) -> Outcome {
    let mut answered = 0;
    loop {
        match events.recv().await {
            Ok(CallChanged { call, what: CallStep::Answered { .. }, .. }) if call == id => {
                answered += 1;
                if answered == 2 {
                    return Ok(reply(id, "connected"));
                }
            }
            Ok(CallChanged { call, what: CallStep::Ended { reason, .. }, .. }) if call == id => {
                return Err(Failure::failed(format!("callid:{id} {reason}")));
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => {
                let live = switch.live_calls(strowger_model::Scope::All).await?;
                match live.iter().find(|running| running.id == id) {
                    Some(running) if running.state == LiveState::Speaking => {
                        return Ok(reply(id, "connected"));
                    }
                    Some(_) => {}
                    None => return Err(Failure::failed(format!("callid:{id} ended"))),
                }
            }
            Err(RecvError::Closed) => return Err(Failure::failed("the server is being stopped")),
        }
    }
}
