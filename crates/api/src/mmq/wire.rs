//! What goes over the channel: one JSON object a message, told apart by `op`. The format is ours (docs/api/mmq.md).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use strowger_model::Wall;

use super::topic::{Pattern, Topic};
use crate::events::time_text;
use crate::reply::Failure;

/// The longest `id` of a request, in bytes.
const MAX_ID_BYTES: usize = 64;

/// The fields of a message, as they stand in it.
type Fields = BTreeMap<String, Box<RawValue>>;

/// What a client asks.
#[derive(Debug)]
pub enum Op {
    Subscribe(Pattern),
    Unsubscribe(Pattern),
    Publish(Publish),
    Ping,
}

/// A message to be published.
#[derive(Debug)]
pub struct Publish {
    pub topic: Topic,
    /// As it was sent: numbers keep their digits.
    pub data: Box<RawValue>,
    /// Kept for those who subscribe later.
    pub retain: bool,
    /// The publisher gets it too, where it follows the topic.
    pub echo: bool,
    /// Another account than the connection's.
    pub user: Option<String>,
}

/// One request with what its answer repeats.
#[derive(Debug)]
pub struct Asked {
    /// `op` as sent, if it is one.
    pub name: &'static str,
    pub id: Value,
    pub op: Result<Op, Failure>,
}

impl Asked {
    /// Reads a message.
    pub fn parse(text: &str) -> Self {
        let mut fields: Fields = match serde_json::from_str(text) {
            Ok(fields) => fields,
            Err(error) => return Self::broken(format!("a message must be a JSON object: {error}")),
        };
        let id = match value(&fields, "id") {
            Value::String(id) if id.len() > MAX_ID_BYTES => {
                return Self::broken(format!("id must be at most {MAX_ID_BYTES} bytes"));
            }
            id @ (Value::String(_) | Value::Number(_) | Value::Null) => id,
            _ => return Self::broken("id must be a string or a number".into()),
        };
        let (name, op) = match value(&fields, "op").as_str() {
            Some("sub") => ("sub", pattern(&fields).map(Op::Subscribe)),
            Some("unsub") => ("unsub", pattern(&fields).map(Op::Unsubscribe)),
            Some("pub") => ("pub", publish(&mut fields).map(Op::Publish)),
            Some("ping") => ("ping", Ok(Op::Ping)),
            Some("login") => ("login", Err(Failure::invalid("op: this connection is logged in"))),
            Some(_) => ("", Err(Failure::invalid("op must be login, sub, unsub, pub or ping"))),
            None => ("", Err(Failure::missing("op"))),
        };
        Self { name, id, op }
    }

    fn broken(why: String) -> Self {
        Self { name: "", id: Value::Null, op: Err(Failure::invalid(why)) }
    }
}

/// A field as a value; null where there is none, or one that is nested too deeply.
fn value(fields: &Fields, name: &str) -> Value {
    fields.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn pattern(fields: &Fields) -> Result<Pattern, Failure> {
    Pattern::parse(&text(fields, "topic")?).map_err(Failure::invalid)
}

fn publish(fields: &mut Fields) -> Result<Publish, Failure> {
    let data = fields.remove("data").ok_or_else(|| Failure::missing("data"))?;
    let topic = Topic::parse(&text(fields, "topic")?).map_err(Failure::invalid)?;
    let (retain, echo) = (flag(fields, "retain", false)?, flag(fields, "echo", true)?);
    let user = if fields.contains_key("user") { Some(text(fields, "user")?) } else { None };
    Ok(Publish { topic, data, retain, echo, user })
}

fn text(fields: &Fields, name: &str) -> Result<String, Failure> {
    match value(fields, name) {
        Value::String(text) => Ok(text),
        _ if fields.contains_key(name) => Err(Failure::invalid(format!("{name} must be a string"))),
        _ => Err(Failure::missing(name)),
    }
}

fn flag(fields: &Fields, name: &str, default: bool) -> Result<bool, Failure> {
    match value(fields, name) {
        Value::Bool(value) => Ok(value),
        _ if fields.contains_key(name) => Err(Failure::invalid(format!("{name} must be true or false"))),
        _ => Ok(default),
    }
}

/// The answer to a request that worked, with what it says besides.
pub fn ok(name: &str, id: &Value, more: Value) -> String {
    let mut object = head("ok", name, id);
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object).to_string()
}

/// The answer to one that did not.
pub fn error(name: &str, id: &Value, failure: &Failure) -> String {
    let mut object = head("error", name, id);
    object.insert("type".into(), failure.kind.name().into());
    object.insert("text".into(), failure.text.as_str().into());
    if let Some(seconds) = failure.retry_after_s {
        object.insert("retryafter".into(), seconds.into());
    }
    Value::Object(object).to_string()
}

fn head(op: &str, name: &str, id: &Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("op".into(), op.into());
    if !name.is_empty() {
        object.insert("re".into(), name.into());
    }
    if !id.is_null() {
        object.insert("id".into(), id.clone());
    }
    object
}

/// What a slow client is told.
pub fn lost(count: u64) -> String {
    json!({"op": "lost", "count": count}).to_string()
}

