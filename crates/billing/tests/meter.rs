//! The meter against a store in memory, in virtual time: what is held always covers what is charged,
//! charges equal a naive reference, and every deadline was announced.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use strowger_billing::{
    BillingTime, Calendar, Chain, CutReason, Meter, MeterAction, MeterDeadline, MeterSettings, Rating,
    TimeType, charge, settle_from_journal,
};
use strowger_model::cdr::{Cdr, EndedBy};
use strowger_model::payment::{
    Charge, ChargeKind, Journal, MoneyEvent, MoneyOrder, PayerHold, Refusal, StepId,
};
use strowger_model::{AccountId, Amount, CallId, LegId, Mint, Mono, Now, ShardId, Unit, Wall};

const USER: AccountId = AccountId(10);
const RESELLER: AccountId = AccountId(20);
const TRUNK: AccountId = AccountId(30);
/// 2026-11-23 12:00 UTC, a Monday.
const NOON: i64 = 1_795_435_200_000;

struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }

    fn amount(&mut self, limit: u64) -> Amount {
        Amount(i64::try_from(self.below(limit)).unwrap())
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

fn now(ms: u64) -> Now {
    Now { mono: Mono::from_ms(ms), wall: Wall(NOON + i64::try_from(ms).unwrap()) }
}

fn ids() -> (CallId, LegId) {
    let mut mint = Mint::new(0, ShardId(0), 1);
    (mint.call(), mint.leg())
}

fn cdr() -> Cdr {
    let (call, leg) = ids();
    Cdr {
        call,
        leg,
        start: Wall(NOON),
        end: Wall(NOON),
        caller: Some(USER),
        payer: Some(USER),
        called: None,
        server: Some(TRUNK),
        presented: String::new(),
        dialled: "3612345".into(),
        sent: "3612345".into(),
        sip_call_id: String::new(),
        sip_call_id_b: String::new(),
        duration_ms: 0,
        total_ms: 0,
        ring_ms: None,
        currency: Unit::USD,
        cost_enduser: Amount::ZERO,
        cost_provider: Amount::ZERO,
        provider_currency: Unit::USD,
        unit_price: Amount::ZERO,
        billing_step: 0,
        price_entry: None,
        reseller: None,
        mark: String::new(),
        direction: String::new(),
        status: 200,
        reason: String::new(),
        ended_by: EndedBy::Caller,
        codec: String::new(),
        mos: None,
    }
}

fn journal() -> Journal {
    Journal { cdr: cdr(), meter: String::new(), answered: None, billed_ms: 0, legs: Vec::new() }
}

/// Balances and holds as the store keeps them.
#[derive(Default)]
struct Store {
    settled: BTreeMap<(AccountId, Unit), Amount>,
    held: BTreeMap<(AccountId, Unit), Amount>,
    seen: Vec<StepId>,
    journal: Option<Journal>,
    touches: u32,
}

impl Store {
    fn free(&self, account: AccountId, unit: Unit) -> Amount {
        let of = |m: &BTreeMap<_, Amount>| m.get(&(account, unit)).copied().unwrap_or_default();
        of(&self.settled) - of(&self.held)
    }

    fn hold(&mut self, step: StepId, payers: &[PayerHold], max_steps: u32) -> MoneyEvent {
        let mut steps = max_steps;
        for p in payers {
            let Some(floor) = p.floor else { continue };
            let room = self.free(p.account, p.unit) - p.least - floor;
            if room < Amount::ZERO {
                let why = Refusal::NoCredit { account: p.account, unit: p.unit };
                return MoneyEvent::Refused { step, why };
            }
            let fits = if p.step.0 == 0 { i64::from(max_steps) } else { room.0 / p.step.0 };
            steps = steps.min(u32::try_from(fits).unwrap_or(u32::MAX));
        }
        for p in payers {
            let amount = p.least + p.step.times(i64::from(steps));
            *self.held.entry((p.account, p.unit)).or_default() += amount;
        }
        MoneyEvent::Held { step, steps, left: payers.first().map(|p| self.free(p.account, p.unit)) }
    }

    fn perform(&mut self, order: &MoneyOrder) -> MoneyEvent {
        assert!(!self.seen.contains(&order.step()), "a step id is used once");
        self.seen.push(order.step());
        match order {
            MoneyOrder::Hold { step, payers, max_steps, journal }
            | MoneyOrder::Extend { step, payers, max_steps, journal, .. } => {
                self.journal = Some(Journal::clone(journal));
                self.touches += u32::from(payers.is_empty());
                self.hold(*step, payers, *max_steps)
            }
            MoneyOrder::Settle { step, charges, .. } => {
                let held = std::mem::take(&mut self.held);
                for c in charges.iter().filter(|c| c.kind != ChargeKind::Provider) {
                    let covered = held.get(&(c.account, c.unit)).copied().unwrap_or_default();
                    assert!(c.amount <= covered, "{c:?} is more than the {covered} held");
                    *self.settled.entry((c.account, c.unit)).or_default() -= c.amount;
                }
                MoneyEvent::Settled { step: *step }
            }
            MoneyOrder::Release { step, .. } => {
                self.held.clear();
                MoneyEvent::Settled { step: *step }
            }
        }
    }
}

struct Outcome {
    /// None: never answered.
    talked_ms: Option<u64>,
    cut: Option<CutReason>,
    charges: Vec<Charge>,
    cdr: Cdr,
    /// When little credit was told of, and how much was left, in seconds.
    warned: Vec<(u64, u64)>,
}

/// One call that rings, is answered and would last so long; answers of the store take `lag_ms`.
fn run(meter: &mut Meter, store: &mut Store, ring_ms: u64, wanted_ms: u64, lag_ms: u64) -> Outcome {
    let mut answers: Vec<(u64, MoneyEvent)> = Vec::new();
    let order = meter.hold(now(0), journal());
    answers.push((lag_ms, store.perform(&order)));
    let (mut at, mut answered, mut cut, mut warned) = (0, None, None, Vec::new());
    loop {
        if let Some(i) = answers.iter().position(|(t, _)| *t <= at) {
            let (_, event) = answers.remove(i);
            match meter.handle_money(now(at), &event) {
                Some(MeterAction::Go) => {
                    at += ring_ms;
                    answered = Some(at);
                    meter.answered(now(at));
                }
                Some(MeterAction::HoldAgain) => {
                    let order = meter.hold(now(at), journal());
                    answers.push((at + lag_ms, store.perform(&order)));
                }
                Some(MeterAction::Extend) => {
                    let order = meter.extend(now(at), journal());
                    answers.push((at + lag_ms, store.perform(&order)));
                }
                Some(MeterAction::Refused(_)) => break,
                other => assert_eq!(other, None),
            }
            continue;
        }
        if let Some(action) = meter.handle_timeout(now(at)) {
            if let MeterAction::Warn { left_s } = action {
                warned.push((at, left_s));
                continue;
            }
            if let MeterAction::Cut(reason) = action {
                cut = Some(reason);
                break;
            }
            let order = meter.extend(now(at), journal());
            answers.push((at + lag_ms, store.perform(&order)));
            continue;
        }
        let end = answered.map(|a| a + wanted_ms);
        if end.is_some_and(|e| at >= e) {
            break;
        }
        let next = [meter.deadline().map(|(t, _)| t.ms()), answers.iter().map(|(t, _)| *t).min(), end];
        let next = next.into_iter().flatten().min().expect("something is due");
        if next > at + 1 {
            assert_eq!(meter.clone().handle_timeout(now(next - 1)), None, "what is due was announced");
        }
        at = next.max(at);
    }
    // The driver's timers are late by up to a tick.
    let at = if cut.is_some() { at + 10 } else { at };
    let talked_ms = answered.map(|a| at - a);
    let so_far = meter.cost(now(at));
    let order = meter.settle(now(at), cdr());
    store.perform(&order);
    let MoneyOrder::Settle { charges, cdr, .. } = order else { panic!("a settlement") };
    let shown = so_far.unwrap_or((Amount::ZERO, cdr.currency));
    assert_eq!(shown, (cdr.cost_enduser, cdr.currency), "the cost so far is what is charged");
    Outcome { talked_ms, cut, charges, cdr: *cdr, warned }
}

fn meter(chain: Chain) -> Meter {
    let (call, leg) = ids();
    Meter::new(call, leg, chain, MeterSettings::default())
}

#[test]
fn a_paid_call_begins_with_the_least_credit_or_not_at_all() {
    for (least, credit, floor, begins) in [
        (0, 500_000, Some(0), true),
        (1_000_000, 1_000_000, Some(0), true),
        (1_000_000, 999_999, Some(0), false),
        (1_000_000, 999_999, Some(-5_000_000), false),
        (0, -1, Some(-5_000_000), true),
        (1_000_000, 999_999, None, true),
    ] {
        let mut rating = flat(USER, ChargeKind::Enduser, 60_000);
        rating.floor = floor.map(Amount);
        let chain = Chain { payers: vec![rating], provider: None, free_seconds: false };
        let mut store = Store::default();
        store.settled.insert((USER, Unit::USD), Amount(credit));
        let (call, leg) = ids();
        let settings = MeterSettings { least_credit: Amount(least), ..MeterSettings::default() };
        let mut meter = Meter::new(call, leg, chain, settings);
        let outcome = run(&mut meter, &mut store, 1_000, 5_000, 1);
        assert_eq!(outcome.talked_ms.is_some(), begins, "{least} {credit} {floor:?}");
        assert!(begins || outcome.charges.is_empty());
        assert!(store.held.is_empty(), "the settlement ends the hold");
    }
}

#[test]
fn little_credit_is_told_once_and_in_time() {
    for (credit, floor, warn_s, warned) in [
        (200_000, Some(0), 60, vec![(141_000, 60)]),
        (30_000, Some(0), 60, vec![(1_000, 30)]),
        (200_000, Some(0), 0, vec![]),
        (200_000, None, 60, vec![]),
    ] {
        let mut rating = flat(USER, ChargeKind::Enduser, 60_000);
        rating.floor = floor.map(Amount);
        let chain = Chain { payers: vec![rating], provider: None, free_seconds: false };
        let mut store = Store::default();
        store.settled.insert((USER, Unit::USD), Amount(credit));
        let (call, leg) = ids();
        let mut meter = Meter::new(call, leg, chain, MeterSettings { warn_s, ..MeterSettings::default() });
        let outcome = run(&mut meter, &mut store, 1_000, 300_000, 0);
        assert_eq!(outcome.warned, warned, "{credit} {floor:?} {warn_s}");
    }
}

fn flat(account: AccountId, kind: ChargeKind, price: i64) -> Rating {
    Rating::flat(account, kind, Unit::USD, Amount(price))
}

fn random_rating(seed: &mut Seeded, account: AccountId, kind: ChargeKind) -> Rating {
    let mut rating = flat(account, kind, 0);
    rating.level = u8::from(kind == ChargeKind::Reseller);
    rating.price = seed.amount(2_000_000);
    rating.step_s = seed.pick(&[0, 1, 6, 7, 30, 60, 90]);
    rating.connect_fee = seed.pick(&[Amount::ZERO, Amount(33_333)]);
    rating.minimum = seed.pick(&[Amount::ZERO, Amount(123_457)]);
    rating.free_amount = seed.pick(&[Amount::ZERO, Amount::ZERO, Amount(54_321)]);
    rating.free_after_s = seed.pick(&[0, 0, 100]);
    if seed.below(3) == 0 {
        let from_s = u32::try_from(43_200 + seed.below(900)).unwrap();
        let (kind, to_s, price) = (TimeType::StartEnd, from_s + 300, seed.amount(4_000_000));
        rating.times = vec![BillingTime { id: 1, entry: 1, kind, from_s, to_s, is_diff: false, price }];
    }
    rating
}

#[test]
fn prepaid_calls_are_charged_like_a_naive_reference_and_never_beyond_their_hold() {
    for number in 0..4_000 {
        let mut seed = Seeded(number);
        let mut payers = vec![random_rating(&mut seed, USER, ChargeKind::Enduser)];
        if seed.below(2) == 0 {
            payers.push(random_rating(&mut seed, RESELLER, ChargeKind::Reseller));
        }
        let provider = (seed.below(2) == 0).then(|| random_rating(&mut seed, TRUNK, ChargeKind::Provider));
        let chain = Chain { payers, provider, free_seconds: false };
        let mut store = Store::default();
        for rating in &chain.payers {
            store.settled.insert((rating.account, rating.unit), seed.amount(20_000_000));
        }
        let before = store.settled.clone();
        let (ring, wanted, lag) = (seed.below(30_000), seed.below(1_200_000), seed.below(2_000));
        let mut meter = meter(chain.clone());
        let outcome = run(&mut meter, &mut store, ring, wanted, lag);
        assert!(store.settled.values().all(|b| *b >= Amount::ZERO), "seed {number}: {:?}", store.settled);
        let Some(talked) = outcome.talked_ms else {
            assert!(outcome.charges.is_empty(), "seed {number}");
            continue;
        };
        let answered = outcome.cut.map_or(talked, |_| talked.saturating_sub(10));
        let start = now(ring + lag).wall;
        for rating in &chain.payers {
            // The price is that of the middle of the whole call, the tick after the cut included.
            let middle = start.plus_ms(i64::try_from(talked / 2).unwrap());
            let expected = strowger_billing::charge_at(rating, answered, middle).amount;
            let key = (rating.account, rating.unit);
            assert_eq!(before[&key] - store.settled[&key], expected, "seed {number}: {rating:?} {talked} ms");
        }
        let expected = chain.provider.as_ref().map(|r| charge(r, talked, start).amount).unwrap_or_default();
        assert_eq!(outcome.cdr.cost_provider, expected, "seed {number}");
        assert_eq!(outcome.cdr.duration_ms, talked);
        if outcome.cut.is_none() {
            assert_eq!(talked, wanted);
        }
    }
}

#[test]
fn free_seconds_and_money_together_never_go_below_zero() {
    for number in 0..1_000 {
        let mut seed = Seeded(number);
        let mut payers = vec![random_rating(&mut seed, USER, ChargeKind::Enduser)];
        payers.push(random_rating(&mut seed, RESELLER, ChargeKind::Reseller));
        let chain = Chain { payers, provider: None, free_seconds: true };
        let mut store = Store::default();
        let seconds = seed.below(400);
        store.settled.insert((USER, Unit::Seconds), Amount::units(i64::try_from(seconds).unwrap()));
        store.settled.insert((USER, Unit::USD), seed.amount(10_000_000));
        store.settled.insert((RESELLER, Unit::USD), seed.amount(20_000_000));
        let before = store.settled.clone();
        let wanted = seed.below(900_000);
        let lag = seed.below(1_500);
        let outcome = run(&mut meter(chain.clone()), &mut store, 0, wanted, lag);
        assert!(store.settled.values().all(|b| *b >= Amount::ZERO), "seed {number}: {:?}", store.settled);
        let Some(talked) = outcome.talked_ms else { continue };
        assert!(outcome.cut.is_some() || talked == wanted, "seed {number}");
        let used = before[&(USER, Unit::Seconds)] - store.settled[&(USER, Unit::Seconds)];
        let paid = before[&(USER, Unit::USD)] - store.settled[&(USER, Unit::USD)];
        assert_eq!(paid, outcome.cdr.cost_enduser, "seed {number}");
        let whole = chain.payers[0].billed_s(talked);
        assert!(used <= Amount::units(i64::try_from(whole).unwrap()), "seed {number}: {used} of {whole} s");
    }
}

#[test]
fn a_prepaid_call_ends_exactly_where_its_credit_ends() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount(1_005_000));
    let mut meter =
        meter(Chain { payers: vec![flat(USER, ChargeKind::Enduser, 600_000)], ..Chain::default() });
    let outcome = run(&mut meter, &mut store, 5_000, 3_600_000, 3);
    assert_eq!(outcome.cut, Some(CutReason::NoCredit));
    assert_eq!(outcome.talked_ms, Some(100_010));
    assert_eq!(store.free(USER, Unit::USD), Amount(5_000));
    assert_eq!(outcome.cdr.cost_enduser, Amount::units(1));
}

