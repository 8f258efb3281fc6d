//! The descriptions of the API for machines: served to whom the API answers at all, without credentials.

use std::net::{IpAddr, SocketAddr};

use strowger_config::Config;

use super::{Dispatcher, allow_origin, refuse, wanted};
use crate::auth::look;
use crate::openapi::{Document, openapi, wsdl};
use crate::reply::{Answer, Failure, encode};
use crate::request::{Origin, Request, Transport};

/// The longest Host that is written into an address, in characters.
const MAX_HOST: usize = 255;

impl Dispatcher {
    /// Answers with a description.
    pub(super) fn describe(&self, document: Document, request: &Request, config: &Config) -> Answer {
        let source = look(&request.origin, config);
        let admitted =
            refuse(self.switch.guard(|guard| guard.admit(self.switch.now(), source.address, None)));
        let open = !config.apitrustediponly || source.trusted || source.listed;
        let admitted =
            admitted.and_then(|()| if open { Ok(()) } else { Err(Failure::denied("not from this address")) });
        let mut answer = match admitted {
            Err(refused) => encode(Err(refused), &wanted(request, config)),
            Ok(()) => Answer {
                content_type: document.content_type(),
                headers: vec![
                    ("X-Content-Type-Options", "nosniff".into()),
                    ("Cache-Control", "no-cache".into()),
                ],
                body: match document {
                    Document::OpenApi => openapi(self.build.version).as_bytes().to_vec(),
                    Document::Wsdl => wsdl(&base(request)).into_bytes(),
                },
                ..Answer::empty(200)
            },
        };
        allow_origin(&mut answer, request.origin.web_origin.as_deref(), config);
        answer
    }
}

/// Scheme and authority of the server as the client called it.
fn base(request: &Request) -> String {
    let scheme = if request.origin.transport == Transport::Https { "https" } else { "http" };
    match host(&request.origin) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", request.origin.local),
    }
}

/// Scheme and authority of the server for WebSockets: as an HTTP client called it, behind TLS where the request was; for
/// others at the address that they reached or that is advertised. None: there is no port for it.
pub(super) fn web_socket_base(
    origin: &Origin,
    advertised: Option<IpAddr>,
    main_port: Option<u16>,
) -> Option<String> {
    let scheme = if origin.transport.is_secure() { "wss" } else { "ws" };
    if let Some(host) = host(origin) {
        return Some(format!("{scheme}://{host}"));
    }
    // The other framings may have reached a port at which there is no HTTP.
    let web = matches!(
        origin.transport,
        Transport::Http
            | Transport::Https
            | Transport::WebSocket
            | Transport::SecureWebSocket
            | Transport::Tls
    );
    let port = if web { origin.local.port() } else { main_port? };
    let ip = advertised.unwrap_or_else(|| origin.local.ip().to_canonical());
    Some(format!("{scheme}://{}", SocketAddr::new(ip, port)))
}

/// The Host of an HTTP request where it can be one.
fn host(origin: &Origin) -> Option<&str> {
    let plain = |host: &&str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
        (1..=MAX_HOST).contains(&host.len()) && host.chars().all(allowed)
    };
    origin.host.as_deref().filter(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_where_the_request_came_in() {
        let reached: SocketAddr = "192.0.2.1:8049".parse().unwrap();
        let advertised = "198.51.100.9".parse().ok();
        for (transport, host, advertised, expected) in [
            (Transport::Http, Some("pbx.example:80"), advertised, "ws://pbx.example:80"),
            (Transport::Https, Some("[2001:db8::1]"), None, "wss://[2001:db8::1]"),
            (Transport::SecureWebSocket, Some("a b"), None, "wss://192.0.2.1:8049"),
            (Transport::Http, Some("evil/path"), None, "ws://192.0.2.1:8049"),
            (Transport::Tls, None, advertised, "wss://198.51.100.9:8049"),
            (Transport::Console, None, None, "ws://192.0.2.1:80"),
            (Transport::Udp, None, advertised, "ws://198.51.100.9:80"),
        ] {
            let mut origin = Origin::new(reached, reached, transport);
            origin.host = host.map(Into::into);
            let base = web_socket_base(&origin, advertised, Some(80));
            assert_eq!(base.as_deref(), Some(expected), "{transport:?} {host:?}");
        }
        assert_eq!(web_socket_base(&Origin::new(reached, reached, Transport::Tcp), None, None), None);
    }
}
