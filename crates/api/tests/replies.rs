//! The transcripts once more with JSON answers: what each command's `data` holds and which errors it answers
//! must be what the descriptions say, which come from the record that this test makes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use strowger_api::transcript::{Step, StepKind, Transcript, Variables, check, load_all};
use strowger_api::{SampleShape as Shape, find, openapi, samples, wsdl};

/// How long one request may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Commands whose columns the request chooses.
const FREE: [&str; 2] = ["db", "getfield"];

/// Commands that answer fewer or more values as they are asked.
const VARYING: [&str; 3] = ["cdr", "listusers", "getdetails"];

/// What one command answered.
#[derive(Default)]
struct Seen {
    forms: BTreeMap<Shape, Form>,
    errors: BTreeSet<String>,
}

#[derive(Default)]
struct Form {
    answers: usize,
    /// The types of each name, and in how many objects it was.
    fields: BTreeMap<String, (BTreeSet<&'static str>, usize)>,
    objects: usize,
    example: String,
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Seen {
    fn add(&mut self, command: &str, answer: &str, header: &[&str]) {
        let Ok(value) = serde_json::from_str::<Value>(answer) else { return };
        let text = value["text"].as_str().unwrap_or_default();
        if value["status"] == "ERROR" {
            let kind = text.trim_start_matches("ERROR: ").split(':').next().unwrap_or_default();
            self.errors.insert(kind.to_owned());
            return;
        }
        let (shape, objects): (Shape, Vec<&Value>) = match &value["data"] {
            Value::Array(items) if items.iter().all(Value::is_string) && !items.is_empty() => {
                (Shape::Lines, Vec::new())
            }
            Value::Array(items) => (Shape::Rows, items.iter().collect()),
            object => (Shape::Object, vec![object]),
        };
        let form = self.forms.entry(shape).or_default();
        form.answers += 1;
        if shape == Shape::Rows && !FREE.contains(&command) {
            for name in header {
                form.fields.entry((*name).to_owned()).or_default();
            }
        }
        for object in objects.into_iter().filter(|_| !FREE.contains(&command)) {
            form.objects += 1;
            for (name, value) in object.as_object().into_iter().flatten() {
                let field = form.fields.entry(name.clone()).or_default();
                field.0.insert(type_of(value));
                field.1 += 1;
            }
        }
        // The shortest answer that shows something.
        let shows = |text: &str| !text.contains("\"data\":[]") && !text.is_empty();
        let better = answer.len() < form.example.len() || !shows(&form.example);
        if form.example.is_empty() || (shows(answer) && better) {
            answer.clone_into(&mut form.example);
        }
    }

    fn lines(&self, command: &str) -> Vec<String> {
        let errors = self.errors.iter().cloned().collect::<Vec<_>>().join(",");
        let name_of = |shape: Shape| Shape::ALL.iter().find(|(known, _)| *known == shape).unwrap().1;
        let line = |(shape, form): (&Shape, &Form)| {
            let fields = form.fields.iter().map(|(name, (types, count))| {
                let known = types.iter().copied().any(|one| one != "null");
                let types: Vec<&str> = if known { types.iter().copied().collect() } else { vec!["any"] };
                let types = types.join("|");
                let always = form.objects > 0 && *count == form.objects && !VARYING.contains(&command);
                format!("{name}:{types}{}", if always { "" } else { "?" })
            });
            let fields = fields.collect::<Vec<_>>().join(",");
            format!("{command}\t{}\t{fields}\t{errors}\t{}", name_of(*shape), form.example)
        };
        self.forms.iter().map(line).collect()
    }
}

/// The request with a JSON answer, and its command; nothing where the form or the format are fixed.
fn in_json(request: &str) -> Option<(String, &'static str)> {
    let format = request.split('&').find_map(|pair| pair.strip_prefix("format="));
    if !request.starts_with('?') || format.is_some_and(|format| format != "json") {
        return None;
    }
    let name = request.split(['?', '&']).find_map(|pair| pair.strip_prefix("apientry="))?;
    let asked = if format.is_some() { request.to_owned() } else { format!("{request}&format=json") };
    Some((asked, find(&name.to_ascii_lowercase())?.name))
}

async fn run(transcript: &Transcript, seen: &mut BTreeMap<&'static str, Seen>) {
    let settings: Vec<(&str, &str)> =
        transcript.settings.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let exchange = common::Exchange::new(&settings).await;
    let mut variables = Variables::new(&[("admin", common::ADMIN), ("key", "authkey=K")]);
    for step in &transcript.steps {
        let line = variables.expand(&step.request);
        let asked = in_json(&line).filter(|_| step.kind == StepKind::Request);
        let Some((request, command)) = asked else {
            let answer = exchange.line(&line).await;
            let _ = check(step, false, &answer, &mut variables);
            continue;
        };
        // What waits for a worker that only the server has is left out.
        let Ok(answer) = tokio::time::timeout(PATIENCE, exchange.line(&request)).await else { continue };
        let header = step.expected.get(1).filter(|line| line.contains('\t') && !line.contains(['<', '=']));
        let header: Vec<&str> = header.map(|line| line.split('\t').collect()).unwrap_or_default();
        seen.entry(command).or_default().add(command, &answer, &header);
        // What the first line names is remembered for later requests.
        let text = serde_json::from_str::<Value>(&answer).unwrap_or_default();
        let first = step.expected.first().cloned().into_iter().chain(["...".to_owned()]).collect();
        let first = Step { expected: first, ..step.clone() };
        let _ = check(&first, false, text["text"].as_str().unwrap_or_default(), &mut variables);
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_and_errors_are_what_the_descriptions_say() {
    let mut seen = BTreeMap::new();
    for transcript in load_all(&common::root().join("conformance/api")).unwrap() {
        run(&transcript, &mut seen).await;
    }
    let mut unknown = Vec::new();
    for (command, seen) in &seen {
        for (shape, form) in &seen.forms {
            let Some(sample) = samples().iter().find(|s| s.command == *command && s.shape == *shape) else {
                unknown.push(format!("{command}: {shape:?}"));
                continue;
            };
            for (name, (types, count)) in &form.fields {
                let known = sample.fields.iter().find(|field| field.0 == name);
                let fits = known.is_some_and(|(_, all, always)| {
                    let all: Vec<&str> = all.split('|').collect();
                    types.iter().all(|one| all.contains(&"any") || all.contains(one))
                        && (!always || *count == form.objects)
                });
                if !fits {
                    unknown.push(format!("{command}: {name} {types:?}"));
                }
            }
            let gone =
                sample.fields.iter().filter(|f| f.2 && form.objects > 0 && !form.fields.contains_key(f.0));
            unknown.extend(gone.map(|field| format!("{command}: {} is gone", field.0)));
        }
    }
    if std::env::var_os("STROWGER_BLESS").is_some() {
        let path = common::root().join("crates/api/src/openapi/samples.tsv");
        std::fs::write(path, record(&seen)).unwrap();
    } else {
        assert_eq!(unknown, Vec::<String>::new(), "STROWGER_BLESS=1 records them");
    }
}

/// The record; an example that still fits stays as it is.
fn record(seen: &BTreeMap<&'static str, Seen>) -> String {
    let mut text = String::from(
        "# command, form of data, its values (a ? where not always), errors, an example: recorded by tests/replies.rs\n",
    );
    for (command, seen) in seen {
        for line in seen.lines(command) {
            let kept = samples().iter().find(|sample| {
                let head =
                    format!("{command}\t{}\t", Shape::ALL.iter().find(|s| s.0 == sample.shape).unwrap().1);
                sample.command == *command && line.starts_with(&head)
            });
            let (head, made) = line.rsplit_once('\t').unwrap();
            let same = kept.filter(|sample| names_of(sample.example) == names_of(made));
            text.push_str(&format!("{head}\t{}\n", same.map_or(made, |sample| sample.example)));
        }
    }
    text
}

/// The names of the values in an answer.
fn names_of(answer: &str) -> Option<Vec<String>> {
    let value: Value = serde_json::from_str(answer).ok()?;
    let object = value["data"].as_object().or_else(|| value["data"][0].as_object())?;
    Some(object.keys().cloned().collect())
}

#[test]
fn the_openapi_document_describes_every_command() {
    let document: Value = serde_json::from_str(openapi("0.0.0")).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), strowger_api::commands().len());
    for command in strowger_api::commands() {
        let path = &paths[&format!("/mvapireq/{}", command.name)];
        let described: BTreeSet<&str> =
            path["get"]["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
        let properties = document["components"]["schemas"][format!("{}.request", command.name)]["properties"]
            .as_object()
            .unwrap();
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for param in command.params.iter().filter(|param| is_name(param.name)) {
            assert!(
                described.contains(param.name) && properties.contains_key(param.name),
                "{}",
                command.name
            );
        }
        assert_eq!(path["get"]["x-not-available"].is_null(), command.is_available(), "{}", command.name);
        assert_eq!(path["post"]["operationId"], format!("{}.post", command.name));
    }
    // Every reference leads somewhere.
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(&target[1..]).is_some(), "{target}");
        }
        open.extend(value.as_object().into_iter().flat_map(|map| map.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
}

#[test]
fn the_wsdl_describes_every_command() {
    let text = wsdl("https://pbx.example");
    for command in strowger_api::commands() {
        assert!(text.contains(&format!("<xs:element name=\"{}\">", command.name)), "{}", command.name);
        assert_eq!(text.matches(&format!("<wsdl:operation name=\"{}\">", command.name)).count(), 3);
    }
    assert_eq!(text.matches("location=\"https://pbx.example/mvapireq/\"").count(), 2);
    assert!(!text.contains("invalid"));
}
