//! `tunnelinfoex`: the same by transport, version of TLS and cipher suite.

use strowger_switch::EncryptedSum;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Reply};

params! {}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "tunnelinfoex",
    aliases: &[],
    group: Group::Diagnostics,
    access: Access::Admin,
    effect: Effect::Read,
    reach: Reach::Nothing,
    params: PARAMS,
    summary: "Encrypted connections since the start by what they carry, version of TLS and cipher suite. This is TLS: there is no tunnel protocol of its own.",
    spec: "server-api: Diagnostics",
    example: "",
    reply: "OK: <n> and a table",
    run: RUN,
};

async fn run(call: Call, _: Params) -> Outcome {
    let statistics = call.switch().encrypted().statistics();
    let mut all = EncryptedSum::default();
    let rows = statistics.sums.iter().map(|((kind, version, cipher), sum)| {
        all.add(sum);
        let figures = [sum.opened, sum.open, sum.received, sum.sent].map(Data::from);
        [kind.name(), version, cipher].map(Into::into).into_iter().chain(figures).collect()
    });
    let rows = rows.collect();
    let columns = ["transport", "version", "cipher", "opened", "open", "bytesin", "bytesout"];
    let failures = [statistics.failed, statistics.late, statistics.refused].map(Data::from);
    let sums = ["failed", "timedout", "refused"].map(str::to_owned).into_iter().zip(failures);
    let all = [("opened".to_owned(), all.opened.into()), ("open".to_owned(), all.open.into())];
    Ok(Reply::rows(&columns, rows).with_summary(all.into_iter().chain(sums).collect()))
}
