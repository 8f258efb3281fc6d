//! `tb_api`: rows that change the authentication of existing commands, replace their work, make commands of
//! their own, and have actions. Validated whole and swapped atomically.

use std::collections::BTreeMap;
use std::sync::Arc;

use strowger_config::Config;
use strowger_model::{Amount, Scope};
use strowger_store::{Cell, SqlAnswer, SqlLimits, Store, Table};

use super::custom::Entry;
use super::find;
use crate::actions::Action;
use crate::auth::{Level, Rule};
use crate::declare::{Command, Effect};
use crate::reply::Failure;

/// `req_user_mode`: any one of user, password or PIN will do.
pub const MODE_LESS: u32 = 4;
/// Rows of `tb_api` that are read.
const MAX_ROWS: usize = 10_000;
/// The columns, in the order of the query below.
const COLUMNS: &str = "fname, req_key, req_ip, req_user, req_user_mode, req_user_credit, req_user_register, \
                       req_user_login, customsql, custom_action, enabled, custom_action_body";

/// A rule with the settings that only `tb_api` has.
#[derive(Debug, Clone, Copy)]
pub struct Checked {
    pub rule: Rule,
    mode: Option<u32>,
    credit: Option<Least>,
    register: Option<u32>,
    login: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    Configured,
    Amount(Amount),
}

impl Checked {
    /// `req_user_mode`, else `apiv2auth`.
    pub fn mode(&self, config: &Config) -> u32 {
        self.mode.unwrap_or(config.apiv2auth)
    }

    /// With `apiv2auth` 4 a name alone may read, where `tb_api` does not say otherwise; for what changes something
    /// only a row of `tb_api` can allow that.
    pub fn relax(mut self, command: &Command, config: &Config) -> Self {
        let lenient = self.mode.is_none() && config.apiv2auth == MODE_LESS && command.effect == Effect::Read;
        self.rule.name_alone |= lenient;
        self
    }

    /// `req_user_login`, else `apidefneedlogin`.
    pub fn need_login(&self, config: &Config) -> u32 {
        self.login.unwrap_or(config.apidefneedlogin)
    }

    /// Credit or registration count.
    pub fn has_conditions(&self, config: &Config) -> bool {
        self.credit.is_some() || self.need_register(config) > 0
    }

    /// `req_user_register`, else `apidefneedregister`.
    pub fn need_register(&self, config: &Config) -> u32 {
        self.register.unwrap_or(config.apidefneedregister)
    }

    /// The credit that the account must have.
    pub fn least_credit(&self, config: &Config) -> Option<Amount> {
        self.credit.map(|least| match least {
            Least::Configured => Amount(config.mincreditonroute.0),
            Least::Amount(amount) => amount,
        })
    }
}

/// One row, read and checked.
#[derive(Debug, Default)]
struct Row {
    key: Option<bool>,
    address: Option<bool>,
    user: u32,
    mode: Option<u32>,
    credit: Option<Least>,
    register: Option<u32>,
    login: Option<u32>,
    enabled: bool,
    /// What it runs instead of, or as, a command.
    entry: Option<Arc<Entry>>,
    action: Option<Arc<Action>>,
}

/// Every row by the command's name.
#[derive(Debug, Default)]
pub struct Overrides {
    rows: BTreeMap<String, Row>,
}

impl Overrides {
    /// Reads and checks the table.
    ///
    /// # Errors
    /// The first wrong row, by name and column.
    pub async fn load(store: &Store, config: &Config) -> Result<Self, Failure> {
        let limits = SqlLimits { rows: MAX_ROWS, allow_writes: false };
        let answer = store.sql(Scope::All, &format!("select {COLUMNS} from tb_api"), limits).await;
        let table = match answer.map_err(|wrong| Failure::failed(wrong.to_string()))? {
            SqlAnswer::Rows(table, _) => table,
            SqlAnswer::Changed(_) => return Ok(Self::default()),
        };
        let mut all = Self::read(&table)?;
        for cells in &table.rows {
            let name = name_of(cells);
            let Some(row) = all.rows.get_mut(&name) else { continue };
            row.work(store, config, &name, cells)
                .await
                .map_err(|wrong| Failure::invalid(format!("tb_api row {name}: {wrong}")))?;
        }
        Ok(all)
    }

    fn read(table: &Table) -> Result<Self, Failure> {
        let mut rows = BTreeMap::new();
        for cells in &table.rows {
            let command = name_of(cells);
            if command.is_empty() {
                return Err(Failure::invalid("a row of tb_api has no fname"));
            }
            let row = read_row(cells)
                .map_err(|column| Failure::invalid(format!("tb_api row {command}: {column}")))?;
            if rows.insert(command.clone(), row).is_some() {
                return Err(Failure::invalid(format!("tb_api has two rows for {command}")));
            }
        }
        Ok(Self { rows })
    }

    /// How many rows count.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What a row runs under this name, in lower case.
    pub fn entry(&self, name: &str) -> Option<&Arc<Entry>> {
        self.rows.get(name)?.entry.as_ref()
    }

    /// What follows a request of this name.
    pub fn action(&self, name: &str, failed: bool) -> Option<&Arc<Action>> {
        self.rows.get(name)?.action.as_ref().filter(|action| action.on_failure == failed)
    }

