//! Commands of account holders.

mod addcredit;
mod balance;
mod cdr;
mod changepwd;
mod charge;
mod getdetails;
mod p2p;
mod rating;
mod setfield;
mod status;
mod transfercredit;
mod verifyuser;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &addcredit::COMMAND,
    &balance::COMMAND,
    &cdr::COMMAND,
    &changepwd::COMMAND,
    &charge::COMMAND,
    &getdetails::COMMAND,
    &p2p::COMMAND,
    &rating::COMMAND,
    &setfield::COMMAND,
    &status::COMMAND,
    &transfercredit::COMMAND,
    &verifyuser::COMMAND,
];
