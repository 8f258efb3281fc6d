//! What the server is doing.

mod call;
mod deviceid;
mod epreg;
mod figures;
mod file;
mod heartbeat;
mod info;
mod log;
mod logsearch;
mod process;
mod quickstat;
mod reguser;
mod routingtest;
mod shortinfo;
mod showcfg;
mod showlog;
mod threadlist;
mod threads;
mod threads2;
mod version;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &call::COMMAND,
    &deviceid::COMMAND,
    &epreg::COMMAND,
    &file::COMMAND,
    &heartbeat::COMMAND,
    &info::COMMAND,
    &log::COMMAND,
    &logsearch::COMMAND,
    &quickstat::COMMAND,
    &reguser::COMMAND,
    &routingtest::COMMAND,
    &shortinfo::COMMAND,
    &showcfg::COMMAND,
    &showlog::COMMAND,
    &threadlist::COMMAND,
    &threads::COMMAND,
    &threads2::COMMAND,
    &version::COMMAND,
];
