//! Things broken on purpose, to see that the checks notice.

use strowger_model::Amount;
use strowger_model::payment::MoneyOrder;

/// Something that is broken on purpose, to see that the checks notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The switch's BYEs never leave.
    NoBye,
    /// The switch's CANCELs never leave.
    NoCancel,
    /// Slots are not freed.
    NoFree,
    /// Settlements do not reach the store.
    NoSettle,
    /// Settlements reach the store twice, under another step.
    SettleTwice,
    /// The switch's monotonic clock runs 1 % fast.
    FastClock,
    /// Holds are granted beyond the credit.
    Generous,
    /// The first hold is answered before the store has it.
    EarlyAnswer,
    /// Charges are a hundredth too high.
    Dear,
    /// Adopted legs are not told.
    NoFarewell,
    /// The switch panics by itself.
    Panic,
}

/// An order as a saboteur would have it; none: he leaves it alone.
pub fn tampered(order: &MoneyOrder, sabotage: Sabotage) -> Option<MoneyOrder> {
    let mut order = order.clone();
    match (&mut order, sabotage) {
        (MoneyOrder::Settle { cdr, .. }, Sabotage::Dear) => {
            cdr.cost_enduser = Amount(cdr.cost_enduser.0 / 100 * 101);
        }
        (MoneyOrder::Hold { payers, .. }, Sabotage::Generous) => {
            for payer in payers {
                payer.floor = payer.floor.map(|floor| floor - Amount::units(100));
            }
        }
        _ => return None,
    }
    Some(order)
}

/// The same settlement under another step.
pub fn second(order: &MoneyOrder) -> Option<MoneyOrder> {
    let mut order = order.clone();
    match &mut order {
        MoneyOrder::Settle { step, .. } if step.sequence < 1000 => step.sequence += 1000,
        _ => return None,
    }
    Some(order)
}
