//! `checkcredits`: the credits, checked now.

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "checkcredits",
    aliases: &[],
    group: Group::Various,
    access: Access::Admin,
    effect: Effect::Write,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Lets credit lapse whose date has passed and adds up the books; says what it did and found.",
    spec: "server-api: Various operations",
    example: "",
    reply: "OK: credit of 1 accounts lapsed, 0 mistakes in the books",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let lapsed = call.store().expire_credits(call.now().wall).await?;
    let server = call.store().server();
    let books = tokio::task::spawn_blocking(move || server.check_ledger()).await;
    let books = books.map_err(|_| Failure::failed("the books were not added up"))??;
    let (lapsed, mistakes) = (lapsed.len(), books.problems.len());
    let problems = books.problems.iter().map(|problem| Data::from(problem.as_str())).collect::<Vec<Data>>();
    Ok(Reply::ok(format!("credit of {lapsed} accounts lapsed, {mistakes} mistakes in the books"))
        .with("lapsed", i64::try_from(lapsed).unwrap_or(i64::MAX))
        .with("problems", problems))
}
