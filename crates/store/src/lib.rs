//! The store: accounts, money, call records and settings on SQLite or PostgreSQL, and the T-SQL layer over them.
//!
//! Database drivers are used here and nowhere else. One thread writes, gathering operations into groups that are
//! committed once and answered after the commit; a few threads read; one follows the `changes` table.
//! The store decides nothing about calls or prices: it makes durable what `billing` and `call` decided.

#![deny(missing_docs)]

mod access;
mod accounts;
mod audit;
mod backup;
mod backup_server;
mod backup_trial;
mod cdrs;
mod cell;
mod checkpoint;
mod codes;
mod credit;
mod db;
mod digest;
mod errors;
mod faults;
mod fields;
mod follower;
mod health;
mod idempotency;
mod increment;
mod keyring;
mod ledger_check;
mod load;
mod locks;
mod maintenance;
mod messages;
mod money;
mod offsets;
mod options;
mod outbox;
mod payments;
mod pools;
mod presence;
mod reader;
mod rebill;
mod records;
mod recover;
mod rows;
mod schema;
mod scope;
mod server;
mod settings;
mod shared;
mod sms;
mod standby;
mod store;
mod tariffs;
mod traffic;
mod tsql;
mod tx;
mod users;
mod watch;
mod webhooks;
mod writer;

pub use self::access::{ApiKeyRow, LedgerRow, MAX_API_KEYS, ReplayRow, SessionRow};
pub use self::audit::AuditEntry;
pub use self::backup::BackupReport;
pub use self::cdrs::{CdrBy, CdrFields, CdrKind, CdrOrder, CdrPage, CdrQuery, CdrSummary, Direction};
pub use self::cell::{Cell, Page, Table};
pub use self::codes::CodePurpose;
pub use self::credit::Credit;
pub use self::errors::{
    BackupError, CreditError, OpenError, PaymentError, ReadError, RecoverError, RedeemError, SqlError,
    Unavailable, UserError,
};
pub use self::faults::{FaultKind, Faults};
pub use self::follower::{Change, Following};
pub use self::health::Health;
pub use self::idempotency::RequestKey;
pub use self::keyring::{KeyError, Keyring};
pub use self::ledger_check::LedgerCheck;
pub use self::locks::{HeldCredit, Locks, WaitingLock};
pub use self::maintenance::{DayTraffic, Pruned, Retention, Turn};
pub use self::messages::{KeptMessage, MessageError, NewMessage};
pub use self::offsets::Offsets;
pub use self::options::{Database, Options};
pub use self::outbox::{DueLetter, Letter, LetterKind, OutboxError, is_mail_address};
pub use self::payments::{NewPayment, Payment, PaymentState};
pub use self::pools::PoolTable;
pub use self::presence::PresenceRow;
pub use self::rebill::{NewPrice, PricedCall, Repriced};
pub use self::records::CallRecord;
pub use self::recover::{Recovered, Recovery};
pub use self::rows::{
    BlacklistRow, CliRow, CurrencyRow, HolidayRow, NumberRow, PacketRow, PortedRow, PriceEntryRow,
    PriceListRow, PriceRows, PriceTimeRow, RouteRow, Snapshot,
};
pub use self::schema::{Column, ColumnKind, user_column};
pub use self::server::Server;
pub use self::sms::{ReceivedSms, SmsSeen};
pub use self::standby::Standing;
pub use self::store::Store;
pub use self::tariffs::{NewPriceList, Price, PriceChange, PriceImport, PriceListUse, parse_date, show_date};
pub use self::traffic::{MAX_BATCH, Nameless, TrafficBy};
pub use self::tsql::{Piece, Slot, SqlAnswer, SqlLimits, SqlTemplate, pieces};
pub use self::users::{LineStatus, NewUser, UserFilter};
pub use self::watch::RunningQuery;
pub use self::webhooks::{Webhook, WebhookProgress};
