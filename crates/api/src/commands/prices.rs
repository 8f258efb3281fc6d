//! Price lists as tables: which column is what, and what is wrong with a line.

use std::collections::BTreeMap;

use strowger_model::{Amount, Unit, Wall};
use strowger_store::{Price, PriceListRow, parse_date, show_date};

use super::csv::{self, Csv};
use crate::dispatch::Call;
use crate::reply::{Data, Failure};

/// The columns in the order of an export.
pub const COLUMNS: [&str; 11] = [
    "prefix",
    "direction",
    "price",
    "connectfee",
    "billingstep",
    "minimum",
    "free",
    "freeafter",
    "currency",
    "validfrom",
    "validto",
];
/// Other names of columns.
const ALIASES: [(&str, &str); 14] = [
    ("destination", "direction"),
    ("name", "direction"),
    ("rate", "price"),
    ("connectionfee", "connectfee"),
    ("step", "billingstep"),
    ("increment", "billingstep"),
    ("minammount", "minimum"),
    ("minamount", "minimum"),
    ("freeammount", "free"),
    ("freeamount", "free"),
    ("effective", "validfrom"),
    ("effectivedate", "validfrom"),
    ("from", "validfrom"),
    ("until", "validto"),
];
/// Wrong lines that are named.
const MAX_NAMED: usize = 10;
/// Digits of a prefix.
const MAX_PREFIX: usize = 20;
/// Characters of a destination's name.
const MAX_DIRECTION: usize = 100;
/// The longest billing step, in seconds.
const MAX_STEP_S: u32 = 3_600;

/// A price list by its id or name.
pub async fn find(call: &Call, text: &str) -> Result<PriceListRow, Failure> {
    let lists = call.store().price_lists(call.scope).await?;
    let text = text.trim();
    let by_name = lists.iter().find(|(list, _)| list.name.eq_ignore_ascii_case(text));
    let by_id = || lists.iter().find(|(list, _)| list.id.to_string() == text);
    let found = by_name.or_else(by_id).map(|(list, _)| list.clone());
    found.ok_or_else(|| Failure::not_found(format!("price list {text}")))
}

/// One line of an export.
pub fn fields(price: &Price) -> Vec<String> {
    let date = |at: Option<Wall>| at.map(show_date).unwrap_or_default();
    vec![
        price.prefix.clone(),
        price.direction.clone(),
        price.price.to_string(),
        price.connect_fee.to_string(),
        price.billing_step.to_string(),
        price.min_amount.to_string(),
        price.free_amount.to_string(),
        price.free_after.to_string(),
        price.currency.map_or_else(String::new, |unit| unit.code().to_owned()),
        date(price.valid_from),
        date(price.valid_to),
    ]
}

/// The same as values of an answer.
pub fn values(price: &Price) -> Vec<Data> {
    fields(price).into_iter().map(Data::Text).collect()
}

/// Reads an upload.
///
/// # Errors
/// The wrong lines by their numbers and columns; nothing is right unless all of it is.
pub fn read(text: &str) -> Result<Vec<Price>, Failure> {
    let csv = csv::read(text)?;
    let columns = columns(&csv)?;
    let (mut prices, mut wrong, mut count) = (Vec::new(), Vec::new(), 0_usize);
    let mut seen: BTreeMap<(String, Option<Wall>), usize> = BTreeMap::new();
    for (number, fields) in &csv.lines {
        let read = price(&columns, fields).and_then(|price| {
            match seen.insert((price.prefix.clone(), price.valid_from), *number) {
                Some(first) => Err(format!("prefix: the same prefix and date as line {first}")),
                None => Ok(price),
            }
        });
        match read {
            Ok(price) => prices.push(price),
            Err(why) => {
                count += 1;
                if wrong.len() < MAX_NAMED {
                    wrong.push(format!("line {number}, {why}"));
                }
            }
        }
    }
    if count > MAX_NAMED {
        wrong.push(format!("and {} more lines", count - MAX_NAMED));
    }
    if !wrong.is_empty() {
        return Err(Failure::invalid(format!("csv: {}; nothing was changed", wrong.join("; "))));
    }
    if prices.is_empty() {
        return Err(Failure::invalid("csv must have at least one line below its header"));
    }
    Ok(prices)
}

/// Where each column of [`COLUMNS`] stands in the upload.
fn columns(csv: &Csv) -> Result<BTreeMap<&'static str, usize>, Failure> {
    let mut places = BTreeMap::new();
    for (at, name) in csv.header.iter().enumerate() {
        let name =
            ALIASES.iter().find(|(alias, _)| alias == name).map_or(name.as_str(), |(_, column)| column);
        let Some(column) = COLUMNS.iter().find(|column| **column == name) else {
            return Err(Failure::invalid(format!(
                "csv: the column {name} is unknown, use {}",
                COLUMNS.join(",")
            )));
        };
        if places.insert(*column, at).is_some() {
            return Err(Failure::invalid(format!("csv: the column {column} stands twice in the header")));
        }
    }
    for needed in ["prefix", "price"] {
        if !places.contains_key(needed) {
            return Err(Failure::invalid(format!("csv: the header must name the column {needed}")));
        }
    }
    Ok(places)
}

