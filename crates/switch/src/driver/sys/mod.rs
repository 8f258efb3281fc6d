//! The system calls that the standard library does not wrap: batched datagrams with the local address
//! that they reached, epoll and eventfd, the addresses of the interfaces, and a few numbers about the process. The only
//! unsafe code of the crate; every block is one call on buffers that this module owns.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, epoll, eventfd and getifaddrs have no safe wrapper among our dependencies"
)]

mod datagram;
mod interfaces;
mod poll;
mod process;

pub use datagram::{BATCH, Outgoing, Receiver, send_all, want_local_address};
pub use interfaces::{Interface, interfaces};
pub use poll::{Poll, WakeEvent};
pub use process::{disk_free_bytes, process_cpu_ms, utc_offset_min};
