//! Connections that are open and say nothing: what they take of the server's memory, and of its time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cpu;
use crate::report::{Line, Meter};
use crate::server::{Server, StartError};

/// A kind of connection.
pub struct Kind {
    name: &'static str,
    /// What a client says before it falls silent.
    hello: &'static str,
}

/// What is measured.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "WebSockets",
        hello: "GET /mvstwebsocket/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    },
    Kind { name: "API lines over TCP", hello: "?apientry=apitest1\r\n" },
    Kind {
        name: "HTTP keep-alive",
        hello: "GET /mvapireq/?apientry=apitest1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    },
];

/// Opens so many, then watches the server for the window. Memory is the whole process's.
pub fn measure(server: &Server, kind: &Kind, count: usize, window: Duration) -> Result<Line, StartError> {
    let failed = |error: std::io::Error| StartError::Process(error.to_string());
    cpu::raise_descriptor_limit();
    // The first connection pays for what is made once.
    let first = open(server, kind).map_err(failed)?;
    let before = cpu::memory_kb(server.pid());
    let mut streams = vec![first];
    while streams.len() < count {
        streams.push(open(server, kind).map_err(failed)?);
    }
    let meter = Meter::start(server);
    std::thread::sleep(window);
    let each = (cpu::memory_kb(server.pid()).saturating_sub(before) * 1024) / count as u64;
    let title = format!("{count} idle {}, {each} B each", kind.name);
    Ok(meter.finish(title, "connection", count as u64, 0))
}

/// Connects, says hello and waits for the answer.
fn open(server: &Server, kind: &Kind) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server.main())?;
    stream.write_all(kind.hello.as_bytes())?;
    let length = stream.read(&mut [0; 1024])?;
    if length == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(stream) }
}
