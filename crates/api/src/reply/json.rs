//! JSON with exact decimals: an amount is written digit by digit, never through binary floating point.

use super::Data;

/// Appends a value.
pub fn write(out: &mut String, data: &Data) {
    match data {
        Data::Null => out.push_str("null"),
        Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Data::Int(value) => out.push_str(&value.to_string()),
        Data::Decimal(text) if is_number(text) => out.push_str(text),
        Data::Decimal(text) | Data::Text(text) => write_text(out, text),
        Data::Amount(amount) => out.push_str(&amount.to_string()),
        Data::Unit(unit) => write_text(out, unit.code()),
        Data::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Data::Map(items) => {
            out.push('{');
            for (index, (name, item)) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(out, name);
                out.push(':');
                write(out, item);
            }
            out.push('}');
        }
    }
}

/// A decimal that is a JSON number as it stands (RFC 8259 section 6, without exponent).
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// A JSON string. `<`, `>` and `&` are escaped too, so that an answer read as a page holds no markup, and
/// U+2028 and U+2029, which end lines in older JavaScript.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if c < ' ' || c == '<' || c == '>' || c == '&' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_valid_json_with_exact_decimals() {
        let data = Data::Map(vec![
            ("credit".into(), Data::Decimal("9007199254740.993001".into())),
            ("odd".into(), Data::Decimal("007".into())),
            ("name".into(), Data::Text("a\"b\\c\n\u{1}<é\u{2028}".into())),
            ("list".into(), Data::List(vec![Data::Null, Data::Bool(true), Data::Int(-1)])),
        ]);
        let mut out = String::new();
        write(&mut out, &data);
        assert!(out.starts_with(r#"{"credit":9007199254740.993001,"odd":"007","#), "{out}");
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["name"], "a\"b\\c\n\u{1}<é\u{2028}");
        assert_eq!(read["list"][2], -1);
    }
}
