//! The certificate that the configuration names, and that file and server stay of one mind about it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use strowger_config::Config;
use strowger_gate::{AcmeSettings, Certificate, Tls, TlsError, Validation};
use tracing::{error, info, warn};

use crate::failure::Failure;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// TLS with the certificate that the configuration names, kept up to date, or with one that ACME is to bring; none
/// where neither is wanted.
pub(crate) fn start(config: &Config) -> Result<Option<Tls>, Failure> {
    let new = || Tls::new().map_err(|error| Failure::failed(error.to_string()));
    let Some(files) = Files::of(config) else {
        return if config.acmedomains.is_empty() { Ok(None) } else { new().map(Some) };
    };
    let tls = new()?;
    let seen = files.stamps();
    tls.show(&files.load()?);
    tokio::spawn(files.follow(seen, tls.clone()));
    Ok(Some(tls))
}

/// What is to be ordered by ACME, if anything is.
pub(crate) fn acme(config: &Config, data: &Path) -> Option<AcmeSettings> {
    if config.acmedomains.is_empty() {
        return None;
    }
    if !config.tlscert.is_empty() {
        warn!("acmedomains is not used: tlscert is set");
        return None;
    }
    Some(AcmeSettings {
        directory: config.acmedirectory.clone(),
        domains: config.acmedomains.iter().cloned().collect(),
        email: config.acmeemail.clone(),
        root: Some(&config.acmeroot).filter(|root| !root.is_empty()).map(PathBuf::from),
        validation: if config.acmevalidation == "http-01" { Validation::Http } else { Validation::Tls },
        folder: data.join("acme"),
    })
}

/// The certificate's files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// How a file looks from outside: when one of these changes it is read again.
type Stamp = Option<(SystemTime, u64)>;

impl Files {
    /// `tlscert` and `tlskey`; none where they are not set.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let set = !config.tlscert.is_empty();
        set.then(|| Self { chain: PathBuf::from(&config.tlscert), key: PathBuf::from(&config.tlskey) })
    }

    /// Reads them.
    pub(crate) fn load(&self) -> Result<Certificate, Failure> {
        self.read().map_err(|error| Failure::Usage(format!("tlscert: {error}")))
    }

    fn read(&self) -> Result<Certificate, TlsError> {
        Certificate::load(&self.chain, &self.key)
    }

    fn stamps(&self) -> [Stamp; 2] {
        [stamp(&self.chain), stamp(&self.key)]
    }

    /// Shows each new certificate to new connections, for as long as the runtime runs. A pair that cannot be used,
    /// such as one that is only half written, is told once and the old one stays.
    async fn follow(self, mut seen: [Stamp; 2], tls: Tls) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let files = self.clone();
            let looking = tokio::task::spawn_blocking(move || {
                let stamps = files.stamps();
                (stamps, (stamps != seen).then(|| files.read()))
            });
            let Ok((stamps, read)) = looking.await else { return };
            seen = stamps;
            match read {
                Some(Ok(certificate)) => {
                    tls.show(&certificate);
                    info!(file = %self.chain.display(), "the certificate was read again");
                }
                Some(Err(error)) => error!(%error, "the new certificate cannot be used; the old one stays"),
                None => {}
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}
