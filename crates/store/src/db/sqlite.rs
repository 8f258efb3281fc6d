//! The SQLite side of [`super::Conn`].

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::ffi::{self, ErrorCode};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};

use super::{Answer, Fault, Row, Value};
use crate::faults::Faults;

/// Virtual machine steps between two looks at the clock.
const STEPS_PER_LOOK: i32 = 4_000;
/// Statements that stay prepared.
const CACHED_STATEMENTS: usize = 256;
/// How long a connection waits for another one's lock (only checkpoints and backups hold one).
const BUSY: Duration = Duration::from_millis(5_000);

/// A connection and what limits it.
pub(crate) struct Sqlite {
    conn: Connection,
    restricted: Arc<AtomicBool>,
    limit: Option<Duration>,
    faults: Arc<Faults>,
}

impl Sqlite {
    /// The connection of the writer thread.
    pub(crate) fn writer(path: &Path, faults: Arc<Faults>) -> Result<Self, Fault> {
        let conn = Connection::open(path).map_err(|e| fault(&e))?;
        let this = Self::set_up(conn, faults)?;
        this.conn
            .execute_batch(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=32000; \
                 PRAGMA journal_size_limit=67108864;",
            )
            .map_err(|e| fault(&e))?;
        Ok(this)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(path: &Path, limit: Duration) -> Result<Self, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(|e| fault(&e))?;
        let mut this = Self::set_up(conn, Arc::default())?;
        this.limit = Some(limit);
        Ok(this)
    }

    fn set_up(mut conn: Connection, faults: Arc<Faults>) -> Result<Self, Fault> {
        let restricted = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&restricted);
        conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        conn.busy_timeout(BUSY).map_err(|e| fault(&e))?;
        conn.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384;")
            .map_err(|e| fault(&e))?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(|e| fault(&e))?;
        // Otherwise binding another value makes SQLite parse and plan a prepared statement again.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(|e| fault(&e))?;
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            if gate.load(Ordering::Relaxed) { judge(&context) } else { Authorization::Allow }
        }))
        .map_err(|e| fault(&e))?;
        Ok(Self { conn, restricted, limit: None, faults })
    }

    /// See [`super::Conn::execute`].
    pub(crate) fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64, Fault> {
        self.faults.before_write(sql)?;
        self.clock()?;
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| fault(&e))?;
        let changed = statement.execute(params_from_iter(params)).map_err(|e| fault(&e))?;
        Ok(changed as u64)
    }

    /// See [`super::Conn::query`].
    pub(crate) fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
        self.clock()?;
        let mut statement = self.conn.prepare_cached(sql).map_err(|e| fault(&e))?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(params)).map_err(|e| fault(&e))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(|e| fault(&e))? {
            all.push(read(row, width)?);
        }
        Ok(all)
    }

    /// See [`super::Conn::ask`]. The statement is not cached: it is prepared under the authoriser.
    pub(crate) fn ask(&mut self, sql: &str, params: &[Value], max: usize) -> Result<Answer, Fault> {
        self.clock()?;
        let mut statement = self.conn.prepare(sql).map_err(|e| fault(&e))?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let width = columns.len();
        let mut rows = statement.query(params_from_iter(params)).map_err(|e| fault(&e))?;
        let mut answer = Answer { columns, ..Answer::default() };
        while let Some(row) = rows.next().map_err(|e| fault(&e))? {
            if answer.rows.len() == max {
                answer.cut = true;
                break;
            }
            answer.rows.push(read(row, width)?);
        }
        Ok(answer)
    }

    /// See [`super::Conn::check`].
    pub(crate) fn check(&mut self, sql: &str) -> Result<(), Fault> {
        self.conn.prepare(sql).map(drop).map_err(|e| fault(&e))
    }

    /// See [`super::Conn::batch`].
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.faults.before_write(sql)?;
        self.conn.execute_batch(sql).map_err(|e| fault(&e))
    }

    /// See [`super::Conn::restrict`].
    pub(crate) fn restrict(&mut self, on: bool) -> Result<(), Fault> {
        self.restricted.store(on, Ordering::Relaxed);
        // Statements that were prepared under the other rule must not be used under this one.
        self.conn.flush_prepared_statement_cache();
        Ok(())
    }

    /// See [`super::Conn::limit`].
    pub(crate) fn limit(&mut self, limit: Option<Duration>) -> Result<(), Fault> {
        self.limit = limit;
        if limit.is_none() {
            self.conn.progress_handler(0, None::<fn() -> bool>).map_err(|e| fault(&e))?;
        }
        Ok(())
    }

    /// See [`super::Conn::copy_to`].
    pub(crate) fn copy_to(&self, to: &Path) -> Result<(), Fault> {
        let mut target = Connection::open(to).map_err(|e| fault(&e))?;
        let backup = rusqlite::backup::Backup::new(&self.conn, &mut target).map_err(|e| fault(&e))?;
        // All pages in one step: in between another connection's write would start the copy over. The writer
        // goes on meanwhile, in the WAL.
        match backup.step(-1).map_err(|e| fault(&e))? {
            rusqlite::backup::StepResult::Done => Ok(()),
            other => Err(Fault::Again(format!("the copy stopped: {other:?}"))),
        }
    }

    /// Starts the clock of one statement.
    fn clock(&mut self) -> Result<(), Fault> {
        let Some(limit) = self.limit else { return Ok(()) };
        let end = Instant::now() + limit;
        self.conn.progress_handler(STEPS_PER_LOOK, Some(move || Instant::now() > end)).map_err(|e| fault(&e))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Decimal(text) | Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(row: &rusqlite::Row<'_>, width: usize) -> Result<Row, Fault> {
    let mut values = Vec::with_capacity(width);
    for column in 0..width {
        values.push(match row.get_ref(column).map_err(|e| fault(&e))? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Int(n),
            ValueRef::Real(x) => Value::Real(x),
            ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        });
    }
    Ok(Row(values))
}

/// What an ad-hoc statement may do: read, and write rows. The tables were checked before.
fn judge(context: &AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if !function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn fault(error: &rusqlite::Error) -> Fault {
    let text = error.to_string();
    let (inner, text) = match error {
        rusqlite::Error::SqliteFailure(inner, _) => (inner, text),
        // Without the statement: it is not the one that was sent.
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg.clone()),
        _ => return Fault::Statement(text),
    };
    match inner.code {
        ErrorCode::ConstraintViolation => Fault::Constraint(text),
        ErrorCode::OperationInterrupted => Fault::TooLong,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::Again(text),
        ErrorCode::DiskFull | ErrorCode::CannotOpen | ErrorCode::ReadOnly => Fault::Unwritable(text),
        ErrorCode::SystemIoFailure => match inner.extended_code {
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => Fault::Broken(text),
            _ => Fault::Unwritable(text),
        },
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Broken(text),
        _ => Fault::Statement(text),
    }
}
