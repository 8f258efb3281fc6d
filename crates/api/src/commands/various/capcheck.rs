//! `capcheck`: free capacity towards a prefix.

use strowger_model::Scope;
use strowger_route::candidates::{Wanted, candidates};
use strowger_route::normalise;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

params! {
    /// A number or the beginning of numbers.
    direction: String,
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "capcheck",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Free capacity towards a prefix: trunks in the order of routing with calls in use, limits and what is free; and the server's own limit.",
    spec: "server-api: Various",
    example: "direction=3620",
    reply: "OK: <n>, a table and sums",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let snapshot = call.switch().snapshot();
    let number = normalise(&snapshot.settings().numbering, "", &params.direction);
    if number.is_empty() {
        return Err(Failure::missing("direction"));
    }
    let down = call.switch().trunks_down().await?;
    let wanted =
        Wanted { number: &number, caller: None, presented: "", now: call.now().wall, seed: 0, down: &down };
    let trunks = candidates(&snapshot, &wanted, &mut Vec::new());
    let calls = call.switch().live_calls(Scope::All).await?;
    let (mut free, mut endless) = (0, false);
    let rows: Vec<Vec<Data>> = trunks
        .into_iter()
        .filter_map(|id| snapshot.account(id))
        .map(|trunk| {
            let used = calls.iter().filter(|running| running.server == Some(trunk.id)).count();
            let used = u32::try_from(used).unwrap_or(u32::MAX);
            let left = trunk.max_lines.map(|most| most.saturating_sub(used));
            let answers = down.get(&trunk.id).is_none_or(|until| *until <= call.now().wall);
            if answers {
                free += left.unwrap_or(0);
                endless |= left.is_none();
            }
            vec![
                trunk.id.0.into(),
                (&*trunk.username).into(),
                answers.into(),
                used.into(),
                trunk.max_lines.into(),
                left.into(),
            ]
        })
        .collect();
    let in_use = u32::try_from(calls.len()).unwrap_or(u32::MAX);
    let most = call.config().maxcalls;
    let server = most.saturating_sub(in_use);
    let total = if endless { server } else { free.min(server) };
    Ok(Reply::rows(&["id", "username", "answers", "inuse", "maxlines", "free"], rows).with_summary(vec![
        ("direction".into(), number.into()),
        ("calls".into(), in_use.into()),
        ("maxcalls".into(), most.into()),
        ("free".into(), total.into()),
    ]))
}
