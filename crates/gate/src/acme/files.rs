//! The account and the certificate on disk, readable by their owner only and replaced as a whole.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::validity::{Validity, validity};
use super::{AcmeError, AcmeSettings, at};
use crate::tls::Certificate;

/// The files of one folder.
pub(super) struct Files {
    folder: PathBuf,
    directory: String,
    /// The first line of the certificate's file: another order makes another certificate.
    order: String,
}

/// A certificate from the folder.
pub(super) struct Stored {
    pub(super) certificate: Certificate,
    /// None where its dates cannot be read: it is ordered anew then.
    pub(super) validity: Option<Validity>,
}

impl Files {
    pub(super) fn new(settings: &AcmeSettings) -> Self {
        let order = format!("# {} {}\n", settings.directory, settings.domains.join(" "));
        Self { folder: settings.folder.clone(), directory: settings.directory.clone(), order }
    }

    /// The certificate, if there is one for this order.
    pub(super) fn certificate(&self) -> Result<Option<Stored>, AcmeError> {
        let path = self.path("certificate.pem");
        let Some(text) = read(&path)? else { return Ok(None) };
        if !text.starts_with(&self.order) {
            return Ok(None);
        }
        let certificate = Certificate::load(&path, &path)?;
        let leaf = CertificateDer::from_pem_slice(text.as_bytes()).ok();
        Ok(Some(Stored { certificate, validity: leaf.and_then(|leaf| validity(&leaf)) }))
    }

    /// Keeps a key and its chain, both PEM.
    pub(super) fn keep(&self, key: &str, chain: &str) -> Result<Stored, AcmeError> {
        self.write("certificate.pem", &format!("{}{key}\n{chain}", self.order))?;
        let kept = self.certificate()?;
        kept.ok_or_else(|| at(&self.path("certificate.pem"))(io::ErrorKind::NotFound.into()))
    }

    /// The account at this authority.
    pub(super) fn account(&self) -> Result<Option<AccountCredentials>, AcmeError> {
        let path = self.path("account.json");
        let Some(text) = read(&path)? else { return Ok(None) };
        let mut account: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| at(&path)(error.into()))?;
        if account["directory"] != self.directory.as_str() {
            return Ok(None);
        }
        let credentials = serde_json::from_value(account["credentials"].take());
        credentials.map(Some).map_err(|error| at(&path)(error.into()))
    }

    pub(super) fn keep_account(&self, credentials: &AccountCredentials) -> Result<(), AcmeError> {
        let account = serde_json::json!({ "directory": self.directory, "credentials": credentials });
        self.write("account.json", &account.to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), AcmeError> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(at(&self.folder))?;
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        let written = (|| {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        })();
        written.map_err(at(&path))
    }
}

/// The text of a file; none where there is no such file.
fn read(path: &Path) -> Result<Option<String>, AcmeError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}
