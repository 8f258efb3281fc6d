//! TLS: the certificate that new connections are shown, which may change while old ones go on.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig, crypto::ring};
use tokio_rustls::server::TlsStream;

use crate::stream::Bytes;

/// The protocol of a connection that only wants to see a challenge's certificate (RFC 8737).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// What a client may ask for, the preferred first; none needs to be asked for. `sip` is what some phones write for
/// the registered `sip/2`.
const PROTOCOLS: [&[u8]; 4] = [b"http/1.1", b"sip/2", b"sip", ACME_TLS];

/// A certificate chain with its key, which belong together.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

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

impl Certificate {
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
        Ok(Self(Arc::new(CertifiedKey::from_der(chain, private, &ring::default_provider())?)))
    }

    /// A certificate with the key that it was made from. That they belong together is not looked at: the look would
    /// refuse the extension of a validation's certificate.
    pub(crate) fn made(
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let key = ring::default_provider().key_provider.load_private_key(key)?;
        Ok(Self(Arc::new(CertifiedKey::new(vec![certificate], key))))
    }
}

/// Accepts TLS connections. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// What is shown to whom.
#[derive(Default)]
struct Shown {
    certificate: ArcSwapOption<CertifiedKey>,
    /// By the domain that is to be validated.
    challenges: Mutex<BTreeMap<String, Certificate>>,
}

impl Tls {
    /// Without a certificate every handshake fails; see [`Self::show`].
    ///
    /// # Errors
    /// The cryptography has no protocol version in common with us, which would be a mistake in its build.
    pub fn new() -> Result<Self, TlsError> {
        let shown = Arc::new(Shown::default());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown })
    }

    /// New handshakes get this certificate; connections that stand go on.
    pub fn show(&self, certificate: &Certificate) {
        self.shown.certificate.store(Some(Arc::clone(&certificate.0)));
    }

    /// The certificate of a validation that is under way (RFC 8737), or its end.
    pub(crate) fn challenge(&self, domain: &str, certificate: Option<Certificate>) {
        let mut challenges = self.shown.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        match certificate {
            Some(certificate) => challenges.insert(domain.to_ascii_lowercase(), certificate),
            None => challenges.remove(&domain.to_ascii_lowercase()),
        };
    }

    pub(crate) async fn accept<S: Bytes>(&self, stream: S) -> std::io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let validation = hello.alpn().is_some_and(|mut protocols| protocols.all(|name| name == ACME_TLS));
        if !validation {
            return self.certificate.load_full();
        }
        let challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        let domain = hello.server_name()?.to_ascii_lowercase();
        challenges.get(&domain).map(|certificate| Arc::clone(&certificate.0))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
