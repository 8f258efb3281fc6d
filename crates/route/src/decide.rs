//! Where a call goes and who pays: the one function behind live calls and `routingtest`.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_billing::Chain;
use strowger_model::{Account, AccountId, AccountKind, Wall};

use crate::access::{AccessCall, access_call};
use crate::candidates::{Wanted, candidates};
use crate::numbers::{is_dialable, normalise_traced};
use crate::plan::{Failover, Forward, Plan, Refuse, Step, Target, TargetKind};
use crate::price;
use crate::settings::Service;
use crate::snapshot::Snapshot;
use crate::trace::{Stage, TraceStep, note};

/// The mark of records of forwarded calls.
const FORWARDED: &str = "FWD";

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Who calls; none: an unknown caller, who may reach local accounts only.
    pub caller: Option<AccountId>,
    /// The number or name called, without a tech prefix.
    pub called: &'a str,
    /// The number that the caller presents.
    pub presented: &'a str,
    /// When.
    pub now: Wall,
    /// Why the call is made.
    pub origin: Origin,
    /// Of the weighted choice between trunks.
    pub seed: u64,
    /// Trunks that do not answer, and until when they are taken to be down: they go last.
    pub down: &'a BTreeMap<AccountId, Wall>,
    /// Calls that the payer has open beside this one, for `maxlines`.
    pub lines: u32,
}

/// Why a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The caller dialled.
    Caller,
    /// An account forwards, and pays.
    Forward {
        /// Which.
        by: AccountId,
        /// Forwards of this call so far, this one included.
        hops: u8,
    },
    /// The server dials for an account, which pays: p2p, callback.
    Initiated {
        /// Which.
        by: AccountId,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The way, or why there is none.
    pub plan: Result<Plan, Refuse>,
    /// How it was found.
    pub trace: Vec<TraceStep>,
}

/// Decides. Forwards of all calls are followed here; those on busy and no answer stand in the plan.
#[must_use]
pub fn decide(snapshot: &Snapshot, query: &Query) -> Decision {
    let mut trace = Vec::new();
    let mut search =
        Search { snapshot, query, origin: query.origin, caller: query.caller, trace: &mut trace };
    let plan = search.run();
    let text = match &plan {
        Ok(plan) => format!("{} steps", plan.steps.len()),
        Err(refuse) => format!("{} {}", refuse.status, refuse.reason),
    };
    note(&mut trace, Stage::Result, text);
    Decision { plan, trace }
}

struct Search<'a, 'q> {
    snapshot: &'a Snapshot,
    query: &'a Query<'q>,
    origin: Origin,
    /// Whose call it is: the asked caller's, until an access number knows better.
    caller: Option<AccountId>,
    trace: &'a mut Vec<TraceStep>,
}

/// What a number belongs to.
enum Called<'a> {
    Service(Service),
    Local(&'a Arc<Account>),
    Outside,
}

const fn refuse<T>(status: u16, reason: &'static str) -> Result<T, Refuse> {
    Err(Refuse { status, reason })
}

