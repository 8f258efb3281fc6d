//! Double entry: every movement of money as lines that sum to zero per unit. `store` writes them; a
//! positive amount means that the account has more afterwards.

use strowger_model::payment::{Charge, ChargeKind};
use strowger_model::{AccountId, Amount, Unit};

use crate::exchange::ExchangeRate;

/// What calls and messages bring.
pub const REVENUE: AccountId = AccountId(-1);
/// What trunks cost.
pub const PROVIDER: AccountId = AccountId(-2);
/// Where recharges come from.
pub const CASH: AccountId = AccountId(-3);
/// Where one unit becomes another.
pub const EXCHANGE: AccountId = AccountId(-4);
/// What outside writes to a balance are booked against.
pub const CORRECTION: AccountId = AccountId(-5);
/// What nobody pays.
pub const LOSS: AccountId = AccountId(-6);
/// Where the free seconds and messages of packets come from.
pub const GIFT: AccountId = AccountId(-7);

/// Every system account with its name.
pub const SYSTEM: [(AccountId, &str); 7] = [
    (REVENUE, "revenue"),
    (PROVIDER, "provider"),
    (CASH, "cash"),
    (EXCHANGE, "exchange"),
    (CORRECTION, "correction"),
    (LOSS, "loss"),
    (GIFT, "gift"),
];

/// One line of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Whose balance.
    pub account: AccountId,
    /// In what.
    pub unit: Unit,
    /// The change.
    pub amount: Amount,
}

/// `amount` from one account to another, in one unit. A negative amount goes the other way.
#[must_use]
pub fn transfer(from: AccountId, to: AccountId, unit: Unit, amount: Amount) -> [Line; 2] {
    // The smallest amount has no counterpart of the other sign; it is drawn in by one.
    let amount = amount.max(-Amount::MAX);
    [Line { account: from, unit, amount: -amount }, Line { account: to, unit, amount }]
}

/// A call's or message's charge: the payer's to revenue, and from our costs to the provider.
#[must_use]
pub fn charge(charge: &Charge) -> [Line; 2] {
    match charge.kind {
        ChargeKind::Enduser | ChargeKind::Reseller => {
            transfer(charge.account, REVENUE, charge.unit, charge.amount)
        }
        ChargeKind::Provider => transfer(PROVIDER, charge.account, charge.unit, charge.amount),
    }
}

/// A recharge; a negative amount takes back.
#[must_use]
pub fn top_up(account: AccountId, unit: Unit, amount: Amount) -> [Line; 2] {
    transfer(CASH, account, unit, amount)
}

/// A balance written from outside: `delta` is the new value minus the old.
#[must_use]
pub fn correction(account: AccountId, unit: Unit, delta: Amount) -> [Line; 2] {
    transfer(CORRECTION, account, unit, delta)
}

/// Free seconds or messages of a packet; a negative amount takes back what has lapsed.
#[must_use]
pub fn gift(account: AccountId, unit: Unit, amount: Amount) -> [Line; 2] {
    transfer(GIFT, account, unit, amount)
}

/// What an account owes and will not pay.
#[must_use]
pub fn write_off(account: AccountId, unit: Unit, amount: Amount) -> [Line; 2] {
    transfer(LOSS, account, unit, amount)
}

/// An amount of one unit becomes another unit of the same account.
#[must_use]
pub fn convert(account: AccountId, from: Unit, amount: Amount, to: Unit, rate: ExchangeRate) -> [Line; 4] {
    let [out, taken] = transfer(account, EXCHANGE, from, amount);
    let [given, into] = transfer(EXCHANGE, account, to, rate.convert(amount));
    [out, taken, given, into]
}

/// The lines sum to zero in every unit.
#[must_use]
pub fn is_balanced(lines: &[Line]) -> bool {
    lines.iter().all(|line| {
        let same = lines.iter().filter(|l| l.unit == line.unit);
        same.map(|l| i128::from(l.amount.0)).sum::<i128>() == 0
    })
}

/// One line per account and unit, sorted, without zeros.
pub fn merge(lines: &mut Vec<Line>) {
    lines.sort_by_key(|l| (l.account, l.unit));
    lines.dedup_by(|next, kept| {
        let same = (next.account, next.unit) == (kept.account, kept.unit);
        if same {
            kept.amount += next.amount;
        }
        same
    });
    lines.retain(|l| l.amount != Amount::ZERO);
}

#[cfg(test)]
mod tests {
    use super::*;

    const EUR: Unit = Unit::Currency(*b"EUR");
    const A: AccountId = AccountId(7);

    #[test]
    fn every_posting_sums_to_zero_per_unit() {
        let rate = ExchangeRate::new(3, 7).unwrap();
        for micros in [0, 1, -1, 123_456_789, i64::MAX, i64::MIN] {
            let amount = Amount(micros);
            let charges = [ChargeKind::Enduser, ChargeKind::Reseller, ChargeKind::Provider]
                .map(|kind| charge(&Charge { account: A, unit: EUR, amount, kind }));
            for lines in charges {
                assert!(is_balanced(&lines), "{lines:?}");
            }
            for lines in [
                top_up(A, EUR, amount),
                correction(A, EUR, amount),
                gift(A, Unit::Seconds, amount),
                write_off(A, EUR, amount),
            ] {
                assert!(is_balanced(&lines), "{lines:?}");
            }
            assert!(is_balanced(&convert(A, EUR, amount, Unit::USD, rate)));
        }
    }

    #[test]
    fn merging_keeps_the_sums() {
        let mut lines = Vec::new();
        for _ in 0..3 {
            lines.extend(top_up(A, EUR, Amount(5)));
        }
        lines.extend(transfer(A, AccountId(8), EUR, Amount(15)));
        merge(&mut lines);
        assert!(is_balanced(&lines));
        assert_eq!(lines.iter().map(|l| (l.account.0, l.amount.0)).collect::<Vec<_>>(), [(-3, -15), (8, 15)]);
    }

    #[test]
    fn an_unbalanced_set_is_noticed() {
        let line = |unit, amount| Line { account: A, unit, amount: Amount(amount) };
        assert!(!is_balanced(&[line(EUR, 5), line(Unit::USD, -5)]));
    }
}
