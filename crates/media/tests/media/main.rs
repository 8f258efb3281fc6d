//! The engine over real sockets on loopback.

mod common;
mod engine;
mod relay;
mod sound;
mod taps;
