//! Operations on calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_call::{CallRating, CallView, TestReport};
use strowger_model::{AccountId, Scope, Wall};
use strowger_route::Decision;

use super::types::{CallRef, LiveCall, LiveState, P2p, P2pError, P2pPlaced, RoutingTest, Stopped, TestCall};
use super::{Handle, ask};
use crate::shard::{Answer, Order};

impl Handle {
    /// The calls within the scope.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn live_calls(&self, scope: Scope) -> Result<Vec<LiveCall>, Stopped> {
        let mut calls = Vec::new();
        for inbox in &self.0.inboxes {
            if let Answer::Calls(of_shard) = ask(inbox, Order::LiveCalls(scope)).await? {
                calls.extend(of_shard.into_iter().map(live));
            }
        }
        calls.sort_by_key(|call| (call.start, call.id));
        Ok(calls)
    }

    /// What a call within the scope costs; none: there is no such call, or nobody is dialled yet.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn call_rating(&self, scope: Scope, which: CallRef) -> Result<Option<CallRating>, Stopped> {
        for inbox in &self.0.inboxes {
            if let Answer::Rating(Some(rating)) = ask(inbox, Order::Rating(scope, which.clone())).await? {
                return Ok(Some(rating));
            }
        }
        Ok(None)
    }

    /// Ends calls within the scope; returns how many.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn disconnect(&self, scope: Scope, which: CallRef) -> Result<u32, Stopped> {
        self.count(|| Order::Disconnect(scope, which.clone())).await
    }

    /// Dials `first`, then `second`, at the account's expense, and connects them.
    ///
    /// # Errors
    /// [`P2pError`].
    pub async fn place_p2p(&self, order: P2p) -> Result<P2pPlaced, P2pError> {
        if self.is_draining() {
            return Err(P2pError::Draining);
        }
        let Some(inbox) = self.0.inboxes.first() else { return Err(P2pError::Stopped) };
        match ask(inbox, Order::P2p(order)).await {
            Ok(Answer::P2p(outcome)) => outcome,
            _ => Err(P2pError::Stopped),
        }
    }

    /// Calls a number as the account would, lets whoever answers hear a tone, hangs up, and says what came of it.
    /// Answered when that is over.
    ///
    /// # Errors
    /// [`P2pError`]: nobody was dialled, or nothing is known of how it ended.
    pub async fn test_call(&self, order: TestCall) -> Result<TestReport, P2pError> {
        if self.is_draining() {
            return Err(P2pError::Draining);
        }
        let Some(inbox) = self.0.inboxes.first() else { return Err(P2pError::Stopped) };
        match ask(inbox, Order::Test(order)).await {
            Ok(Answer::Tested(report)) => Ok(*report),
            Ok(Answer::P2p(Err(why))) => Err(why),
            _ => Err(P2pError::Stopped),
        }
    }

    /// Trunks of which no address answers, and until when that is believed.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn trunks_down(&self) -> Result<BTreeMap<AccountId, Wall>, Stopped> {
        let inbox = self.0.inboxes.first().ok_or(Stopped)?;
        match ask(inbox, Order::TrunksDown).await? {
            Answer::TrunksDown(down) => Ok(Arc::unwrap_or_clone(down)),
            _ => Err(Stopped),
        }
    }

    /// Where a call would go, and why. Never places one.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn routing_test(&self, query: RoutingTest) -> Result<Decision, Stopped> {
        let inbox = self.0.inboxes.first().ok_or(Stopped)?;
        match ask(inbox, Order::Route(query)).await? {
            Answer::Route(decision) => Ok(*decision),
            _ => Err(Stopped),
        }
    }
}

fn live(view: CallView) -> LiveCall {
    LiveCall {
        id: view.call,
        caller: view.caller,
        called: view.called,
        server: view.server,
        payer: view.payer,
        caller_text: view.presented,
        dialled: view.dialled,
        sip_call_id: view.sip_call_id,
        start: view.started,
        answered: view.answered,
        speaking_ms: view.speaking_ms,
        codec: view.codec,
        cost: view.cost,
        mos: view.mos,
        state: match view.state {
            "ringing" => LiveState::Ringing,
            "speaking" | "held" => LiveState::Speaking,
            "ending" => LiveState::Ending,
            _ => LiveState::Dialling,
        },
    }
}
