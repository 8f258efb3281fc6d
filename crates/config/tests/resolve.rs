//! Precedence, spellings, and mistakes that name line and key.

use strowger_config::{Config, Layers, Source, commented_file, resolve};

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn the_stronger_source_wins_and_is_remembered() {
    let (set, database) =
        (pairs(&[("HTTPSERVER", "8081")]), pairs(&[("mainaport", "8083"), ("bantime", "7")]));
    let file = "mainport = 8082\nrealm = \"example\"\n";
    let mut layers = Layers { set: &set, file: Some(file), database: &database };
    let all = resolve(&layers).unwrap().config;
    assert_eq!((all.mainaport, all.source("mainaport")), (8081, Some(Source::Set)));
    assert_eq!((all.realm.as_str(), all.source("Realm")), ("example", Some(Source::File)));
    assert_eq!((all.bantime, all.source("bantime")), (7, Some(Source::Database)));
    assert_eq!((all.bind.to_string().as_str(), all.source("bind")), ("0.0.0.0", Some(Source::Default)));
    layers.set = &[];
    assert_eq!(resolve(&layers).unwrap().config.mainaport, 8082);
    layers.file = None;
    assert_eq!(resolve(&layers).unwrap().config.mainaport, 8083);
}

#[test]
fn an_empty_set_value_switches_key_and_salt_off() {
    let database = pairs(&[("apiv2key", "k"), ("apiv2md5salt", "s")]);
    let set = pairs(&[("httpapikey", ""), ("apiv2md5salt", "")]);
    let config = resolve(&Layers { set: &set, database: &database, file: None }).unwrap().config;
    assert_eq!((config.apiv2key.as_str(), config.apiv2md5salt.as_str()), ("", ""));
}

#[test]
fn toml_values_of_every_kind_are_read() {
    let file = "trustediplist = [\"192.0.2.1\", \"10.0.0.0/8\"]\ndefprice = 0.25\ntrustlanip = true\nmainaport = 0x1F90\ncorsorigins = \"a, b\"";
    let config = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap().config;
    assert!(config.trustediplist.contains("10.1.2.3".parse().unwrap()));
    assert_eq!(config.defprice.map(|d| d.0), Some(250_000));
    assert!(config.trustlanip);
    assert_eq!(config.mainaport, 8080);
    assert_eq!(&config.corsorigins[..], ["a", "b"]);
}

#[test]
fn mistakes_name_line_and_key() {
    for (file, message) in [
        ("\nmainaprt = 1", "line 2: mainaprt: unknown key; did you mean mainaport?"),
        ("mainaport = 70000", "line 1: mainaport: 70000 is out of range: 0 to 65535"),
        ("draintimeout = 100000", "line 1: draintimeout: 100000 is out of range: 0 to 86400 s"),
        ("mainaport = \"eighty\"", "line 1: mainaport: 'eighty' is not a whole number"),
        ("# x\n\nmainaport = 1\nHttpServer = 2", "line 4: HttpServer: given twice; first in line 3"),
        ("trustlanip = \"maybe\"", "line 1: trustlanip: 'maybe' is neither true nor false"),
        ("[ports]\nx = 1", "line 1: ports: unknown key"),
        ("realm = 1979-05-27", "line 1: realm: is a date; text is needed"),
        ("logformat = \"xml\"", "line 1: logformat: 'xml' is not one of auto, text, json"),
        ("rtpportmin = 9\nrtpportmax = 8", "line 1: rtpportmin: is above rtpportmax"),
        ("digestalgorithms = \"MD5, SHA-1\"", "line 1: digestalgorithms: MD5 and SHA-256 are known"),
        ("database = \"mysql://x\"", "line 1: database: must be empty, sqlite:PATH or postgres://…"),
        ("defcurrency = \"DOLLAR\"", "line 1: defcurrency: must be a currency code of three letters"),
        (
            "loglevel = \"inof\"",
            "line 1: loglevel: must be error, warn, info, debug or trace, or a filter such as info,strowger_switch=debug",
        ),
        ("tlscert = \"x\"", "line 1: tlscert: tlscert and tlskey are needed together"),
        ("compatibility = \"none\"", "line 1: compatibility: 'none' is not one of safe, documented"),
    ] {
        let mistakes = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap_err();
        assert_eq!(mistakes[0].to_string(), message);
    }
    let mistakes = resolve(&Layers { file: Some("a = 1\nb = = 2"), ..Layers::default() }).unwrap_err();
    assert!(mistakes[0].to_string().starts_with("line 2: "), "{}", mistakes[0]);
    let mistakes = resolve(&Layers { set: &pairs(&[("bantme", "1")]), ..Layers::default() }).unwrap_err();
    assert_eq!(mistakes[0].to_string(), "--set: bantme: unknown key; did you mean bantime?");
}

