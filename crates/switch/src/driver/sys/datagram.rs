//! Datagrams in batches, each with both of its addresses.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Datagrams per system call.
pub const BATCH: usize = 64;
/// Longest datagram in bytes.
const DATAGRAM_BYTES: usize = 65_536;
/// Room for one packet-info control message.
const CONTROL_BYTES: usize = 64;

/// Aligned space for control messages.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// One received datagram.
pub struct Datagram<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of ours that it reached; unspecified where the system does not say.
    pub local: IpAddr,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// Buffers for receiving a batch.
pub struct Receiver {
    bytes: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// The first so many headers are as the system left them.
    used: usize,
}

// SAFETY: the raw pointers in `vectors` and `headers` point into the vectors of the same value, which move with it.
unsafe impl Send for Receiver {}

impl Receiver {
    /// Buffers for [`BATCH`] datagrams; pages are touched only as far as datagrams fill them.
    pub fn new() -> Self {
        // SAFETY: all of these are plain C structures for which all zeros is a valid value.
        let (name, vector, header) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            bytes: vec![0; BATCH * DATAGRAM_BYTES],
            names: vec![name; BATCH],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH],
            vectors: vec![vector; BATCH],
            headers: vec![header; BATCH],
            used: BATCH,
        }
    }

    /// Receives what is there, at most a batch, and hands each datagram to `each`. Returns how many there were; 0: none.
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        mut each: impl FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        self.prepare();
        let count = u32::try_from(BATCH).unwrap_or(1);
        // SAFETY: every header points to `BATCH` live buffers of the stated lengths, prepared above.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(received) = usize::try_from(received) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                // An ICMP error of an earlier send is reported here once; it is no error of the socket.
                io::ErrorKind::ConnectionRefused => Ok(0),
                _ => Err(error),
            };
        };
        self.used = received.min(BATCH);
        for i in 0..self.used {
            let header = &self.headers[i];
            let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let length = usize::try_from(header.msg_len).unwrap_or(0).min(DATAGRAM_BYTES);
            let Some(from) = from_storage(&self.names[i]).filter(|_| !truncated) else { continue };
            let local = local_address(header);
            let start = i * DATAGRAM_BYTES;
            each(Datagram { from, local, bytes: &self.bytes[start..start + length] });
        }
        Ok(received)
    }

    fn prepare(&mut self) {
        for i in 0..mem::take(&mut self.used) {
            self.vectors[i] = libc::iovec {
                iov_base: self.bytes[i * DATAGRAM_BYTES..].as_mut_ptr().cast(),
                iov_len: DATAGRAM_BYTES,
            };
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = (&raw mut self.names[i]).cast();
            header.msg_namelen = size_of_u32::<libc::sockaddr_storage>();
            header.msg_iov = &raw mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[i]).cast();
            header.msg_controllen = CONTROL_BYTES;
            header.msg_flags = 0;
        }
    }
}

/// A datagram to be sent.
pub struct Outgoing<B> {
    /// Where.
    pub to: SocketAddr,
    /// From which address of ours; unspecified: the system chooses.
    pub local: IpAddr,
    /// Its payload.
    pub bytes: B,
}

/// Sends a batch; returns how many the system did not take. UDP may lose them anyway, so they are not kept.
pub fn send_all<B: AsRef<[u8]>>(socket: BorrowedFd<'_>, v6: bool, batch: &[Outgoing<B>]) -> usize {
    let mut lost = 0;
    for chunk in batch.chunks(BATCH) {
        lost += send_chunk(socket, v6, chunk);
    }
    lost
}

