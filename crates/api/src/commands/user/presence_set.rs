//! `presence_set`: what an account says of itself; hands over the messages that wait for it.

use strowger_store::{KeptMessage, PresenceRow};
use strowger_switch::{MAX_PRESENCE_BYTES, is_presence_word};

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::reply::{Data, Failure, Reply};

/// Messages are handed over up to this size at a time, in bytes, so that the answer fits into one datagram. The next request
/// brings more.
const MAX_HANDED_BYTES: usize = 1_000;
/// What stands before each message.
const MARK: &str = "XOFFMESSAGE:";

params! {
    /// The status, in a word or a few: online, away, busy, offline; empty takes it back.
    pstatus ["status"]: String = "",
    /// 0 at the client's start, else 1; both do the same.
    ptype: u32 = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "presence_set",
    aliases: &[],
    group: Group::User,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Sets the account's presence, as seen by presence_get and SIP SUBSCRIBE; hands over the messages that wait for it, once.",
    spec: "server-api: User commands",
    example: "pstatus=away",
    reply: "OK: XOFFMESSAGE:bob:helloXOFFMESSAGE:",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let account = call.account()?.clone();
    let word = params.pstatus.trim();
    if !is_presence_word(word) {
        return Err(Failure::invalid(format!(
            "pstatus must be at most {MAX_PRESENCE_BYTES} bytes without comma, colon and control characters"
        )));
    }
    if params.ptype > 1 {
        return Err(Failure::invalid("ptype must be 0 or 1"));
    }
    let hold_ms = i64::from(call.config().presencetime) * 1_000;
    let until = call.now().wall.plus_ms(hold_ms);
    call.store().set_presence(PresenceRow { account: account.id, status: word.to_owned(), until }).await?;
    call.switch().set_presence(account.id, word.to_owned(), until).await?;
    let messages = call.store().hand_over_messages(account.id, MAX_HANDED_BYTES).await?;
    for message in &messages {
        call.switch().message_handed_over(account.id, message.id, &message.from_name);
    }
    Ok(Reply::ok(text_of(&messages)).with("status", word).with("messages", data_of(messages)))
}

/// `XOFFMESSAGE:from:textXOFFMESSAGE:from:textXOFFMESSAGE:`, on one line.
fn text_of(messages: &[KeptMessage]) -> String {
    let mut text = String::new();
    for message in messages {
        let body: String = message.body.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // A message that says the mark would be taken for two.
        let body = body.replace(MARK, "XOFFMESSAGE");
        text.push_str(&format!("{MARK}{}:{body}", message.from_name));
    }
    if !messages.is_empty() {
        text.push_str(MARK);
    }
    text
}

fn data_of(messages: Vec<KeptMessage>) -> Vec<Data> {
    let row = |message: KeptMessage| {
        let fields = [
            ("id", Data::Int(message.id)),
            ("from", message.from_name.into()),
            ("text", message.body.into()),
        ];
        Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    messages.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_messages_stand_between_their_marks() {
        let message = |id, from: &str, body: &str| KeptMessage {
            id,
            from_name: from.into(),
            content_type: "text/plain".into(),
            body: body.into(),
        };
        assert_eq!(text_of(&[]), "");
        let two = [message(1, "bob", "hi\r\nthere"), message(2, "eve", "XOFFMESSAGE:bob:forged")];
        assert_eq!(
            text_of(&two),
            "XOFFMESSAGE:bob:hi  thereXOFFMESSAGE:eve:XOFFMESSAGEbob:forgedXOFFMESSAGE:"
        );
    }
}
