//! Asking the other nodes of the installation, and visiting what the start-up file names, for commands. TLS is tried
//! first; in clear a node is asked only at an address of this machine or one that `trustediplist` has.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes as Body;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST};
use strowger_api::{AskNode, MOST_ANSWER, Node, NodeError, NodeRequest, NodeSecurity, Visit};
use strowger_config::Addresses;
use strowger_switch::Handle;
use tokio::net::TcpStream;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::outgoing::{Outgoing, speak};

/// How long a connection, and the handshake on it, may take each.
const CONNECT: Duration = Duration::from_secs(5);
/// The path of the API.
const PATH: &str = "/mvapireq/";
/// Every address there is: what the start-up file names is the operator's own choice.
const ANYWHERE: &str = "0.0.0.0/0,::/0";

/// What commands ask nodes with.
pub(crate) fn ask(switch: &Handle) -> AskNode {
    let outgoing = Arc::new(Outgoing::new(Addresses::default(), switch.config().nodeca.clone()));
    let switch = switch.clone();
    Box::new(move |request| {
        let (outgoing, near) = (Arc::clone(&outgoing), switch.config().trustediplist.clone());
        Box::pin(async move {
            let patience = request.patience;
            let asked = tokio::time::timeout(patience, question(&outgoing, &near, request)).await;
            asked.unwrap_or(Err(NodeError::TooLong(patience)))
        })
    })
}

/// What commands visit URLs of the operator with.
pub(crate) fn visit(switch: &Handle) -> Visit {
    let anywhere = Addresses::parse(ANYWHERE).unwrap_or_default();
    let outgoing = Arc::new(Outgoing::new(anywhere, switch.config().webhookca.clone()));
    Box::new(move |url, patience| {
        let outgoing = Arc::clone(&outgoing);
        Box::pin(async move {
            let posted = outgoing.post(&mut None, &url, &[], Vec::new(), patience).await;
            match posted.map_err(|error| error.to_string())? {
                200..300 => Ok(()),
                status => Err(format!("HTTP status {status}")),
            }
        })
    })
}

async fn question(outgoing: &Outgoing, near: &Addresses, request: NodeRequest) -> Result<String, NodeError> {
    let NodeRequest { node, body, .. } = request;
    let mut sender = connect(outgoing, near, &node).await?;
    let broken = |error: hyper::Error| NodeError::Unreachable(error.to_string());
    let form = Request::post(PATH)
        .header(HOST, format!("{}:{}", bracketed(&node.host), node.port))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Body::from(body)))
        .map_err(|error| NodeError::Unreachable(error.to_string()))?;
    let answer = sender.send_request(form).await.map_err(broken)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MOST_ANSWER).collect().await;
    let body = body.map_err(|_| NodeError::TooMuch)?.to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    // The status tells the result of a command too, where httpstrictresponse says so.
    if status.is_success() || text.starts_with("ERROR") {
        return Ok(text);
    }
    Err(NodeError::NoApi(format!("HTTP status {}", status.as_u16())))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

async fn connect(
    outgoing: &Outgoing,
    near: &Addresses,
    node: &Node,
) -> Result<SendRequest<Full<Body>>, NodeError> {
    let found = tokio::net::lookup_host((node.host.as_str(), node.port)).await;
    let address = found.ok().and_then(|mut found| found.next());
    let address = address.ok_or_else(|| NodeError::Unknown(node.host.clone()))?;
    let is_near = address.ip().to_canonical().is_loopback() || near.contains(address.ip());
    if node.security != NodeSecurity::Clear {
        match secure(outgoing, node, address).await {
            Err(NoTls::Not(_)) if node.security == NodeSecurity::Either && is_near => {}
            Err(NoTls::Not(_)) if node.security == NodeSecurity::Either => {
                return Err(NodeError::Clear(address.ip().to_string()));
            }
            Err(NoTls::Not(why)) => return Err(NodeError::Tls(why)),
            Err(NoTls::Final(error)) => return Err(error),
            Ok(sender) => return Ok(sender),
        }
    }
    if !is_near {
        return Err(NodeError::Clear(address.ip().to_string()));
    }
    let sender = speak(reach(address).await?).await;
    sender.map_err(|error| NodeError::Unreachable(error.to_string()))
}

/// Why there is no TLS.
enum NoTls {
    /// What answers does not speak it.
    Not(String),
    /// Whatever it speaks, it is not asked.
    Final(NodeError),
}

async fn secure(
    outgoing: &Outgoing,
    node: &Node,
    address: SocketAddr,
) -> Result<SendRequest<Full<Body>>, NoTls> {
    let tls = |why: String| NoTls::Final(NodeError::Tls(why));
    let connector = match outgoing.connector() {
        Ok(connector) => connector,
        // Without certificates to check with, nothing is believed, and a near node may still speak in clear.
        Err(error) => return Err(NoTls::Not(error.to_string())),
    };
    let name = ServerName::try_from(node.host.clone()).map_err(|error| tls(error.to_string()))?;
    let stream = reach(address).await.map_err(NoTls::Final)?;
    let shaken = tokio::time::timeout(CONNECT, connector.connect(name, stream)).await;
    match shaken {
        Ok(Ok(stream)) => speak(stream).await.map_err(|error| tls(error.to_string())),
        Ok(Err(error)) if is_about_certificates(&error) => Err(tls(error.to_string())),
        Ok(Err(error)) => Err(NoTls::Not(error.to_string())),
        Err(_) => Err(NoTls::Not("the handshake took too long".to_owned())),
    }
}

/// The peer does speak TLS, and is not believed: going on in clear would be what an impostor wants.
fn is_about_certificates(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented))
}

async fn reach(address: SocketAddr) -> Result<TcpStream, NodeError> {
    let reached = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = reached.map_err(|_| NodeError::TooLong(CONNECT))?;
    let stream = stream.map_err(|error| NodeError::Unreachable(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