#[test]
fn mistakes_in_the_database_are_warnings() {
    let database =
        pairs(&[("keyfile", "/tmp/k"), ("nosuchkeyatall", "1"), ("bantime", "x"), ("realm", "ok")]);
    let resolved = resolve(&Layers { database: &database, ..Layers::default() }).unwrap();
    assert_eq!(resolved.warnings.len(), 3);
    assert_eq!((resolved.config.keyfile.as_str(), resolved.config.realm.as_str()), ("", "ok"));
}

#[test]
fn documented_compatibility_changes_defaults_only() {
    let file = "compatibility = \"documented\"\nremoteadmin = 2";
    let config = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap().config;
    assert!(config.trustlanip);
    assert_eq!((config.remoteadmin, config.allowtrustedip, config.apideftrustadmin), (2, 3, 1));
    assert!(!Config::defaults().trustlanip);
}

#[test]
fn secrets_are_never_shown() {
    let config = Config::with(&[("apiv2key", "sesame"), ("database", "postgres://u:sesame@h/d")]);
    assert!(!format!("{config:?}").contains("sesame"));
    assert!(config.rows().iter().all(|row| !row.value.contains("sesame")));
    assert_eq!(config.get("HTTPAPIKEY").as_deref(), Some("sesame"));
}

#[test]
fn keys_that_do_nothing_are_named_where_somebody_sets_them() {
    for (file, named) in [
        ("bantime = 5", &[][..]),
        ("hsforward = \"\"\nhttpapiencryptkey = \"\"", &[]),
        ("enablejsonp = 1\nanumberhandling = 1", &["anumberhandling"]),
        ("compatibility = \"documented\"", &[]),
    ] {
        let config = resolve(&Layers { file: Some(file), ..Layers::default() }).unwrap().config;
        let names: Vec<_> = config.without_effect().iter().map(|key| key.name).collect();
        assert_eq!(names, named, "{file}");
    }
}

#[test]
fn a_change_names_its_keys() {
    let (old, new) = (Config::defaults(), Config::with(&[("bantime", "1"), ("sipport", "5070")]));
    let names: Vec<_> = old.changes(&new).iter().map(|key| key.name).collect();
    assert_eq!(names, ["sipport", "bantime"]);
}

#[test]
fn the_commented_file_is_right_as_it_stands_and_with_every_line_enabled() {
    let file = commented_file();
    assert!(resolve(&Layers { file: Some(&file), ..Layers::default() }).is_ok());
    let enabled: String = file
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting)
                if setting
                    .split_once(" = ")
                    .is_some_and(|(name, _)| strowger_config::find(name).is_some()) =>
            {
                setting
            }
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = resolve(&Layers { file: Some(&enabled), ..Layers::default() }).unwrap().config;
    assert!(Config::defaults().changes(&config).is_empty());
    assert_eq!(config.source("maxslice"), Some(Source::File));
}

#[test]
fn the_reference_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operate/configuration.md");
    #[expect(clippy::disallowed_methods, reason = "the test compares a committed file")]
    let (page, committed) = (strowger_config::reference_page(), std::fs::read(path).unwrap_or_default());
    #[expect(clippy::disallowed_methods, reason = "asked for by whoever changed a declaration")]
    if std::env::var("STROWGER_BLESS").is_ok() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operate")).unwrap();
        std::fs::write(path, page).unwrap();
        return;
    }
    assert!(page.as_bytes() == committed, "run the tests with STROWGER_BLESS=1 to write {path} again");
}
