//! Binding the ports. It is done before anything else starts, so that a port that is taken is known
//! early and by its configuration key; nothing is read from the sockets here.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::BorrowedFd;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use strowger_config::Config;
use thiserror::Error;

/// How often an ephemeral TCP port is given back because UDP has the number taken.
const PAIR_ATTEMPTS: u32 = 64;
/// Receive and send buffer of the shared UDP sockets in bytes; the kernel may grant less.
const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// The listening sockets of SIP and of the main port.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The main port over TCP, for the gate; non-blocking.
    pub main_tcp: Option<TcpListener>,
    /// The main port over UDP.
    pub main_udp: Option<UdpSocket>,
    /// `sipport` over TCP; non-blocking.
    pub sip_tcp: Option<TcpListener>,
    /// `sipport` over UDP.
    pub sip_udp: Option<UdpSocket>,
    /// The main port's number, also after its listener was taken.
    main: Option<u16>,
}

/// The port numbers that were bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// The main port over TCP.
    pub main: Option<u16>,
    /// The main port over UDP.
    pub main_udp: Option<u16>,
    /// SIP over UDP and TCP.
    pub sip: Option<u16>,
}

/// A port could not be bound.
#[derive(Debug, Error)]
#[error("{key}: cannot bind {address}: {source}{}", remedy(address, source))]
pub struct BindError {
    /// The configuration key that names the port.
    pub key: &'static str,
    /// What was to be bound.
    pub address: SocketAddr,
    /// The system's answer.
    pub source: io::Error,
}

fn remedy(address: &SocketAddr, source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied if address.port() < 1024 => {
            " (ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose another one)"
        }
        io::ErrorKind::AddrInUse => " (another program has it)",
        io::ErrorKind::AddrNotAvailable => " (this machine has no such address: see `bind`)",
        _ => "",
    }
}

impl Listeners {
    /// Binds what the configuration asks for.
    ///
    /// # Errors
    /// The first port that could not be bound.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let mut listeners = Self::default();
        if config.usemainaport {
            let address = SocketAddr::new(config.bind, config.mainaport);
            if config.mainaportudp == 0 || config.mainaportudp == config.mainaport {
                let (tcp, udp) = bind_pair_for("mainaport", address)?;
                listeners.main_tcp = Some(tcp);
                listeners.main_udp = Some(udp);
            } else {
                let udp = SocketAddr::new(config.bind, config.mainaportudp);
                listeners.main_tcp = Some(tcp_for("mainaport", address)?);
                listeners.main_udp = Some(udp_for("mainaportudp", udp)?);
            }
        }
        if config.usesipport {
            let (tcp, udp) = bind_pair_for("sipport", SocketAddr::new(config.bind, config.sipport))?;
            listeners.sip_tcp = Some(tcp);
            listeners.sip_udp = Some(udp);
        }
        listeners.main = listeners.main_tcp.as_ref().and_then(|s| s.local_addr().ok()).map(|a| a.port());
        Ok(listeners)
    }

    /// The numbers that were bound.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let udp = |socket: &Option<UdpSocket>| socket.as_ref().and_then(|s| s.local_addr().ok());
        Ports {
            main: self.main,
            main_udp: udp(&self.main_udp).map(|a| a.port()),
            sip: udp(&self.sip_udp).map(|a| a.port()),
        }
    }

    /// Hands the main port's TCP listener to the gate.
    pub fn take_main_tcp(&mut self) -> Option<TcpListener> {
        self.main_tcp.take()
    }
}

/// Binds a non-blocking TCP listener.
///
/// # Errors
/// What the system says; the key is `port`.
pub fn bind_tcp(address: SocketAddr) -> Result<TcpListener, BindError> {
    tcp_for("port", address)
}

/// Binds TCP and UDP on one number. Port 0: TCP chooses, and chooses again where UDP has the number taken.
///
/// # Errors
/// What the system says; the key is `port`.
pub fn bind_pair(address: SocketAddr) -> Result<(TcpListener, UdpSocket), BindError> {
    bind_pair_for("port", address)
}

