//! Where values come from and which one wins: `--set`, then the start-up file, then the database, then the default.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::key::{Key, find, nearest};
use crate::mistake::{BadValue, Mistake, Place, Why};
use crate::table::{Config, KEYS};
use crate::words;

/// The texts from which a configuration is resolved.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'a> {
    /// `--set key=value`, in order; of a repeated key the last counts.
    pub set: &'a [(String, String)],
    /// The start-up file's text (TOML).
    pub file: Option<&'a str>,
    /// The rows of the configuration table.
    pub database: &'a [(String, String)],
}

/// Where the value of a key comes from, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// `--set`.
    Set,
    /// The start-up file.
    File,
    /// The database.
    Database,
    /// The declaration.
    Default,
}

impl Source {
    /// The word of `showcfg`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Set => "--set",
            Self::File => "file",
            Self::Database => "database",
            Self::Default => "default",
        }
    }
}

/// A configuration, and what was passed over on the way.
#[derive(Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// Mistakes in the database: a server must start in spite of them.
    pub warnings: Vec<Mistake>,
}

/// The chosen text of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// One line of `showcfg`.
#[derive(Debug, Clone)]
pub struct Row {
    /// The key.
    pub key: &'static Key,
    /// Its value; `***` for a secret that is set.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

/// Resolves the layers.
///
/// # Errors
/// Every mistake in the file and in `--set`, in the order in which they stand there.
pub fn resolve(layers: &Layers<'_>) -> Result<Resolved, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut warnings = Vec::new();
    let file = layers.file.map(|text| read_file(text, &mut mistakes)).unwrap_or_default();
    let set = read_set(layers.set, &mut mistakes);

    let compatibility = find("compatibility").map_or("", |key| key.name);
    let documented = [&file, &set].into_iter().flatten().rfind(|(key, _)| key.name == compatibility);
    let documented = documented.is_some_and(|(_, s)| s.text.eq_ignore_ascii_case("documented"));
    let mut chosen: Vec<Setting> = KEYS.iter().map(|key| default_of(key, documented)).collect();

    let database = read_database(layers.database, &mut warnings);
    for (key, setting) in database.into_iter().chain(file).chain(set) {
        if let Some(place) = KEYS.iter().position(|k| k.name == key.name) {
            chosen[place] = setting;
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let config = Config::build(chosen.into());
    let contradictions = contradictions(&config);
    if contradictions.is_empty() { Ok(Resolved { config, warnings }) } else { Err(contradictions) }
}

fn default_of(key: &Key, documented: bool) -> Setting {
    let text = if documented { key.documented.unwrap_or(key.default) } else { key.default };
    Setting { text: text.to_owned(), place: Place::Layer(Source::Default) }
}

type Found = Vec<(&'static Key, Setting)>;

/// The values of a TOML text. Keys stand at its top level.
fn read_file(text: &str, mistakes: &mut Vec<Mistake>) -> Found {
    let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|b| *b == b'\n').count();
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = line_of(error.span().map_or(0, |span| span.start));
            let why = Why::Syntax(error.message().to_owned());
            mistakes.push(Mistake { place: Place::File { line }, key: String::new(), why });
            return Vec::new();
        }
    };
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut found: Found = Vec::new();
    for (name, value) in entries {
        let line = line_of(name.span().start);
        match read_entry(name.get_ref(), value.get_ref(), &found) {
            Ok((key, text)) => found.push((key, Setting { text, place: Place::File { line } })),
            Err(why) => {
                mistakes.push(Mistake { place: Place::File { line }, key: name.get_ref().to_string(), why });
            }
        }
    }
    found
}

fn read_entry(name: &str, value: &DeValue<'_>, found: &Found) -> Result<(&'static Key, String), Why> {
    let key = find(name).ok_or_else(|| Why::Unknown { nearest: nearest(name) })?;
    if let Some((_, Setting { place: Place::File { line }, .. })) =
        found.iter().find(|(k, _)| k.name == key.name)
    {
        return Err(Why::Twice { first: *line });
    }
    let text = text_of(value, key)?;
    key.check(&text)?;
    Ok((key, text))
}

/// A TOML value as the text that the other layers would give.
fn text_of(value: &DeValue<'_>, key: &Key) -> Result<String, BadValue> {
    Ok(match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => return Err(BadValue::NotNumber { text: number.as_str().chars().take(40).collect() }),
        },
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| text_of(item.get_ref(), key)).collect();
            items?.join(", ")
        }
        DeValue::Table(_) => return Err(BadValue::WrongKind { found: "table", wanted: key.kind.word() }),
        DeValue::Datetime(_) => return Err(BadValue::WrongKind { found: "date", wanted: key.kind.word() }),
    })
}

fn read_set(pairs: &[(String, String)], mistakes: &mut Vec<Mistake>) -> Found {
    read_pairs(pairs, Source::Set, mistakes, |_| Ok(()))
}

fn read_database(pairs: &[(String, String)], warnings: &mut Vec<Mistake>) -> Found {
    read_pairs(
        pairs,
        Source::Database,
        warnings,
        |key| {
            if key.startup { Err(Why::StartupOnly) } else { Ok(()) }
        },
    )
}

