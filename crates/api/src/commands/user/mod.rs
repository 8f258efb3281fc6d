//! Commands of account holders.

mod addcallbacknumber;
mod addcredit;
mod balance;
mod callback;
mod callbackaccessnumber;
mod calldivert;
mod callforward;
mod callrating;
mod cccharge;
mod cdr;
mod changepwd;
mod charge;
mod cli;
mod getdetails;
mod getphonenumber;
mod lockphonenumber;
mod p2p;
mod placed;
mod presence_get;
mod presence_set;
mod rating;
mod search;
mod sendccinfo;
mod sendim;
mod setfield;
mod status;
mod transfercredit;
mod verifyuser;
mod wsload;
mod wsunreg;
mod wsuser;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &addcallbacknumber::COMMAND,
    &addcredit::COMMAND,
    &balance::COMMAND,
    &callbackaccessnumber::COMMAND,
    &calldivert::COMMAND,
    &callforward::COMMAND,
    &callback::COMMAND,
    &callrating::COMMAND,
    &cccharge::COMMAND,
    &cdr::COMMAND,
    &changepwd::COMMAND,
    &charge::COMMAND,
    &cli::COMMAND,
    &getdetails::COMMAND,
    &getphonenumber::COMMAND,
    &lockphonenumber::COMMAND,
    &p2p::COMMAND,
    &presence_get::COMMAND,
    &presence_set::COMMAND,
    &rating::COMMAND,
    &sendccinfo::COMMAND,
    &sendim::COMMAND,
    &search::COMMAND,
    &setfield::COMMAND,
    &status::COMMAND,
    &transfercredit::COMMAND,
    &verifyuser::COMMAND,
    &wsload::COMMAND,
    &wsunreg::COMMAND,
    &wsuser::COMMAND,
];
