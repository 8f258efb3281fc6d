//! `eventlist`: events of the past, a page at a time.

use super::events::filter;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::events::Subscription;
use crate::reply::{Failure, Reply};

/// Events of one page.
const MOST: u32 = 1000;

params! {
    /// Events after this number.
    since: u64 = "0",
    /// Names such as call.ended, or what stands before their dot, comma-separated; empty: all.
    types: String = "",
    /// At most so many, up to 1000.
    max: u32 = "100",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "eventlist",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Read,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Lists kept events after a number; the cursor in the answer is the next page's since.",
    spec: "Strowger",
    example: "since=120&types=call&max=50",
    reply: "OK: <n> cursor:<number>, a header line and one line per event: seq, event (a JSON object)",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let (hub, viewer) = call.events()?;
    if !(1..=MOST).contains(&params.max) {
        return Err(Failure::invalid(format!("max must be 1 to {MOST}")));
    }
    let most = usize::try_from(params.max).unwrap_or(usize::MAX);
    let mut reader = Subscription::new(hub, call.switch(), params.since, viewer, filter(&params.types)?);
    let (mut rows, mut cursor) = (Vec::new(), params.since);
    while rows.len() < most {
        let before = reader.cursor();
        let page = reader.ready().await.map_err(|error| Failure::failed(error.to_string()))?;
        for pushed in page {
            if rows.len() == most {
                break;
            }
            cursor = pushed.cursor;
            rows.push(vec![pushed.cursor.into(), pushed.text.into()]);
        }
        if rows.len() < most {
            cursor = reader.cursor();
        }
        if reader.cursor() == before {
            break;
        }
    }
    Ok(Reply::rows(&["seq", "event"], rows).with_cursor(i64::try_from(cursor).ok()))
}
