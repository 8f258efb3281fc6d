//! The rows that are kept in memory by others, as plain records.

use strowger_model::{Account, AccountId, Amount, Unit, Wall};

use crate::db::Value;

/// Everything that a node keeps in memory.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The last change that is contained; follow from here.
    pub seq: i64,
    /// Every account that is not deleted.
    pub accounts: Vec<Account>,
    /// Prices.
    pub prices: PriceRows,
    /// Routes.
    pub routes: Vec<RouteRow>,
    /// The number pool.
    pub numbers: Vec<NumberRow>,
    /// Numbers by which accounts are known.
    pub clis: Vec<CliRow>,
    /// Global configuration: name and value.
    pub settings: Vec<(String, String)>,
    /// Currencies.
    pub currencies: Vec<CurrencyRow>,
    /// Blocked numbers.
    pub blacklist: Vec<BlacklistRow>,
    /// Ported numbers.
    pub ported: Vec<PortedRow>,
    /// Holidays.
    pub holidays: Vec<HolidayRow>,
}

/// Price lists with their entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceRows {
    /// `tb_billsources`.
    pub lists: Vec<PriceListRow>,
    /// `tb_billentries`.
    pub entries: Vec<PriceEntryRow>,
    /// `tb_billingtimes`.
    pub times: Vec<PriceTimeRow>,
    /// `tb_packets`.
    pub packets: Vec<PacketRow>,
}

/// One row of `tb_billsources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceListRow {
    /// `id`.
    pub id: i64,
    /// `name`.
    pub name: String,
    /// `resellerid`.
    pub reseller: Option<AccountId>,
    /// `currency`; none: the default currency.
    pub currency: Option<Unit>,
    /// `isdefault`.
    pub is_default: bool,
}

/// One row of `tb_billentries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceEntryRow {
    /// `id`.
    pub id: i64,
    /// `billsourceid`.
    pub list: i64,
    /// `prefix`.
    pub prefix: String,
    /// `direction`: the destination's name.
    pub direction: String,
    /// `price` per minute.
    pub price: Amount,
    /// `connectfee`.
    pub connect_fee: Amount,
    /// `billingstep` in seconds.
    pub billing_step: u32,
    /// `minammount`.
    pub min_amount: Amount,
    /// `freeammount`.
    pub free_amount: Amount,
    /// `freeafter` in seconds.
    pub free_after: u32,
    /// `currency`; none: the list's.
    pub currency: Option<Unit>,
    /// `validfrom`.
    pub valid_from: Option<Wall>,
    /// `validto`.
    pub valid_to: Option<Wall>,
}

/// One row of `tb_billingtimes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTimeRow {
    /// `id`.
    pub id: i64,
    /// `billentryid`.
    pub entry: i64,
    /// `timetype`.
    pub time_type: i32,
    /// `fromtime`: `HH:MM` or a date.
    pub from: String,
    /// `totime`.
    pub to: String,
    /// `isdiff`: `price` is added instead of taken.
    pub is_diff: bool,
    /// `price` per minute.
    pub price: Amount,
}

/// One row of `tb_packets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketRow {
    /// `id`.
    pub id: i64,
    /// `name`.
    pub name: String,
    /// `billsourceid`.
    pub list: Option<i64>,
    /// `freeminutes` a month.
    pub free_minutes: i64,
    /// `freesms` a month.
    pub free_sms: i64,
}

/// One row of `tb_routing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// `id`.
    pub id: i64,
    /// `name`.
    pub name: String,
    /// `prefix` of the called number.
    pub prefix: String,
    /// `caller`: prefix of the calling number, or an account; empty: anybody.
    pub caller: String,
    /// `serverid`.
    pub server: AccountId,
    /// `priority`.
    pub priority: i32,
    /// `weight`.
    pub weight: i32,
    /// `timetype`.
    pub time_type: i32,
    /// `enabled`.
    pub enabled: bool,
}

/// One row of `tb_phonenumbers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberRow {
    /// `id`.
    pub id: i64,
    /// `number`.
    pub number: String,
    /// `userid`.
    pub owner: Option<AccountId>,
    /// `free`.
    pub free: bool,
    /// `location`.
    pub location: String,
    /// `reserveduntil`.
    pub reserved_until: Option<Wall>,
}

/// One row of `tb_users_cli`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliRow {
    /// `userid`.
    pub account: AccountId,
    /// `number`.
    pub number: String,
    /// `callback`: calls from it to a callback access number are called back.
    pub callback: bool,
}

/// One row of `tb_currencies`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyRow {
    /// `code`.
    pub code: Unit,
    /// `rate`: what one unit is worth in the common base, in micro-units.
    pub rate_micros: i64,
    /// `digits` of an invoice.
    pub digits: u8,
}

/// One row of `tb_blacklist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlacklistRow {
    /// `id`.
    pub id: i64,
    /// `number`, a prefix.
    pub number: String,
    /// `userid`; none: for everybody.
    pub user: Option<AccountId>,
    /// `type`: 0 called, 1 calling.
    pub kind: i32,
}

/// One row of `tb_portednumbers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortedRow {
    /// `id`.
    pub id: i64,
    /// `number`, a whole one.
    pub number: String,
    /// `routingnumber`; empty: it is routed as it is.
    pub routing_number: String,
    /// `operator` that has it now.
    pub operator: String,
}

/// One row of `tb_holidays`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayRow {
    /// `id`.
    pub id: i64,
    /// `YYYY-MM-DD`, or `MM-DD` for every year.
    pub date: String,
    /// `country`; empty: everywhere.
    pub country: String,
}

/// A documented decimal column as micro-units, from its text: rounded half up where outside SQL left more than
/// six digits, zero where it holds no number.
pub(crate) fn micros(value: &Value) -> Amount {
    decimal(&value.text()).unwrap_or_default()
}

/// A decimal text as micro-units, rounded half up (away from zero) at six digits.
pub(crate) fn decimal(text: &str) -> Option<Amount> {
    let text = text.trim();
    if let Ok(amount) = text.parse() {
        return Some(amount);
    }
    let (whole, fraction) = text.split_once('.')?;
    if !fraction.is_ascii() || fraction.len() <= 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let cut: Amount = format!("{whole}.{}", &fraction[..6]).parse().ok()?;
    let up = i64::from(fraction.as_bytes()[6] >= b'5');
    Some(if text.starts_with('-') { cut - Amount(up) } else { cut + Amount(up) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        for (value, expected) in [
            (Value::Real(0.2), 200_000),
            (Value::Real(0.1 + 0.2), 300_000),
            (Value::Int(5), 5_000_000),
            (Value::Decimal("1.250000".into()), 1_250_000),
            (Value::Text("0.0000005".into()), 1),
            (Value::Text("-0.0000005".into()), -1),
            (Value::Text("abc".into()), 0),
            (Value::Null, 0),
        ] {
            assert_eq!(micros(&value), Amount(expected), "{value:?}");
        }
    }
}
