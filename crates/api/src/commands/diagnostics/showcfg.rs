//! `showcfg`: the configuration in force.

use strowger_config::{Group as Group_, Key};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

params! {
    /// A chapter (api, sip, money …) or a key; empty is everything.
    section: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "showcfg",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The configuration in force, with the source of each value; secrets are masked.",
    spec: "server-api: Diagnostics",
    example: "section=sip",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let wanted = params.section.trim().to_ascii_lowercase();
    let config = call.config();
    let rows: Vec<Vec<Data>> = config
        .rows()
        .into_iter()
        .filter(|row| is_of(row.key, &wanted))
        .map(|row| {
            vec![
                row.key.name.into(),
                row.value.into(),
                row.source.word().into(),
                row.key.group.title().into(),
            ]
        })
        .collect();
    if rows.is_empty() {
        let titles: Vec<&str> = Group_::ALL.iter().map(|group| group.title()).collect();
        let right = format!("section must be a key or one of {}", titles.join(", "));
        return Err(Failure::invalid(right));
    }
    Ok(Reply::rows(&["key", "value", "source", "section"], rows))
}

/// The key itself, by any spelling, or a word of its chapter's title.
fn is_of(key: &Key, wanted: &str) -> bool {
    let title = key.group.title().to_ascii_lowercase();
    wanted.is_empty()
        || key.is_called(wanted)
        || title == wanted
        || title.split_whitespace().any(|word| word == wanted)
}