fn bind_pair_for(key: &'static str, address: SocketAddr) -> Result<(TcpListener, UdpSocket), BindError> {
    let mut rejected = Vec::new();
    loop {
        let tcp = tcp_for(key, address)?;
        let chosen = tcp.local_addr().map_err(|source| BindError { key, address, source })?;
        match udp_for(key, SocketAddr::new(address.ip(), chosen.port())) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) if address.port() != 0 || rejected.len() >= PAIR_ATTEMPTS as usize => {
                return Err(error);
            }
            // Kept open until the end, so that the kernel does not choose the same number again.
            Err(_) => rejected.push(tcp),
        }
    }
}

fn tcp_for(key: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    let bind = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        both_families(&socket, address)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bind().map_err(|source| BindError { key, address, source })
}

fn udp_for(key: &'static str, address: SocketAddr) -> Result<UdpSocket, BindError> {
    let bind = || -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        both_families(&socket, address)?;
        socket.set_nonblocking(true)?;
        // A smaller buffer than asked for only drops more under load.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    bind().map_err(|source| BindError { key, address, source })
}

/// A fresh listener on the port of an open one, which is to be dropped afterwards: there is no moment without a
/// listener, and connections that were accepted stay.
///
/// # Errors
/// What the system says; the open one is as good as before.
pub fn rebind_tcp(open: BorrowedFd<'_>) -> io::Result<TcpListener> {
    let open = SockRef::from(&open);
    let address = own_address(&open)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    open.set_reuse_port(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    both_families(&socket, address)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // Only we share the port, and only for this moment.
    socket.set_reuse_port(false)?;
    Ok(socket.into())
}

/// The same for a datagram socket; what the open one has received already must still be read from it.
///
/// # Errors
/// What the system says; the open one is as good as before.
pub fn rebind_udp(open: BorrowedFd<'_>) -> io::Result<UdpSocket> {
    let open = SockRef::from(&open);
    let address = own_address(&open)?;
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    open.set_reuse_address(true)?;
    socket.set_reuse_address(true)?;
    both_families(&socket, address)?;
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
    let bound = socket.bind(&address.into());
    open.set_reuse_address(false)?;
    bound?;
    socket.set_reuse_address(false)?;
    Ok(socket.into())
}

fn own_address(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?;
    address.as_socket().ok_or_else(|| io::Error::other("no internet address"))
}

/// `::` takes IPv4 too.
fn both_families(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match address.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => socket.set_only_v6(false),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ephemeral_pair_has_one_number() {
        let (tcp, udp) = bind_pair("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
    }

    #[test]
    fn a_port_is_bound_anew_while_it_is_open_and_connections_stay() {
        use std::io::{Read as _, Write as _};
        use std::os::fd::AsFd as _;
        let (mut tcp, mut udp) = bind_pair("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = tcp.local_addr().unwrap();
        tcp.set_nonblocking(false).unwrap();
        let mut client = std::net::TcpStream::connect(address).unwrap();
        let (mut kept, _) = tcp.accept().unwrap();
        for _ in 0..3 {
            tcp = rebind_tcp(tcp.as_fd()).unwrap();
            udp = rebind_udp(udp.as_fd()).unwrap();
            tcp.set_nonblocking(false).unwrap();
            udp.set_nonblocking(false).unwrap();
            assert_eq!((tcp.local_addr().unwrap(), udp.local_addr().unwrap()), (address, address));
            let _second = std::net::TcpStream::connect(address).unwrap();
            tcp.accept().unwrap();
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            sender.send_to(b"x", address).unwrap();
            assert_eq!(udp.recv(&mut [0; 8]).unwrap(), 1);
        }
        client.write_all(b"y").unwrap();
        assert_eq!(kept.read(&mut [0; 8]).unwrap(), 1);
        assert!(UdpSocket::bind(address).is_err(), "nobody else shares the port");
    }

    #[test]
    fn a_taken_port_is_named_by_its_key() {
        let (tcp, _udp) = bind_pair("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = tcp.local_addr().unwrap().port().to_string();
        let config = Config::with(&[("bind", "127.0.0.1"), ("mainaport", "0"), ("sipport", &port)]);
        let error = Listeners::bind(&config).unwrap_err();
        assert_eq!(error.key, "sipport");
        assert!(error.to_string().contains("another program has it"), "{error}");
    }
}
