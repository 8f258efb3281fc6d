//! Price lists and their entries, after `tb_billsources` and `tb_billentries`.

use std::sync::Arc;

use strowger_model::{AccountId, Amount, Unit, Wall};

/// One row of `tb_billsources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// `id`.
    pub id: i64,
    /// `name`.
    pub name: Box<str>,
    /// `resellerid`: whose customers it is for; none: everybody's.
    pub reseller: Option<AccountId>,
    /// `currency` of entries that name none.
    pub currency: Unit,
    /// `isdefault`: for customers of that reseller (or everybody) who have no list of their own.
    pub is_default: bool,
}

/// One row of `tb_billentries`: what calls to one prefix cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceEntry {
    /// `id`.
    pub id: i64,
    /// `billsourceid`.
    pub list: i64,
    /// `prefix` of the normalised number, without `+`; empty matches every number.
    pub prefix: Box<str>,
    /// `direction`: the destination's name.
    pub direction: Arc<str>,
    /// `price` per minute.
    pub price: Amount,
    /// `connectfee` of an answered call.
    pub connect_fee: Amount,
    /// `billingstep` in seconds; zero counts as one.
    pub step_s: u32,
    /// `minammount`: what the time of an answered call costs at least.
    pub minimum: Amount,
    /// `freeammount`: what is taken off the time's cost of each call.
    pub free_amount: Amount,
    /// `freeafter`: seconds after which a call costs no more; zero: never.
    pub free_after_s: u32,
    /// `currency`; none: the list's.
    pub currency: Option<Unit>,
    /// `validfrom`.
    pub valid_from: Option<Wall>,
    /// `validto`, exclusive.
    pub valid_to: Option<Wall>,
}

impl PriceEntry {
    /// An entry with a price per minute and nothing else, billed by the second.
    #[must_use]
    pub fn flat(id: i64, list: i64, prefix: &str, direction: &str, price: Amount) -> Self {
        Self {
            id,
            list,
            prefix: prefix.into(),
            direction: direction.into(),
            price,
            connect_fee: Amount::ZERO,
            step_s: 1,
            minimum: Amount::ZERO,
            free_amount: Amount::ZERO,
            free_after_s: 0,
            currency: None,
            valid_from: None,
            valid_to: None,
        }
    }

    /// The entry holds at that moment.
    #[must_use]
    pub fn is_valid(&self, at: Wall) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_to.is_none_or(|to| at < to)
    }
}
