//! Administration.

mod addserver;
mod bannedlist;
mod cmd;
mod db;
mod delbanned;
mod deluser;
mod disccall;
pub(crate) mod files;
mod getfile;
mod listusers;
mod newuseri;
mod putfile;
mod setip;
mod smsreceive;
mod unreg;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &addserver::COMMAND,
    &bannedlist::COMMAND,
    &cmd::COMMAND,
    &db::COMMAND,
    &delbanned::COMMAND,
    &deluser::COMMAND,
    &disccall::COMMAND,
    &getfile::COMMAND,
    &listusers::COMMAND,
    &newuseri::COMMAND,
    &setip::COMMAND,
    &putfile::COMMAND,
    &smsreceive::COMMAND,
    &unreg::COMMAND,
];
