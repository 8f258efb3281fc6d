//! Many seeds of the simulation, each a town of its own. `STROWGER_SIM_SEEDS` changes how many, `STROWGER_SIM_SEED`
//! plays one.

use strowger_sim::{Failure, Report, run, run_durable};

/// Seeds in an ordinary run.
const SEEDS: u64 = 500;

/// Seeds that are played on the real store.
const DURABLE_SEEDS: u64 = 12;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Plays seeds on two threads; every one must keep every promise.
fn play(seeds: Vec<u64>, run: fn(u64) -> Result<Report, Box<Failure>>) -> Vec<Report> {
    let (even, odd): (Vec<u64>, Vec<u64>) = seeds.into_iter().partition(|seed| seed % 2 == 0);
    let threads =
        [even, odd].map(|seeds| std::thread::spawn(move || seeds.into_iter().map(run).collect::<Vec<_>>()));
    let outcomes: Vec<_> =
        threads.into_iter().flat_map(|thread| thread.join().expect("a run does not panic")).collect();
    let mut failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).peekable();
    if let Some(first) = failures.peek() {
        let text = first.to_string();
        let all: Vec<String> =
            failures.map(|f| format!("  seed {} at {} ms: {}", f.seed, f.at_ms, f.what)).collect();
        panic!("{text}\n{} seeds failed:\n{}", all.len(), all.join("\n"));
    }
    outcomes.into_iter().map(Result::unwrap).collect()
}

#[test]
fn five_hundred_seeds() {
    let seeds = match number("STROWGER_SIM_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("STROWGER_SIM_SEEDS").unwrap_or(SEEDS)).collect(),
    };
    let many = seeds.len() >= 100;
    let reports = play(seeds, run);
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    println!(
        "{} seeds: {} calls, {} records ({} answered, {} charged, {} recovered), {} crashes, {} panics, {} legs moved, {} moves of all, \
         {} money steps, {} datagrams, {} damaged ones",
        reports.len(),
        sum(|r| r.calls),
        sum(|r| r.records),
        sum(|r| r.answered),
        sum(|r| r.charged),
        sum(|r| r.recovered),
        sum(|r| r.crashes),
        sum(|r| r.panics),
        sum(|r| r.adopted),
        sum(|r| r.moved),
        sum(|r| r.money_steps),
        sum(|r| r.datagrams),
        sum(|r| r.noise),
    );
    if many {
        for (what, count) in [
            ("answered", sum(|r| r.answered)),
            ("charged", sum(|r| r.charged)),
            ("recovered", sum(|r| r.recovered)),
            ("panics", sum(|r| r.panics)),
            ("adopted", sum(|r| r.adopted)),
        ] {
            assert!(count > 0, "no run has any {what}: the scenarios prove nothing");
        }
    }
}

#[test]
fn one_seed_is_one_run() {
    for seed in [3, 4] {
        assert_eq!(run(seed).unwrap(), run(seed).unwrap());
    }
}

#[test]
fn the_real_store_agrees_with_the_reference() {
    let reports = play(
        (1000..1000 + number("STROWGER_SIM_DURABLE_SEEDS").unwrap_or(DURABLE_SEEDS)).collect(),
        run_durable,
    );
    let steps: u64 = reports.iter().map(|r| r.money_steps).sum();
    println!("{} seeds on SQLite, {steps} money steps", reports.len());
    assert!(reports.iter().any(|r| r.recovered > 0), "recovery was not compared");
}
