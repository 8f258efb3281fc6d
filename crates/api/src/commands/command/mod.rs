//! Administration.

mod addserver;
mod bannedlist;
mod db;
mod delbanned;
mod deluser;
mod disccall;
mod listusers;
mod newuseri;
mod unreg;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &addserver::COMMAND,
    &bannedlist::COMMAND,
    &db::COMMAND,
    &delbanned::COMMAND,
    &deluser::COMMAND,
    &disccall::COMMAND,
    &listusers::COMMAND,
    &newuseri::COMMAND,
    &unreg::COMMAND,
];
