//! The trunks that could take a call to an outside number, each kept or dropped for a reason, in the
//! order in which they are tried.

use std::collections::BTreeMap;

use strowger_billing::TimeType;
use strowger_model::account::Transport;
use strowger_model::{Account, AccountId, AccountKind, Wall};

use crate::change::RoutingRule;
use crate::snapshot::Snapshot;
use crate::trace::{Stage, TraceStep, note};

/// Trunks that are tried for one call at most.
pub const MAX_CANDIDATES: usize = 16;

/// What candidates are chosen by.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The normalised number.
    pub number: &'a str,
    /// Who calls.
    pub caller: Option<AccountId>,
    /// The number that it presents.
    pub presented: &'a str,
    /// When.
    pub now: Wall,
    /// Of the weighted choice.
    pub seed: u64,
    /// Trunks that do not answer, and until when they are taken to be down.
    pub down: &'a BTreeMap<AccountId, Wall>,
}

struct Candidate<'a> {
    rule: &'a RoutingRule,
    down: bool,
}

/// The trunks in the order in which they are tried.
#[must_use]
pub fn candidates(snapshot: &Snapshot, wanted: &Wanted, trace: &mut Vec<TraceStep>) -> Vec<AccountId> {
    let mut kept: Vec<Candidate> = Vec::new();
    for rule in snapshot.rules_for(wanted.number) {
        let name = snapshot.account(rule.server).map_or("?", |a| &a.username);
        let line = format!("rule {} ({}) prefix {:?} to {name}", rule.id, rule.name, rule.prefix);
        let seen = kept.iter().any(|c| c.rule.server == rule.server && c.rule.priority <= rule.priority);
        let dropped =
            if seen { Some("the trunk is a candidate already") } else { obstacle(snapshot, wanted, rule) };
        if let Some(why) = dropped {
            note(trace, Stage::Candidate, format!("{line}: dropped, {why}"));
            continue;
        }
        let down = wanted.down.get(&rule.server).is_some_and(|until| *until > wanted.now);
        let health = if down { ", does not answer: last" } else { "" };
        let (priority, weight) = (rule.priority, rule.weight);
        note(trace, Stage::Candidate, format!("{line}: kept, priority {priority}, weight {weight}{health}"));
        kept.retain(|c| c.rule.server != rule.server);
        kept.push(Candidate { rule, down });
    }
    let mut order = Vec::with_capacity(kept.len().min(MAX_CANDIDATES));
    let mut seed = wanted.seed;
    while order.len() < MAX_CANDIDATES
        && let Some(best) = kept.iter().map(rank).min()
    {
        let equals: Vec<usize> = (0..kept.len()).filter(|i| rank(&kept[*i]) == best).collect();
        let chosen = weighted(&kept, &equals, &mut seed);
        let candidate = kept.remove(chosen);
        order.push(candidate.rule.server);
    }
    order
}

/// Trunks that answer, then lower priorities, then longer prefixes, then anything with a weight.
fn rank(candidate: &Candidate) -> (bool, i32, usize, bool) {
    let rule = candidate.rule;
    (candidate.down, rule.priority, usize::MAX - rule.prefix.len(), rule.weight == 0)
}

/// One of the equals, in proportion to the weights; of those without a weight the first.
fn weighted(kept: &[Candidate], equals: &[usize], seed: &mut u64) -> usize {
    let first = equals.first().copied().unwrap_or(0);
    let weight = |i: &usize| u64::from(kept[*i].rule.weight);
    let total: u64 = equals.iter().map(weight).sum();
    if total == 0 || equals.len() == 1 {
        return first;
    }
    let mut draw = mix(seed) % total;
    for index in equals {
        if draw < weight(index) {
            return *index;
        }
        draw -= weight(index);
    }
    first
}

/// The next number of a splitmix64 generator.
const fn mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn obstacle(snapshot: &Snapshot, wanted: &Wanted, rule: &RoutingRule) -> Option<&'static str> {
    if !rule.enabled {
        return Some("the rule is disabled");
    }
    if !is_for_caller(snapshot, wanted, &rule.caller) {
        return Some("the rule is for another caller");
    }
    let always = matches!(rule.time, TimeType::Off | TimeType::All);
    if !always && !rule.time.matches(0, 0, &snapshot.settings().calendar, wanted.now) {
        return Some("not at this time");
    }
    let Some(trunk) = snapshot.account(rule.server) else { return Some("there is no such server") };
    if !trunk.active {
        return Some("the server is disabled");
    }
    if trunk.kind == AccountKind::TrafficSender {
        return Some("the server only sends calls");
    }
    if !is_reachable(snapshot, trunk) {
        return Some("the server has no address");
    }
    if trunk.server.as_ref().is_some_and(|server| server.transport == Transport::Tls) {
        return Some("TLS to trunks is not available in this version");
    }
    (wanted.caller == Some(trunk.id)).then_some("the call came from this server")
}

fn is_for_caller(snapshot: &Snapshot, wanted: &Wanted, rule: &str) -> bool {
    if rule.is_empty() {
        return true;
    }
    let by_id = || rule.parse().ok().and_then(|id| snapshot.account(AccountId(id)));
    match snapshot.by_username(rule).or_else(by_id).map(|a| a.id) {
        Some(only) => wanted.caller.is_some_and(|c| c == only || snapshot.is_below(c, only)),
        None => wanted.presented.trim_start_matches('+').starts_with(rule.trim_start_matches('+')),
    }
}

/// The account is a server that calls can be sent to.
fn is_reachable(snapshot: &Snapshot, trunk: &Account) -> bool {
    let configured = trunk.server.as_ref();
    let named = configured.is_some_and(|s| s.ip.is_some() || !s.domain.is_empty() || !s.proxy.is_empty());
    trunk.server.is_some() && (named || !snapshot.trunk_addresses(trunk.id).is_empty())
}
