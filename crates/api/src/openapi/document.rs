//! The OpenAPI 3.1 document: one path per command, by GET with a query and by POST with JSON or a form.

use serde_json::{Map, Value, json};

use super::{Probed, Shape, is_name, probe, samples};
use crate::declare::{Access, Command, Effect, Param, Reach, Run};
use crate::dispatch::commands;
use crate::reply::Kind;

/// The whole document.
pub fn make(version: &str) -> Value {
    let mut paths = Map::new();
    let mut schemas = common_schemas();
    for command in commands() {
        let (name, reply) = (command.name, format!("{}.reply", command.name));
        schemas.insert(format!("{name}.request"), request_schema(command));
        schemas.insert(reply.clone(), reply_schema(command));
        paths.insert(format!("/mvapireq/{name}"), path(command));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Strowger API",
            "version": version,
            "description": "Every command by name. The same requests go to /mvapireq/?apientry=NAME, over raw TCP, UDP \
                and WebSocket. A failure has status ERROR and code 499 in its body; the HTTP status is 200 unless \
                httpstrictresponse is set.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "securitySchemes": security_schemes(),
            "parameters": common_parameters(),
            "schemas": schemas,
        },
    })
}

fn path(command: &Command) -> Value {
    let (name, reply) = (command.name, format!("#/components/schemas/{}.reply", command.name));
    let common = common_of(command);
    let reference = |name: &&str| json!({ "$ref": format!("#/components/parameters/{name}") });
    let example = example(command);
    let own_parameter = |param: &Param| {
        let mut parameter = query_parameter(command, param);
        if let Some(value) = example.get(param.name) {
            parameter["example"] = value.clone();
        }
        parameter
    };
    let mut parameters: Vec<Value> = own_params(command).map(own_parameter).collect();
    let own = |name: &&&str| !command.declares(name);
    parameters.extend(["format"].iter().chain(common).filter(own).map(reference));
    let operation = |id: String| {
        let mut operation = json!({
            "operationId": id,
            "tags": [command.group.name()],
            "summary": command.summary,
            "x-access": command.access.name(),
            "x-effect": command.effect.name(),
            "x-aliases": command.aliases,
            "x-source": command.spec,
            "security": security(command.access),
            "responses": responses(&reply),
        });
        if let Run::Unavailable { why } = command.run {
            operation["x-not-available"] = why.into();
        }
        operation
    };
    let mut get = operation(name.to_owned());
    get["parameters"] = parameters.into();
    let mut post = operation(format!("{name}.post"));
    let mut body = json!({ "schema": { "$ref": format!("#/components/schemas/{name}.request") } });
    if !example.is_empty() {
        body["example"] = example.into();
    }
    post["requestBody"] = json!({
        "required": command.params.iter().any(Param::is_required),
        "content": { "application/json": body, "application/x-www-form-urlencoded": body },
    });
    json!({ "get": get, "post": post })
}

/// The values of the declared example, each of its parameter's type.
fn example(command: &Command) -> Map<String, Value> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = command.example.split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter_map(|(name, text)| {
        let param = own_params(command).find(|param| param.name == name)?;
        let text = decoded(text);
        let value = match (probe(command, param), text.parse::<i64>()) {
            (Probed::Whole(..), Ok(number)) => number.into(),
            _ => text.into(),
        };
        Some((name.to_owned(), value))
    });
    values.collect()
}

/// Parameters of which only a description is known (`ep|logic|all`) have no name.
fn own_params(command: &Command) -> impl Iterator<Item = &'static Param> {
    command.params.iter().filter(|param| is_name(param.name))
}

/// The parameters that the dispatcher reads for every command like this one.
fn common_of(command: &Command) -> &'static [&'static str] {
    match (command.reach, command.effect) {
        (Reach::Nothing, Effect::Read | Effect::Session) => &["cursor"],
        (Reach::Nothing, _) => &["requestid"],
        (_, Effect::Read | Effect::Session) => &["targetuser", "cursor"],
        _ => &["targetuser", "requestid"],
    }
}

fn query_parameter(command: &Command, param: &Param) -> Value {
    let mut schema = schema_of(command, param);
    let described = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    json!({
        "name": param.name,
        "in": "query",
        "required": param.is_required(),
        "description": described,
        "schema": schema,
    })
}