#[test]
fn a_recharge_before_the_end_of_credit_keeps_the_call() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount(600_000));
    let mut meter =
        meter(Chain { payers: vec![flat(USER, ChargeKind::Enduser, 600_000)], ..Chain::default() });
    let event = store.perform(&meter.hold(now(0), journal()));
    meter.handle_money(now(0), &event);
    meter.answered(now(0));
    for (due, recharge, next) in [(48_000, 0, 58_000), (58_000, 300_000, 80_000), (80_000, 0, 88_000)] {
        assert_eq!(meter.deadline(), Some((Mono::from_ms(due), MeterDeadline::Extend)));
        assert_eq!(meter.handle_timeout(now(due)), Some(MeterAction::Extend));
        *store.settled.get_mut(&(USER, Unit::USD)).unwrap() += Amount(recharge);
        let event = store.perform(&meter.extend(now(due), journal()));
        assert_eq!(meter.handle_money(now(due), &event), None);
        assert_eq!(meter.deadline().map(|(at, _)| at), Some(Mono::from_ms(next)));
    }
    assert_eq!(meter.handle_timeout(now(88_000)), Some(MeterAction::Extend));
    let event = store.perform(&meter.extend(now(88_000), journal()));
    meter.handle_money(now(88_000), &event);
    assert_eq!(meter.deadline(), Some((Mono::from_ms(90_000), MeterDeadline::Cut)));
}

