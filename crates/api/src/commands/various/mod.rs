//! The rest.

mod capcheck;
mod checkcredits;
mod checkmails;
mod checkpins;
mod checkscanner;
mod close;
mod createcdrinfo;
mod dailymaint;
mod dailyreport;
mod delobj;
mod destinations;
mod exit;
mod finetune;
mod getfield;
mod getini;
mod help;
mod hourlymaint;
mod keepalive;
mod loadinifiles;
mod monthlymaint;
mod newuserevent;
mod newusersevent;
mod normalizechk;
mod oop;
mod pgetfile;
mod pputfile;
mod quit;
mod saveinifiles;
mod savesettings;
mod setfastregpwd;
mod setini;
mod stopcanner;
mod syncusers;
mod toclient;
mod togw;
mod unittest;
mod updcdrdir;
mod weeklymaint;
mod willstop;

use crate::declare::Command;

/// The group's commands.
pub const COMMANDS: &[&Command] = &[
    &capcheck::COMMAND,
    &checkcredits::COMMAND,
    &checkmails::COMMAND,
    &checkpins::COMMAND,
    &checkscanner::COMMAND,
    &close::COMMAND,
    &createcdrinfo::COMMAND,
    &dailymaint::COMMAND,
    &dailyreport::COMMAND,
    &delobj::COMMAND,
    &exit::COMMAND,
    &finetune::COMMAND,
    &getfield::COMMAND,
    &getini::COMMAND,
    &help::COMMAND,
    &hourlymaint::COMMAND,
    &keepalive::COMMAND,
    &loadinifiles::COMMAND,
    &monthlymaint::COMMAND,
    &newuserevent::COMMAND,
    &newusersevent::COMMAND,
    &normalizechk::COMMAND,
    &oop::COMMAND,
    &pgetfile::COMMAND,
    &pputfile::COMMAND,
    &quit::COMMAND,
    &saveinifiles::COMMAND,
    &savesettings::COMMAND,
    &setfastregpwd::COMMAND,
    &setini::COMMAND,
    &stopcanner::COMMAND,
    &syncusers::COMMAND,
    &toclient::COMMAND,
    &togw::COMMAND,
    &unittest::COMMAND,
    &updcdrdir::COMMAND,
    &weeklymaint::COMMAND,
    &willstop::COMMAND,
];
