//! What stands in the places of a row of `tb_api`: parameters of the request, and fields of the account that it is
//! about. In SQL a field of the account comes first, so that a request cannot name another `{id}` than its own; in
//! texts the request's parameter does. Secrets are neither.

use std::sync::Arc;

use strowger_model::{Account, Scope};
use strowger_store::{Cell, Piece, Slot, SqlAnswer, SqlTemplate, Store, pieces, user_column};

use super::Call;
use crate::declare::Fields;
use crate::reply::Failure;

/// Characters of one request parameter that go into a text.
const MAX_VALUE_CHARS: usize = 1_000;
/// Characters of a finished text.
const MAX_TEXT_CHARS: usize = 65_536;

/// What one request brought.
#[derive(Debug, Clone)]
pub struct Input {
    /// Whom it is about: `targetuser`, else the caller.
    pub account: Option<Arc<Account>>,
    /// Its parameters, names in lower case.
    pub fields: Fields,
}

impl Input {
    /// Card data are left out: rows of `tb_api` run later, and write down what they are given.
    pub fn new(account: Option<Arc<Account>>, fields: &Fields) -> Self {
        let fields = fields.iter().filter(|(name, _)| !super::is_fleeting(name)).collect();
        Self { account, fields }
    }

    /// The input of a running command.
    pub fn of(call: &Call) -> Self {
        Self::new(call.target.clone(), &call.args.named)
    }

    /// A parameter of the request, by its name.
    fn sent(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// A field of the account, where there is an account and such a column.
    async fn own(&self, store: &Store, name: &str) -> Result<Option<String>, Failure> {
        let (Some(account), Some(column)) = (&self.account, user_column(name)) else { return Ok(None) };
        let found = store.user_fields(Scope::All, account.id, &[column.name]).await?;
        Ok(found.into_iter().next().map(|(_, value)| value))
    }

    /// One value for each place of a statement.
    ///
    /// # Errors
    /// Nobody is authenticated where an account is wanted, or a parameter was not sent.
    pub async fn bind(&self, store: &Store, slots: &[Slot]) -> Result<Vec<Cell>, Failure> {
        let mut values = Vec::with_capacity(slots.len());
        for slot in slots {
            values.push(match slot {
                Slot::UserId => Cell::Int(self.known()?.id.0),
                Slot::Username => Cell::Text(self.known()?.username.to_string()),
                Slot::Named(name) => match self.own(store, name).await? {
                    Some(value) => Cell::Text(value),
                    None => Cell::Text(self.sent(name).ok_or_else(|| Failure::missing(name))?.to_owned()),
                },
            });
        }
        Ok(values)
    }

    fn known(&self) -> Result<&Arc<Account>, Failure> {
        self.account.as_ref().ok_or_else(|| Failure::missing("authid"))
    }

    /// The value of a place in a text; what is absent is empty.
    async fn show(&self, store: &Store, slot: &Slot) -> Result<String, Failure> {
        let account = self.account.as_ref();
        let value = match slot {
            Slot::UserId => account.map(|account| account.id.to_string()),
            Slot::Username => account.map(|account| account.username.to_string()),
            Slot::Named(name) => match self.sent(name) {
                Some(sent) => Some(sent.to_owned()),
                None => self.own(store, name).await?,
            },
        };
        Ok(value.unwrap_or_default().chars().take(MAX_VALUE_CHARS).collect())
    }
}

/// A text with places.
#[derive(Debug, Clone, Default)]
pub struct Text(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Place(Slot),
    Select(Box<SqlTemplate>),
}

impl Text {
    /// Reads a text and prepares its `{select …}`s.
    ///
    /// # Errors
    /// A secret is asked for, or a statement is refused.
    pub async fn compile(store: &Store, text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        for piece in pieces(text) {
            parts.push(match piece {
                Piece::Text(text) => Part::Text(text.to_owned()),
                Piece::Place(Slot::Named(name)) if is_secret(&name) => {
                    return Err(format!("{{{name}}} is refused: secrets are not put into texts"));
                }
                Piece::Place(slot) => Part::Place(slot),
                Piece::Select(sql) => Part::Select(Box::new(
                    store.sql_template(sql, true).await.map_err(|wrong| wrong.to_string())?,
                )),
            });
        }
        Ok(Self(parts))
    }

    /// The text for one request; `check` looks at every value that is put in.
    ///
    /// # Errors
    /// A statement failed, or a value does not pass.
    pub async fn fill(
        &self,
        store: &Store,
        input: &Input,
        check: fn(&str) -> Result<(), Failure>,
    ) -> Result<String, Failure> {
        let mut text = String::new();
        for part in &self.0 {
            let value = match part {
                Part::Text(fixed) => {
                    text.push_str(fixed);
                    continue;
                }
                Part::Place(slot) => input.show(store, slot).await?,
                Part::Select(template) => {
                    let values = input.bind(store, template.slots()).await?;
                    first_cell(store.sql_bound(template, values, 1).await?)
                }
            };
            check(&value)?;
            text.push_str(&value);
        }
        Ok(text.chars().take(MAX_TEXT_CHARS).collect())
    }
}

fn first_cell(answer: SqlAnswer) -> String {
    match answer {
        SqlAnswer::Rows(table, _) => {
            table.rows.first().and_then(|row| row.first()).map(ToString::to_string).unwrap_or_default()
        }
        SqlAnswer::Changed(rows) => rows.to_string(),
    }
}

/// The parameter may hold a secret.
pub fn is_secret(name: &str) -> bool {
    ["pass", "pwd", "secret", "token", "md5", "nonce"].iter().any(|part| name.contains(part))
        || matches!(name, "pin" | "key" | "authkey" | "salt" | "u_code" | "forgotpasswordanswer")
        || super::is_fleeting(&name.to_ascii_lowercase())
}
