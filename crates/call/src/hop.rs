//! Where messages go and how we appear there. Not: sockets, names, connections; those are the driver's.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use strowger_model::account::Transport;
use strowger_model::id::FlowId;

/// What carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Carrier {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// A WebSocket (RFC 7118).
    Ws,
    /// A WebSocket over TLS.
    Wss,
}

impl Carrier {
    /// The transport's name in a Via header.
    #[must_use]
    pub const fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The `transport` parameter of a URI of ours; none where it is the default.
    #[must_use]
    pub const fn uri_parameter(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
            Self::Ws | Self::Wss => ";transport=ws",
        }
    }

    /// Messages arrive once and in order, or not at all.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }
}

impl From<Transport> for Carrier {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
        }
    }
}

/// Where a message goes, or came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// What carries it.
    pub carrier: Carrier,
    /// The peer's transport address.
    pub address: SocketAddr,
    /// The driver's index of the local socket.
    pub listener: u8,
    /// The connection to write to; none over a stream carrier: the driver opens or reuses one to `address`.
    pub flow: Option<FlowId>,
}

/// How we appear to the peer behind a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// `host:port` for Via and Contact.
    pub sip: Box<str>,
    /// The address for session descriptions.
    pub media_ip: IpAddr,
}
