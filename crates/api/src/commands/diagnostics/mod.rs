//! What the server is doing.

mod call;
mod deviceid;
mod endpoints;
mod epreg;
mod fastregusers;
mod fastusers;
mod figures;
mod file;
mod gencdr;
mod heartbeat;
mod info;
mod lists;
mod locks;
mod log;
mod logsearch;
mod process;
mod querylist;
mod quickstat;
mod regstat;
mod reguser;
mod reports;
mod routingtest;
mod shortinfo;
mod showcfg;
mod showlog;
mod threadlist;
mod threads;
mod threads2;
mod tunnelinfo;
mod tunnelinfoex;
mod tunnellist;
mod version;

pub use call::as_asked;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &call::COMMAND,
    &deviceid::COMMAND,
    &endpoints::COMMAND,
    &epreg::COMMAND,
    &fastregusers::COMMAND,
    &fastusers::COMMAND,
    &file::COMMAND,
    &gencdr::COMMAND,
    &heartbeat::COMMAND,
    &info::COMMAND,
    &lists::COMMAND,
    &locks::COMMAND,
    &log::COMMAND,
    &logsearch::COMMAND,
    &querylist::COMMAND,
    &quickstat::COMMAND,
    &regstat::COMMAND,
    &reguser::COMMAND,
    &reports::COMMAND,
    &routingtest::COMMAND,
    &shortinfo::COMMAND,
    &showcfg::COMMAND,
    &showlog::COMMAND,
    &threadlist::COMMAND,
    &threads::COMMAND,
    &threads2::COMMAND,
    &tunnelinfo::COMMAND,
    &tunnelinfoex::COMMAND,
    &tunnellist::COMMAND,
    &version::COMMAND,
];
