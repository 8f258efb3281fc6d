//! API requests: `balance` with authmd5 over HTTP keep-alive and over UDP.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::latency::Latency;
use crate::report::{Line, Meter};
use crate::server::{Bare, Server, StartError, authmd5};
use crate::udp;

const USER: (&str, &str) = ("api", "pw-api");

/// Makes the account that asks, and its request.
pub fn request(server: &Server) -> Result<String, StartError> {
    server.api(&format!(
        "apientry=newuseri&u_username={}&u_password={}&u_currency=USD&credit=9.8",
        USER.0, USER.1
    ))?;
    Ok(format!("/mvapireq/?apientry=balance&{}", authmd5(USER.0, USER.1, "4711")))
}

/// So many connections, each with one request outstanding.
pub fn http(
    server: &Server,
    request: &str,
    connections: usize,
    window: Duration,
) -> Result<Line, StartError> {
    let title = format!("API balance over HTTP, c={connections}");
    let side = Side { address: server.main(), pid: server.pid(), expected: b"Your credit is $9.8" };
    keep_alive(&side, request, connections, window, title)
}

/// The same requests to a server that does nothing with them: what HTTP costs by itself.
pub fn bare_http(
    bare: &Bare,
    request: &str,
    connections: usize,
    window: Duration,
) -> Result<Line, StartError> {
    let title = format!("bare hyper over HTTP, c={connections}");
    let side = Side { address: bare.address(), pid: bare.pid(), expected: b"hello" };
    keep_alive(&side, request, connections, window, title)
}

/// Whom requests are sent to, and what its answers contain.
struct Side {
    address: SocketAddr,
    pid: u32,
    expected: &'static [u8],
}

fn keep_alive(
    side: &Side,
    target: &str,
    connections: usize,
    window: Duration,
    title: String,
) -> Result<Line, StartError> {
    let text = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let failed = |error: std::io::Error| StartError::Process(error.to_string());
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(side.address).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.write_all(text.as_bytes()).map_err(failed)?;
    }
    let (warm_up, mut meter, mut done, mut wrong) = (Instant::now(), None, 0_u64, 0_u64);
    let mut buffer = [0; 4096];
    let (mut latency, mut sent) = (Latency::default(), vec![Instant::now(); connections]);
    loop {
        match &meter {
            None if warm_up.elapsed() > window / 4 => {
                meter = Some((Meter::of_process(side.pid), Instant::now()));
                (done, wrong) = (0, 0);
                latency.clear();
            }
            Some((_, since)) if Instant::elapsed(since) > window => break,
            _ => {}
        }
        for (stream, sent) in streams.iter_mut().zip(&mut sent) {
            // An answer is a few hundred bytes and comes in one segment on the loopback.
            let Ok(length) = stream.read(&mut buffer) else { continue };
            if length == 0 {
                return Err(StartError::Process("the server closed a kept-alive connection".to_owned()));
            }
            latency.took(*sent);
            if find(&buffer[..length], side.expected) {
                done += 1;
            } else {
                wrong += 1;
            }
            *sent = Instant::now();
            stream.write_all(text.as_bytes()).map_err(failed)?;
        }
    }
    let (meter, _) = meter.expect("the warm-up ended");
    Ok(meter.finish(title, "request", done, wrong).that_took(&latency))
}

/// One socket with so many requests outstanding.
pub fn datagrams(server: &Server, outstanding: usize, window: Duration) -> Result<Line, StartError> {
    let text = request(server)?;
    let socket = udp::socket().map_err(|error| StartError::Process(error.to_string()))?;
    let send = || {
        let _ = socket.send_to(text.as_bytes(), server.main());
        Instant::now()
    };
    // Requests of one socket are answered in the order in which they came.
    let mut sent: VecDeque<Instant> = (0..outstanding).map(|_| send()).collect();
    let mut latency = Latency::default();
    let (warm_up, mut meter, mut done, mut wrong) = (Instant::now(), None, 0_u64, 0_u64);
    let (mut buffer, mut last_seen) = ([0; 4096], Instant::now());
    loop {
        match &meter {
            None if warm_up.elapsed() > window / 4 => {
                meter = Some((Meter::start(server), Instant::now()));
                (done, wrong) = (0, 0);
                latency.clear();
            }
            Some((_, since)) if Instant::elapsed(since) > window => break,
            _ => {}
        }
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            last_seen = Instant::now();
            sent.pop_front().into_iter().for_each(|began| latency.took(began));
            if find(&buffer[..length], b"Your credit is $9.8") {
                done += 1;
            } else {
                wrong += 1;
            }
            sent.push_back(send());
        }
        if last_seen.elapsed() > Duration::from_millis(500) {
            wrong += outstanding as u64;
            last_seen = Instant::now();
            sent = (0..outstanding).map(|_| send()).collect();
        }
    }
    let (meter, _) = meter.expect("the warm-up ended");
    let title = format!("API balance over UDP, w:{outstanding}");
    Ok(meter.finish(title, "request", done, wrong).that_took(&latency))
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
