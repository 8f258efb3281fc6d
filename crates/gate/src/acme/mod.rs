//! Certificates by ACME (RFC 8555): ordered when there is none, renewed before it expires, shown at once.
//!
//! The validation of a domain is answered by the main port (`http-01`) or by any port with TLS (`tls-alpn-01`).

mod challenges;
mod files;
mod order;
mod validity;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tracing::{debug, error, info};

use crate::tls::{Tls, TlsError};
pub(crate) use challenges::Challenges;
use files::Files;

/// The longest pause between two looks at the certificate's age.
const LOOK: Duration = Duration::from_secs(6 * 3600);

/// The pause after the first order that failed; each further one doubles it. A certificate authority limits failures
/// per hour.
const FIRST_PAUSE: Duration = Duration::from_secs(120);

/// The longest pause between orders.
const LONGEST_PAUSE: Duration = Duration::from_secs(12 * 3600);

/// How often an order is begun again because the authority did not take a nonce. The library repeats a single request
/// twice; an authority behind several machines may refuse more than that, and counts none of it as a failure
/// (RFC 8555 section 6.5).
const NONCE_TRIES: u32 = 10;

/// The pause before that.
const NONCE_PAUSE: Duration = Duration::from_secs(1);

/// How long one order may take, with every beginning.
const ORDER: Duration = Duration::from_secs(300);

/// What to order, and where.
#[derive(Debug, Clone)]
pub struct AcmeSettings {
    /// The URL of the directory.
    pub directory: String,
    /// The names of the certificate.
    pub domains: Vec<String>,
    /// Whom the authority tells about trouble; empty: nobody.
    pub email: String,
    /// The certificate (PEM) of the authority that signed the directory's own, where the system does not know it.
    pub root: Option<PathBuf>,
    /// How the domains are validated.
    pub validation: Validation,
    /// Where account and certificate are kept, for the owner only.
    pub folder: PathBuf,
}

/// How an authority sees that a domain is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// A text on the main port, which must be reachable as port 80 (RFC 8555 section 8.3).
    Http,
    /// A certificate on a TLS port, which must be reachable as port 443 (RFC 8737).
    Tls,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum AcmeError {
    /// The authority refused, or cannot be reached.
    #[error("{0}")]
    Protocol(#[from] instant_acme::Error),
    /// The authority does not offer the wanted validation.
    #[error("the authority does not offer this validation for {0}")]
    NotOffered(String),
    /// The authority could not validate a domain.
    #[error("the authority could not validate a domain: the order is {0}")]
    NotValidated(String),
    /// A file of the folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was issued cannot be used.
    #[error("what was issued: {0}")]
    Issued(#[from] TlsError),
    /// A certificate of ours for a validation.
    #[error("the certificate of the validation: {0}")]
    Validating(String),
    /// The authority did not come to an end.
    #[error("not done after {} s", ORDER.as_secs())]
    TimedOut,
}

impl AcmeError {
    /// Whether the same request with a fresh nonce may succeed (RFC 8555 section 6.5).
    fn is_bad_nonce(&self) -> bool {
        let Self::Protocol(instant_acme::Error::Api(problem)) = self else { return false };
        problem.r#type.as_deref() == Some("urn:ietf:params:acme:error:badNonce")
    }
}

/// Keeps one certificate.
pub(crate) struct Keeper {
    settings: AcmeSettings,
    files: Files,
    tls: Tls,
    challenges: Challenges,
}

impl Keeper {
    /// Shows the certificate that was issued before, if it is for the same names.
    pub(crate) fn new(settings: AcmeSettings, tls: Tls, challenges: Challenges) -> Self {
        let files = Files::new(&settings);
        match files.certificate() {
            Ok(Some(stored)) => tls.show(&stored.certificate),
            Ok(None) => {}
            Err(error) => error!(%error, "the stored certificate is not used"),
        }
        Self { settings, files, tls, challenges }
    }

    /// Orders whenever it is time, for as long as the runtime runs.
    pub(crate) async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let due = self.due();
            if !due.is_zero() {
                tokio::time::sleep(due.min(LOOK)).await;
                continue;
            }
            info!(domains = %self.settings.domains.join(","), "ordering a certificate");
            let ordered = tokio::time::timeout(ORDER, self.order()).await;
            match ordered.unwrap_or(Err(AcmeError::TimedOut)) {
                Ok(()) => {
                    failures = 0;
                    info!("a new certificate is in use");
                }
                Err(error) => {
                    let pause = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
                    failures += 1;
                    error!(%error, retry_s = pause.as_secs(), "no certificate was issued");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// In how long the certificate is to be renewed; zero: now.
    fn due(&self) -> Duration {
        match self.files.certificate() {
            Ok(Some(stored)) => stored.validity.map_or(Duration::ZERO, validity::Validity::until_renewal),
            _ => Duration::ZERO,
        }
    }

    /// Orders a certificate, keeps it and shows it. A refused nonce is no reason to wait for the next order.
    async fn order(&self) -> Result<(), AcmeError> {
        let mut tries = 1;
        loop {
            match self.order_once().await {
                Err(error) if error.is_bad_nonce() && tries < NONCE_TRIES => {
                    debug!(%error, tries, "the order is begun again");
                    tries += 1;
                    tokio::time::sleep(NONCE_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn order_once(&self) -> Result<(), AcmeError> {
        let account = self.account().await?;
        let issued = order::place(&account, &self.settings, &self.tls, &self.challenges).await?;
        let stored = self.files.keep(&issued.key, &issued.chain)?;
        self.tls.show(&stored.certificate);
        Ok(())
    }

    /// The account of the folder, or a new one.
    async fn account(&self) -> Result<instant_acme::Account, AcmeError> {
        if let Some(credentials) = self.files.account()? {
            return Ok(self.builder()?.from_credentials(credentials).await?);
        }
        let contact = format!("mailto:{}", self.settings.email);
        let contacts = [contact.as_str()];
        let new = instant_acme::NewAccount {
            contact: if self.settings.email.is_empty() { &[] } else { &contacts },
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let directory = self.settings.directory.clone();
        let (account, credentials) = self.builder()?.create(&new, directory, None).await?;
        self.files.keep_account(&credentials)?;
        Ok(account)
    }

    fn builder(&self) -> Result<instant_acme::AccountBuilder, AcmeError> {
        Ok(match &self.settings.root {
            Some(root) => instant_acme::Account::builder_with_root(root)?,
            None => instant_acme::Account::builder()?,
        })
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> AcmeError {
    let path = path.to_owned();
    move |source| AcmeError::File { path, source }
}
