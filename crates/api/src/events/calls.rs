//! Calls as events: remembers who talks to whom, and tells the end of a call together with its records.

use std::collections::BTreeMap;

use strowger_model::event::{CallChanged, CallStep};
use strowger_model::{AccountId, CallId, Wall};
use strowger_route::Snapshot;
use strowger_store::CallRecord;

use super::collect::concerned;
use super::event::{Draft, EventKind};

/// Calls that are remembered; of more the ends are told without names.
const MAX_CALLS: usize = 100_000;
/// Records that wait for the end of their call.
const MAX_RECORDS: usize = 10_000;

/// A call that runs.
#[derive(Debug, Default)]
struct Known {
    caller: Option<AccountId>,
    called: Vec<AccountId>,
    dialled: String,
    answered: Option<Wall>,
}

/// A call whose end is to be told.
#[derive(Debug)]
struct Ended {
    call: CallId,
    at: Wall,
    status: u16,
    reason: String,
    known: Known,
}

/// The calls of this node.
#[derive(Debug)]
pub struct Calls {
    running: BTreeMap<CallId, Known>,
    ended: Vec<Ended>,
    /// Records of steps that ended before their call did.
    early: BTreeMap<String, Vec<CallRecord>>,
    /// The newest record that was read.
    record: i64,
}

impl Calls {
    /// Records up to this one were told.
    pub fn new(record: i64) -> Self {
        Self { running: BTreeMap::new(), ended: Vec::new(), early: BTreeMap::new(), record }
    }

    /// The newest record that was read.
    pub const fn record(&self) -> i64 {
        self.record
    }

    /// No end waits to be told.
    pub fn is_idle(&self) -> bool {
        self.ended.is_empty()
    }

    /// Ends that wait to be told.
    pub fn ended(&self) -> usize {
        self.ended.len()
    }

    /// A step of a call.
    pub fn changed(&mut self, changed: &CallChanged, snapshot: &Snapshot, drafts: &mut Vec<Draft>) {
        let (call, at) = (changed.call, changed.at);
        match &changed.what {
            CallStep::Started { caller, dialled, .. } => {
                let known = Known { caller: *caller, dialled: dialled.clone(), ..Known::default() };
                drafts.push(described(EventKind::CallStarted, at, call, &known, snapshot));
                if self.running.len() < MAX_CALLS {
                    self.running.insert(call, known);
                }
            }
            CallStep::Dialling { account: Some(account), .. } => {
                if let Some(known) = self.running.get_mut(&call)
                    && !known.called.contains(account)
                {
                    known.called.push(*account);
                }
            }
            CallStep::Answered { .. } => {
                if let Some(known) = self.running.get_mut(&call)
                    && known.answered.is_none()
                {
                    known.answered = Some(at);
                    drafts.push(described(EventKind::CallAnswered, at, call, known, snapshot));
                }
            }
            CallStep::Ended { status, reason } => {
                let known = self.running.remove(&call).unwrap_or_default();
                self.ended.push(Ended { call, at, status: *status, reason: reason.clone(), known });
            }
            CallStep::Dialling { .. }
            | CallStep::Ringing { .. }
            | CallStep::Held { .. }
            | CallStep::LegEnded { .. } => {}
        }
    }

    /// Tells the ends that wait, with their records; a record of a call that nobody knows is told for itself.
    pub fn tell(
        &mut self,
        records: Vec<CallRecord>,
        snapshot: &Snapshot,
        now: Wall,
        drafts: &mut Vec<Draft>,
    ) {
        let mut by_call = std::mem::take(&mut self.early);
        for record in records {
            self.record = self.record.max(record.id);
            by_call.entry(record.call.clone()).or_default().push(record);
        }
        for ended in std::mem::take(&mut self.ended) {
            let own = by_call.remove(&ended.call.to_string()).unwrap_or_default();
            let mut draft = described(EventKind::CallEnded, ended.at, ended.call, &ended.known, snapshot);
            let talk_ms = ended.known.answered.map_or(0, |from| (ended.at.0 - from.0).max(0));
            draft = draft.with("status", ended.status).with("reason", ended.reason);
            drafts.push(with_records(draft.with("duration", seconds(talk_ms)), &own, snapshot));
        }
        let running = |call: &str| call.parse().is_ok_and(|id: CallId| self.running.contains_key(&id));
        let (early, unknown) = by_call.into_iter().partition::<BTreeMap<_, _>, _>(|(call, _)| running(call));
        if early.len() < MAX_RECORDS {
            self.early = early;
        }
        for (call, own) in unknown {
            let Some(last) = own.last() else { continue };
            let draft = Draft::new(EventKind::CallSettled, now)
                .with("call", call)
                .with("dialled", &*last.dialled)
                .with("status", last.status)
                .with("reason", &*last.reason)
                .with("duration", seconds(last.duration_ms));
            drafts.push(with_records(draft, &own, snapshot));
        }
        if let Some(last) = drafts.last_mut() {
            last.record = self.record;
        }
    }
}

/// What every event of a call says.
fn described(kind: EventKind, at: Wall, call: CallId, known: &Known, snapshot: &Snapshot) -> Draft {
    let name = |id: AccountId| snapshot.account(id).map(|account| account.username.to_string());
    let mut draft = Draft::new(kind, at).with("call", call.to_string());
    if let Some(caller) = known.caller {
        draft = draft.with("caller", name(caller)).with("callerid", caller.0);
        draft = draft.for_accounts(concerned(snapshot, caller));
    }
    draft = draft.with("dialled", &*known.dialled);
    if let Some(called) = known.called.last() {
        draft = draft.with("called", name(*called)).with("calledid", called.0);
    }
    for called in &known.called {
        draft = draft.for_accounts(concerned(snapshot, *called));
    }
    draft
}

/// Adds what the records know: the Call-ID for everybody, the money for who paid.
fn with_records(mut draft: Draft, records: &[CallRecord], snapshot: &Snapshot) -> Draft {
    if let Some(first) = records.first() {
        draft = draft.with("sipcallid", &*first.sip_call_id);
    }
    let ids: Vec<i64> = records.iter().map(|record| record.id).collect();
    draft = draft.with("cdrs", ids);
    let mut costs: BTreeMap<(AccountId, &str), strowger_model::Amount> = BTreeMap::new();
    for record in records {
        for account in [record.caller, record.called].into_iter().flatten() {
            draft = draft.for_accounts(concerned(snapshot, account));
        }
        if let Some(payer) = record.payer {
            *costs.entry((payer, &record.currency)).or_default() += record.cost;
        }
    }
    // A forwarded call is paid by two: nobody sees what the other one pays.
    let payers: Vec<AccountId> = costs.keys().map(|(payer, _)| *payer).collect();
    for payer in &payers {
        draft = draft.for_accounts(concerned(snapshot, *payer));
    }
    if let [(&(payer, currency), cost)] = costs.iter().collect::<Vec<_>>()[..] {
        draft.billed = concerned(snapshot, payer);
        draft = draft.with_money("cost", cost.to_string()).with_money("currency", currency);
    } else if !costs.is_empty() {
        let parts = costs.iter().map(|((payer, currency), cost)| {
            serde_json::json!({"payerid": payer.0, "cost": cost.to_string(), "currency": currency})
        });
        draft = draft.with_money("costs", parts.collect::<Vec<_>>());
    }
    draft
}

/// Milliseconds as seconds with three digits after the point.
fn seconds(ms: i64) -> serde_json::Value {
    #[expect(clippy::cast_precision_loss, reason = "a call is shorter than 2^52 ms")]
    let seconds = ms as f64 / 1000.0;
    seconds.into()
}
