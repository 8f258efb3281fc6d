//! `smsreceive`: an SMS that a gateway received, for the owner of its number, or a command of the sender.

use std::sync::Arc;

use strowger_model::Account;
use strowger_store::{ReceivedSms, SmsSeen};
use strowger_switch::{InstantText, MAX_MESSAGE_BYTES};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Failure, Kind, Reply};
use crate::request::sms;

/// The longest number of a message that a gateway gives, in bytes.
const MAX_MSGID_BYTES: usize = 128;

params! {
    /// The sender's number.
    from ["anum"]: String,
    /// The number that it was sent to.
    to ["bnum"]: String,
    /// The text.
    txt: String = "",
    /// The gateway's number of the message: the same one counts once.
    msgid: String = "",
    /// The state of an SMS that was sent, where this is a delivery report.
    status: String = "",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "smsreceive",
    aliases: &[],
    group: Group::Command,
    access: Access::Sensitive,
    effect: Effect::Spend,
    reach: Reach::Scope,
    params: PARAMS,
    summary: "An SMS from a gateway: a message to the account that owns the number; else a command of the sender, known by its number (p2p, cb, balance, rating, charge, cli); once per msgid.",
    spec: "server-api: Commands",
    example: "from=3630111&to=3630222&txt=balance&msgid=gw-17",
    reply: "OK: balance: Your credit is $9.8",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    if !params.status.trim().is_empty() {
        return Err(Failure::unavailable("no SMS is sent by this version, so there is none to report on"));
    }
    if params.txt.trim().is_empty() {
        return Err(Failure::missing("txt"));
    }
    if params.txt.len() > MAX_MESSAGE_BYTES || params.msgid.len() > MAX_MSGID_BYTES {
        let limits = format!("txt must be at most {MAX_MESSAGE_BYTES} bytes, msgid {MAX_MSGID_BYTES}");
        return Err(Failure::invalid(limits));
    }
    let sms = ReceivedSms {
        msgid: msgid(&call, &params.msgid),
        from: params.from.trim().to_owned(),
        to: params.to.trim().to_owned(),
        account: None,
        text: params.txt.clone(),
    };
    let id = match call.store().receive_sms(sms).await? {
        SmsSeen::New(id) => id,
        SmsSeen::Before(outcome) if outcome.is_empty() => {
            return Err(Failure::new(Kind::Busy, "this msgid is being worked on"));
        }
        SmsSeen::Before(outcome) => return Ok(Reply::ok(outcome).with("repeated", true)),
        SmsSeen::Reused => return Err(Failure::invalid("msgid was used for another message")),
    };
    let outcome = match take(&call, &params).await {
        Ok(outcome) => outcome,
        Err(failure) => format!("ERROR: {failure}"),
    };
    call.store().sms_outcome(id, outcome.clone()).await?;
    Ok(Reply::ok(outcome))
}

/// One of ours where the gateway gives none: such a message is never taken for a repetition.
fn msgid(call: &Call, given: &str) -> String {
    match given.trim() {
        "" => format!("strowger-{}-{}", call.now().wall.0, call.now().mono.0),
        given => given.to_owned(),
    }
}

/// For the owner of the number, else a command. What became of it, in words.
async fn take(call: &Call, params: &Params) -> Result<String, Failure> {
    let snapshot = call.switch().snapshot();
    if let Some(owner) = snapshot.recipient(&params.to, "") {
        let text = InstantText {
            from: params.from.trim().to_owned(),
            content_type: "text/plain;charset=UTF-8".to_owned(),
            body: params.txt.clone(),
        };
        let (_, state) = call.switch().send_message(None, owner.id, text, true).await?;
        return Ok(format!("{} for {}", state.name(), owner.username));
    }
    // By a number that `cli` or `addcallbacknumber` made known too.
    let by_cli = || snapshot.by_cli(&params.from).and_then(|cli| snapshot.account(cli.account));
    let sender =
        snapshot.recipient(&params.from, "").or_else(|| by_cli().filter(|account| account.active)).cloned();
    let sender: Arc<Account> = sender
        .ok_or_else(|| Failure::not_found(format!("account with the number {}", params.from.trim())))?;
    let (command, args) = sms::command(&params.txt, &params.from)?;
    let outcome = call.run_as(sender, command, args).await;
    Ok(match outcome {
        Ok(reply) => format!("{}: {}", command.name, reply.text().trim_start_matches("OK: ")),
        Err(failure) => format!("{}: ERROR: {failure}", command.name),
    })
}
