//! Call detail records: one per dialled target that was tried. Names follow `tb_cdrs`.

use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::id::{CallId, LegId};
use crate::money::{Amount, Unit};
use crate::time::Wall;

/// One row of `tb_cdrs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cdr {
    /// Our call (`callid`).
    pub call: CallId,
    /// The dialled leg (`legid`); unique.
    pub leg: LegId,
    /// `callstartdate`: when the dialling began.
    pub start: Wall,
    /// `datum`: when it ended.
    pub end: Wall,
    /// `callerid`: the caller's account; none for an unknown trunk caller.
    pub caller: Option<AccountId>,
    /// Who pays; differs from the caller for forwards and billing accounts.
    pub payer: Option<AccountId>,
    /// `calledid`: the called local account.
    pub called: Option<AccountId>,
    /// `serverid`: the trunk that took the call.
    pub server: Option<AccountId>,
    /// `origcallerid`: the number presented by the caller.
    pub presented: String,
    /// `callednumber`: the number dialled.
    pub dialled: String,
    /// The number sent to the trunk, after normalisation.
    pub sent: String,
    /// `sipcallid`: the caller's Call-ID.
    pub sip_call_id: String,
    /// The dialled leg's Call-ID.
    pub sip_call_id_b: String,
    /// `realduration`, in milliseconds: answer to end, by the monotonic clock.
    pub duration_ms: u64,
    /// `origduration`, in milliseconds: start to end.
    pub total_ms: u64,
    /// Milliseconds from the start to the first ringing; none where it never rang.
    pub ring_ms: Option<u64>,
    /// `currency` of the cost to the enduser.
    pub currency: Unit,
    /// `costenduser`.
    pub cost_enduser: Amount,
    /// `costprovider`, in `provider_currency`.
    pub cost_provider: Amount,
    /// `providercurrency`.
    pub provider_currency: Unit,
    /// `unitprice` per minute.
    pub unit_price: Amount,
    /// `billingstep` in seconds.
    pub billing_step: u32,
    /// `billingentry`: the price entry that was used.
    pub price_entry: Option<i64>,
    /// `resellerid`: the lowest reseller of the payer chain.
    pub reseller: Option<AccountId>,
    /// `mark`: FWD, FAIL, TRANS …, empty for an ordinary call.
    pub mark: String,
    /// `direction`: the destination's name.
    pub direction: String,
    /// `disccode`: the SIP status that ended it (200: answered).
    pub status: u16,
    /// `discreason`: one word or phrase of the table of disconnect reasons.
    pub reason: String,
    /// `discby`.
    pub ended_by: EndedBy,
    /// `codec` by its encoding name.
    pub codec: String,
    /// `mos`, in hundredths: the mean opinion score of the side that was heard worse; none where too little was heard.
    #[serde(default)]
    pub mos: Option<u16>,
}

/// Who ended the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EndedBy {
    /// The calling side.
    Caller,
    /// The called side.
    Called,
    /// This server: credit, time-out, administrator, failure.
    #[default]
    Server,
    /// Nobody: it was found after a crash.
    Recovery,
}

/// One row of `tb_cdrresellers`: what the call costs one level of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdrCost {
    /// The reseller or owner.
    pub account: AccountId,
    /// Distance from the enduser, from 1.
    pub level: u8,
    /// In what.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// Per minute.
    pub unit_price: Amount,
    /// The price entry that was used.
    pub price_entry: Option<i64>,
}
