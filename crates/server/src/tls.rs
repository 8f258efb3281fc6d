//! The certificate that the configuration names, and that file and server stay of one mind about it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use strowger_config::Config;
use strowger_gate::{Certificate, Tls, TlsError};
use tracing::{error, info};

use crate::failure::Failure;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// TLS with the certificate that the configuration names, kept up to date; none where it names none.
pub(crate) fn start(config: &Config) -> Result<Option<Tls>, Failure> {
    let Some(files) = Files::of(config) else { return Ok(None) };
    let tls = Tls::new().map_err(|error| Failure::failed(error.to_string()))?;
    let seen = files.stamps();
    tls.show(&files.load()?);
    tokio::spawn(files.follow(seen, tls.clone()));
    Ok(Some(tls))
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