#[test]
fn free_seconds_go_before_money() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::Seconds), Amount::units(90));
    store.settled.insert((USER, Unit::USD), Amount::units(5));
    let payers = vec![flat(USER, ChargeKind::Enduser, 600_000)];
    let chain = Chain { payers, provider: None, free_seconds: true };
    let outcome = run(&mut meter(chain.clone()), &mut store, 0, 150_000, 3);
    assert_eq!(outcome.talked_ms, Some(150_000));
    assert_eq!(store.free(USER, Unit::Seconds), Amount::ZERO);
    assert_eq!(store.free(USER, Unit::USD), Amount(4_400_000));
    store.seen.clear();
    let outcome = run(&mut meter(chain), &mut store, 0, 30_000, 3);
    assert_eq!(outcome.cdr.cost_enduser, Amount(300_000));
}

#[test]
fn no_credit_is_refused_before_the_invite() {
    let mut store = Store::default();
    let payers = vec![flat(USER, ChargeKind::Enduser, 600_000)];
    let mut meter = meter(Chain { payers, provider: None, free_seconds: true });
    let order = meter.hold(now(0), journal());
    let event = store.perform(&order);
    assert_eq!(meter.handle_money(now(1), &event), Some(MeterAction::HoldAgain));
    let event = store.perform(&meter.hold(now(1), journal()));
    let why = Refusal::NoCredit { account: USER, unit: Unit::USD };
    assert_eq!(meter.handle_money(now(2), &event), Some(MeterAction::Refused(why)));
    let MoneyOrder::Settle { charges, hold, .. } = meter.settle(now(2), cdr()) else {
        panic!("a settlement")
    };
    assert_eq!((charges.len(), hold), (0, None));
}

