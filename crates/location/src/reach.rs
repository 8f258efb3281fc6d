//! Where a registered phone really is: the source of its REGISTER, not the address it believes to have.

use std::net::SocketAddr;

use strowger_model::id::FlowId;

/// What carries SIP to the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Carrier {
    /// Datagrams.
    Udp = 0,
    /// A TCP connection that the phone opened.
    Tcp = 1,
    /// A TLS connection that the phone opened.
    Tls = 2,
    /// A WebSocket.
    Ws = 3,
    /// A WebSocket over TLS.
    Wss = 4,
}

/// The carriers by number.
const CARRIERS: [Carrier; 5] = [Carrier::Udp, Carrier::Tcp, Carrier::Tls, Carrier::Ws, Carrier::Wss];

impl Carrier {
    /// The carrier of a number written by `as u8`.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        CARRIERS.get(usize::from(number)).copied()
    }

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

    /// `udp`, `tcp`, `tls`, `ws`, `wss`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// The way back to a phone, also through its NAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Datagrams or which kind of connection.
    pub carrier: Carrier,
    /// The address the REGISTER came from (the received and rport of RFC 3581).
    pub source: SocketAddr,
    /// Our listening socket that it reached: over UDP a NAT lets only that one in.
    pub listener: u8,
    /// The connection; none over UDP.
    pub flow: Option<FlowId>,
}
