//! Which service a path names.

use strowger_api::{LISTEN_PATH, is_api_path};

/// The service behind an HTTP path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The API.
    Api,
    /// The API over WebSocket.
    ApiSocket,
    /// SIP over WebSocket (RFC 7118).
    SipSocket,
    /// The message queue over WebSocket.
    QueueSocket,
    /// The sound of a call over WebSocket.
    ListenSocket,
    /// Every message back, over WebSocket.
    EchoSocket,
    /// Static files.
    Files,
    /// Nothing that is served; the text says what would be.
    None(&'static str),
}

/// Finds the service of a path (without its query). Parts that clients are known to misspell match in the
/// middle of a path and in any case.
#[must_use]
pub fn service(path: &str) -> Service {
    let contains = |part: &str| {
        let (path, part) = (path.as_bytes(), part.as_bytes());
        path.windows(part.len()).any(|w| w[0] | 0x20 == part[0] && w.eq_ignore_ascii_case(part))
    };
    let begins = |part: &str| path.get(..part.len()).is_some_and(|start| start.eq_ignore_ascii_case(part));
    let socket = contains("stwebsock");
    if begins("/mvweb/") {
        // A file's name may contain anything.
        Service::Files
    } else if begins(LISTEN_PATH) {
        // A token follows.
        Service::ListenSocket
    } else if path.trim_end_matches('/').eq_ignore_ascii_case("/mvecho") {
        Service::EchoSocket
    } else if socket && contains("mvstwebsock") {
        Service::ApiSocket
    } else if socket && contains("mfstwebsock") {
        Service::SipSocket
    } else if socket && contains("mmstwebsock") {
        Service::QueueSocket
    } else if is_api_path(path) {
        Service::Api
    } else if begins("/mvweb") {
        Service::Files
    } else if begins("/webvoip") {
        Service::None("the portal is not available on this server")
    } else {
        Service::None("nothing is served here; the API is at /mvapireq/?apientry=help")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_services() {
        for (path, expected) in [
            ("/mvapireq/", Service::Api),
            ("/mvapireg", Service::Api),
            ("/MVAPI", Service::Api),
            ("/xmapi/balance", Service::Api),
            ("/mvstwebsocket/", Service::ApiSocket),
            ("/mvapireq/mvstwebsock", Service::ApiSocket),
            ("/x/MFSTWebSocket", Service::SipSocket),
            ("/x/mmstwebsocket/y", Service::QueueSocket),
            ("/MMSTWEBSOCK", Service::QueueSocket),
            ("/mvweb/mmstwebsock", Service::Files),
            ("/mvweb/x", Service::Files),
            ("/mvlisten/00", Service::ListenSocket),
            ("/MVListen/mvapireq", Service::ListenSocket),
            ("/mvapireq/mvlisten/", Service::Api),
        ] {
            assert_eq!(service(path), expected, "{path}");
        }
        for path in ["/", "", "/favicon.ico", "/webvoip", "/mmstwebsoc", "/api/mvapi", "/\u{e9}"] {
            assert!(matches!(service(path), Service::None(_)), "{path}");
        }
    }
}