fn price(columns: &BTreeMap<&'static str, usize>, fields: &[String]) -> Result<Price, String> {
    let text =
        |column: &str| columns.get(column).and_then(|at| fields.get(*at)).map_or("", |field| field.trim());
    let amount = |column: &str| match text(column) {
        "" if column != "price" => Ok(Amount::ZERO),
        given => given.parse().ok().filter(|amount| *amount >= Amount::ZERO).ok_or_else(|| {
            format!("{column}: must be a decimal number with a point and at most six digits after it")
        }),
    };
    let seconds = |column: &str, default: u32, least: u32| match text(column) {
        "" => Ok(default),
        given => given.parse().ok().filter(|n| (least..=MAX_STEP_S).contains(n)).ok_or_else(|| {
            format!("{column}: must be a whole number of seconds from {least} to {MAX_STEP_S}")
        }),
    };
    let date = |column: &str| match text(column) {
        "" => Ok(None),
        given => parse_date(given)
            .map(Some)
            .ok_or_else(|| format!("{column}: must be a date, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS in UTC")),
    };
    let prefix = text("prefix").trim_start_matches('+');
    let dialled = |b: u8| b.is_ascii_digit() || b == b'*' || b == b'#';
    if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.bytes().all(dialled) {
        return Err(format!("prefix: must be 1 to {MAX_PREFIX} digits"));
    }
    let direction: String = text("direction").to_owned();
    if direction.chars().count() > MAX_DIRECTION || direction.chars().any(char::is_control) {
        return Err(format!("direction: must be at most {MAX_DIRECTION} characters on one line"));
    }
    let currency = match text("currency") {
        "" => None,
        given => Some(
            given
                .parse()
                .ok()
                .filter(|unit| matches!(unit, Unit::Currency(_)))
                .ok_or_else(|| "currency: must be a currency code of three letters".to_owned())?,
        ),
    };
    let (valid_from, valid_to) = (date("validfrom")?, date("validto")?);
    if matches!((valid_from, valid_to), (Some(from), Some(to)) if to <= from) {
        return Err("validto: must be later than validfrom".into());
    }
    Ok(Price {
        prefix: prefix.to_owned(),
        direction,
        price: amount("price")?,
        connect_fee: amount("connectfee")?,
        billing_step: seconds("billingstep", 1, 1)?,
        min_amount: amount("minimum")?,
        free_amount: amount("free")?,
        free_after: seconds("freeafter", 0, 0)?,
        currency,
        valid_from,
        valid_to,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_read_as_it_was() {
        let upload = "prefix,direction,price,billingstep,minimum,effective date\n36,\"Hungary, all\",0.05,60,0.01,2027-01-01\n+4917,Mobile,0.123456,,,\n";
        let prices = read(upload).unwrap();
        let mut lines = vec![csv::line(COLUMNS)];
        lines.extend(prices.iter().map(|price| csv::line(fields(price).iter().map(String::as_str))));
        assert_eq!(read(&lines.join("\n")).unwrap(), prices);
        assert_eq!(lines[2], "4917,Mobile,0.123456,0,1,0,0,0,,,");
    }

    #[test]
    fn wrong_lines_are_named_by_number_and_column() {
        for (text, wanted) in [
            ("prefix\n36", "the header must name the column price"),
            ("prefix,price,colour\n36,1,red", "the column colour is unknown"),
            ("prefix,price,rate\n36,1,2", "the column price stands twice"),
            (
                "prefix,price\n36,0.1\n49,free\nx,1",
                "line 3, price: must be a decimal number with a point and at most six digits after it; line 4, prefix: must be 1 to 20 digits; nothing was changed",
            ),
            ("prefix,price\n36,0.1\n36,0.2", "line 3, prefix: the same prefix and date as line 2"),
            ("prefix,price\n36,-1", "line 2, price"),
            ("prefix,price,billingstep\n36,1,0", "line 2, billingstep"),
            ("prefix,price,validfrom\n36,1,tomorrow", "line 2, validfrom: must be a date"),
            ("prefix,price,validfrom,validto\n36,1,2027-01-02,2027-01-01", "line 2, validto: must be later"),
            ("prefix,price,currency\n36,1,EURO", "line 2, currency"),
            ("prefix,price\n", "at least one line"),
        ] {
            let failure = read(text).unwrap_err();
            assert!(failure.text.contains(wanted), "{text}: {}", failure.text);
        }
    }
}
