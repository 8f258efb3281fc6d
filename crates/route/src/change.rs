//! What may change in a snapshot, one thing at a time.

use std::net::SocketAddr;

use strowger_billing::{BillingTime, ExchangeRate, PriceEntry, PriceList, TimeType};
use strowger_model::{Account, AccountId, Unit};

use crate::settings::Settings;

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new or changed account.
    Account(Box<Account>),
    /// An account was deleted.
    AccountGone(AccountId),
    /// A new or changed price list.
    PriceList(PriceList),
    /// A price list was deleted, with its entries.
    PriceListGone(i64),
    /// All entries of a list anew.
    Entries {
        /// The list.
        list: i64,
        /// Its entries.
        entries: Vec<PriceEntry>,
    },
    /// A new or changed entry.
    Entry(PriceEntry),
    /// An entry was deleted.
    EntryGone(i64),
    /// A new or changed billing time.
    Time(BillingTime),
    /// A billing time was deleted.
    TimeGone(i64),
    /// A new or changed routing rule.
    Rule(RoutingRule),
    /// A routing rule was deleted.
    RuleGone(i64),
    /// A number of the pool, and whose it is.
    Number {
        /// As dialled, normalised.
        number: Box<str>,
        /// None: nobody's yet.
        account: Option<AccountId>,
    },
    /// A number left the pool.
    NumberGone(Box<str>),
    /// A number by which an account is known.
    Cli {
        /// The number.
        number: Box<str>,
        /// Whose it is, and what it may.
        cli: Cli,
    },
    /// It is not any more.
    CliGone(Box<str>),
    /// A packet's price list.
    Packet {
        /// The packet.
        id: i64,
        /// Its list.
        price_list: Option<i64>,
    },
    /// A packet was deleted.
    PacketGone(i64),
    /// No calls go to numbers with this prefix.
    Blacklist(Box<str>),
    /// They may go again.
    BlacklistGone(Box<str>),
    /// A number moved to another operator.
    Ported {
        /// The whole number, normalised.
        number: Box<str>,
        /// Where it is now.
        to: Ported,
    },
    /// It is where its prefix says.
    PortedGone(Box<str>),
    /// One unit is worth so much of the default currency.
    Rate {
        /// The unit.
        unit: Unit,
        /// Its worth.
        in_default: ExchangeRate,
    },
    /// What a trunk's names resolved to.
    TrunkAddresses {
        /// The trunk.
        trunk: AccountId,
        /// In order of preference; empty: as configured.
        addresses: Vec<SocketAddr>,
    },
    /// The configuration changed.
    Settings(Box<Settings>),
}

/// Where a number is that moved to another operator: one row of `tb_portednumbers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ported {
    /// `routingnumber`: what rules are chosen by in its place; empty: the number itself.
    pub routing_number: Box<str>,
    /// `operator`, for people.
    pub operator: Box<str>,
}

/// By which account a caller's number is known: one row of `tb_users_cli`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cli {
    /// The account.
    pub account: AccountId,
    /// Calls from it to a callback access number are called back.
    pub callback: bool,
}

/// One row of `tb_routing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingRule {
    /// `id`.
    pub id: i64,
    /// `name`.
    pub name: Box<str>,
    /// `prefix` of the normalised number; empty matches every number.
    pub prefix: Box<str>,
    /// `caller`: for calls of this account (username or id) and of accounts below it; where it names no
    /// account, for calls that present a number with this prefix; empty: everybody's.
    pub caller: Box<str>,
    /// `serverid`.
    pub server: AccountId,
    /// `priority`: lower ones are tried first.
    pub priority: i32,
    /// `weight` among rules of the same priority; zero comes last.
    pub weight: u32,
    /// `timetype`; [`TimeType::Off`] (0) and [`TimeType::All`] mean always here.
    pub time: TimeType,
    /// `enabled`.
    pub enabled: bool,
}
