//! Public and session commands.

mod apitest;
mod apitest1;
mod forgotpasswordanswer;
mod forgotpasswordquestion;
mod jppget;
mod login;
mod newusercode;
mod newuseru;
mod preauth;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &apitest::COMMAND,
    &apitest1::COMMAND,
    &forgotpasswordanswer::COMMAND,
    &forgotpasswordquestion::COMMAND,
    &jppget::COMMAND,
    &login::COMMAND,
    &newusercode::COMMAND,
    &newuseru::COMMAND,
    &preauth::COMMAND,
];