#[test]
fn a_silent_store_cuts_prepaid_at_once_and_postpaid_after_one_grace() {
    for (floor, end_ms) in [(Some(Amount::ZERO), 60_000), (None, 120_000)] {
        let rating = Rating { floor, ..flat(USER, ChargeKind::Enduser, 600_000) };
        let mut meter = meter(Chain { payers: vec![rating], ..Chain::default() });
        let MoneyOrder::Hold { step, max_steps, .. } = meter.hold(now(0), journal()) else {
            panic!("a hold")
        };
        let held = MoneyEvent::Held { step, steps: max_steps, left: None };
        assert_eq!(meter.handle_money(now(0), &held), Some(MeterAction::Go));
        meter.answered(now(0));
        assert_eq!(meter.deadline(), Some((Mono::from_ms(48_000), MeterDeadline::Extend)));
        assert_eq!(meter.handle_timeout(now(48_000)), Some(MeterAction::Extend));
        let order = meter.extend(now(48_000), journal());
        assert!(matches!(order, MoneyOrder::Extend { max_steps: 60, .. }), "{order:?}");
        while let Some((at, what)) = meter.deadline() {
            if what == MeterDeadline::Cut {
                assert_eq!(at, Mono::from_ms(end_ms));
                break;
            }
            assert_eq!(meter.handle_timeout(now(at.ms())), Some(MeterAction::Touch));
            meter.extend(now(at.ms()), journal());
        }
        assert_eq!(meter.handle_timeout(now(end_ms)), Some(MeterAction::Cut(CutReason::NoAnswer)));
        assert_eq!(meter.deadline(), None);
    }
}

