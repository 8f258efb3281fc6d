//! Datagram helpers, and the kernel's floor: one datagram received and sent, whatever a program does.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::report::{Line, Meter};

/// A non-blocking socket on the loopback with large buffers.
pub fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_nonblocking(true)?;
    raise_buffers(&socket);
    Ok(socket)
}

#[allow(unsafe_code)]
fn raise_buffers(socket: &UdpSocket) {
    use std::os::fd::AsRawFd;
    let bytes: libc::c_int = 4 << 20;
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        // SAFETY: the descriptor is open, the value a plain integer of the given size. A smaller buffer is no failure.
        unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const bytes).cast(),
                size_of::<libc::c_int>() as u32,
            );
        }
    }
}

/// One received datagram as text, none if nothing waits.
pub fn receive<'a>(socket: &UdpSocket, buffer: &'a mut [u8]) -> Option<(&'a str, SocketAddr)> {
    let (length, from) = socket.recv_from(buffer).ok()?;
    Some((std::str::from_utf8(&buffer[..length]).ok()?, from))
}

/// The paces of an open loop: how many units are due.
pub struct Pace {
    started: Instant,
    per_second: f64,
    given: u64,
}

impl Pace {
    pub fn new(per_second: f64) -> Self {
        Self { started: Instant::now(), per_second, given: 0 }
    }

    /// The same pace from now on.
    pub fn again(self) -> Self {
        Self::new(self.per_second)
    }

    /// Takes the units that are due by now.
    pub fn due(&mut self) -> u64 {
        let all = (self.started.elapsed().as_secs_f64() * self.per_second) as u64;
        let due = all.saturating_sub(self.given);
        self.given = all;
        due
    }
}

/// An echo in a thread of this process on the server's core, closed loop with 64 outstanding.
pub fn floor(window: Duration) -> Line {
    let echo = UdpSocket::bind(("127.0.0.1", 0)).expect("the loopback has free ports");
    let address = echo.local_addr().expect("a bound socket has an address");
    echo.set_read_timeout(Some(Duration::from_millis(200))).expect("a positive time-out is valid");
    raise_buffers(&echo);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut line = None;
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let stopped = &stop;
        scope.spawn(move || {
            cpu::on_server_core(|| {
                let start = cpu::thread_us();
                let _ = sender.send(());
                let mut buffer = [0; 2048];
                while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                    if let Ok((length, from)) = echo.recv_from(&mut buffer) {
                        let _ = echo.send_to(&buffer[..length], from);
                    }
                }
                let _ = sender.send(());
                USED.store((cpu::thread_us() - start) as u64, std::sync::atomic::Ordering::Relaxed);
            });
        });
        let _ = receiver.recv();
        line = Some(drive_echo(address, window));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut line = line.expect("the scope ran to its end");
    let used = USED.load(std::sync::atomic::Ordering::Relaxed) as f64;
    line.cpu_us = used / line.done.max(1) as f64;
    line.server_percent = line.cpu_us * line.rate / 1e4;
    line
}

static USED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn drive_echo(address: SocketAddr, window: Duration) -> Line {
    let socket = socket().expect("the loopback has free ports");
    let meter = Meter::of_process(std::process::id());
    let (started, payload, mut done) = (Instant::now(), [b'x'; 400], 0);
    let mut buffer = [0; 2048];
    for _ in 0..64 {
        let _ = socket.send_to(&payload, address);
    }
    while started.elapsed() < window {
        while socket.recv_from(&mut buffer).is_ok() {
            done += 1;
            let _ = socket.send_to(&payload, address);
        }
    }
    meter.finish("floor: UDP echo, w:64", "datagram", done, 0)
}
