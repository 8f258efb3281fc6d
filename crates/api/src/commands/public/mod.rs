//! Public and session commands.

mod apitest;
mod apitest1;
mod login;
mod newuseru;
mod preauth;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] =
    &[&apitest::COMMAND, &apitest1::COMMAND, &login::COMMAND, &newuseru::COMMAND, &preauth::COMMAND];