impl<'a> Search<'a, '_> {
    fn run(&mut self) -> Result<Plan, Refuse> {
        let mut dialled = self.query.called.trim().to_owned();
        let mut forwarded = None;
        loop {
            let hops = self.hops();
            if hops > self.snapshot.settings().max_hops {
                note(self.trace, Stage::Forward, format!("more than {} forwards", hops.saturating_sub(1)));
                return refuse(482, "forward loop");
            }
            let payer = self.payer()?;
            let country = payer.map_or("", |a| &*a.country);
            let numbering = &self.snapshot.settings().numbering;
            let number = normalise_traced(numbering, country, &dialled, self.trace);
            let called = self.called(&dialled, &number)?;
            if let Called::Local(account) = called
                && self.origin == Origin::Caller
                && let Some((by, to)) = self.through(account)?
            {
                let hops = hops.saturating_add(1);
                (self.origin, self.caller) = (Origin::Forward { by, hops }, Some(by));
                forwarded = Some(Forward { by, to: to.clone(), hops });
                dialled = to;
                continue;
            }
            if let Called::Local(account) = called
                && !account.forwarding.always.is_empty()
                && account.active
            {
                let to = account.forwarding.always.to_string();
                let hops = hops.saturating_add(1);
                note(self.trace, Stage::Forward, format!("{} forwards all calls to {to}", account.username));
                self.origin = Origin::Forward { by: account.id, hops };
                forwarded = Some(Forward { by: account.id, to: to.clone(), hops });
                dialled = to;
                continue;
            }
            let mut plan = self.plan(dialled, number, payer, called)?;
            plan.forwarded = forwarded;
            return Ok(plan);
        }
    }

    fn plan(
        &mut self,
        dialled: String,
        number: String,
        payer: Option<&Arc<Account>>,
        called: Called,
    ) -> Result<Plan, Refuse> {
        self.check_lines(payer)?;
        let mut plan = Plan {
            steps: Vec::new(),
            dialled,
            number,
            called: None,
            caller: self.caller,
            payer: payer.map(|a| a.id),
            presented: self.query.presented.to_owned(),
            on_busy: None,
            on_no_answer: None,
            forwarded: None,
            mark: if self.hops() > 0 { FORWARDED } else { "" },
        };
        match called {
            Called::Service(service) => self.plan_service(&mut plan, service),
            Called::Local(account) => self.plan_local(&mut plan, account, payer)?,
            Called::Outside => self.plan_outside(&mut plan, payer)?,
        }
        Ok(plan)
    }

    /// Who pays: the caller, the forwarder or the initiator, or whoever pays in its place.
    fn payer(&self) -> Result<Option<&'a Arc<Account>>, Refuse> {
        let Some(id) = self.dialling() else { return Ok(None) };
        let Some(account) = self.snapshot.account(id) else { return refuse(403, "unknown account") };
        if !account.active {
            return refuse(403, "account disabled");
        }
        let Some(billing) = account.billing_account.filter(|b| *b != id) else { return Ok(Some(account)) };
        match self.snapshot.account(billing) {
            Some(other) if other.active => Ok(Some(other)),
            _ => refuse(403, "billing account disabled"),
        }
    }

    fn called(&mut self, dialled: &str, number: &str) -> Result<Called<'a>, Refuse> {
        let service = self.snapshot.settings().services.get(dialled).copied();
        if let Some(service) = service.filter(|s| s.is_served()) {
            note(self.trace, Stage::Target, format!("{dialled} is a service number"));
            return Ok(Called::Service(service));
        }
        let local = self.snapshot.by_number(dialled).or_else(|| self.snapshot.by_number(number));
        if let Some(account) = local.filter(|a| is_callable(a.kind)) {
            note(self.trace, Stage::Target, format!("{dialled} is {} (id {})", account.username, account.id));
            return Ok(Called::Local(account));
        }
        if service.is_some() {
            note(self.trace, Stage::Target, format!("{dialled} is a service number that is not served"));
            return refuse(404, "service not available");
        }
        if is_dialable(number) {
            note(self.trace, Stage::Target, format!("{number} is an outside number"));
            return Ok(Called::Outside);
        }
        note(self.trace, Stage::Target, format!("{dialled} is nobody here"));
        refuse(404, "unknown user")
    }

    /// A trunk's call to an access number: whose call it becomes, and where it goes on to.
    fn through(&mut self, called: &Account) -> Result<Option<(AccountId, String)>, Refuse> {
        let presented = self.query.presented;
        let at = |snapshot| access_call(snapshot, self.query.caller, presented, called);
        match at(self.snapshot) {
            None => Ok(None),
            Some(AccessCall::Unknown) => {
                note(self.trace, Stage::Authentication, format!("{presented} is nobody's number"));
                refuse(403, "unknown caller number")
            }
            Some(AccessCall::CallBack { account, then, .. }) => {
                let text =
                    format!("{presented} is known as account {account}, called back and connected to {then}");
                note(self.trace, Stage::Authentication, text);
                refuse(480, "called back")
            }
            Some(AccessCall::Through { account, to }) => {
                note(self.trace, Stage::Authentication, format!("{presented} is known as account {account}"));
                note(self.trace, Stage::Forward, format!("{} leads to {to}", called.username));
                Ok(Some((account, to)))
            }
        }
    }

    fn check_lines(&mut self, payer: Option<&Arc<Account>>) -> Result<(), Refuse> {
        let Some(limit) = payer.and_then(|a| a.max_lines) else { return Ok(()) };
        note(self.trace, Stage::Filter, format!("maxlines {limit}, {} in use", self.query.lines));
        if self.query.lines >= limit { refuse(403, "too many lines") } else { Ok(()) }
    }

    fn plan_service(&self, plan: &mut Plan, service: Service) {
        let target = Target {
            to: TargetKind::Service(service),
            sent: plan.number.clone(),
            presented: plan.presented.clone(),
            chain: Chain::default(),
        };
        let ring_ms = self.snapshot.settings().no_answer_ms;
        plan.steps.push(Step { targets: vec![target], ring_ms, failover: Failover::Never });
    }

    fn plan_local(
        &mut self,
        plan: &mut Plan,
        account: &Account,
        payer: Option<&Arc<Account>>,
    ) -> Result<(), Refuse> {
        if !account.active {
            return refuse(404, "unknown user");
        }
        let settings = self.snapshot.settings();
        let mut chain = Chain::default();
        let from_trunk = payer.is_none_or(|p| is_trunk(p.kind));
        if let (Some(payer), Some(price), false) = (payer, settings.onnet_price, from_trunk) {
            let Some(rating) = price::configured(self.snapshot, payer, price) else {
                return Err(price::NO_PRICE);
            };
            note(
                self.trace,
                Stage::Price,
                format!("between local accounts: {} {}/min", rating.price, rating.unit),
            );
            chain.payers.push(rating);
        } else {
            note(self.trace, Stage::Price, "free");
        }
        let hops = self.hops().saturating_add(1);
        let forward =
            |to: &str| (!to.is_empty()).then(|| Forward { by: account.id, to: to.to_owned(), hops });
        plan.called = Some(account.id);
        plan.on_busy = forward(&account.forwarding.on_busy);
        plan.on_no_answer = forward(&account.forwarding.on_no_answer);
        let target = Target {
            to: TargetKind::Account(account.id),
            sent: account.username.to_string(),
            presented: self.presented_inside(),
            chain,
        };
        let ring_ms = account.forwarding.no_answer_ms.unwrap_or(settings.no_answer_ms);
        plan.steps.push(Step { targets: vec![target], ring_ms, failover: Failover::Never });
        Ok(())
    }

    fn plan_outside(&mut self, plan: &mut Plan, payer: Option<&Arc<Account>>) -> Result<(), Refuse> {
        let Some(payer) = payer else { return refuse(403, "unknown caller") };
        self.check_filters(payer, &plan.number)?;
        let now = self.query.now;
        let Some(chain) = price::payers(self.snapshot, payer, &plan.number, now, self.trace) else {
            note(self.trace, Stage::Price, format!("{} has no price", plan.number));
            return Err(price::NO_PRICE);
        };
        let routed = self.routed(&plan.number);
        let wanted = Wanted {
            number: &routed,
            caller: self.dialling().or(Some(payer.id)),
            presented: self.query.presented,
            now,
            seed: self.query.seed,
            down: self.query.down,
        };
        let mut trunks = candidates(self.snapshot, &wanted, self.trace);
        if trunks.is_empty() && routed != plan.number {
            note(self.trace, Stage::Candidate, format!("no rule for {routed}: by the number itself"));
            trunks = candidates(self.snapshot, &Wanted { number: &plan.number, ..wanted }, self.trace);
        }
        if trunks.is_empty() {
            return refuse(404, "no route");
        }
        let presented = self.presented_outside(payer);
        for trunk in trunks.iter().filter_map(|id| self.snapshot.account(*id)) {
            let provider = price::provider(self.snapshot, trunk, &routed, now);
            let cost = provider
                .as_ref()
                .map_or("no cost known".to_owned(), |r| format!("cost {} {}/min", r.price, r.unit));
            note(self.trace, Stage::Order, format!("{}. {}: {cost}", plan.steps.len() + 1, trunk.username));
            let target = Target {
                to: TargetKind::Trunk(trunk.id),
                sent: plan.number.clone(),
                presented: presented.clone(),
                chain: Chain { provider, ..chain.clone() },
            };
            let ring_ms = self.snapshot.settings().trunk_ring_ms;
            plan.steps.push(Step { targets: vec![target], ring_ms, failover: Failover::OnFailure });
        }
        Ok(())
    }

    /// What an outside number is routed by, and what it costs us by: its own digits, or where it moved to another operator
    /// those of the operator. What the payer pays goes by the number that was dialled all the same.
    fn routed(&mut self, number: &str) -> String {
        let Some(ported) = self.snapshot.ported(number) else { return number.to_owned() };
        let routed = if ported.routing_number.is_empty() { number } else { &*ported.routing_number };
        let operator = if ported.operator.is_empty() { "another operator" } else { &*ported.operator };
        note(self.trace, Stage::Target, format!("{number} is ported to {operator}, routed as {routed}"));
        routed.to_owned()
    }

    fn check_filters(&mut self, payer: &Account, number: &str) -> Result<(), Refuse> {
        let plain = |p: &str| p.trim_start_matches('+').to_owned();
        let begins = |list: &[Box<str>]| list.iter().any(|p| number.starts_with(&plain(p)));
        // The account that dials is limited as well as the one that pays in its place.
        let dialling = self.dialling().filter(|id| *id != payer.id).and_then(|id| self.snapshot.account(id));
        for account in dialling.map(|a| &**a).into_iter().chain([payer]) {
            if !account.enabled_prefixes.is_empty() && !begins(&account.enabled_prefixes) {
                note(self.trace, Stage::Filter, format!("{}: not in enabledprefixes", account.username));
                return refuse(403, "prefix not enabled");
            }
            if begins(&account.block_prefixes) {
                note(self.trace, Stage::Filter, format!("{}: in blockprefixes", account.username));
                return refuse(403, "prefix blocked");
            }
        }
        if self.snapshot.is_blacklisted(number) {
            note(self.trace, Stage::Filter, format!("{number} is on the blacklist"));
            return refuse(403, "number blacklisted");
        }
        note(self.trace, Stage::Filter, "allowed");
        Ok(())
    }

    /// What a local phone sees: what the caller presents, else the name of its account.
    fn presented_inside(&self) -> String {
        if !self.query.presented.is_empty() {
            return self.query.presented.to_owned();
        }
        let caller = self.query.caller.and_then(|id| self.snapshot.account(id));
        caller.map(|a| a.username.to_string()).unwrap_or_default()
    }

    /// What a trunk sees: a server's calls keep their number, an account's show its `phone`.
    fn presented_outside(&self, payer: &Account) -> String {
        let owner = self.dialling().and_then(|id| self.snapshot.account(id)).map_or(payer, |a| &**a);
        let keeps = is_trunk(owner.kind) && !self.query.presented.is_empty();
        if !keeps && !owner.phone.is_empty() { owner.phone.to_string() } else { self.presented_inside() }
    }

    /// Whose call it is on this stretch of the way: the caller, the forwarder or the initiator.
    const fn dialling(&self) -> Option<AccountId> {
        match self.origin {
            Origin::Caller => self.query.caller,
            Origin::Forward { by, .. } | Origin::Initiated { by } => Some(by),
        }
    }

    const fn hops(&self) -> u8 {
        match self.origin {
            Origin::Forward { hops, .. } => hops,
            Origin::Caller | Origin::Initiated { .. } => 0,
        }
    }
}

const fn is_trunk(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::TrafficSender | AccountKind::SipServer)
}

/// Accounts that a call can end at.
const fn is_callable(kind: AccountKind) -> bool {
    !matches!(
        kind,
        AccountKind::TrafficSender
            | AccountKind::SipServer
            | AccountKind::GsmGateway
            | AccountKind::IsdnGateway
            | AccountKind::MessageGateway
    )
}
