//! [`Value`] to and from PostgreSQL's binary forms, by the type that the server asks for or sends.

use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::Value;

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Blob(bytes) => bytes.as_slice().to_sql(ty, out),
            Self::Int(n) => int(*n, ty, out),
            Self::Real(x) => match *ty {
                Type::FLOAT8 => x.to_sql(ty, out),
                _ => text(&x.to_string(), ty, out),
            },
            Self::Decimal(t) | Self::Text(t) => text(t, ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn int(n: i64, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    match *ty {
        Type::INT8 => n.to_sql(ty, out),
        Type::INT4 => i32::try_from(n)?.to_sql(ty, out),
        Type::INT2 => i16::try_from(n)?.to_sql(ty, out),
        Type::BOOL => (n != 0).to_sql(ty, out),
        #[expect(clippy::cast_precision_loss, reason = "the server asked for a double")]
        Type::FLOAT8 => (n as f64).to_sql(ty, out),
        _ => text(&n.to_string(), ty, out),
    }
}

fn text(t: &str, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    match *ty {
        Type::INT8 => t.trim().parse::<i64>()?.to_sql(ty, out),
        Type::INT4 => t.trim().parse::<i32>()?.to_sql(ty, out),
        Type::FLOAT8 => t.trim().parse::<f64>()?.to_sql(ty, out),
        Type::NUMERIC => numeric(t.trim(), out),
        _ => t.to_sql(ty, out),
    }
}

/// Decimal digits per group of PostgreSQL's NUMERIC.
const GROUP: usize = 4;

/// Writes a decimal text as NUMERIC: groups of four digits, weight, sign, scale.
fn numeric(text: &str, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return Err(format!("not a decimal number: {text}").into());
    }
    let lead = whole.len().div_ceil(GROUP) * GROUP;
    let tail = fraction.len().div_ceil(GROUP) * GROUP;
    let padded = format!("{whole:0>lead$}{fraction:0<tail$}");
    let groups: Vec<i16> = padded
        .as_bytes()
        .chunks(GROUP)
        .map(|g| g.iter().fold(0, |n, b| n * 10 + i16::from(b - b'0')))
        .collect();
    let weight = i16::try_from(lead / GROUP)? - 1;
    for n in [
        i16::try_from(groups.len())?,
        weight,
        if negative { 0x4000 } else { 0 },
        i16::try_from(fraction.len())?,
    ] {
        out.extend_from_slice(&n.to_be_bytes());
    }
    for group in groups {
        out.extend_from_slice(&group.to_be_bytes());
    }
    Ok(IsNull::No)
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::BOOL => Self::Int(i64::from(bool::from_sql(ty, raw)?)),
            Type::INT2 => Self::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::INT4 => Self::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::OID => Self::Int(i64::from(u32::from_sql(ty, raw)?)),
            Type::FLOAT4 => Self::Real(f64::from(f32::from_sql(ty, raw)?)),
            Type::FLOAT8 => Self::Real(f64::from_sql(ty, raw)?),
            Type::NUMERIC => Self::Decimal(read_numeric(raw)?),
            Type::BYTEA => Self::Blob(raw.to_vec()),
            _ => Self::Text(std::str::from_utf8(raw).map_err(|_| format!("cannot show a {ty}"))?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// NUMERIC as decimal text with its scale.
fn read_numeric(raw: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    let field = |at: usize| -> Result<i16, Box<dyn Error + Sync + Send>> {
        let bytes = raw.get(at * 2..at * 2 + 2).ok_or("short NUMERIC")?;
        Ok(i16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let (count, weight, sign, scale) = (field(0)?, field(1)?, field(2)?, field(3)?);
    if sign != 0 && sign != 0x4000 {
        return Err("not a finite number".into());
    }
    let group = |position: i32| -> Result<i16, Box<dyn Error + Sync + Send>> {
        let index = i32::from(weight) - position;
        if (0..i32::from(count)).contains(&index) { field(4 + usize::try_from(index)?) } else { Ok(0) }
    };
    let mut text = String::new();
    for position in (0..=i32::from(weight).max(0)).rev() {
        text.push_str(&format!("{:04}", group(position)?));
    }
    let whole = text.trim_start_matches('0');
    let mut text = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    let scale = usize::try_from(scale)?;
    if scale > 0 {
        let mut fraction = String::new();
        for position in 1..=scale.div_ceil(GROUP) {
            fraction.push_str(&format!("{:04}", group(-i32::try_from(position)?)?));
        }
        text.push('.');
        text.push_str(&fraction[..scale]);
    }
    Ok(if sign == 0 { text } else { format!("-{text}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_the_binary_form() {
        for text in ["0", "1", "-1", "9.8", "12345.678901", "0.000001", "100000000", "-0.5", "10000.00"] {
            let mut out = BytesMut::new();
            numeric(text, &mut out).unwrap();
            assert_eq!(read_numeric(&out).unwrap(), text);
        }
        assert!(numeric("1e5", &mut BytesMut::new()).is_err());
        assert!(read_numeric(&[0, 1, 0]).is_err());
    }
}
