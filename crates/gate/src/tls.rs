//! TLS with a certificate from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto::ring};
use tokio_rustls::server::TlsStream;

/// A loaded certificate, ready to accept connections.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or is no PEM.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: PemError,
    },
    /// The file has no certificate.
    #[error("{}: no certificate in it", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// Certificate and key do not fit or are of a kind that is not supported.
    #[error("the certificate and its key: {0}")]
    Unfit(#[from] rustls::Error),
}

impl Tls {
    /// Loads a PEM chain and its PEM key.
    ///
    /// # Errors
    /// A file is missing or wrong, or the two do not belong together.
    pub fn load(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let file = |path: &Path, source| TlsError::File { path: path.to_owned(), source };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect)
            .map_err(|source| file(certificates, source))?;
        if chain.is_empty() {
            return Err(TlsError::Empty { path: certificates.to_owned() });
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|source| file(key, source))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
