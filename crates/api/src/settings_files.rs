//! Settings as files: one `key = "value"` a line below DATA/settings, which the start-up file understands too. Secrets and
//! keys of the start-up file never leave or enter this way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use strowger_config::{Group, Key, Source, check_value, find_key};
use strowger_model::Scope;

use crate::dispatch::Call;
use crate::folder::{Folder, on_disk};
use crate::reply::Failure;
use crate::service::ServiceOrder;

/// The file where none is named.
pub(crate) const FILE: &str = "strowger.ini";
/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// Bytes of all files.
const QUOTA: u64 = 16 * 1024 * 1024;
/// Sections that mean no chapter in particular.
const ANY_SECTION: [&str; 5] = ["", "main", "settings", "general", "all"];

/// The name of a chapter in files and parameters.
pub(crate) fn chapter(group: Group) -> String {
    format!("{group:?}").to_ascii_lowercase()
}

/// The chapter of a `module` or `section`; none: all of them.
pub(crate) fn section(text: &str, param: &str) -> Result<Option<Group>, Failure> {
    let text = text.trim();
    if ANY_SECTION.iter().any(|any| any.eq_ignore_ascii_case(text)) {
        return Ok(None);
    }
    let known = Group::ALL.into_iter().find(|group| chapter(*group).eq_ignore_ascii_case(text));
    known.map(Some).ok_or_else(|| {
        let all: Vec<String> = Group::ALL.into_iter().map(chapter).collect();
        Failure::invalid(format!("{param} must be main or one of {}", all.join(", ")))
    })
}

/// A key by any spelling. No two keys have one name, so the section that clients send says nothing.
pub(crate) fn key(name: &str) -> Result<&'static Key, Failure> {
    let name = name.trim();
    find_key(name).ok_or_else(|| {
        let shown: String = name.chars().take(64).collect();
        Failure::not_found(format!("key {shown}"))
    })
}

fn folder(call: &Call) -> PathBuf {
    call.switch().data_folder().join("settings")
}

/// Files are named plainly, and end with `.ini`.
pub(crate) fn file_name(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.starts_with('.') || text.len() > 64 || !text.chars().all(plain) {
        return Err(Failure::invalid("file must be a plain name such as strowger.ini"));
    }
    Ok(if text.ends_with(".ini") { text.to_owned() } else { format!("{text}.ini") })
}

/// The settings of the database, without secrets and within a chapter.
pub(crate) async fn stored(
    call: &Call,
    group: Option<Group>,
) -> Result<BTreeMap<&'static str, String>, Failure> {
    let rows = call.store().settings().await?;
    let keys = rows.into_iter().filter_map(|(name, value)| Some((find_key(&name)?, value)));
    let own =
        keys.filter(|(key, _)| !key.secret && !key.startup && group.is_none_or(|group| group == key.group));
    Ok(own.map(|(key, value)| (key.name, value)).collect())
}

/// Writes settings to a file; with `defaults` also those that nobody set, as comments. Returns how many.
pub(crate) async fn write(
    call: &Call,
    name: String,
    settings: BTreeMap<&'static str, String>,
    group: Option<Group>,
    defaults: bool,
) -> Result<usize, Failure> {
    let mut text =
        format!("# Settings of the database, written at {}.\n", crate::commands::date(call.now().wall));
    for (key, value) in &settings {
        text.push_str(&format!("{key} = {}\n", quoted(value)));
    }
    if defaults {
        let config = call.config();
        let rows = config.rows();
        let rest = rows.iter().filter(|row| {
            let key = row.key;
            !key.secret
                && !key.startup
                && !settings.contains_key(key.name)
                && row.source == Source::Default
                && group.is_none_or(|group| group == key.group)
        });
        for row in rest {
            text.push_str(&format!("# {} = {}\n", row.key.name, quoted(&row.value)));
        }
    }
    let (root, count) = (folder(call), settings.len());
    on_disk(move || Folder::open(&root)?.write(&name, text.as_bytes(), QUOTA)).await?;
    Ok(count)
}

