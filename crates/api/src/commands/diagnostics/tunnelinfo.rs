//! `tunnelinfo`: counters of the encrypted connections.

use strowger_switch::EncryptedSum;

use crate::commands::text::date;
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "tunnelinfo",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Encrypted connections since the start: opened, open, handshakes that failed or were refused, bytes. This is TLS (SIP over TLS and WebSocket, HTTPS, the API over TLS and WebSocket): there is no tunnel protocol of its own.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and name=value lines",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let statistics = call.switch().encrypted().statistics();
    let mut all = EncryptedSum::default();
    statistics.sums.values().for_each(|sum| all.add(sum));
    let since = call.switch().info().await.started;
    let fields: [(&str, Data); 9] = [
        ("protocol", "TLS".into()),
        ("since", date(since).into()),
        ("opened", all.opened.into()),
        ("open", all.open.into()),
        ("failed", statistics.failed.into()),
        ("timedout", statistics.late.into()),
        ("refused", statistics.refused.into()),
        ("bytesin", all.received.into()),
        ("bytesout", all.sent.into()),
    ];
    Ok(Reply::fields(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}
