//! Parsing to routing keys allocates the message's buffer and nothing else.

#![expect(unsafe_code, reason = "counting allocations needs a global allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use strowger_sip::{Framing, HeaderId, Message};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn parsing_to_routing_keys_allocates_one_buffer() {
    let text = format!(
        "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n\
         Call-ID: x@y\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1:5060;ob>\r\nAllow: INVITE, ACK, BYE\r\n\
         Supported: timer\r\nUser-Agent: phone\r\nContent-Type: application/sdp\r\nContent-Length: 900\r\n\r\n{}",
        "v".repeat(900)
    );
    let before = COUNT.with(Cell::get);
    let message = Message::parse(text.as_bytes(), Framing::Datagram).unwrap();
    let keys = [message.branch(), message.from_tag(), message.to_tag(), message.call_id()];
    let contact = message.contact().unwrap().unwrap();
    let via = message.via().unwrap();
    let after = COUNT.with(Cell::get);
    assert_eq!(after - before, 1);
    assert_eq!((keys[0], contact.uri.user, via.port), ("z9hG4bK1", Some("alice"), Some(5060)));
    assert_eq!(message.text(HeaderId::UserAgent), Some("phone"));
}
