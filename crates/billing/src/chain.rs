//! Everybody who pays for a leg: the enduser, each reseller above it, and what the trunk costs us.

use serde::{Deserialize, Serialize};
use strowger_model::Amount;

use crate::rating::Rating;

/// The payer chain of one leg. Without payers the call is free.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Chain {
    /// The enduser first, then the resellers upwards.
    pub payers: Vec<Rating>,
    /// What the trunk costs us; none where it has no price list.
    pub provider: Option<Rating>,
    /// The enduser's free seconds are used before its money.
    pub free_seconds: bool,
}

impl Chain {
    /// Nobody pays anything, whatever the call's duration.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.payers.iter().all(Rating::is_free)
    }

    /// The level that the caller sees.
    #[must_use]
    pub fn enduser(&self) -> Option<&Rating> {
        self.payers.first()
    }

    /// The same accounts pay the same prices; providers may differ.
    #[must_use]
    pub fn same_payers(&self, other: &Self) -> bool {
        self.payers == other.payers && self.free_seconds == other.free_seconds
    }

    /// Of the branches of a fork the one whose hold covers the others best: the enduser's first minute,
    /// then the whole chain's, costs most.
    #[must_use]
    pub fn dearest(chains: &[Self]) -> Option<usize> {
        (0..chains.len()).max_by_key(|i| {
            let chain = &chains[*i];
            let minute = |r: &Rating| {
                let price = r.times.iter().map(|t| t.price).fold(r.price, Amount::max);
                r.cost(r.billed_s(60_000), price)
            };
            (chain.enduser().map(minute), chain.payers.iter().map(minute).sum::<Amount>(), usize::MAX - i)
        })
    }

    /// What the paying enduser may be shown: `0.2 USD/min`; none for a free call.
    #[must_use]
    pub fn rating_text(&self) -> Option<String> {
        self.enduser().map(|r| format!("{} {}/min", r.price, r.unit))
    }
}
