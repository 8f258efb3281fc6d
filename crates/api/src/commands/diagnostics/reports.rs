//! `reports`: traffic, quality and money.

use strowger_model::Wall;
use strowger_store::TrafficBy;
use strowger_switch::Zone;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, Value, one_of, params};
use crate::dispatch::Call;
use crate::reply::Reply;

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The longest period, in days.
const MAX_DAYS: u32 = 3_660;

#[derive(Debug)]
struct By(TrafficBy);

impl Value for By {
    const KIND: &'static str = "day, destination, account or trunk";
    fn parse(text: &str) -> Option<Self> {
        let choices = [
            ("day", TrafficBy::Day),
            // Every report has all of these columns.
            ("traffic", TrafficBy::Day),
            ("quality", TrafficBy::Day),
            ("revenue", TrafficBy::Day),
            ("profit", TrafficBy::Day),
            ("destination", TrafficBy::Destination),
            ("account", TrafficBy::Account),
            ("trunk", TrafficBy::Trunk),
        ];
        one_of(text, &choices).map(Self)
    }
}

params! {
    /// day, destination, account or trunk.
    name: By = "day",
    /// The last so many days.
    days: u32 = "30",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "reports",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "Traffic, quality (ASR in percent; ACD and PDD in seconds; MOS as the mean of the calls that were heard), revenue, cost and profit by day of the server's time zone, destination, account or trunk.",
    spec: "server-api: Diagnostics",
    example: "name=trunk&days=7",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let now = call.now().wall;
    let from = Wall(now.0 - i64::from(params.days.clamp(1, MAX_DAYS)) * DAY_MS);
    let to = Wall(now.0 + 1);
    let zone = Zone::named(&call.config().timezone).offsets(from, to);
    Ok(Reply::table(call.store().traffic(call.scope, params.name.0, (from, to), zone).await?))
}
