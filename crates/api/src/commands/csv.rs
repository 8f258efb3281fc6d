//! Comma-separated tables (RFC 4180) as uploads and answers: fields in quotes, a header line, numbered lines. A
//! semicolon or a tab separates where the header uses it.

use crate::reply::Failure;

/// Lines of one upload.
const MAX_LINES: usize = 50_000;
/// Fields of one line.
const MAX_FIELDS: usize = 64;

/// An upload with its header.
#[derive(Debug)]
pub struct Csv {
    /// The names of the columns, in lower case without blanks and underscores.
    pub header: Vec<String>,
    /// Each line's number in the upload, from 1, and its fields.
    pub lines: Vec<(usize, Vec<String>)>,
}

/// Reads an upload. What an export answers may be sent back with its first line `OK: <n>`.
///
/// # Errors
/// The line that cannot be read.
pub fn read(text: &str) -> Result<Csv, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let text = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("OK: ") => rest,
        _ => text,
    };
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().max_by_key(|c| first.matches(*c).count()).unwrap_or(',');
    let mut records = records(text, separator)?.into_iter();
    let header = records.next().map(|(_, fields)| fields).unwrap_or_default();
    let header: Vec<String> =
        header.iter().map(|name| name.trim().to_ascii_lowercase().replace([' ', '_', '-'], "")).collect();
    if header.iter().all(String::is_empty) {
        return Err(Failure::missing("csv"));
    }
    Ok(Csv { header, lines: records.collect() })
}

fn records(text: &str, separator: char) -> Result<Vec<(usize, Vec<String>)>, Failure> {
    let (mut all, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut quoted) = (1, 1, false);
    let mut chars = text.chars().peekable();
    let mut end = |fields: &mut Vec<String>, field: &mut String, began: usize| {
        fields.push(std::mem::take(field));
        let record = std::mem::take(fields);
        if record.iter().any(|field| !field.trim().is_empty()) {
            all.push((began, record));
        }
        if all.len() > MAX_LINES {
            Err(Failure::limit(format!("csv may have {MAX_LINES} lines")))
        } else {
            Ok(())
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            c if c == separator && !quoted => {
                fields.push(std::mem::take(&mut field));
                if fields.len() > MAX_FIELDS {
                    return Err(Failure::invalid(format!(
                        "csv: line {began} has more than {MAX_FIELDS} columns"
                    )));
                }
            }
            '\n' if !quoted => {
                end(&mut fields, &mut field, began)?;
                line += 1;
                began = line;
            }
            '\r' if !quoted => {}
            c => {
                line += usize::from(c == '\n');
                field.push(c);
            }
        }
    }
    if quoted {
        return Err(Failure::invalid(format!("csv: line {began}: a quotation mark is not closed")));
    }
    end(&mut fields, &mut field, began)?;
    Ok(all)
}

/// One line; fields that need it are quoted.
pub fn line<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let quote = |field: &str| {
        if field.contains([',', ';', '\t', '"', '\n', '\r']) || field.trim() != field {
            format!("\"{}\"", field.replace('"', "\"\"").replace(['\r', '\n'], " "))
        } else {
            field.to_owned()
        }
    };
    fields.into_iter().map(quote).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_as_people_write_them() {
        for text in [
            "Prefix,Direction\n36,\"Hungary, \"\"all\"\"\"\n\n49, Germany",
            "OK: 3\nprefix;direction\r\n36;\"Hungary, \"\"all\"\"\"\r\n;\r\n49; Germany\r\n",
            "\u{feff}Pre fix\tdirec_tion\n36\tHungary, \"all\"\n\n49\t Germany\n",
        ] {
            let csv = read(text).unwrap();
            assert_eq!(csv.header, ["prefix", "direction"], "{text}");
            let fields: Vec<_> = csv.lines.iter().map(|(_, fields)| fields.clone()).collect();
            assert_eq!(fields[0][1], "Hungary, \"all\"", "{text}");
            assert_eq!((fields[1][0].as_str(), fields[1][1].trim()), ("49", "Germany"), "{text}");
        }
        let numbers: Vec<usize> =
            read("a,b\n1,2\n\n\"x\ny\",3\n4,5").unwrap().lines.iter().map(|l| l.0).collect();
        assert_eq!(numbers, [2, 4, 6]);
        assert!(read("").is_err() && read("a,b\n\"x").is_err());
        assert!(read(&format!("a{}", ",".repeat(100))).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let fields = ["a", "b,c", "d\"e", " f ", ""];
        let written = format!("v,w,x,y,z\n{}", line(fields));
        assert_eq!(read(&written).unwrap().lines[0].1, fields);
    }
}
