//! Requests that the server makes itself: HTTP/1.1 over TCP or TLS to a target that somebody named. The name is
//! resolved once, private addresses are refused unless the configuration lists them, and nothing is without bounds.

mod ask;
mod get;
mod target;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes as Body;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use strowger_config::Addresses;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use tracing::debug;

pub(crate) use target::{Target, TargetError};

/// Of an answer's body so much is read, in bytes, so that the connection can be used again.
const MAX_ANSWER: usize = 64 * 1024;

/// Where systems keep the certificates of authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why a request was not answered.
#[derive(Debug, Error)]
pub(crate) enum OutgoingError {
    /// It is no URL that is served, or leads where it must not.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TooLong(Duration),
    /// No connection, or no TLS on it.
    #[error("connecting: {0}")]
    Connect(#[from] io::Error),
    /// The peer does not speak HTTP.
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// There are no certificates to check the peer's with.
    #[error("certificates: {0}")]
    Roots(String),
}

/// Makes requests.
pub(crate) struct Outgoing {
    private: Addresses,
    authorities: String,
    tls: OnceLock<Result<TlsConnector, String>>,
}

/// A connection that can be used again.
pub(crate) type Kept = Option<SendRequest<Full<Body>>>;

impl Outgoing {
    /// `private`: addresses that are not refused though they are private; `authorities`: a file of certificates, empty
    /// for the system's.
    pub(crate) fn new(private: Addresses, authorities: String) -> Self {
        Self { private, authorities, tls: OnceLock::new() }
    }

    /// Posts a body; gives the HTTP status. Redirects are not followed.
    ///
    /// # Errors
    /// [`OutgoingError`].
    pub(crate) async fn post(
        &self,
        kept: &mut Kept,
        url: &str,
        headers: &[(&str, String)],
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<u16, OutgoingError> {
        let target = Target::parse(url)?;
        let exchange = self.exchange(kept, &target, headers, body);
        match tokio::time::timeout(limit, exchange).await {
            Ok(done) => done,
            Err(_) => {
                *kept = None;
                Err(OutgoingError::TooLong(limit))
            }
        }
    }

    async fn exchange(
        &self,
        kept: &mut Kept,
        target: &Target,
        headers: &[(&str, String)],
        body: Vec<u8>,
    ) -> Result<u16, OutgoingError> {
        if let Some(sender) = kept.take().filter(|sender| !sender.is_closed()) {
            // The peer may close it just now: what is repeated then is at most one request.
            if let Ok(status) = send(sender, kept, target, headers, body.clone()).await {
                return Ok(status);
            }
        }
        send(self.connect(target).await?, kept, target, headers, body).await
    }

    async fn connect(&self, target: &Target) -> Result<SendRequest<Full<Body>>, OutgoingError> {
        let address: SocketAddr = target.resolve(&self.private).await?;
        let stream = TcpStream::connect(address).await?;
        let _ = stream.set_nodelay(true);
        if !target.secure {
            return Ok(speak(stream).await?);
        }
        let connector = self.connector()?;
        let name = ServerName::try_from(target.host.clone());
        let name = name.map_err(|error| OutgoingError::Connect(io::Error::other(error)))?;
        Ok(speak(connector.connect(name, stream).await?).await?)
    }

    pub(crate) fn connector(&self) -> Result<TlsConnector, OutgoingError> {
        let made = self.tls.get_or_init(|| connector(&self.authorities));
        made.clone().map_err(OutgoingError::Roots)
    }
}

/// One request on a connection, which is kept for the next.
async fn send(
    mut sender: SendRequest<Full<Body>>,
    kept: &mut Kept,
    target: &Target,
    headers: &[(&str, String)],
    body: Vec<u8>,
) -> Result<u16, OutgoingError> {
    sender.ready().await?;
    let mut request = Request::post(&*target.path).header(hyper::header::HOST, &*target.authority);
    for (name, value) in headers {
        request = request.header(*name, value.as_str());
    }
    let request = request.body(Full::new(Body::from(body)));
    let request = request.map_err(|error| OutgoingError::Connect(io::Error::other(error)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    // A connection with a long answer on it is not worth keeping.
    if Limited::new(answer.into_body(), MAX_ANSWER).collect().await.is_ok() {
        *kept = Some(sender);
    }
    Ok(status)
}

pub(crate) async fn speak<S>(stream: S) -> Result<SendRequest<Full<Body>>, hyper::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "an outgoing connection ended");
        }
    });
    Ok(sender)
}

/// TLS that believes the authorities of a file, or the system's.
fn connector(authorities: &str) -> Result<TlsConnector, String> {
    let found = BUNDLES.iter().copied().find(|bundle| Path::new(bundle).exists());
    let file = if authorities.is_empty() {
        found.ok_or("this system has none: name a file of them in the configuration")?
    } else {
        authorities
    };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| format!("{file}: {error}"))?;
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    if known == 0 {
        return Err(format!("{file}: no certificate in it"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
