//! What a leg comes to at its end: charges, cost rows and the money fields of its record. The same
//! arithmetic settles a call that ends and one that is found in the journal after a crash.

use strowger_model::cdr::{Cdr, CdrCost};
use strowger_model::money::{Amount, Unit};
use strowger_model::payment::{Charge, ChargeKind};
use strowger_model::{AccountId, Wall};

use crate::chain::Chain;
use crate::meter::{Meter, MeterJson};
use crate::rating::{Charged, Rating, charge_at, middle};
use crate::reserve::whole_seconds;

/// The money side of one finished leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The postings; none of them is zero.
    pub charges: Vec<Charge>,
    /// One row per reseller level.
    pub costs: Vec<CdrCost>,
    /// What the enduser pays in.
    pub currency: Unit,
    /// What the enduser pays.
    pub cost_enduser: Amount,
    /// What the trunk costs us.
    pub cost_provider: Amount,
    /// In what.
    pub provider_currency: Unit,
    /// The enduser's price per minute.
    pub unit_price: Amount,
    /// The enduser's billing step in seconds.
    pub billing_step: u32,
    /// The enduser's price entry.
    pub price_entry: Option<i64>,
    /// The lowest reseller of the chain.
    pub reseller: Option<AccountId>,
    /// The destination's name.
    pub direction: String,
    /// Somebody pays in `currency`; a free call's record keeps its own.
    paid_in: bool,
}

impl Settlement {
    /// Nothing charged yet; prices and names of the chain.
    fn unpaid(chain: &Chain) -> Self {
        let enduser = chain.enduser();
        let provider = chain.provider.as_ref();
        let resellers = chain.payers.iter().filter(|r| r.kind == ChargeKind::Reseller);
        Self {
            charges: Vec::new(),
            costs: Vec::new(),
            currency: enduser.map_or(Unit::USD, |r| r.unit),
            cost_enduser: Amount::ZERO,
            cost_provider: Amount::ZERO,
            provider_currency: provider.map_or(Unit::USD, |r| r.unit),
            unit_price: enduser.map_or(Amount::ZERO, |r| r.price),
            billing_step: enduser.map_or(0, |r| r.step_s),
            price_entry: enduser.and_then(|r| r.entry),
            reseller: resellers.map(|r| (r.level, r.account)).min().map(|(_, account)| account),
            paid_in: enduser.is_some(),
            direction: enduser.or(provider).map(|r| r.direction.clone()).unwrap_or_default(),
        }
    }

    /// What a meter's leg came to after so many milliseconds. Prepaid payers never pay for more than what
    /// is held: a call that is cut a timer tick late does not begin another step.
    #[must_use]
    pub(crate) fn of(meter: &Meter, duration_ms: u64, answered: Option<Wall>) -> Self {
        let chain = &meter.chain;
        let mut result = Self::unpaid(chain);
        let Some(answered) = answered else { return result };
        let at = middle(answered, duration_ms);
        for (index, rating) in chain.payers.iter().enumerate() {
            let prepaid = rating.floor.is_some() && !rating.is_free();
            let mut ms = if prepaid { duration_ms.min(meter.paid_s * 1000) } else { duration_ms };
            let enduser = index == 0;
            if enduser && meter.free_s > 0 {
                let used_s = rating.billed_s(ms).min(meter.free_s);
                result.push(rating, Unit::Seconds, whole_seconds(used_s));
                ms = ms.saturating_sub(meter.free_s * 1000);
                if ms == 0 {
                    result.unit_price = rating.price_at(at);
                    continue;
                }
            }
            let mut charged = charge_at(rating, ms, at);
            if prepaid {
                let held = meter.held_by(rating.level, rating.account, rating.unit);
                charged.amount = charged.amount.min(held);
            }
            result.pay(rating, charged, enduser);
        }
        result.pay_provider(chain, duration_ms, at);
        result
    }

    /// Copies the money fields into a record.
    pub fn write_to(&self, cdr: &mut Cdr) {
        if self.paid_in {
            cdr.currency = self.currency;
        }
        cdr.cost_enduser = self.cost_enduser;
        cdr.cost_provider = self.cost_provider;
        cdr.provider_currency = self.provider_currency;
        cdr.unit_price = self.unit_price;
        cdr.billing_step = self.billing_step;
        cdr.price_entry = self.price_entry;
        cdr.reseller = self.reseller;
        if cdr.direction.is_empty() {
            cdr.direction.clone_from(&self.direction);
        }
    }

    fn push(&mut self, rating: &Rating, unit: Unit, amount: Amount) {
        if amount > Amount::ZERO {
            self.charges.push(Charge { account: rating.account, unit, amount, kind: rating.kind });
        }
    }

    fn pay(&mut self, rating: &Rating, charged: Charged, enduser: bool) {
        self.push(rating, rating.unit, charged.amount);
        if enduser {
            self.cost_enduser = charged.amount;
            self.unit_price = charged.unit_price;
        }
        if rating.kind == ChargeKind::Reseller {
            self.costs.push(CdrCost {
                account: rating.account,
                level: rating.level,
                unit: rating.unit,
                amount: charged.amount,
                unit_price: charged.unit_price,
                price_entry: rating.entry,
            });
        }
    }

    fn pay_provider(&mut self, chain: &Chain, duration_ms: u64, at: Wall) {
        if let Some(provider) = &chain.provider {
            self.cost_provider = charge_at(provider, duration_ms, at).amount;
            self.push(provider, provider.unit, self.cost_provider);
        }
    }
}

/// Settles a leg that is found in the journal: charged for the milliseconds of its last touch.
///
/// # Errors
/// The journal's meter is neither empty (a free call) nor a snapshot.
pub fn settle_from_journal(
    meter_json: &str,
    billed_ms: u64,
    answered: Option<Wall>,
) -> Result<Settlement, MeterJson> {
    if meter_json.is_empty() {
        return Ok(Settlement::unpaid(&Chain::default()));
    }
    let meter = Meter::restore(meter_json)?;
    Ok(Settlement::of(&meter, billed_ms, answered))
}

/// A losing branch of a fork that answered: the trunk wants its money, nobody else pays.
#[must_use]
pub fn provider_only(chain: &Chain, duration_ms: u64, answered: Wall) -> Settlement {
    let mut result = Settlement::unpaid(chain);
    result.unit_price = Amount::ZERO;
    result.pay_provider(chain, duration_ms, middle(answered, duration_ms));
    result
}
