//! `mmqpublish`: sends a message to an account's devices, from wherever the API is reached.

use serde_json::value::RawValue;

use crate::declare::{Access, Command, Effect, Group, Outcome, Reach, params};
use crate::dispatch::Call;
use crate::mmq::{Message, Topic};
use crate::reply::{Data, Failure, Reply};

params! {
    /// Where to: levels between slashes, without + and #, none below server.
    topic: String,
    /// What: JSON, or a text.
    data: String,
    /// 1 keeps it for devices that subscribe later, in memory; with data=null forgets what is kept.
    retain: bool = "0",
}

/// The declaration.
pub const COMMAND: Command = Command {
    name: "mmqpublish",
    aliases: &[],
    group: Group::Ours,
    access: Access::User,
    effect: Effect::Write,
    reach: Reach::Account,
    params: PARAMS,
    summary: "Sends a message to the devices of the account that follow the topic in the message queue; resellers and administrators reach others with targetuser.",
    spec: "Strowger",
    example: "topic=desk/lamp&data={\"on\":true}",
    reply: "OK: delivered:2",
    run: RUN,
};

async fn run(call: Call, params: Params) -> Outcome {
    let config = call.config();
    if !config.usemmq {
        return Err(Failure::unavailable("the message queue is switched off, see usemmq"));
    }
    let most = usize::try_from(config.mmqmaxmessage).unwrap_or(usize::MAX);
    if params.data.len() > most {
        return Err(Failure::invalid(format!("data must be at most {most} bytes, see mmqmaxmessage")));
    }
    let account = call.account()?.id;
    let caller = call.caller.as_ref().filter(|caller| caller.id != account);
    let delivered = call.dispatcher.mmq().publish(&Message {
        account,
        topic: &Topic::parse(&params.topic).map_err(Failure::invalid)?,
        data: &value(params.data)?,
        at: call.now().wall,
        from: "",
        user: caller.map(|caller| &*caller.username),
        retain: params.retain,
        except: None,
    })?;
    let count = Data::from(u64::try_from(delivered).unwrap_or(u64::MAX));
    Ok(Reply::ok(format!("delivered:{delivered}")).with("delivered", count))
}

/// JSON as it stands, or a text as a JSON string.
fn value(data: String) -> Result<Box<RawValue>, Failure> {
    if let Ok(value) = serde_json::from_str(&data) {
        return Ok(value);
    }
    let text = serde_json::Value::String(data).to_string();
    RawValue::from_string(text).map_err(|error| Failure::invalid(format!("data: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_and_text_becomes_a_string() {
        for (data, expected) in [
            (r#"{"on": true}"#, r#"{"on": true}"#),
            ("1.10", "1.10"),
            ("null", "null"),
            ("hello", r#""hello""#),
            ("{\"on\":", r#""{\"on\":""#),
            ("a\nb", r#""a\nb""#),
            ("", r#""""#),
        ] {
            assert_eq!(value(data.to_owned()).unwrap().get(), expected);
        }
    }
}
