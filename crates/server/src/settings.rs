//! Reads the sources of the configuration and opens the store that it names.

use std::fmt::Write as _;
use std::fs::{DirBuilder, read_to_string};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use strowger_config::{Config, Layers, Mistake, Place as Where, Resolved, resolve};
use strowger_store::{Database, Keyring, OpenError, Options, Store};

use crate::cli::{Place, Source};
use crate::failure::Failure;

/// The texts of the start-up file and the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    set: Vec<(String, String)>,
    path: Option<PathBuf>,
    file: Option<String>,
}

impl Texts {
    /// Reads the start-up file, if one is named.
    pub(crate) fn read(source: &Source) -> Result<Self, Failure> {
        let file = match &source.config {
            None => None,
            Some(path) => Some(
                read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?,
            ),
        };
        Ok(Self { set: source.set.clone(), path: source.config.clone(), file })
    }

    /// Reads the start-up file again, as it is by now.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        Self::read(&Source { config: self.path.clone(), set: self.set.clone() })
    }

    /// Resolves with the rows of the database. The error has one line per mistake.
    pub(crate) fn resolve(&self, database: &[(String, String)]) -> Result<Resolved, String> {
        let layers = Layers { set: &self.set, file: self.file.as_deref(), database };
        resolve(&layers).map_err(|mistakes| self.describe(&mistakes))
    }

    /// The configuration before there is a database.
    pub(crate) fn resolve_startup(&self) -> Result<Config, Failure> {
        self.resolve(&[]).map(|resolved| resolved.config).map_err(Failure::Usage)
    }

    /// The numbers that ephemeral ports were given, so that the next round has the same.
    pub(crate) fn pin(&mut self, ports: &[(&str, Option<u16>)]) {
        let open = ports.iter().filter_map(|(key, port)| Some(((*key).to_owned(), (*port)?.to_string())));
        self.set.extend(open);
    }

    /// The same with every port switched off.
    pub(crate) fn without_ports(mut self) -> Self {
        let off = [
            ("usemainaport", "false"),
            ("usesipport", "false"),
            ("useadminport", "false"),
            ("rtpportmin", "0"),
        ];
        self.set.extend(off.map(|(key, value)| (key.to_owned(), value.to_owned())));
        self
    }

    fn describe(&self, mistakes: &[Mistake]) -> String {
        let mut text = String::new();
        for mistake in mistakes {
            if !text.is_empty() {
                text.push('\n');
            }
            if let (Where::File { .. }, Some(path)) = (mistake.place, &self.path) {
                let _ = write!(text, "{}: ", path.display());
            }
            let _ = write!(text, "{mistake}");
        }
        text
    }
}

/// Makes the data folder and answers its absolute path.
pub(crate) fn data_folder(place: &Place) -> Result<PathBuf, Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data)
        .and_then(|()| place.data.canonicalize())
        .with_context(|| format!("the data folder {}", place.data.display()))
        .map_err(Failure::Failed)
}

/// How the store of a configuration is opened.
pub(crate) fn store_options(config: &Config, data: &Path) -> Result<Options, Failure> {
    let number = Database::active(data).with_context(|| format!("the data folder {}", data.display()))?;
    store_options_of(config, data, number)
}

/// The same with a configured database by its number, from 1.
pub(crate) fn store_options_of(config: &Config, data: &Path, number: usize) -> Result<Options, Failure> {
    let all = Database::all(&config.database, &config.failoverdatabases, data)
        .map_err(|e| Failure::Usage(format!("database: {e}")))?;
    let count = all.len();
    let database = number.checked_sub(1).and_then(|at| all.into_iter().nth(at)).ok_or_else(|| {
        Failure::Usage(format!(
            "database {number} is in use, but database and failoverdatabases name {count}"
        ))
    })?;
    let key =
        if config.keyfile.is_empty() { data.join("strowger.key") } else { PathBuf::from(&config.keyfile) };
    let keyring = Keyring::open_or_create(&key).with_context(|| format!("the key file {}", key.display()))?;
    let mut options = Options::new(database, keyring, data.join("emergency.log"));
    options.node = u8::try_from(config.nodeid).unwrap_or(u8::MAX);
    options.readers = usize::try_from(config.readers).unwrap_or(1);
    options.gather = Duration::from_millis(config.gatherwindow.into());
    Ok(options)
}

/// Opens the store, creating and migrating the database.
pub(crate) fn open_store(config: &Config, data: &Path) -> Result<Store, Failure> {
    Store::open(store_options(config, data)?).map_err(|error| match error {
        OpenError::Locked { .. } => {
            Failure::failed(format!("{error}; is a server running on {}?", data.display()))
        }
        error => Failure::Failed(anyhow::Error::new(error).context("the database")),
    })
}
