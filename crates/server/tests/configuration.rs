//! Every declared key is read by somebody, or says that it is not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::path::{Path, PathBuf};

use strowger_config::KEYS;

/// The Rust sources of a folder and of those below it.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// `.name` stands in the text, and is not the beginning of a longer name.
fn reads(text: &str, name: &str) -> bool {
    let field = format!(".{name}");
    text.match_indices(&field).any(|(at, _)| {
        let next = text.as_bytes().get(at + field.len());
        !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

#[test]
fn keys_are_read_or_say_that_they_are_not() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for room in std::fs::read_dir(&crates).unwrap() {
        let source = room.unwrap().path().join("src");
        if source.is_dir() && !source.starts_with(crates.join("config")) {
            sources(&source, &mut files);
        }
    }
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    for key in KEYS {
        // It chooses among the defaults, within the declarations.
        let read = key.name == "compatibility" || texts.iter().any(|text| reads(text, key.name));
        assert_eq!(read, !key.without_effect, "{}", key.name);
    }
}