fn read_pairs(
    pairs: &[(String, String)],
    source: Source,
    mistakes: &mut Vec<Mistake>,
    may: impl Fn(&Key) -> Result<(), Why>,
) -> Found {
    let place = Place::Layer(source);
    let mut found = Vec::new();
    for (name, text) in pairs {
        let read = find(name).ok_or_else(|| Why::Unknown { nearest: nearest(name) }).and_then(|key| {
            may(key)?;
            key.check(text)?;
            Ok(key)
        });
        match read {
            Ok(key) => found.push((key, Setting { text: text.clone(), place })),
            Err(why) => mistakes.push(Mistake { place, key: name.clone(), why }),
        }
    }
    found
}

/// Keys that are right by themselves and wrong together, and texts with wrong words.
fn contradictions(config: &Config) -> Vec<Mistake> {
    // A server must start in spite of a mistake in the database.
    let operators = |key| config.place(key) != Some(Place::Layer(Source::Database));
    let rules = [
        (config.rtpportmin > config.rtpportmax, "rtpportmin", "is above rtpportmax"),
        (
            config.registerminexpires > config.registermaxexpires,
            "registerminexpires",
            "is above registermaxexpires",
        ),
        (
            config.tlscert.is_empty() != config.tlskey.is_empty(),
            "tlscert",
            "tlscert and tlskey are needed together",
        ),
        (
            config.digestalgorithms.iter().any(|name| !words::is_digest(name)),
            "digestalgorithms",
            "MD5 and SHA-256 are known",
        ),
        (
            !words::is_provider(&config.cardprovider),
            "cardprovider",
            "must be https://HOST, or http:// on this machine (127.0.0.1, [::1] or localhost)",
        ),
        (
            config.cardprovider.is_empty() != config.cardkey.is_empty(),
            "cardprovider",
            "cardprovider and cardkey are needed together",
        ),
        (operators("cardmin") && config.cardmin > config.cardmax, "cardmin", "is above cardmax"),
        (!words::is_database(&config.database), "database", "must be empty, sqlite:PATH or postgres://…"),
        (
            operators("defcurrency") && !words::is_currency(&config.defcurrency),
            "defcurrency",
            "must be a currency code of three letters",
        ),
        (
            operators("loglevel") && !words::is_filter(&config.loglevel),
            "loglevel",
            "must be error, warn, info, debug or trace, or a filter such as info,strowger_switch=debug",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, _, _)| *broken);
    broken
        .map(|(_, key, why)| Mistake {
            place: config.place(key).unwrap_or(Place::Layer(Source::Default)),
            key: key.to_owned(),
            why: Why::Together(why),
        })
        .collect()
}

impl Config {
    /// The declared safe defaults.
    #[must_use]
    pub fn defaults() -> Self {
        let chosen: Vec<Setting> = KEYS.iter().map(|key| default_of(key, false)).collect();
        Self::build(chosen.into())
    }

    /// The defaults with some values, for tests.
    ///
    /// # Panics
    /// On any mistake.
    #[must_use]
    pub fn with(pairs: &[(&str, &str)]) -> Self {
        let set: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        match resolve(&Layers { set: &set, ..Layers::default() }) {
            Ok(resolved) => resolved.config,
            Err(mistakes) => panic!("{mistakes:?}"),
        }
    }

    /// A value as text, by any spelling of its key. Secrets come in clear.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.setting(name).map(|setting| setting.text.clone())
    }

    /// Where a value comes from.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<Source> {
        self.place(name).map(source_of)
    }

    /// Every key with its value (secrets masked) and source, in the order of the declarations.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        KEYS.iter()
            .zip(self.settings.iter())
            .map(|(key, setting)| {
                let masked = key.secret && !setting.text.is_empty();
                let value = if masked { "***".to_owned() } else { setting.text.clone() };
                Row { key, value, source: source_of(setting.place) }
            })
            .collect()
    }

    /// The keys that somebody has set, not to their default, although they do nothing in this version.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static Key> {
        KEYS.iter()
            .zip(self.settings.iter())
            .filter(|(key, setting)| key.without_effect && setting.text.trim() != key.default)
            .filter(|(_, setting)| source_of(setting.place) != Source::Default)
            .map(|(key, _)| key)
            .collect()
    }

    /// The keys whose values differ.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<&'static Key> {
        let both = self.settings.iter().zip(new.settings.iter());
        KEYS.iter().zip(both).filter(|(_, (old, new))| old.text != new.text).map(|(key, _)| key).collect()
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        let place = KEYS.iter().position(|key| key.is_called(name))?;
        self.settings.get(place)
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.setting(name).map(|setting| setting.place)
    }
}

fn source_of(place: Place) -> Source {
    match place {
        Place::File { .. } => Source::File,
        Place::Layer(source) => source,
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.rows().into_iter().map(|row| (row.key.name, row.value))).finish()
    }
}

/// The settings of a configuration, one per key in the order of the declarations.
pub(crate) type Settings = Arc<[Setting]>;
