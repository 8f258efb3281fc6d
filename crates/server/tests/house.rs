//! The rules of the house that no lint can check: who imports whom, what is pure, how long a file may be.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may import whom, as on ARCHITECTURE.md. Besides, anyone may import `model` (values) and `config`, and
/// `server` calls the load generator for `strowger bench`.
const MAY_IMPORT: [(&str, &str); 19] = [
    ("server", "gate api switch media store bench"),
    ("gate", "api switch"),
    ("api", "switch store route billing guard"),
    ("switch", "call apps location route billing sip sdp store media guard"),
    ("media", "rtp codec"),
    ("store", "billing"),
    ("apps", "call billing"),
    ("call", "sip sdp billing route"),
    ("location", "sip"),
    ("route", "billing"),
    ("sip", ""),
    ("sdp", ""),
    ("rtp", ""),
    ("codec", ""),
    ("billing", ""),
    ("guard", ""),
    ("model", ""),
    ("config", ""),
    ("bench", "sip"),
];

/// Crates without clock, sockets, files, threads and randomness.
const PURE: [&str; 12] = [
    "model", "config", "guard", "sdp", "sip", "rtp", "codec", "billing", "location", "route", "call", "apps",
];

/// What a pure crate's clippy.toml must ban.
const BANS: [&str; 8] = [
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::fs::File",
    "std::thread::spawn",
];

/// Dependencies that only these crates may have.
const RESERVED: [(&str, &str); 6] = [
    ("rusqlite", "store"),
    ("postgres", "store"),
    ("hyper", "gate"),
    ("tokio-rustls", "gate"),
    ("clap", "server bench sim"),
    ("anyhow", "server"),
];

/// A file that is longer, in lines, has a sentence in its head that says why.
const LONG_FILE: usize = 800;

/// How that sentence begins.
const REASON: &str = "One file because";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The short name of a crate of ours.
fn short(package: &str) -> Option<&str> {
    if package == "strowger" { Some("server") } else { package.strip_prefix("strowger-") }
}

/// Each crate of ours with all its ordinary dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .filter_map(|package| {
            let name = short(package["name"].as_str()?)?.to_owned();
            let ordinary = package["dependencies"].as_array()?.iter().filter(|d| d["kind"] != "dev");
            Some((name, ordinary.filter_map(|d| d["name"].as_str()).map(str::to_owned).collect()))
        })
        .collect()
}

#[test]
fn imports_go_down_only() {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        MAY_IMPORT.into_iter().map(|(name, list)| (name, list.split_whitespace().collect())).collect();
    let crates = dependencies();
    assert!(crates.len() >= MAY_IMPORT.len());
    let mut wrong = Vec::new();
    for (name, dependencies) in &crates {
        for dependency in dependencies.iter().filter_map(|d| short(d)) {
            let fine = match (name.as_str(), dependency) {
                (_, "model" | "config") => true,
                ("sim", to) => to != "server",
                (from, to) => allowed.get(from).is_some_and(|list| list.contains(to)),
            };
            if !fine {
                wrong.push(format!("{name} imports {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn drivers_stay_in_their_rooms() {
    for (name, dependencies) in dependencies() {
        for (dependency, rooms) in RESERVED {
            let allowed = rooms.split_whitespace().any(|room| room == name);
            assert!(allowed || !dependencies.contains(dependency), "{name} depends on {dependency}");
        }
        if PURE.contains(&name.as_str()) {
            for driver in ["tokio", "socket2", "getrandom", "libc", "rustix", "mio"] {
                assert!(!dependencies.contains(driver), "the pure crate {name} depends on {driver}");
            }
        }
    }
}

#[test]
fn pure_crates_ban_the_outside_world() {
    for name in PURE {
        let folder = root().join("crates").join(name);
        let clippy = std::fs::read_to_string(folder.join("clippy.toml")).unwrap_or_default();
        for ban in BANS {
            assert!(clippy.contains(&format!("\"{ban}\"")), "crates/{name}/clippy.toml does not ban {ban}");
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for name in dependencies().keys() {
        let folder = if name == "bench" { root().join("bench") } else { root().join("crates").join(name) };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name}");
    }
}

#[test]
fn long_files_say_why() {
    let mut folders = vec![root().join("crates"), root().join("bench")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                seen += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let head = text.lines().take_while(|line| line.starts_with("//!"));
                let reason = head.into_iter().any(|line| line.contains(REASON));
                let lines = text.lines().count();
                assert!(lines <= LONG_FILE || reason, "{}: {lines} lines", path.display());
            }
        }
    }
    assert!(seen > 50, "only {seen} files were found");
}

/// What integrators rely on and what CHANGELOG.md must therefore tell of: a name, and the files it stands in.
const SNAPSHOTS: [(&str, &str); 3] = [
    ("matrix", "conformance/api/matrix.tsv"),
    ("help", "conformance/api/help.txt"),
    ("schema", "crates/store/sql"),
];

#[test]
fn a_changed_snapshot_has_a_line_in_the_changelog() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    for (name, path) in SNAPSHOTS {
        let line = format!("{name} `{:08x}`", fingerprint(&root().join(path)));
        assert!(
            changelog.contains(&line),
            "{path} changed: say in CHANGELOG.md what a user notices, with the new fingerprint: {line}"
        );
    }
}

/// FNV-1a over the contents of a file, or of a folder's files by name.
fn fingerprint(path: &Path) -> u32 {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
    }
    let bytes = files.iter().flat_map(|file| std::fs::read(file).unwrap());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
