//! What is generated from the declarations: the reference page and the commented start-up file.

use std::fmt::Write as _;

use crate::key::{Applies, Group, Key, Kind};
use crate::table::KEYS;

/// What is said of a key that is accepted and read by nobody.
const WITHOUT_EFFECT: &str = "Has no effect in this version.";

/// The reference page, as Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Configuration reference\n\n\
         Generated from the declarations in `crates/config`; do not edit by hand.\n\n\
         A value is taken from `--set key=value`, else from the start-up file (TOML), else from the database, \
         else it is the default. Names are case-insensitive; every spelling listed is accepted. \
         A key marked *start-up* is never read from the database and cannot be changed by the API. \
         `strowger check` names the line and key of any mistake; `strowger init` writes a commented file.\n\n\
         With `compatibility = \"documented\"` the defaults marked so take the values of the original \
         documents, which trust the local network.\n",
    );
    for group in Group::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n| key | value | default | acts | meaning |\n| --- | --- | --- | --- | --- |\n",
            group.title()
        );
        for key in KEYS.iter().filter(|key| key.group == group) {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                names(key),
                form(key),
                default(key),
                acts(key),
                meaning(key).replace('|', "\\|")
            );
        }
    }
    page
}

/// The sentence, and that it is not so yet where it is not.
fn meaning(key: &Key) -> String {
    if key.without_effect { format!("{} {WITHOUT_EFFECT}", key.doc) } else { key.doc.to_owned() }
}

fn names(key: &Key) -> String {
    let mut names = format!("`{}`", key.name);
    for alias in key.aliases {
        let _ = write!(names, ", `{alias}`");
    }
    names
}

/// The kind with its unit, range or choices.
fn form(key: &Key) -> String {
    if !key.choices.is_empty() {
        return key.choices.join(", ");
    }
    let mut form = key.kind.word().to_owned();
    if matches!(key.kind, Kind::U16 | Kind::U32 | Kind::I64) {
        let _ = write!(form, " {}–{}", key.min, key.max);
    }
    if !key.unit.is_empty() {
        let _ = write!(form, " {}", key.unit);
    }
    if key.secret {
        form.push_str(", secret");
    }
    form
}

fn default(key: &Key) -> String {
    let code = |text: &str| if text.is_empty() { "empty".to_owned() } else { format!("`{text}`") };
    match key.documented {
        None => code(key.default),
        Some(documented) => format!("{} (documented: {})", code(key.default), code(documented)),
    }
}

fn acts(key: &Key) -> &'static str {
    match (key.startup, key.applies) {
        (true, _) => "start-up",
        (false, Applies::Restart) => "restart",
        (false, Applies::Reload) => "reload",
    }
}

/// The file that `strowger init` writes: every key with its documentation, commented out at its default.
#[must_use]
pub fn commented_file() -> String {
    let mut file = String::from(
        "# Strowger start-up file (TOML). Every line below shows a default: remove the # and change it.\n\
         # `strowger check --config FILE` names the line and key of any mistake.\n",
    );
    for group in Group::ALL {
        let _ = write!(file, "\n# ---- {} ----\n", group.title());
        for key in KEYS.iter().filter(|key| key.group == group) {
            let _ = writeln!(
                file,
                "\n# {} [{}; {}]\n# {} = {}",
                meaning(key),
                form(key),
                acts(key),
                key.name,
                literal(key)
            );
        }
    }
    file
}

fn literal(key: &Key) -> String {
    match key.kind {
        Kind::Bool | Kind::U16 | Kind::U32 | Kind::I64 => key.default.to_owned(),
        _ => format!("\"{}\"", key.default),
    }
}
