//! Measures what the money of a call costs this process: hold, extend, settle with its record, many calls at once.
//! `cargo run -p strowger-store --example call_cost`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement is run by hand")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use common::{Bench, Leg, check_books, engines, mint, user};
use strowger_model::payment::MoneyEvent;

/// Calls in all.
const CALLS: usize = 5_000;

/// Microseconds of processor time that this process has used.
fn processor_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Clock ticks of 10 ms.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) * 10_000.0
}

fn measure(bench: &Bench, at_once: usize) {
    let store = bench.open();
    let mut mint = mint(&store);
    let accounts: Vec<_> = (0..100).map(|n| user(&store, &format!("u{at_once}-{n}"), "1000")).collect();
    let (sender, answers): (Sender<(usize, MoneyEvent)>, Receiver<_>) = channel();
    let mut legs: Vec<(Leg, u8)> =
        (0..CALLS).map(|n| (Leg::new(&mut mint, accounts[n % 100], "0.01", "0.01"), 0)).collect();
    let step = |legs: &mut Vec<(Leg, u8)>, index: usize| {
        let (leg, stage) = &mut legs[index];
        let order = match stage {
            0 => leg.hold(5),
            1 => leg.extend(5, 5_000),
            _ => leg.settle(9, "0.05"),
        };
        *stage += 1;
        let sender = sender.clone();
        store.money(order, Box::new(move |event| sender.send((index, event)).unwrap()));
    };
    let (started, used) = (Instant::now(), processor_us());
    let mut next = 0;
    while next < at_once {
        step(&mut legs, next);
        next += 1;
    }
    let mut done = 0;
    while done < CALLS {
        let (index, event) = answers.recv().unwrap();
        assert!(!matches!(event, MoneyEvent::Refused { .. }), "{event:?}");
        if legs[index].1 < 3 {
            step(&mut legs, index);
            continue;
        }
        done += 1;
        if next < CALLS {
            step(&mut legs, next);
            next += 1;
        }
    }
    let calls = f64::from(u32::try_from(CALLS).unwrap());
    let wall = started.elapsed().as_secs_f64() * 1e6 / calls;
    let cpu = (processor_us() - used) / calls;
    println!(
        "{:<11} {at_once:>5} at once: {wall:>8.0} µs a call, {cpu:>8.0} µs of processor time",
        bench.name
    );
    check_books(&store);
    store.close();
}

fn main() {
    for bench in engines() {
        for at_once in [1, 64, 1_000] {
            measure(&bench, at_once);
        }
    }
}
