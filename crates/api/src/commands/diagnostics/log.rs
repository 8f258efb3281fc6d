//! `log`: the log level at run time, and remarks in the log.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// The words that are a level by themselves.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// The longest remark, in characters.
const MAX_REMARK: usize = 1_000;
/// The longest name of a module, in bytes.
const MAX_MODULE: usize = 64;
/// Levels of single modules at a time.
const MAX_PARTS: usize = 32;

params! {
    /// error, warn, info, debug, trace, off, or a filter as loglevel has it; empty changes nothing.
    level: String = "",
    /// Only for this module, such as strowger_switch.
    module: String = "",
    /// A remark that is written into the log.
    txt: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "log",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Shows or changes the log level until the next reload, or writes an operator's remark into the log.",
    spec: "server-api: Diagnostics",
    example: "level=debug&module=strowger_switch",
    reply: "OK: level info",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let log = call.log()?;
    let (level, module) = (params.level.trim(), params.module.trim());
    let remark = params.txt.trim();
    if !remark.is_empty() {
        let text: String = remark.chars().filter(|c| !c.is_control()).take(MAX_REMARK).collect();
        tracing::info!(target: "operator", by = call.who(), "{text}");
        if level.is_empty() {
            return Ok(Reply::ok("noted"));
        }
    }
    if !level.is_empty() {
        let known = LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level));
        // A filter takes any other word for a module, all of whose lines it would let through.
        if !known && (!module.is_empty() || !level.contains('=')) {
            return Err(Failure::invalid(format!(
                "level must be one of {} or a filter such as info,strowger_gate=debug; txt writes a remark",
                LEVELS.join(", ")
            )));
        }
        let filter =
            if module.is_empty() { level.to_owned() } else { with_module(&(log.filter)(), module, level)? };
        (log.change)(&filter).map_err(|why| Failure::invalid(format!("level: {why}")))?;
        tracing::info!(target: "operator", by = call.who(), filter, "the log level was changed");
    } else if !module.is_empty() {
        return Err(Failure::missing("level"));
    }
    let filter = (log.filter)();
    Ok(Reply::ok(format!("level {filter}")).with("level", filter))
}

/// The filter with another level for one module.
fn with_module(filter: &str, module: &str, level: &str) -> Result<String, Failure> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    if module.len() > MAX_MODULE || !module.chars().all(word) {
        return Err(Failure::invalid("module must be a module's name such as strowger_switch"));
    }
    let others = filter.split(',').map(str::trim).filter(|part| part.split('=').next() != Some(module));
    let mut parts: Vec<String> = others.map(str::to_owned).collect();
    parts.push(format!("{module}={}", level.to_ascii_lowercase()));
    if parts.len() > MAX_PARTS {
        return Err(Failure::limit(format!("a filter has at most {MAX_PARTS} parts")));
    }
    Ok(parts.join(","))
}
