//! The checks of the simulation can fail: whatever is broken on purpose is noticed, and called by its name.

use strowger_sim::{Sabotage, run_with};

/// Seeds that are tried until one notices.
const SEEDS: u64 = 30;

fn check(sabotage: Sabotage, word: &str) {
    let failures = (0..SEEDS).filter_map(|seed| run_with(seed, Some(sabotage)).err());
    let mut said = Vec::new();
    for failure in failures {
        if failure.what.contains(word) {
            assert!(failure.to_string().contains("STROWGER_SIM_SEED="));
            return;
        }
        said.push(failure.what);
    }
    panic!("{sabotage:?} was not noticed as {word:?}, but: {said:?}");
}

#[test]
fn missing_byes_leave_somebody_talking() {
    check(Sabotage::NoBye, "still talks");
}

#[test]
fn missing_cancels_after_a_crash_leave_somebody_ringing() {
    check(Sabotage::NoCancel, "still rings");
}

#[test]
fn unfreed_slots_are_counted() {
    check(Sabotage::NoFree, "I8");
}

#[test]
fn a_lost_settlement_leaves_a_hold() {
    check(Sabotage::NoSettle, "I4");
}

#[test]
fn a_second_settlement_is_a_second_record() {
    check(Sabotage::SettleTwice, "I2");
}

#[test]
fn a_fast_clock_makes_calls_longer_than_they_were() {
    check(Sabotage::FastClock, "the wire");
}

#[test]
fn holds_beyond_the_credit_go_below_zero() {
    check(Sabotage::Generous, "I3");
}

#[test]
fn dialling_before_the_hold_is_durable_is_seen() {
    check(Sabotage::EarlyAnswer, "without a hold");
}

#[test]
fn wrong_charges_are_calculated_again() {
    check(Sabotage::Dear, "costs");
}

#[test]
fn legs_of_a_crashed_call_must_be_told() {
    check(Sabotage::NoFarewell, "no BYE");
}

#[test]
fn a_panic_that_nobody_asked_for_is_a_failure() {
    check(Sabotage::Panic, "sabotage");
}