#[test]
fn a_reseller_s_credit_is_not_shown_to_a_caller_who_pays_nothing() {
    let reseller = Rating { level: 1, ..flat(RESELLER, ChargeKind::Reseller, 600_000) };
    let mut store = Store::default();
    store.settled.insert((RESELLER, Unit::USD), Amount::units(10));
    for (price, shown) in [(0, None), (1, Some((Amount(7_999_940), Unit::USD)))] {
        store.settled.insert((USER, Unit::USD), Amount::units(8));
        store.seen.clear();
        let payers = vec![flat(USER, ChargeKind::Enduser, price), reseller.clone()];
        let mut meter = meter(Chain { payers, ..Chain::default() });
        let event = store.perform(&meter.hold(now(0), journal()));
        assert_eq!(meter.handle_money(now(0), &event), Some(MeterAction::Go));
        assert_eq!(meter.left(), shown);
    }
}

#[test]
fn a_free_call_has_a_journal_and_no_payers() {
    let mut store = Store::default();
    let mut meter = meter(Chain::default());
    let outcome = run(&mut meter, &mut store, 1_000, 600_000, 1);
    assert_eq!((outcome.talked_ms, outcome.charges.len(), outcome.cut), (Some(600_000), 0, None));
    assert!(store.touches >= 9, "{} touches", store.touches);
    assert_eq!(store.journal.map(|j| j.meter), Some(String::new()));
}

