//! Tells the program which commit it was built from; outside a clone, `STROWGER_COMMIT` may say so.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=STROWGER_COMMIT");
    let given = std::env::var("STROWGER_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    // The log of HEAD changes with every commit; HEAD itself only when another branch is taken.
    for path in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", path]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    println!("cargo:rustc-env=STROWGER_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
