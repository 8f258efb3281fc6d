//! Prices and what calls cost: price lists with longest-prefix lookup, billing times, charges, the
//! meter that reserves and settles one leg's money, and the arithmetic of the ledger.
//!
//! It holds no balances and knows no database: `store` performs what the meter orders. Times, time
//! zones, holidays and exchange rates are handed in. All arithmetic is in integers.

#![deny(missing_docs)]

mod afford;
pub mod book;
pub mod calendar;
pub mod chain;
pub mod exchange;
pub mod ledger;
pub mod meter;
pub mod prefix;
pub mod prices;
pub mod rating;
mod reserve;
pub mod settlement;
mod terms;

pub use afford::affordable_s;
pub use book::PriceBook;
pub use calendar::{BillingTime, Calendar, TimeType, holiday_days, time_of_day};
pub use chain::Chain;
pub use exchange::{ExchangeRate, div_half_up};
pub use meter::{CutReason, Meter, MeterAction, MeterDeadline, MeterJson, MeterSettings};
pub use prefix::PrefixIndex;
pub use prices::{PriceEntry, PriceList};
pub use rating::{Charged, Payer, Rating, Source, charge, charge_at};
pub use settlement::{Settlement, provider_only, settle_from_journal};
