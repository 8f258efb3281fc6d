//! `showlog`: the end of the log.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::logs::{Part, tail};
use crate::reply::Reply;

/// Lines of one answer at most.
const MAX_LINES: u32 = 1_000;

/// Which lines.
#[derive(Debug)]
struct Which(Part);

impl Value for Which {
    const KIND: &'static str = "main, sip, sh or tcp; gk (H.323) does not exist here";
    fn parse(text: &str) -> Option<Self> {
        one_of(text, &[("main", Part::Main), ("sip", Part::Sip), ("sh", Part::Shell), ("tcp", Part::Tcp)])
            .map(Self)
    }
}

params! {
    /// main, or only the lines of sip, sh (commands) or tcp (connections).
    log ["name"]: Which = "main",
    /// How many lines.
    lines: u32 = "100",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "showlog",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The last lines of the log; secrets are masked.",
    spec: "server-api: Diagnostics",
    example: "log=sip&lines=20",
    reply: "OK: <n> and the lines",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let root = call.log()?.folder.clone();
    let most = usize::try_from(params.lines.clamp(1, MAX_LINES)).unwrap_or(1);
    Ok(Reply::lines(on_disk(move || tail(&Folder::open_existing(&root)?, params.log.0, most)).await?))
}