fn send_chunk<B: AsRef<[u8]>>(socket: BorrowedFd<'_>, v6: bool, chunk: &[Outgoing<B>]) -> usize {
    // Most batches are of one datagram: room that it does not need is not cleared.
    let mut names = [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; BATCH];
    let mut vectors = [const { MaybeUninit::<libc::iovec>::uninit() }; BATCH];
    let mut controls = [const { MaybeUninit::<Control>::uninit() }; BATCH];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BATCH];
    let rooms = names.iter_mut().zip(&mut vectors).zip(&mut controls).zip(&mut headers);
    for (outgoing, (((name, vector), control), header)) in chunk.iter().zip(rooms) {
        // SAFETY: these are plain C structures for which all zeros is a valid value.
        let (empty_name, empty_header) = unsafe { (mem::zeroed(), mem::zeroed()) };
        let bytes = outgoing.bytes.as_ref();
        let bytes = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let header = &mut header.write(empty_header).msg_hdr;
        let name = name.write(empty_name);
        header.msg_namelen = to_storage(outgoing.to, v6, name);
        header.msg_name = (&raw mut *name).cast();
        header.msg_iov = vector.write(bytes);
        header.msg_iovlen = 1;
        if !outgoing.local.is_unspecified() {
            let control = control.write(Control([0; CONTROL_BYTES]));
            header.msg_controllen = write_source(outgoing.local, v6, control);
            header.msg_control = (&raw mut *control).cast();
        }
    }
    let (mut done, mut lost) = (0, 0);
    while done < chunk.len() {
        let count = u32::try_from(chunk.len() - done).unwrap_or(1);
        let rest = headers[done..].as_mut_ptr().cast::<libc::mmsghdr>();
        // SAFETY: the headers from `done` to the chunk's end were written above; they point to live buffers of the
        // stated lengths.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest, count, libc::MSG_DONTWAIT) };
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => done += sent,
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => {
                // The first one of the rest failed: unreachable, refused earlier, or the buffer is full.
                done += 1;
                lost += 1;
            }
        }
    }
    lost
}

/// Asks the system to tell which local address a datagram reached.
pub fn want_local_address(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    let on: libc::c_int = 1;
    let (level, name) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) } else { (libc::IPPROTO_IP, libc::IP_PKTINFO) };
    // SAFETY: the option's value is a live integer of the stated length.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size_of_u32::<libc::c_int>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn local_address(header: &libc::mmsghdr) -> IpAddr {
    // SAFETY: the kernel filled the control buffer of this header and set its length; the macros stay within.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(&raw const header.msg_hdr);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = std::ptr::read_unaligned(data.cast());
                    return IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = std::ptr::read_unaligned(data.cast());
                    return IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)).to_canonical();
                }
                _ => message = libc::CMSG_NXTHDR(&raw const header.msg_hdr, message),
            }
        }
    }
    IpAddr::V4(Ipv4Addr::UNSPECIFIED)
}

/// Writes the packet-info control message that chooses the source address; returns its length.
fn write_source(local: IpAddr, v6: bool, control: &mut Control) -> usize {
    // SAFETY: the buffer is aligned and longer than CMSG_SPACE of either structure; only it is written.
    unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_control = (&raw mut *control).cast();
        header.msg_controllen = CONTROL_BYTES;
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        if message.is_null() {
            return 0;
        }
        if v6 {
            let mut info: libc::in6_pktinfo = mem::zeroed();
            info.ipi6_addr.s6_addr = mapped(local).octets();
            (*message).cmsg_level = libc::IPPROTO_IPV6;
            (*message).cmsg_type = libc::IPV6_PKTINFO;
            (*message).cmsg_len = libc::CMSG_LEN(size_of_u32::<libc::in6_pktinfo>()) as usize;
            std::ptr::write_unaligned(libc::CMSG_DATA(message).cast(), info);
            return libc::CMSG_SPACE(size_of_u32::<libc::in6_pktinfo>()) as usize;
        }
        let IpAddr::V4(v4) = local.to_canonical() else { return 0 };
        let mut info: libc::in_pktinfo = mem::zeroed();
        info.ipi_spec_dst.s_addr = u32::from(v4).to_be();
        (*message).cmsg_level = libc::IPPROTO_IP;
        (*message).cmsg_type = libc::IP_PKTINFO;
        (*message).cmsg_len = libc::CMSG_LEN(size_of_u32::<libc::in_pktinfo>()) as usize;
        std::ptr::write_unaligned(libc::CMSG_DATA(message).cast(), info);
        libc::CMSG_SPACE(size_of_u32::<libc::in_pktinfo>()) as usize
    }
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn from_storage(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the kernel wrote a sockaddr_in, which is shorter than the storage.
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that the kernel wrote a sockaddr_in6, which is shorter than the storage.
            let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)).to_canonical();
            Some(match ip {
                IpAddr::V4(_) => SocketAddr::new(ip, u16::from_be(v6.sin6_port)),
                IpAddr::V6(ip) => {
                    SocketAddr::V6(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id))
                }
            })
        }
        _ => None,
    }
}