/// A value as a TOML string.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else { return Some(text.trim().to_owned()) };
    let mut value = String::new();
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().trim().is_empty().then_some(value),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    value.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                c => value.push(c),
            },
            c => value.push(c),
        }
    }
}

/// The pairs of a file: `key = "value"` or `key=value`, comments, and `[sections]`, which mean nothing here.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';', '[']) {
            continue;
        }
        let wrong = || Failure::invalid(format!("file line {} is not key = \"value\"", number + 1));
        let (name, value) = line.split_once('=').ok_or_else(wrong)?;
        found.push((name.trim().to_owned(), unquoted(value.trim()).ok_or_else(wrong)?));
    }
    Ok(found)
}

/// Reads a file, checks every value by its declaration, and takes all or nothing.
pub(crate) async fn read(
    call: &Call,
    name: String,
    group: Option<Group>,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let root = folder(call);
    let bytes = on_disk(move || Folder::open(&root)?.read(&name, MAX_FILE)).await?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::invalid("file must be UTF-8"))?;
    let mut checked = Vec::new();
    for (name, value) in pairs(&text)? {
        let key = check_value(&name, &value).map_err(|mistake| Failure::invalid(mistake.to_string()))?;
        if group.is_none_or(|group| group == key.group) {
            checked.push((key.name, value));
        }
    }
    Ok(checked)
}

/// The files below DATA/settings.
pub(crate) async fn files(call: &Call) -> Result<Vec<String>, Failure> {
    let root = folder(call);
    on_disk(move || Ok(Folder::open(&root)?.list()?.into_iter().map(|entry| entry.name).collect())).await
}

/// Stores settings and puts them in force together: where the whole is not valid, nothing stays changed.
pub(crate) async fn put(call: &Call, settings: &[(&'static str, Option<String>)]) -> Result<(), Failure> {
    let before: BTreeMap<String, String> = call.store().settings().await?.into_iter().collect();
    for (name, value) in settings {
        call.store().set_setting(Scope::All, name, value.as_deref()).await?;
    }
    let Err(refused) = call.switch().reload().await else {
        // Without a program around there is no log to follow the new level.
        let _ = call.dispatcher.order(ServiceOrder::Configured);
        return Ok(());
    };
    for (name, _) in settings {
        let old = before.get(*name).map(String::as_str);
        call.store().set_setting(Scope::All, name, old).await?;
    }
    Err(Failure::invalid(refused.to_string().lines().collect::<Vec<_>>().join("; ")))
}

/// When a stored value acts, or what keeps it from acting.
pub(crate) fn standing(call: &Call, key: &Key) -> &'static str {
    match call.config().source(key.name) {
        Some(Source::Set) => "stored; the command line's value is in force",
        Some(Source::File) => "stored; the start-up file's value is in force",
        _ if key.applies == strowger_config::Applies::Restart => "stored; in force at the next start",
        _ => "in force",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strowger_config::KEYS;

    #[test]
    fn values_survive_the_way_into_a_file_and_back() {
        for value in ["", "plain", " spaced ", "a\"b\\c", "line\nend\tand\u{7}", "é=ü # no comment"] {
            let text = format!("# remark\n[chapter]\nrealm = {}\n", quoted(value));
            assert_eq!(pairs(&text).unwrap(), [("realm".to_owned(), value.to_owned())]);
        }
        assert_eq!(pairs("realm=plain text").unwrap()[0].1, "plain text");
        for wrong in ["realm", "realm = \"open", "realm = \"a\" b"] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_chapter_and_file_has_a_plain_name() {
        assert!(KEYS.iter().all(|key| section(&chapter(key.group), "module").unwrap() == Some(key.group)));
        assert!(section("nonsense", "module").is_err());
        assert_eq!(file_name("mine").unwrap(), "mine.ini");
        for wrong in ["../x", "/etc/passwd", ".hidden", "a b", "x\0"] {
            assert!(file_name(wrong).is_err(), "{wrong}");
        }
    }
}