#[test]
fn a_call_found_in_the_journal_is_charged_to_its_last_touch() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount::units(10));
    store.settled.insert((RESELLER, Unit::USD), Amount::units(10));
    let mut reseller = flat(RESELLER, ChargeKind::Reseller, 300_000);
    reseller.level = 1;
    let payers = vec![flat(USER, ChargeKind::Enduser, 600_000), reseller];
    let provider = Some(flat(TRUNK, ChargeKind::Provider, 120_000));
    let mut meter = meter(Chain { payers, provider, free_seconds: false });
    let event = store.perform(&meter.hold(now(0), journal()));
    meter.handle_money(now(0), &event);
    let ringing = store.journal.clone().unwrap();
    let unanswered = settle_from_journal(&ringing.meter, ringing.billed_ms, ringing.answered).unwrap();
    assert!(unanswered.charges.is_empty());
    meter.answered(now(5_000));
    meter.handle_timeout(now(53_000));
    let event = store.perform(&meter.extend(now(53_000), journal()));
    meter.handle_money(now(53_000), &event);
    let touched = store.journal.clone().unwrap();
    assert_eq!((touched.billed_ms, touched.answered), (48_000, Some(now(5_000).wall)));
    let settled = settle_from_journal(&touched.meter, touched.billed_ms, touched.answered).unwrap();
    let amounts: Vec<_> = settled.charges.iter().map(|c| (c.account, c.amount.0)).collect();
    assert_eq!(amounts, [(USER, 480_000), (RESELLER, 240_000), (TRUNK, 96_000)]);
    assert_eq!((settled.costs.len(), settled.reseller), (1, Some(RESELLER)));
    let free = settle_from_journal("", 1, None).unwrap();
    assert_eq!(free.cost_enduser, Amount::ZERO);
    assert!(settle_from_journal("{", 1, None).is_err());
}

