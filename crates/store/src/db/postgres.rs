//! The PostgreSQL side of [`super::Conn`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, NoTls, Statement};

use super::{Answer, Fault, Row, Value};
use crate::faults::Faults;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// Statements that stay prepared.
const CACHED_STATEMENTS: usize = 512;

/// A connection and its prepared statements.
pub(crate) struct Postgres {
    client: Client,
    prepared: BTreeMap<String, Statement>,
    faults: Arc<Faults>,
}

impl Postgres {
    /// Connects; `limit` caps each statement and makes the connection read-only.
    pub(crate) fn connect(url: &str, limit: Option<Duration>, faults: Arc<Faults>) -> Result<Self, Fault> {
        let mut client = open(url)?;
        let mode = match limit {
            Some(limit) => {
                format!("SET statement_timeout={}; SET default_transaction_read_only=on;", limit.as_millis())
            }
            // Money needs the commit on disk when it is acknowledged, whatever the server's default is.
            None => "SET synchronous_commit=on; SET lock_timeout='10s';".to_owned(),
        };
        client
            .batch_execute(&format!("SET client_min_messages=warning; SET timezone='UTC'; {mode}"))
            .map_err(|e| fault(&e))?;
        Ok(Self { client, prepared: BTreeMap::new(), faults })
    }

    /// See [`super::Conn::execute`].
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        self.faults.before_write(sql)?;
        let statement = self.prepare(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as _).collect();
        self.client.execute(&statement, &params).map_err(|e| fault(&e))
    }

    /// See [`super::Conn::query`].
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        let statement = self.prepare(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as _).collect();
        self.client.query(&statement, &params).map_err(|e| fault(&e))?.iter().map(read).collect()
    }

    /// See [`super::Conn::ask`].
    pub(crate) fn ask(&mut self, sql: &str, params: &[Value], max: usize) -> Result<Answer, Fault> {
        let statement = self.client.prepare(&dollars(sql)).map_err(|e| fault(&e))?;
        let columns = statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let mut answer = Answer { columns, ..Answer::default() };
        let mut rows = self
            .client
            .query_raw(&statement, params.iter().map(|p| p as &dyn ToSql))
            .map_err(|e| fault(&e))?;
        while let Some(row) = rows.next().map_err(|e| fault(&e))? {
            if answer.rows.len() == max {
                answer.cut = true;
                break;
            }
            answer.rows.push(read(&row)?);
        }
        Ok(answer)
    }

    /// See [`super::Conn::check`].
    pub(crate) fn check(&mut self, sql: &str) -> Result<(), Fault> {
        self.client.prepare(&dollars(sql)).map(drop).map_err(|e| fault(&e))
    }

    /// See [`super::Conn::batch`].
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.faults.before_write(sql)?;
        self.client.batch_execute(sql).map_err(|e| fault(&e))
    }

    /// See [`super::Conn::limit`]. The limit ends with the transaction by itself, also a failed one.
    pub(crate) fn limit(&mut self, limit: Option<Duration>) -> Result<(), Fault> {
        match limit {
            Some(limit) => self
                .client
                .batch_execute(&format!("SET LOCAL statement_timeout={}", limit.as_millis()))
                .map_err(|e| fault(&e)),
            None => Ok(()),
        }
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&dollars(sql)).map_err(|e| fault(&e))?;
        if self.prepared.len() >= CACHED_STATEMENTS {
            self.prepared.clear();
        }
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Waits on `LISTEN strowger_changes` for at most `wait`; true: something was announced.
pub(crate) fn listen(client: &mut Client, wait: Duration) -> Result<bool, Fault> {
    let mut notifications = client.notifications();
    let heard = notifications.timeout_iter(wait).next().map_err(|e| fault(&e))?.is_some();
    // What else is already here announces the same rows.
    while notifications.iter().next().map_err(|e| fault(&e))?.is_some() {}
    Ok(heard)
}

/// A connection that hears of changes.
pub(crate) fn open_listener(url: &str) -> Result<Client, Fault> {
    let mut client = open(url)?;
    client.batch_execute("LISTEN strowger_changes").map_err(|e| fault(&e))?;
    Ok(client)
}

fn open(url: &str) -> Result<Client, Fault> {
    let mut config: postgres::Config =
        url.parse().map_err(|e: postgres::Error| Fault::Statement(e.to_string()))?;
    config.connect_timeout(CONNECT).application_name("strowger").keepalives_idle(Duration::from_secs(30));
    config.connect(NoTls).map_err(|e| fault(&e))
}

/// `?1` becomes `$1` outside quoted text.
fn dollars(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut quote = None;
    for c in sql.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        out.push(if c == '?' && quote.is_none() { '$' } else { c });
    }
    out
}

fn read(row: &postgres::Row) -> Result<Row, Fault> {
    (0..row.len())
        .map(|column| row.try_get::<_, Value>(column).map_err(|e| fault(&e)))
        .collect::<Result<_, _>>()
        .map(Row)
}

fn fault(error: &postgres::Error) -> Fault {
    let Some(db) = error.as_db_error() else {
        let text = source_text(error);
        let own = text.contains("serializ") || text.contains("parameter") || text.contains("converting");
        return if own { Fault::Statement(text) } else { Fault::Lost(text) };
    };
    let text = db.message().to_owned();
    let code = db.code();
    if *code == SqlState::QUERY_CANCELED {
        return Fault::TooLong;
    }
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Fault::Again(text);
    }
    match code.code().get(..2) {
        Some("23") => Fault::Constraint(text),
        Some("08" | "57") => Fault::Lost(text),
        Some("53" | "58") => Fault::Unwritable(text),
        Some("XX") => Fault::Broken(text),
        _ => Fault::Statement(text),
    }
}

/// The error with its causes, which the driver leaves out.
fn source_text(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_change_outside_quotes_only() {
        assert_eq!(dollars("a = ?1 AND b = '?2' AND \"?\" = ?12"), "a = $1 AND b = '?2' AND \"?\" = $12");
    }
}
