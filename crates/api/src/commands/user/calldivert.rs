//! `calldivert`: `callforward` under the names that existing clients send.

use super::callforward::{ring_time, set, target};
use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;

params! {
    /// Where all calls go; empty clears it, absent leaves it.
    callforwardalways: String = "",
    /// Where calls go while the account is busy.
    callforwardonbusy: String = "",
    /// Where calls go that nobody answers.
    callforwardonnoanswer: String = "",
    /// How long the account rings before, in seconds.
    callforwardonnoanswertimeout: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "calldivert",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "As callforward, under the names that existing clients send.",
    spec: "server-api: User commands",
    example: "callforwardonnoanswer=3037&callforwardonnoanswertimeout=20",
    reply: "OK: always= busy= noanswer=3037",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let mut fields = Vec::new();
    for (name, column, value) in [
        ("callforwardalways", "forwardalways", &params.callforwardalways),
        ("callforwardonbusy", "forwardonbusy", &params.callforwardonbusy),
        ("callforwardonnoanswer", "forwardonnoanswer", &params.callforwardonnoanswer),
    ] {
        if call.args.is_given(PARAMS, name) {
            fields.push((column.to_owned(), target(&call, name, value)?));
        }
    }
    let wait = "callforwardonnoanswertimeout";
    if call.args.is_given(PARAMS, wait) {
        fields.push(("noanswertimeout".to_owned(), ring_time(wait, &params.callforwardonnoanswertimeout)?));
    }
    set(&call, fields).await
}