#[test]
fn a_snapshot_goes_on_where_it_stopped() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount::units(1));
    let mut meter =
        meter(Chain { payers: vec![flat(USER, ChargeKind::Enduser, 600_000)], ..Chain::default() });
    let event = store.perform(&meter.hold(now(0), journal()));
    meter.handle_money(now(0), &event);
    meter.answered(now(0));
    let mut copy = Meter::restore(&meter.snapshot()).unwrap();
    copy.adopt(Some(Mono::from_ms(0)), now(0));
    assert_eq!(copy.deadline(), meter.deadline());
    assert_eq!(copy.extend(now(50_000), journal()), meter.extend(now(50_000), journal()));
}

#[test]
fn failover_holds_again_only_where_the_price_changes() {
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount::units(1));
    let chain = |price, cost| Chain {
        payers: vec![flat(USER, ChargeKind::Enduser, price)],
        provider: Some(flat(TRUNK, ChargeKind::Provider, cost)),
        free_seconds: false,
    };
    let mut meter = meter(chain(600_000, 1));
    let event = store.perform(&meter.hold(now(0), journal()));
    assert_eq!(meter.handle_money(now(0), &event), Some(MeterAction::Go));
    assert_eq!(meter.reprice(chain(600_000, 2)), None);
    let release = meter.reprice(chain(480_000, 2)).expect("a release");
    store.perform(&release);
    assert_eq!(store.free(USER, Unit::USD), Amount::units(1));
    let event = store.perform(&meter.hold(now(9), journal()));
    assert_eq!(meter.handle_money(now(9), &event), Some(MeterAction::Go));
    assert_eq!(store.free(USER, Unit::USD), Amount(520_000));
}

#[test]
fn a_fenced_meter_touches_nothing_more() {
    let mut meter =
        meter(Chain { payers: vec![flat(USER, ChargeKind::Enduser, 600_000)], ..Chain::default() });
    let step = meter.hold(now(0), journal()).step();
    assert_eq!(meter.handle_money(now(1), &MoneyEvent::Fenced { step }), Some(MeterAction::Drop));
    meter.answered(now(2));
    assert_eq!(meter.deadline(), None);
    assert!(meter.settled());
}

#[test]
fn a_tariff_border_inside_the_call_raises_the_hold() {
    let dear = BillingTime {
        id: 1,
        entry: 1,
        kind: TimeType::StartEnd,
        from_s: 43_260,
        to_s: 50_000,
        is_diff: false,
        price: Amount(1_200_000),
    };
    let rating = Rating {
        times: vec![dear],
        calendar: Calendar::default(),
        ..flat(USER, ChargeKind::Enduser, 600_000)
    };
    let mut store = Store::default();
    store.settled.insert((USER, Unit::USD), Amount::units(100));
    let mut meter = meter(Chain { payers: vec![rating], ..Chain::default() });
    let outcome = run(&mut meter, &mut store, 0, 200_000, 3);
    assert_eq!(outcome.cdr.unit_price, Amount(1_200_000));
    assert_eq!(outcome.cdr.cost_enduser, Amount::units(4));
}
