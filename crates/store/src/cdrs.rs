//! Call records with the filters of the `cdr` command, and their aggregates.

pub(crate) mod query;

use strowger_model::{AccountId, Amount, Scope, Wall};

use crate::cell::Table;
use crate::errors::ReadError;
use crate::offsets::Offsets;
use crate::store::Store;

/// Calls made, received, or both, as seen from the accounts in scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both.
    #[default]
    All,
    /// Received.
    In,
    /// Made.
    Out,
}

/// Answered, not answered, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CdrKind {
    /// Both.
    #[default]
    All,
    /// Answered.
    Connected,
    /// Not answered.
    NotConnected,
}

/// How many columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CdrFields {
    /// datum, callednumber, realduration, costenduser.
    Min,
    /// And id, callstartdate, callerid, origcallerid, unitprice, mark, sipcallid.
    #[default]
    Normal,
    /// And the rest.
    All,
}

/// Rows, or one row per group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CdrBy {
    /// A row per call.
    #[default]
    None,
    /// One row.
    All,
    /// A row per calendar day of the given zone.
    Day,
    /// A row per caller.
    Caller,
    /// A row per dialled number.
    Called,
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CdrOrder {
    /// The newest first.
    #[default]
    Date,
    /// By the presented number.
    Caller,
    /// By the dialled number.
    Called,
    /// By the caller's account.
    User,
}

/// What `cdr` asks for. The default is every call in scope, the newest first, 100 rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CdrQuery {
    /// The caller's account.
    pub caller: Option<AccountId>,
    /// The caller as text: an id, a username, or the presented number.
    pub caller_text: String,
    /// The called party: the number dialled, or a username.
    pub called: String,
    /// Ended at or after.
    pub from: Option<Wall>,
    /// Ended before.
    pub to: Option<Wall>,
    /// Made or received.
    pub direction: Direction,
    /// Answered or not.
    pub kind: CdrKind,
    /// What the dialled number begins with.
    pub prefix: String,
    /// Columns.
    pub fields: CdrFields,
    /// Provider costs and profit too (administrators, with all fields).
    pub costs: bool,
    /// A summary too.
    pub summary: bool,
    /// Groups.
    pub by: CdrBy,
    /// Order of rows.
    pub order: CdrOrder,
    /// Rows at most; 0: 100.
    pub max: usize,
    /// From an earlier page.
    pub cursor: Option<i64>,
    /// The zone of the dates that are shown and of calendar days.
    pub zone: Offsets,
}

/// All records of a query in a few numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CdrSummary {
    /// Calls.
    pub calls: i64,
    /// Answered ones.
    pub connected: i64,
    /// Seconds of conversation.
    pub duration_s: i64,
    /// What endusers paid (currencies added up as they are).
    pub cost: Amount,
    /// Less what providers cost; only where costs were asked for.
    pub profit: Option<Amount>,
}

/// Records, page by page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CdrPage {
    /// Rows or groups.
    pub table: Table,
    /// Ask the next page with it; none: this was the last.
    pub cursor: Option<i64>,
    /// Over all pages, where asked for.
    pub summary: Option<CdrSummary>,
}

impl Store {
    /// Call records in scope.
    ///
    /// # Errors
    /// The database cannot be read, or it takes longer than readers may.
    pub async fn cdrs(&self, scope: Scope, query: CdrQuery) -> Result<CdrPage, ReadError> {
        self.read(Box::new(move |conn| query::run(conn?, scope, &query))).await
    }
}
