//! A restart of the process by itself: the same program with the same arguments, in the same process, so that whoever
//! started it sees neither an end nor another number.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;

/// What the system appends to the name of a program whose file was replaced while it ran.
const REPLACED: &str = " (deleted)";

/// Does not return where it works. `ports` are those that the system chose; they stay the same.
pub(crate) fn again(ports: &[(&'static str, u16)]) -> Failure {
    let program = match std::env::current_exe() {
        Ok(program) => current(program),
        Err(error) => return Failure::failed(format!("restart: {error}")),
    };
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1));
    for (key, port) in ports {
        command.arg("--set").arg(format!("{key}={port}"));
    }
    let error = command.exec();
    Failure::failed(format!("restart: {}: {error}", program.display()))
}

/// An upgrade put a new file in the program's place: that one is meant.
fn current(program: PathBuf) -> PathBuf {
    let text = program.to_string_lossy().into_owned();
    text.strip_suffix(REPLACED).map_or(program, PathBuf::from)
}
