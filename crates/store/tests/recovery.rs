//! Recovery with billing's own meter: what a crashed call costs is what its meter says at the last touch.
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic like a test")]

mod common;

use common::*;
use strowger_billing::{Chain, Meter, MeterAction, MeterSettings, Rating};
use strowger_model::Scope;
use strowger_model::payment::{ChargeKind, MoneyOrder};

/// Drives a metered call for a number of milliseconds after the answer, then forgets it.
fn abandoned_call(store: &strowger_store::Store, leg: &Leg, chain: Chain, talk_ms: u64) -> u64 {
    let mut meter = Meter::new(leg.call, leg.leg, chain, MeterSettings::default());
    let mut at = now();
    let event = money(store, meter.hold(at, *leg.journal(0)));
    assert_eq!(meter.handle_money(at, &event), Some(MeterAction::Go));
    at = at.plus_ms(2_000);
    meter.answered(at);
    let end = at.plus_ms(talk_ms);
    let mut billed = 0;
    loop {
        while let Some(action) = meter.handle_timeout(at) {
            assert!(matches!(action, MeterAction::Extend | MeterAction::Touch), "{action:?}");
            let order = meter.extend(at, *leg.journal(0));
            if let MoneyOrder::Extend { journal, .. } = &order {
                billed = journal.billed_ms;
            }
            let event = money(store, order);
            meter.handle_money(at, &event);
        }
        at = at.plus_ms(1_000);
        if at.mono > end.mono {
            return billed;
        }
    }
}

#[test]
fn a_crashed_call_pays_up_to_its_last_touch_and_no_more() {
    for bench in engines() {
        let store = bench.open();
        let alice = user(&store, "alice", "5");
        let mut mint = mint(&store);
        let leg = Leg::new(&mut mint, alice, "0", "0");
        let mut rating = Rating::flat(alice, ChargeKind::Enduser, EUR, amount("0.6"));
        rating.floor = Some(strowger_model::Amount::ZERO);
        let chain = Chain { payers: vec![rating], ..Chain::default() };
        let billed_ms = abandoned_call(&store, &leg, chain, 130_000);
        assert!(billed_ms > 60_000, "{}: {billed_ms}", bench.name);
        store.close();

        let store = bench.open();
        let recovery = store.server().recover(now()).unwrap();
        assert_eq!(recovery.calls.len(), 1, "{}", bench.name);
        let cdr = &recovery.calls[0].cdr;
        assert_eq!(cdr.duration_ms, billed_ms);
        // 0.6 a minute is one cent a second; the meter bills whole seconds.
        let cost = amount("0.01").times(i64::try_from(billed_ms.div_ceil(1000)).unwrap());
        assert_eq!(cdr.cost_enduser, cost);
        assert_eq!(settled(&store, alice), amount("5") - cost);
        assert_eq!(held(&store, alice), strowger_model::Amount::ZERO);
        let page = wait(store.cdrs(Scope::Own(alice), Default::default())).unwrap();
        assert_eq!(page.table.rows.len(), 1);
        check_books(&store);
        store.close();
    }
}