fn to_storage(address: SocketAddr, v6: bool, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    if v6 {
        // SAFETY: a sockaddr_in6 is shorter than the storage and has no stricter alignment.
        let name = unsafe { &mut *(&raw mut *storage).cast::<libc::sockaddr_in6>() };
        name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        name.sin6_port = address.port().to_be();
        name.sin6_addr.s6_addr = mapped(address.ip()).octets();
        if let SocketAddr::V6(address) = address {
            name.sin6_scope_id = address.scope_id();
        }
        return size_of_u32::<libc::sockaddr_in6>();
    }
    // SAFETY: a sockaddr_in is shorter than the storage and has no stricter alignment.
    let name = unsafe { &mut *(&raw mut *storage).cast::<libc::sockaddr_in>() };
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(v4) => v4,
        // An IPv6 destination from an IPv4 socket: the system refuses it, which is the answer.
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    name.sin_family = libc::AF_INET as libc::sa_family_t;
    name.sin_port = address.port().to_be();
    name.sin_addr.s_addr = u32::from(ip).to_be();
    size_of_u32::<libc::sockaddr_in>()
}

#[expect(clippy::cast_possible_truncation, reason = "C structures of a few bytes")]
const fn size_of_u32<T>() -> u32 {
    size_of::<T>() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::sys::Poll;
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;
    use std::time::Duration;

    fn check(bind: &str, peer: &str, v6: bool) {
        let Ok(socket) = UdpSocket::bind(bind) else {
            println!("skipped: no {bind} here");
            return;
        };
        want_local_address(socket.as_fd(), v6).unwrap();
        let peer = UdpSocket::bind(peer).unwrap();
        let port = socket.local_addr().unwrap().port();
        let ours = SocketAddr::new(peer.local_addr().unwrap().ip(), port);
        let poll = Poll::new().unwrap();
        poll.add(socket.as_fd(), 1).unwrap();
        for i in 0..100_u8 {
            peer.send_to(&[i; 3], ours).unwrap();
        }
        let mut receiver = Receiver::new();
        let mut seen = Vec::new();
        while seen.len() < 100 {
            assert_eq!(poll.wait(Duration::from_secs(5)), 1 << 1);
            let mut answers = Vec::new();
            let count = receiver
                .receive(socket.as_fd(), |datagram| {
                    assert_eq!((datagram.from, datagram.local), (peer.local_addr().unwrap(), ours.ip()));
                    answers.push(Outgoing {
                        to: datagram.from,
                        local: datagram.local,
                        bytes: datagram.bytes.to_vec(),
                    });
                })
                .unwrap();
            assert!(count > 0, "a readable socket has something");
            assert_eq!(send_all(socket.as_fd(), v6, &answers), 0);
            seen.extend(answers.into_iter().map(|a| a.bytes[0]));
        }
        peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut buffer = [0; 10];
        for i in 0..100_u8 {
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (&[i; 3][..], ours));
        }
    }

    #[test]
    fn batches_carry_both_addresses_over_ipv4() {
        check("0.0.0.0:0", "127.0.0.1:0", false);
    }

    #[test]
    fn batches_carry_both_addresses_over_ipv6() {
        check("[::]:0", "[::1]:0", true);
        check("[::]:0", "127.0.0.1:0", true);
    }
}
