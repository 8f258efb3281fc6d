//! How far the server's zone lies from UTC over a time, for tables that show local dates. What zones there are is decided
//! elsewhere; storage stays in UTC.

use strowger_model::Wall;

use crate::cell::{Cell, Table, date_ms, date_text};

/// Offsets from UTC in minutes east of it. The default is UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offsets {
    first_min: i32,
    changes: Vec<(Wall, i32)>,
}

impl Offsets {
    /// One offset at first, and others from certain moments on, in their order.
    #[must_use]
    pub const fn new(first_min: i32, changes: Vec<(Wall, i32)>) -> Self {
        Self { first_min, changes }
    }

    /// Milliseconds to add at that time.
    fn shift_ms(&self, at_ms: i64) -> i64 {
        let later = self.changes.iter().rev().find(|(from, _)| from.0 <= at_ms);
        i64::from(later.map_or(self.first_min, |(_, minutes)| *minutes)) * 60_000
    }

    /// The SQL of a column of milliseconds in local time.
    pub(crate) fn sql(&self, column: &str) -> String {
        if self.changes.is_empty() {
            return format!("{column} + {}", i64::from(self.first_min) * 60_000);
        }
        let mut text = format!("{column} + CASE");
        // The newest first: most records are young.
        for (from, minutes) in self.changes.iter().rev() {
            text.push_str(&format!(" WHEN {column} >= {} THEN {}", from.0, i64::from(*minutes) * 60_000));
        }
        text.push_str(&format!(" ELSE {} END", i64::from(self.first_min) * 60_000));
        text
    }

    /// Shows the dates of some columns in local time.
    pub(crate) fn localise(&self, table: &mut Table, columns: &[&str]) {
        if self.first_min == 0 && self.changes.is_empty() {
            return;
        }
        let places: Vec<usize> = (0..table.columns.len())
            .filter(|place| columns.contains(&table.columns[*place].as_str()))
            .collect();
        for row in &mut table.rows {
            for place in &places {
                let Some(Cell::Text(text)) = row.get_mut(*place) else { continue };
                if let Some(ms) = date_ms(text) {
                    *text = date_text(ms + self.shift_ms(ms));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Budapest in the autumn of 2026: the clocks go back at 01:00 UTC on 25 October.
    fn autumn() -> Offsets {
        Offsets::new(120, vec![(Wall(1_792_890_000_000), 60)])
    }

    #[test]
    fn dates_follow_the_clocks() {
        let row = |text: &str| vec![Cell::Int(1), Cell::Text(text.to_owned())];
        let mut table = Table {
            columns: vec!["id".into(), "datum".into()],
            rows: vec![row("2026-10-25 00:59:59"), row("2026-10-25 01:00:00"), row(""), vec![]],
        };
        autumn().localise(&mut table, &["datum"]);
        let shown: Vec<_> = table.rows.iter().map(|row| row.get(1).map(ToString::to_string)).collect();
        let wanted = [Some("2026-10-25 02:59:59"), Some("2026-10-25 02:00:00"), Some(""), None];
        assert_eq!(shown, wanted.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn sql_follows_them_too() {
        assert_eq!(Offsets::default().sql("c.x"), "c.x + 0");
        let wanted = "c.x + CASE WHEN c.x >= 1792890000000 THEN 3600000 ELSE 7200000 END";
        assert_eq!(autumn().sql("c.x"), wanted);
    }
}
