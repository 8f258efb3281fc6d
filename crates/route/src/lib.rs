//! Who is calling, where the call goes, and who pays: pure functions over a snapshot of accounts,
//! trunks, routing rules and price lists. Live calls and `routingtest` use the same functions.
//!
//! It keeps no calls, no registrations and no credit: `location` knows where phones are, `store` what
//! accounts have. It resolves no names: trunk addresses are handed in.

#![deny(missing_docs)]

mod access;
mod buckets;
pub mod candidates;
pub mod change;
mod countries;
pub mod decide;
mod directory;
pub mod identify;
pub mod numbers;
pub mod plan;
mod price;
mod rules;
pub mod settings;
pub mod snapshot;
pub mod trace;

pub use access::{AccessCall, access_call};
pub use change::{Change, Cli, Ported, RoutingRule};
pub use countries::country_code;
pub use decide::{Decision, Origin, Query, decide};
pub use identify::{Arrival, Identity, identify, identify_traced};
pub use numbers::{NationalRule, Numbering, normalise, normalise_traced};
pub use plan::{Failover, Forward, Plan, Refuse, Step, Target, TargetKind};
pub use settings::{Service, Settings};
pub use snapshot::Snapshot;
pub use trace::{Stage, TraceStep};
