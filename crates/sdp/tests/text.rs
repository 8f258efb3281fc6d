//! Reading: odd devices, limits, and bytes that nobody meant.

use strowger_model::media::Latch;
use strowger_sdp::{
    Direction, MAX_BODY_BYTES, MAX_LINES, MAX_MEDIA, Ours, ParseError, Policy, Role, Session, check_answer,
    local_answer, negotiated, relay_answer, relay_offer, with_direction,
};

const RFC_4566: &str = "v=0\r\no=jdoe 2890844526 2890842807 IN IP4 10.47.16.5\r\ns=SDP Seminar\r\ni=A Seminar\r\nu=http://www.example.com/sdp.pdf\r\ne=j.doe@example.com (Jane Doe)\r\nc=IN IP4 224.2.17.12/127\r\nt=2873397496 2873404696\r\na=recvonly\r\nm=audio 49170 RTP/AVP 0\r\nm=video 51372/2 RTP/AVP 99\r\na=rtpmap:99 h263-1998/90000\r\n";

#[test]
fn the_seminar_of_rfc_4566_reads_and_writes_unchanged() {
    let session = Session::parse(RFC_4566.as_bytes()).expect("valid");
    assert_eq!(String::from_utf8(session.write()).as_deref(), Ok(RFC_4566));
    let origin = session.origin().expect("an origin");
    assert_eq!((origin.username, origin.version), (&b"jdoe"[..], &b"2890842807"[..]));
    assert_eq!(origin.address, b"IN IP4 10.47.16.5");
    let media: Vec<_> = session.media().collect();
    assert_eq!((media[0].port(), media[1].port()), (49170, 51372));
    assert_eq!(media[0].connection().map(|ip| ip.to_string()).as_deref(), Some("224.2.17.12"));
    assert_eq!((media[0].direction(), media[1].direction()), (Direction::RecvOnly, Direction::RecvOnly));
    let video = media[1].codecs().next().expect("a format");
    assert_eq!((video.payload, video.name, video.clock_hz), (99, &b"h263-1998"[..], 90000));
}

#[test]
fn odd_devices_are_understood() {
    // (body, port, first format's name)
    let cases: &[(&[u8], u16, &str)] = &[
        (b"v=0\nc=IN IP4 192.0.2.1\nm=audio 4 RTP/AVP 0\n", 4, "PCMU"),
        (b"v=0\rc=IN IP4 192.0.2.1\rm=audio 4 RTP/AVP 0\r", 4, "PCMU"),
        (b"\r\n v=0 \r\n\r\nm=audio  4   RTP/AVP  8 \r\n\0\0", 4, "PCMA"),
        (b"m=audio 4 RTP/AVP 96\na=rtpmap:96 L16/44100/2 \na=fmtp:96 x", 4, "L16"),
        (b"m=AUDIO 65535/1 rtp/avp 96\na=RTPMAP: 96 opus", 65535, "opus"),
        (b"s=Caf\xe9\xff\nz=whatever\nm=audio 4 RTP/AVP 0 garbage 300", 4, "PCMU"),
        (b"v=0\no=broken\nm=audio 4 RTP/AVP 127", 4, ""),
    ];
    for (body, port, name) in cases {
        let session = Session::parse(body).expect("tolerated");
        let audio = session.audio().expect("audio");
        let first = audio.codecs().next().expect("a format");
        assert_eq!((audio.port(), first.name), (*port, name.as_bytes()), "{}", body.escape_ascii());
    }
}

#[test]
fn an_event_of_the_voices_clock_is_preferred() {
    let body = b"m=audio 4 RTP/AVP 96 101 102\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=rtpmap:102 telephone-event/48000\n";
    assert_eq!(Session::parse(body).expect("valid").audio().expect("audio").telephone_event(), Some(102));
}

#[test]
fn limits_hold_and_errors_name_the_line() {
    let many = |line: &str, count: usize| line.repeat(count).into_bytes();
    let cases: [(Vec<u8>, ParseError); 9] = [
        (vec![], ParseError::Empty),
        (b"\r\n \r\n".to_vec(), ParseError::Empty),
        (vec![b'a'; MAX_BODY_BYTES + 1], ParseError::TooLarge { bytes: MAX_BODY_BYTES + 1 }),
        (many("a=\n", MAX_LINES + 1), ParseError::TooManyLines { limit: MAX_LINES }),
        (many("m=a 1 b c\n", MAX_MEDIA + 1), ParseError::TooManyMedia { limit: MAX_MEDIA }),
        (b"v=0\nhello".to_vec(), ParseError::NotALine { line: 2 }),
        (b"v=0\n1=x".to_vec(), ParseError::NotALine { line: 2 }),
        (b"m=audio RTP/AVP 0".to_vec(), ParseError::BadMedia { line: 1 }),
        (b"v=0\nm=audio 65536 RTP/AVP 0".to_vec(), ParseError::BadMedia { line: 2 }),
    ];
    for (body, wanted) in cases {
        assert_eq!(Session::parse(&body), Err(wanted));
    }
}

/// A small generator (xorshift): the same bytes on every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % below.max(1)
    }
}

#[test]
fn mutated_descriptions_never_panic_and_what_is_made_of_them_reads() {
    const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtcp:4001 IN IP4 192.0.2.1\r\na=ptime:20\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\n";
    const TOKENS: [&[u8]; 9] = [
        b"m=audio 0 RTP/AVP 0\n",
        b"=",
        b":",
        b"/",
        b" ",
        b"99999999999999999999",
        b"\xff",
        b"\r\n",
        b"a=rtpmap:",
    ];
    let ours = Ours { session_id: 1, version: 1, ip: [192, 0, 2, 9].into(), rtp_port: 20000 };
    let policy = Policy { latch: Latch::Never, silent_ms: None };
    let plain = Session::parse(PHONE.as_bytes()).expect("valid");
    let (mut seeded, mut read) = (Seeded(0x5eed), 0);
    for _ in 0..20_000 {
        let mut body = PHONE.as_bytes().to_vec();
        for _ in 0..=seeded.next(4) {
            body.extend_from_slice(b"\n");
            let at = seeded.next(body.len());
            match seeded.next(4) {
                0 => body[at] = u8::try_from(seeded.next(256)).unwrap_or(0),
                1 => drop(body.drain(at..(at + seeded.next(9)).min(body.len()))),
                2 => body.truncate(at + 1),
                _ => drop(body.splice(at..at, TOKENS[seeded.next(TOKENS.len())].iter().copied())),
            }
        }
        let Ok(session) = Session::parse(&body) else { continue };
        read += 1;
        assert_eq!(Session::parse(&session.write()).as_ref(), Ok(&session), "{}", body.escape_ascii());
        let _ = (check_answer(&plain, &session), negotiated(&plain, &session, Role::WeOffered, policy));
        let made = [
            relay_offer(&session, &ours, None, Some(&plain)).ok(),
            relay_answer(&session, &plain, &ours).ok(),
            relay_answer(&plain, &session, &ours).ok(),
            local_answer(&session, &ours).ok(),
            Some(with_direction(&session, &ours, Direction::Inactive)),
        ];
        for made in made.into_iter().flatten() {
            assert_eq!(Session::parse(&made.write()).as_ref(), Ok(&made), "{}", body.escape_ascii());
        }
    }
    assert!(read > 5_000, "most mutations still read: {read}");
}
