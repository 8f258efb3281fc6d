//! The rest.

mod capcheck;
mod close;
mod exit;
mod getfield;
mod help;
mod keepalive;
mod normalizechk;
mod oop;
mod pgetfile;
mod pputfile;
mod quit;
mod toclient;
mod togw;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &capcheck::COMMAND,
    &close::COMMAND,
    &exit::COMMAND,
    &getfield::COMMAND,
    &help::COMMAND,
    &keepalive::COMMAND,
    &normalizechk::COMMAND,
    &pgetfile::COMMAND,
    &pputfile::COMMAND,
    &oop::COMMAND,
    &quit::COMMAND,
    &toclient::COMMAND,
    &togw::COMMAND,
];
