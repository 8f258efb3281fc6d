//! Answers as the transcripts of `conformance/api` got them: which values each command's `data` holds, which
//! errors it answered, and one example. Recorded by the tests, not written by hand.

use std::sync::OnceLock;

/// The form of `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Named values.
    Object,
    /// A list of objects with the same names.
    Rows,
    /// A list of texts.
    Lines,
}

impl Shape {
    /// Each with its name in the record.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Object, "object"), (Self::Rows, "rows"), (Self::Lines, "lines")];
}

/// One form of a command's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The command.
    pub command: &'static str,
    /// The form of `data`.
    pub shape: Shape,
    /// Names, the JSON types that were seen (`string|null`), and whether each answer had it.
    pub fields: Vec<(&'static str, &'static str, bool)>,
    /// The types of the errors that were seen.
    pub errors: Vec<&'static str>,
    /// One answer in JSON.
    pub example: &'static str,
}

/// Every recorded form, by command.
#[must_use]
pub fn samples() -> &'static [Sample] {
    static READ: OnceLock<Vec<Sample>> = OnceLock::new();
    READ.get_or_init(|| include_str!("samples.tsv").lines().filter_map(read).collect())
}

/// `command <tab> shape <tab> name:types[?],… <tab> error,… <tab> example`
fn read(line: &'static str) -> Option<Sample> {
    let mut cells = line.split('\t');
    let command = cells.next().filter(|name| !name.starts_with('#'))?;
    let shape = cells.next()?;
    let (shape, _) = *Shape::ALL.iter().find(|(_, name)| *name == shape)?;
    let list = |cell: &'static str| cell.split(',').filter(|item| !item.is_empty());
    let fields = list(cells.next()?).filter_map(|field| {
        let (name, types) = field.split_once(':')?;
        let always = !types.ends_with('?');
        Some((name, types.trim_end_matches('?'), always))
    });
    let fields = fields.collect();
    let errors = list(cells.next()?).collect();
    Some(Sample { command, shape, fields, errors, example: cells.next()? })
}