    /// The rule of a command, or of an entry by the declaration that it begins with.
    pub fn rule(&self, name: &str, command: &Command) -> Checked {
        let mut rule = Rule::of(command);
        let Some(row) = self.rows.get(name) else {
            return Checked { rule, mode: None, credit: None, register: None, login: None };
        };
        rule.enabled = row.enabled;
        rule.key = row.key.unwrap_or(rule.key);
        rule.address = row.address.unwrap_or(rule.address);
        match row.user {
            2 | 14 => {
                rule.level = Level::Public;
                rule.name_alone = row.user == 14;
            }
            4 => rule.level = Level::ServerAdmin,
            6 => rule.level = Level::Admin,
            8 => rule.level = Level::Owner,
            10 => rule.level = Level::Support,
            11 | 12 => rule.level = Level::User,
            _ => {}
        }
        rule.name_alone |= row.mode == Some(MODE_LESS);
        if row.user != 0 {
            rule.support = row.user == 10 || (rule.support && row.user == 6);
        }
        Checked {
            rule,
            mode: row.mode,
            credit: row.credit,
            register: row.register.max(sip_only(row)),
            login: row.login,
        }
    }
}

/// SIP-authenticated users are those that are registered.
fn sip_only(row: &Row) -> Option<u32> {
    (row.user == 11).then_some(1)
}

impl Row {
    /// Reads what the row does.
    async fn work(
        &mut self,
        store: &Store,
        config: &Config,
        name: &str,
        cells: &[Cell],
    ) -> Result<(), String> {
        let (sql, number) = (text(cells, 8), number(cells, 9, "custom_action", 58)?.unwrap_or(0));
        let action = Action::compile(store, config, number, &text(cells, 11)).await?;
        self.action = action.map(Arc::new);
        let known = find(name).is_some();
        if !known && sql.is_empty() && self.action.is_none() {
            return Err("there is no such command, and neither customsql nor custom_action make one".into());
        }
        if !known || !sql.is_empty() {
            self.entry = Some(Arc::new(Entry::compile(store, name, &sql).await?));
        }
        Ok(())
    }
}

/// The name of a row: that of the command where it is an alias.
fn name_of(cells: &[Cell]) -> String {
    let name = text(cells, 0).to_ascii_lowercase();
    find(&name).map_or(name, |command| command.name.to_owned())
}

fn text(cells: &[Cell], at: usize) -> String {
    cells.get(at).map(|cell| cell.to_string().trim().to_owned()).unwrap_or_default()
}

fn number(cells: &[Cell], at: usize, column: &'static str, most: u32) -> Result<Option<u32>, String> {
    let text = text(cells, at);
    if text.is_empty() {
        return Ok(None);
    }
    let right = text.parse().ok().filter(|n| *n <= most);
    right.map(Some).ok_or_else(|| format!("{column} must be a number from 0 to {most}"))
}

fn read_row(cells: &[Cell]) -> Result<Row, String> {
    let flag = |at, column| number(cells, at, column, 1).map(|n| n.map(|n| n == 1));
    let user = number(cells, 3, "req_user", 14)?.unwrap_or(0);
    if !matches!(user, 0 | 2 | 4 | 6 | 8 | 10 | 11 | 12 | 14) {
        return Err("req_user must be 0, 2, 4, 6, 8, 10, 11, 12 or 14".into());
    }
    let mode = number(cells, 4, "req_user_mode", 6)?.filter(|mode| *mode != 0);
    if !matches!(mode, None | Some(2 | 4 | 6)) {
        return Err("req_user_mode must be 0, 2, 4 or 6".into());
    }
    let credit = match text(cells, 5).as_str() {
        "" | "0" | "1" => None,
        "2" => Some(Least::Configured),
        amount => {
            Some(Least::Amount(amount.parse().map_err(|_| "req_user_credit must be a number".to_owned())?))
        }
    };
    Ok(Row {
        key: flag(1, "req_key")?,
        address: flag(2, "req_ip")?,
        user,
        mode,
        credit,
        register: number(cells, 6, "req_user_register", 2)?,
        login: number(cells, 7, "req_user_login", 3)?,
        enabled: flag(10, "enabled")?.unwrap_or(true),
        ..Row::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 12]]) -> Table {
        let cell = |text: &&str| if text.is_empty() { Cell::Null } else { Cell::Text((*text).into()) };
        Table {
            columns: COLUMNS.split(", ").map(Into::into).collect(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }
    }

    #[test]
    fn the_documents_own_example_makes_balance_public() {
        let rows = table(&[["balance", "0", "0", "14", "4", "", "", "", "", "", "1", ""]]);
        let overrides = Overrides::read(&rows).unwrap();
        let checked = overrides.rule("balance", find("balance").unwrap());
        assert!(!checked.rule.key && checked.rule.name_alone && checked.rule.level == Level::Public);
        assert_eq!(overrides.rule("status", find("status").unwrap()).rule.level, Level::User);
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (row, wanted) in [
            (
                ["balance", "7", "", "", "", "", "", "", "", "", "", ""],
                "tb_api row balance: req_key must be a number from 0 to 1",
            ),
            (["", "", "", "", "", "", "", "", "", "", "", ""], "a row of tb_api has no fname"),
            (
                ["x", "", "", "3", "", "", "", "", "", "", "", ""],
                "tb_api row x: req_user must be 0, 2, 4, 6, 8, 10, 11, 12 or 14",
            ),
        ] {
            assert_eq!(Overrides::read(&table(&[row])).unwrap_err().text, wanted);
        }
        let twice = table(&[
            ["cb", "", "", "", "", "", "", "", "", "", "", ""],
            ["callback", "", "", "", "", "", "", "", "", "", "", ""],
        ]);
        assert_eq!(Overrides::read(&twice).unwrap_err().text, "tb_api has two rows for callback");
    }
}
