//! Databases that could take over: which are configured, which one is in use, how far another one lies behind, and making one
//! ready. Copying rows from one to the other is the database server's work, or a backup's.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use strowger_model::Wall;

use crate::backup::{BackupReport, carry_epochs};
use crate::db::{Conn, Engine, Fault};
use crate::errors::{BackupError, OpenError, ReadError};
use crate::options::{Database, Options};
use crate::store::Store;
use crate::{backup_server, backup_trial, increment, schema};

/// The file in the data folder that says which database is in use, where it is not the first.
const ACTIVE: &str = "database.number";
/// A question about another database may take this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a database stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// It has the tables of this or an earlier version.
    pub has_tables: bool,
    /// It can be written: a standby of PostgreSQL cannot.
    pub writable: bool,
    /// What only copies of one database share: the key that the first account's secrets are bound to.
    pub origin: String,
    /// The newest change of an account, price or route.
    pub changes: i64,
    /// The newest entry of the ledger, and what it says.
    pub ledger: (i64, String),
    /// The newest call record.
    pub records: i64,
    /// When the newest entry of the ledger was written.
    pub newest: Option<Wall>,
}

impl Standing {
    /// It holds what the other one holds, and nothing else.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        let held = |s: &Self| (s.origin.clone(), s.changes, s.ledger.clone(), s.records);
        self.has_tables && held(self) == held(other)
    }
}

impl Database {
    /// Every configured database in its order, the first one first.
    ///
    /// # Errors
    /// One of the texts names no database.
    pub fn all(first: &str, further: &[String], data: &Path) -> Result<Vec<Self>, OpenError> {
        let texts = std::iter::once(first).chain(further.iter().map(String::as_str));
        texts.map(|text| Self::parse(text, data)).collect()
    }

    /// The number of the database in use, from 1.
    ///
    /// # Errors
    /// The file that says so cannot be read.
    pub fn active(data: &Path) -> io::Result<usize> {
        match fs::read_to_string(data.join(ACTIVE)) {
            Ok(text) => text.trim().parse().ok().filter(|number| *number > 0).ok_or_else(|| {
                io::Error::other(format!("{ACTIVE} must hold the number of a database, from 1"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(1),
            Err(error) => Err(error),
        }
    }

    /// From the next opening on, that one is in use.
    ///
    /// # Errors
    /// The file that says so cannot be written.
    pub fn activate(data: &Path, number: usize) -> io::Result<()> {
        let (path, fresh) = (data.join(ACTIVE), data.join(format!("{ACTIVE}.new")));
        let mut file = fs::File::create(&fresh)?;
        writeln!(file, "{number}")?;
        file.sync_all()?;
        fs::rename(fresh, path)?;
        fs::File::open(data)?.sync_all()
    }

    /// `SQLite` or `PostgreSQL`.
    #[must_use]
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => Engine::Sqlite.name(),
            Self::Postgres(_) => Engine::Postgres.name(),
        }
    }

    /// How it stands. Blocks.
    ///
    /// # Errors
    /// It cannot be reached, or is of a newer version.
    pub fn standing(&self) -> Result<Standing, OpenError> {
        if let Self::Sqlite(path) = self
            && !path.is_file()
        {
            // A new file can be made in its folder.
            return Ok(Standing { writable: true, ..Standing::default() });
        }
        let mut conn = Conn::reader(self, PATIENCE)?;
        Ok(standing(&mut conn)?)
    }

    /// The file is a backup that could be restored into this database, as far as its beginning tells.
    #[must_use]
    pub fn takes(&self, backup: &Path) -> bool {
        match self {
            Self::Sqlite(_) => increment::is_whole(backup) || increment::is_one(backup),
            Self::Postgres(_) => increment::begins_with(backup, b"PGDMP"),
        }
    }

    /// Restores a backup into a scratch database beside this one and counts it; see [`Store::try_backup`]. Blocks.
    ///
    /// # Errors
    /// It cannot be restored.
    pub fn try_backup(&self, from: &Path) -> Result<BackupReport, BackupError> {
        match self {
            Self::Sqlite(path) => backup_trial::try_file_at(from, path),
            Self::Postgres(url) => backup_server::try_out(url, from),
        }
    }
}

impl Store {
    /// How the database in use stands.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn standing(&self) -> Result<Standing, ReadError> {
        self.read(Box::new(|conn| Ok(standing(conn?)?))).await
    }

    /// Makes a database ready to take over: opens and closes it, which brings it up to date and writes down what an earlier
    /// database did not take, and raises this node's epoch above the last one. Blocks.
    ///
    /// # Errors
    /// It cannot be opened or written.
    pub fn make_ready(options: &Options, epoch: u32) -> Result<(), OpenError> {
        let store = Self::open(options.clone())?;
        let raised = Conn::writer(&options.database, std::sync::Arc::default())
            .and_then(|mut conn| carry_epochs(&mut conn, &[(i64::from(options.node), i64::from(epoch))]));
        store.close();
        Ok(raised?)
    }
}

fn standing(conn: &mut Conn) -> Result<Standing, Fault> {
    let standby = match conn.engine() {
        Engine::Sqlite => false,
        Engine::Postgres => conn.first("SELECT pg_is_in_recovery()", &[])?.is_some_and(|row| row.flag(0)),
    };
    let mut standing = Standing { writable: !standby, ..Standing::default() };
    if !schema::is_ours(conn)? {
        return Ok(standing);
    }
    standing.has_tables = true;
    let first = conn.first("SELECT rowkey FROM account ORDER BY id LIMIT 1", &[])?;
    standing.origin = first.map(|row| row.text(0)).unwrap_or_default();
    standing.changes = crate::load::last_change(conn)?;
    let entry = "SELECT id, at_ms, step, account_id, amount, unit FROM ledger ORDER BY id DESC LIMIT 1";
    if let Some(row) = conn.first(entry, &[])? {
        let said: Vec<String> = (1..6).map(|column| row.text(column)).collect();
        standing.ledger = (row.int(0), said.join(" "));
        standing.newest = Some(Wall(row.int(1)));
    }
    standing.records = conn.first("SELECT coalesce(max(id), 0) FROM cdr", &[])?.map_or(0, |row| row.int(0));
    Ok(standing)
}
