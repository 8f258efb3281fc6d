//! `requests`: the last requests of this server, without secrets.

use std::net::IpAddr;

use strowger_model::{AccountId, Scope, Wall};

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::{Call, Filter, Shown};
use crate::reply::{Data, Failure, Reply};

/// Requests that are shown at once.
const MAX_SHOWN: u32 = 1_000;

params! {
    /// Only requests of this user, as they name it.
    user: String = "",
    /// Only requests for this command.
    command: String = "",
    /// Only requests from this address.
    address ["ip"]: Option<IpAddr> = "",
    /// Only those that failed.
    errors: bool = "no",
    /// How many.
    count ["maxcount"]: u32 = "50",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "requests",
    aliases: &[],
    group: Group::Ours,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "The last requests: what was asked, what let it in or kept it out, what was answered, and what calls and ledger rows it made.",
    spec: "Strowger: request inspector",
    example: "errors=yes&count=20",
    reply: "OK: 2 and a table",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if call.config().apiinspect == 0 {
        return Err(Failure::unavailable("requests are not kept: apiinspect is 0"));
    }
    let filter = Filter {
        user: params.user,
        command: params.command,
        address: params.address.map(|address| address.to_canonical()),
        only_errors: params.errors,
        count: usize::try_from(params.count.min(MAX_SHOWN)).unwrap_or_default(),
    };
    let mut rows = Vec::new();
    for shown in call.dispatcher.inspector().show(&filter) {
        let money = ledger(&call, &shown).await?;
        rows.push(row(shown, money));
    }
    let columns =
        ["datum", "ms", "transport", "ip", "user", "command", "calls", "ledger", "request", "rule", "answer"];
    Ok(Reply::rows(&columns, rows))
}

fn row(shown: Shown, money: String) -> Vec<Data> {
    vec![
        date(shown.at).into(),
        Data::Decimal(format!("{}.{:03}", shown.took_us / 1_000, shown.took_us % 1_000)),
        shown.transport.into(),
        shown.address.to_string().into(),
        shown.user.into(),
        shown.command.into(),
        shown.calls.join(" ").into(),
        money.into(),
        shown.request.into(),
        shown.rule.into(),
        shown.answer.into(),
    ]
}

/// The rows that the ledger got for the caller and the target while the request ran: `id kind amount unit`.
async fn ledger(call: &Call, shown: &Shown) -> Result<String, Failure> {
    let accounts: Vec<AccountId> =
        shown.account.into_iter().chain(shown.target).filter(|id| id.0 > 0).collect();
    if !shown.money || accounts.is_empty() {
        return Ok(String::new());
    }
    let took_ms = i64::try_from(shown.took_us / 1_000).unwrap_or(0) + 1;
    let rows = call.store().ledger_rows(Scope::All, accounts, shown.at, Wall(shown.at.0 + took_ms)).await?;
    let texts = rows.iter().map(|row| format!("{} {} {} {}", row.id, row.kind, row.amount, row.unit.code()));
    Ok(texts.collect::<Vec<_>>().join(", "))
}
