//! `getphonenumber`: free numbers of the pool.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Reply};

/// Numbers of one answer at most.
const MAX_COUNT: u32 = 100;

params! {
    /// How many at most.
    count: u32 = "1",
    /// Only numbers that begin so.
    prefix: String = "",
    /// Only numbers of this place.
    location: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "getphonenumber",
    aliases: &[],
    group: Group::User,
    access: Access::Public,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Free numbers of the pool; lockphonenumber takes one.",
    spec: "server-api: User commands; API examples",
    example: "count=3",
    reply: "OK: <n>, then the numbers; cursor=<id> goes on behind one of them",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if params.count == 0 || params.count > MAX_COUNT {
        return Err(Failure::invalid(format!("count must be 1 to {MAX_COUNT}")));
    }
    let prefix = params.prefix.trim().trim_start_matches('+');
    if !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::invalid("prefix must be digits"));
    }
    let count = usize::try_from(params.count).unwrap_or_default();
    let after = call.cursor.unwrap_or(0);
    let found = call.store().free_numbers(count, after, prefix, &params.location, call.now().wall).await?;
    let rows = found.into_iter().map(|row| vec![row.number.into(), row.location.into(), row.id.into()]);
    // The id stands last: it is what a cursor points with where an answer over UDP is cut.
    Ok(Reply::rows(&["number", "location", "id"], rows.collect()))
}
