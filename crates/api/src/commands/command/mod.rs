//! Administration.

mod addserver;
mod backup;
mod backupdb;
mod bannedlist;
mod client;
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
mod tbackup;
mod timezoneset;
mod unreg;
mod voicehere;
mod voicehere2;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &addserver::COMMAND,
    &backup::COMMAND,
    &backupdb::COMMAND,
    &bannedlist::COMMAND,
    &client::COMMAND,
    &cmd::COMMAND,
    &db::COMMAND,
    &delbanned::COMMAND,
    &deluser::COMMAND,
    &disccall::COMMAND,
    &getfile::COMMAND,
    &listusers::COMMAND,
    &newuseri::COMMAND,
    &putfile::COMMAND,
    &setip::COMMAND,
    &smsreceive::COMMAND,
    &tbackup::COMMAND,
    &timezoneset::COMMAND,
    &unreg::COMMAND,
    &voicehere::COMMAND,
    &voicehere2::COMMAND,
];
