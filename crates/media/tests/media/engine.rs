//! Start, check, counts, ports and end of the engine.

use crate::common::{Exchange, LOCAL, PATIENCE, Phone, config};
use std::net::UdpSocket;
use std::time::Instant;
use strowger_media::{CheckError, Engine, EngineConfig, EngineStats, StartError};

#[test]
fn the_check_goes_through_the_ports_and_fails_without_them() {
    let exchange = Exchange::start(EngineConfig { threads: 2, ..config() });
    for _ in 0..3 {
        exchange.engine.loopback_check().expect("a packet goes through");
    }
    exchange.engine.close_ports();
    let deadline = Instant::now() + PATIENCE;
    // The order to close is performed at the next round; from then on every check fails.
    while exchange.engine.loopback_check().is_ok() {
        assert!(Instant::now() < deadline);
    }
    assert!(matches!(exchange.engine.loopback_check(), Err(CheckError::NoAnswer { .. })));
    exchange.engine.shutdown();
    exchange.engine.shutdown();
    assert!(matches!(exchange.engine.loopback_check(), Err(CheckError::Stopped)));
}

#[test]
fn the_sockets_are_closed_at_the_end() {
    let exchange = Exchange::start(config());
    let port = exchange.pool[0].rtp_port;
    assert!(UdpSocket::bind((LOCAL, port)).is_err());
    exchange.engine.shutdown();
    assert_eq!(exchange.engine.stats().threads, 0);
    UdpSocket::bind((LOCAL, port)).expect("free again");
}

#[test]
fn ports_in_use_are_passed_over_and_the_range_is_the_bound() {
    // A stretch of ports that the system just gave: taken by others at its second pair.
    let (taken, first) = loop {
        let socket = UdpSocket::bind((LOCAL, 0)).expect("a socket");
        let port = socket.local_addr().expect("bound").port();
        if (4096..65_000).contains(&port) && port.is_multiple_of(2) {
            break (socket, port - 2);
        }
    };
    let range = EngineConfig { port_min: first - 1, port_max: first + 7, pool_pairs: 50, ..config() };
    let mut exchange = Exchange::start(range);
    let ports: Vec<_> = exchange.pool.iter().map(|s| s.rtp_port).collect();
    assert!(!ports.is_empty() && !ports.contains(&(first + 2)), "{ports:?}");
    assert!(ports.iter().all(|p| p % 2 == 0 && (first..first + 7).contains(p)), "{ports:?}");
    let all = exchange.pool.len();
    for _ in 0..all {
        exchange.claim(Phone::new(1).at(), |_| {});
    }
    exchange.settle();
    drop(taken);
}

#[test]
fn a_long_stretch_of_ports_in_use_does_not_keep_the_engine_from_starting() {
    // Somebody else's engine holds the beginning of the range: more pairs than are tried for one order.
    const PAIRS: u16 = 300;
    let (first, taken) = (10_000..60_000)
        .step_by(2 * usize::from(PAIRS))
        .find_map(|first: u16| {
            let ports = (first..first + 2 * PAIRS).step_by(2);
            let taken: Option<Vec<_>> = ports.map(|port| UdpSocket::bind((LOCAL, port)).ok()).collect();
            Some((first, taken?))
        })
        .expect("three hundred free pairs somewhere");
    let range = EngineConfig { port_min: first, port_max: first + 2 * PAIRS + 99, ..config() };
    let exchange = Exchange::start(range);
    assert!(exchange.pool.iter().all(|slot| slot.rtp_port >= first + 2 * PAIRS));
    assert!(!exchange.pool.is_empty());
    drop(taken);
}

#[test]
fn the_descriptor_limit_only_rises() {
    let first = strowger_media::raise_descriptor_limit().expect("permitted up to the hard limit");
    assert_eq!(strowger_media::raise_descriptor_limit().ok(), Some(first));
    assert!(first >= 256, "{first}");
}

#[test]
fn what_cannot_start_says_why() {
    let start = |config| Engine::start(config, |_, _| {}).err();
    let none = EngineConfig { threads: 0, ..config() };
    assert!(matches!(start(none), Some(StartError::Config(_))));
    let reversed = EngineConfig { port_min: 9, port_max: 8, ..config() };
    assert!(matches!(start(reversed), Some(StartError::Config(_))));
    let holder = UdpSocket::bind((LOCAL, 0)).expect("a socket");
    let port = holder.local_addr().expect("bound").port() & !1;
    let full = EngineConfig { port_min: port, port_max: port + 1, ..config() };
    assert!(matches!(start(full), Some(StartError::NoPorts { .. })));
}

#[test]
fn two_threads_serve_their_own_shards() {
    let exchange = Exchange::start(EngineConfig { threads: 2, shards: 2, ..config() });
    let mut exchange = exchange;
    exchange.await_slots();
    let threads: Vec<_> = exchange.pool.iter().map(|s| s.id.thread).collect();
    assert_eq!(threads, [0, 0, 0, 0, 1, 1, 1, 1]);
}

#[test]
fn thousands_of_packets_in_a_burst_are_gathered_and_all_arrive() {
    // Far beyond the rate at which packets are gathered: 64 conversations, each a few packets at a time.
    let mut exchange = Exchange::start(EngineConfig {
        pool_pairs: 64,
        coalesce_above_pps: 100,
        coalesce_sleep_us: 200,
        ..config()
    });
    let mut phones: Vec<_> = (0..8).map(Phone::new).collect();
    let slots: Vec<_> = phones.iter().map(|p| exchange.claim(p.at(), |_| {})).collect();
    for pair in slots.chunks(2) {
        exchange.join(pair[0].id, pair[1].id);
    }
    exchange.settle();
    for round in 0..200u16 {
        for (phone, slot) in phones.iter_mut().zip(&slots) {
            phone.say(slot.rtp_port, &round.to_be_bytes());
        }
        for phone in &phones {
            assert_eq!(phone.hear().1, round.to_be_bytes());
        }
    }
    let stats = exchange.free(slots[0].id);
    assert_eq!((stats.received, stats.sent, stats.lost, stats.dropped), (200, 200, 0, 0));
    for slot in &slots[1..] {
        assert_eq!(exchange.free(slot.id).received, 200);
    }
    let EngineStats { threads, .. } = exchange.engine.stats();
    assert_eq!(threads, 1);
}

#[test]
fn an_ipv6_socket_serves_ipv4_peers() {
    let bind = std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
    if UdpSocket::bind((bind, 0)).is_err() {
        println!("skipped: no IPv6 on this machine");
        return;
    }
    let mut exchange = Exchange::start(EngineConfig { bind, ..config() });
    exchange.engine.loopback_check().expect("a packet goes through");
    let (mut alice, bob) = (Phone::new(1), Phone::new(2));
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(bob.at(), |_| {}));
    exchange.join(a.id, b.id);
    exchange.settle();
    alice.say(a.rtp_port, b"over both");
    assert_eq!(bob.hear().1, b"over both");
}