/// A message as subscribers get it.
#[derive(Debug, Clone, Serialize)]
pub struct Letter<'a> {
    op: &'static str,
    topic: &'a str,
    at: String,
    /// The device that published it.
    #[serde(skip_serializing_if = "str::is_empty")]
    from: &'a str,
    /// Its account, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retained: bool,
    data: &'a RawValue,
}

impl<'a> Letter<'a> {
    /// A message of a device, or of another account.
    pub fn new(topic: &'a Topic, data: &'a RawValue, at: Wall, from: &'a str, user: Option<&'a str>) -> Self {
        Self { op: "msg", topic: topic.as_str(), at: time_text(at), from, user, retained: false, data }
    }

    /// The text, of a message as it happens or of one that was kept.
    pub fn text(&self, retained: bool) -> String {
        // Texts and a value that was read before: nothing here can fail to be written.
        serde_json::to_string(&Self { retained, ..self.clone() }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_what_is_wrong_is_named() {
        for (sent, expected) in [
            (r#"{"op":"sub","topic":"a/#","id":1}"#, "sub 1 ok"),
            (r#"{"op":"unsub","topic":"a","id":"x"}"#, r#"unsub "x" ok"#),
            (r#"{"op":"pub","topic":"a","data":null}"#, "pub null ok"),
            (r#"{"op":"pub","topic":"a","data":[1],"retain":true,"echo":false,"user":"bob"}"#, "pub null ok"),
            (r#"{"op":"ping"}"#, "ping null ok"),
            (r#"{"op":"pub","topic":"a","id":7}"#, "pub 7 missing parameter: data"),
            (r#"{"op":"pub","topic":"a/+","data":1}"#, "pub null invalid parameter: topic must not"),
            (r#"{"op":"pub","topic":1,"data":1}"#, "pub null invalid parameter: topic must be a string"),
            (r#"{"op":"pub","topic":"a","data":1,"retain":1}"#, "pub null invalid parameter: retain must be"),
            (r#"{"op":"pub","topic":"a","data":1,"user":1}"#, "pub null invalid parameter: user must be"),
            (r#"{"op":"sub"}"#, "sub null missing parameter: topic"),
            (r#"{"op":"sub","topic":""}"#, "sub null invalid parameter: topic must be 1 to"),
            (r#"{"op":"fly","id":3}"#, " 3 invalid parameter: op must be"),
            (r#"{"op":1}"#, " null missing parameter: op"),
            (r#"{"op":"login"}"#, "login null invalid parameter: op: this"),
            (r#"{"op":"ping","id":{}}"#, " null invalid parameter: id must"),
            (r#"[1]"#, " null invalid parameter: a message must be"),
            ("{", " null invalid parameter: a message must be"),
            ("", " null invalid parameter: a message must be"),
        ] {
            let asked = Asked::parse(sent);
            let result = asked.op.map_or_else(|failure| failure.to_string(), |_| "ok".into());
            let got = format!("{} {} {result}", asked.name, asked.id);
            assert!(got.starts_with(expected), "{sent}: {got}");
        }
        // What is nested deeply is nothing that we read, but ours to pass on.
        let deep = |name| {
            format!(
                r#"{{"op":"pub","topic":"a","data":1,"{name}":{}1{}}}"#,
                "[".repeat(9_000),
                "]".repeat(9_000)
            )
        };
        assert!(Asked::parse(&deep("data")).op.is_ok());
        assert!(Asked::parse(&deep("user")).op.is_err());
        let long = format!(r#"{{"op":"ping","id":"{}"}}"#, "x".repeat(MAX_ID_BYTES + 1));
        assert!(Asked::parse(&long).op.is_err());
    }

    #[test]
    fn answers_and_messages_have_their_documented_form() {
        let topic = Topic::parse("a/b").unwrap();
        let data: Box<RawValue> = serde_json::from_str(r#"{"n": 1.10}"#).unwrap();
        let at = r#""at":"2023-11-14T22:13:20.123Z""#;
        for (letter, retained, rest) in [
            (Letter::new(&topic, &data, Wall(1_700_000_000_123), "phone", None), false, r#""from":"phone""#),
            (
                Letter::new(&topic, &data, Wall(1_700_000_000_123), "", Some("admin")),
                true,
                r#""user":"admin","retained":true"#,
            ),
        ] {
            let expected = format!(r#"{{"op":"msg","topic":"a/b",{at},{rest},"data":{{"n": 1.10}}}}"#);
            assert_eq!(letter.text(retained), expected);
        }
        assert_eq!(
            ok("pub", &json!(1), json!({"delivered": 2})),
            r#"{"op":"ok","re":"pub","id":1,"delivered":2}"#
        );
        assert_eq!(ok("ping", &Value::Null, Value::Null), r#"{"op":"ok","re":"ping"}"#);
        assert_eq!(
            error("", &Value::Null, &Failure::limit("slow down").after(1)),
            r#"{"op":"error","type":"limit","text":"slow down","retryafter":1}"#
        );
        assert_eq!(lost(3), r#"{"op":"lost","count":3}"#);
    }
}
