//! Parsing an INVITE of 1.5 kB to what a request is routed by, in this process.

use std::hint::black_box;
use std::time::{Duration, Instant};

use strowger_sip::{Framing, Message};

use crate::report::{Line, Meter};

/// Messages between two looks at the clock.
const ROUND: u64 = 1_000;

/// An INVITE as a desk phone behind two proxies sends it.
fn invite() -> Vec<u8> {
    let mut head = String::from("INVITE sip:493012345678@sip.example.com;user=phone SIP/2.0\r\n");
    for hop in 0..3 {
        head.push_str(&format!(
            "Via: SIP/2.0/UDP 192.0.2.{hop}:5060;branch=z9hG4bK-524287-1---9f3c{hop}a7d;rport;received=198.51.100.7\r\n"
        ));
    }
    for hop in 0..2 {
        head.push_str(&format!("Record-Route: <sip:192.0.2.{hop};lr;ftag=b7c3d2>\r\n"));
    }
    head.push_str(
        "Max-Forwards: 68\r\nContact: <sip:alice@198.51.100.7:52344;transport=udp;ob>\r\n\
         To: <sip:493012345678@sip.example.com;user=phone>\r\nFrom: \"Alice\" <sip:alice@sip.example.com>;tag=b7c3d2\r\n\
         Call-ID: 84516MmNhOTk0OWI5ZTU4NTU1OWQ5MjYxODU@198.51.100.7\r\nCSeq: 2 INVITE\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO, UPDATE, PRACK\r\n\
         Proxy-Authorization: Digest username=\"alice\",realm=\"sip.example.com\",nonce=\"5f2c1ab80000a7d9e0c4\",\
         uri=\"sip:493012345678@sip.example.com;user=phone\",response=\"0a4f113b42d1c3a5f2c8d9e0b1a2f3c4\",\
         cnonce=\"b2c7d1\",nc=00000002,qop=auth,algorithm=MD5\r\n\
         Supported: replaces, timer, 100rel, outbound\r\nUser-Agent: A desk phone 4.12.0.96\r\n\
         Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nContent-Type: application/sdp\r\n",
    );
    let body = crate::sip::description(40_000).replace("RTP/AVP 8 101", "RTP/AVP 8 0 9 101");
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    head.into_bytes()
}

pub fn measure(window: Duration) -> Line {
    let bytes = invite();
    let meter = Meter::of_this_thread();
    let (started, mut done, mut wrong) = (Instant::now(), 0, 0);
    while started.elapsed() < window {
        for _ in 0..ROUND {
            match Message::parse(black_box(&bytes), Framing::Datagram) {
                Ok(message) => {
                    let keys = (message.method(), message.call_id(), message.to_tag(), message.from_tag());
                    black_box((keys, message.branch(), message.uri_text(), message.cseq()));
                }
                Err(_) => wrong += 1,
            }
        }
        done += ROUND;
    }
    meter.finish(format!("SIP parse, INVITE of {} bytes", bytes.len()), "message", done, wrong)
}