/// The parameters of a command as an object.
fn request_schema(command: &Command) -> Value {
    let mut properties: Map<String, Value> =
        own_params(command).map(|param| (param.name.to_owned(), schema_of(command, param))).collect();
    for name in common_of(command).iter().filter(|name| !command.declares(name)) {
        properties.insert((*name).to_owned(), json!({ "type": "string" }));
    }
    let required: Vec<&str> = command.params.iter().filter(|p| p.is_required()).map(|p| p.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn schema_of(command: &Command, param: &Param) -> Value {
    let also: Vec<&str> = param.spellings().skip(1).collect();
    let mut schema = match probe(command, param) {
        Probed::Text => json!({ "type": "string" }),
        Probed::Words(words) => json!({ "type": "string", "enum": words }),
        Probed::Decimal => json!({ "type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,6})?$" }),
        Probed::Ruled => json!({ "type": "string", "x-value": param.kind }),
        Probed::Whole(least, most) => {
            let mut schema = json!({ "type": "integer", "format": "int64" });
            schema["minimum"] = least.unwrap_or(i64::from(i32::MIN)).into();
            schema["maximum"] = most.unwrap_or(i64::from(i32::MAX)).into();
            schema
        }
    };
    if param.is_required() && schema["type"] == "string" && schema.get("enum").is_none() {
        schema["minLength"] = 1.into();
    }
    match (param.default, schema["type"].as_str()) {
        (None | Some(""), _) => {}
        (Some(default), Some("integer")) => schema["default"] = default.parse::<i64>().unwrap_or(0).into(),
        (Some(default), _) => schema["default"] = default.into(),
    }
    let help = if param.help.is_empty() { param.kind } else { param.help };
    schema["description"] =
        if also.is_empty() { help.into() } else { format!("{help} Also spelt {}.", also.join(", ")).into() };
    schema
}

/// Success or failure; `data` as the recorded answers had it.
fn reply_schema(command: &Command) -> Value {
    let seen: Vec<_> = samples().iter().filter(|sample| sample.command == command.name).collect();
    let shapes: Vec<Value> = seen.iter().map(|sample| data_schema(sample.shape, &sample.fields)).collect();
    let mut success = json!({ "$ref": "#/components/schemas/Success" });
    match shapes.len() {
        0 => {}
        1 => success["properties"] = json!({ "data": shapes.into_iter().next() }),
        _ => success["properties"] = json!({ "data": { "anyOf": shapes } }),
    }
    let mut schema = json!({ "anyOf": [success, { "$ref": "#/components/schemas/Failure" }] });
    let examples: Vec<Value> =
        seen.iter().filter_map(|sample| serde_json::from_str(sample.example).ok()).collect();
    if !examples.is_empty() {
        schema["examples"] = examples.into();
    }
    schema
}

fn data_schema(shape: Shape, fields: &[(&str, &str, bool)]) -> Value {
    let types = |types: &str| {
        let types: Vec<&str> = types.split('|').collect();
        if types == ["any"] {
            return json!({});
        }
        if let [one] = types.as_slice() { json!({ "type": one }) } else { json!({ "type": types }) }
    };
    let properties: Map<String, Value> =
        fields.iter().map(|(name, kind, _)| ((*name).to_owned(), types(kind))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
    let object = json!({ "type": "object", "properties": properties, "required": required });
    match shape {
        Shape::Object => object,
        Shape::Rows => json!({ "type": "array", "items": object }),
        Shape::Lines => json!({ "type": "array", "items": { "type": "string" } }),
    }
}

fn responses(reply: &str) -> Value {
    let structured = json!({ "schema": { "$ref": reply } });
    let text = json!({ "schema": { "type": "string" } });
    let failure = json!({
        "description": "A failure, where httpstrictresponse is set: 403 auth failed or access denied, 404 not found, 406 \
            unknown command, 412 failed, 420 a wrong PIN, 421 a missing number, 429 limit, 499 all else.",
        "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/Failure" } },
            "text/plain": text, "text/xml": text, "text/html": text, "application/soap+xml": text,
        },
    });
    json!({
        "200": {
            "description": "The answer in the asked format: JSON to JSON, else text, unless `format` says otherwise.",
            "content": {
                "application/json": structured,
                "text/plain": text, "text/xml": text, "text/html": text, "text/javascript": text,
            },
        },
        "4XX": failure,
    })
}

fn common_schemas() -> Map<String, Value> {
    let types: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let failure = json!({
        "type": "object",
        "description": "A failure. The text is `ERROR: type: what exactly`.",
        "properties": {
            "code": { "const": 499 },
            "status": { "const": "ERROR" },
            "text": { "type": "string", "pattern": format!("^ERROR: ({})", types.join("|")) },
            "requestid": { "type": "string" },
        },
        "required": ["code", "status", "text"],
        "x-error-types": types,
    });
    let success = json!({
        "type": "object",
        "description": "A success. The text is the first line of the text form.",
        "properties": {
            "code": { "const": 200 },
            "status": { "const": "OK" },
            "text": { "type": "string" },
            "data": { "type": ["object", "array"] },
            "cursor": { "type": "string", "description": "Asks for the next page." },
            "summary": { "type": "object", "description": "Sums over the rows." },
            "requestid": { "type": "string" },
        },
        "required": ["code", "status", "text", "data"],
    });
    [("Failure".to_owned(), failure), ("Success".to_owned(), success)].into_iter().collect()
}

fn common_parameters() -> Value {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let text = json!({ "type": "string" });
    json!({
        "format": query("format", "The form of the answer.",
            json!({ "type": "string", "enum": ["text", "txt", "cleartext", "html", "xml", "soap", "json", "jsonp"] })),
        "targetuser": query("targetuser", "The account to act for: username, id or number.", text.clone()),
        "requestid": query("requestid", "The same request has its effect once within a day.",
            json!({ "type": "string", "maxLength": 128 })),
        "cursor": query("cursor", "Where the next page begins, as the last answer said.", text),
    })
}

fn security_schemes() -> Value {
    let query = |name: &str, description: &str| json!({ "type": "apiKey", "in": "query", "name": name, "description": description });
    json!({
        "key": query("authkey", "The setting apiv2key."),
        "user": query("authid", "Username, id, name or number."),
        "password": query("authpwd", "The clear password: over TLS or on the same machine."),
        "md5": query("authmd5", "MD5(\"ck5Gp\" + authid + password + apiv2md5salt + authsalt1 [+ nonce]) in hexadecimal."),
        "salt": query("authsalt1", "A random text, new for each request."),
        "nonce": query("nonce", "The first 16 characters of the nonce that preauth answered."),
        "token": { "type": "http", "scheme": "bearer", "description": "The token that login answered." },
    })
}

/// Any one of these will do.
fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([{}]),
        Access::Public => json!([{ "key": [] }]),
        Access::User | Access::Admin | Access::Sensitive | Access::Host => json!([
            { "token": [] },
            { "key": [], "user": [], "md5": [], "salt": [] },
            { "key": [], "user": [], "md5": [], "salt": [], "nonce": [] },
            { "key": [], "user": [], "password": [] },
        ]),
    }
}
