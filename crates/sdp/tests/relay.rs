//! What leaves for one side, given what the other side said.

use std::net::{IpAddr, Ipv4Addr};

use strowger_model::media::{Audio, Codec, Latch};
use strowger_sdp::{
    Direction, NotAcceptable, Ours, Policy, Role, Session, awaiting, check_answer, check_offer, compatible,
    local_answer, local_offer, negotiated, relay_answer, relay_offer, same_but_version, unchanged,
    with_direction,
};

const OURS: Ours =
    Ours { session_id: 7, version: 1, ip: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9)), rtp_port: 20000 };
const POLICY: Policy = Policy { latch: Latch::Learn, silent_ms: Some(60_000) };
const HEAD: &str = "v=0|o=- 7 1 IN IP4 198.51.100.9|s=-|c=IN IP4 198.51.100.9|t=0 0|";

/// A description written on one line, `|` for a line's end.
fn sdp(text: &str) -> Session {
    Session::parse(text.replace('|', "\n").as_bytes()).expect("the test's description parses")
}

/// The same the other way.
fn text(session: &Session) -> String {
    String::from_utf8_lossy(&session.write()).trim_end().replace("\r\n", "|")
}

#[test]
fn an_offer_passes_with_our_address_and_without_the_hop() {
    let cases = [
        // The shape of RFC 3264 section 10.1: of several media lines the first audio is offered.
        (
            "v=0|o=alice 2890844526 2890844526 IN IP4 host.anywhere.com|s=|c=IN IP4 192.0.2.1|t=0 0|m=audio 49170 RTP/AVP 0|a=rtpmap:0 PCMU/8000|m=video 51372 RTP/AVP 31|a=rtpmap:31 H261/90000|m=video 53000 RTP/AVP 32",
            "m=audio 20000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=sendrecv",
        ),
        // Unknown lines and formats pass; ICE, mux, ssrc, keys and titles stay behind.
        (
            "v=0|o=x 1 1 IN IP4 192.0.2.1|s=call|c=IN IP4 192.0.2.1|t=0 0|a=group:BUNDLE a|a=tool:thing|m=audio 4000 RTP/AVP 96 9 101|i=voice|c=IN IP4 192.0.2.2|b=AS:80|k=clear:x|a=mid:a|a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host|a=rtpmap:96 opus/48000/2|a=fmtp:96 useinbandfec=1|a=rtcp-mux|a=rtcp:4005|a=ssrc:1 cname:x|a=rtpmap:101 telephone-event/8000|a=x-odd:yes",
            "a=tool:thing|m=audio 20000 RTP/AVP 96 9 101|b=AS:80|a=rtpmap:96 opus/48000/2|a=fmtp:96 useinbandfec=1|a=rtpmap:101 telephone-event/8000|a=x-odd:yes|a=sendrecv",
        ),
        // Hold, as new and as old devices write it, at the session and at the media.
        ("c=IN IP4 192.0.2.1|a=sendonly|m=audio 4 RTP/AVP 8", "m=audio 20000 RTP/AVP 8|a=sendonly"),
        ("c=IN IP4 0.0.0.0|m=audio 4 RTP/AVP 8", "m=audio 20000 RTP/AVP 8|a=sendonly"),
        ("c=IN IP4 0.0.0.0|m=audio 4 RTP/AVP 8|a=recvonly", "m=audio 20000 RTP/AVP 8|a=inactive"),
        (
            "c=IN IP4 192.0.2.1|a=inactive|m=audio 4 RTP/AVP 8|a=sendrecv",
            "m=audio 20000 RTP/AVP 8|a=sendrecv",
        ),
        // SDES keys pass from end to end; a dead audio line is passed over; no c= means the origin's address.
        (
            "o=x 1 1 IN IP4 192.0.2.1|m=audio 0 RTP/AVP 0|m=audio 4 RTP/SAVP 0|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc",
            "m=audio 20000 RTP/SAVP 0|a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|a=sendrecv",
        ),
    ];
    for (peer, wanted) in cases {
        let offer = relay_offer(&sdp(peer), &OURS, None, None).expect("an acceptable offer");
        assert_eq!(text(&offer), format!("{HEAD}{wanted}"), "{peer}");
        assert_eq!(Session::parse(&offer.write()).as_ref(), Ok(&offer), "what we write we read");
    }
}

#[test]
fn offers_that_cannot_be_relayed_say_why() {
    let cases = [
        ("v=0|c=IN IP4 192.0.2.1", NotAcceptable::NoAudio, 304),
        ("c=IN IP4 192.0.2.1|m=audio 0 RTP/AVP 0", NotAcceptable::NoAudio, 304),
        ("c=IN IP4 192.0.2.1|m=video 4 RTP/AVP 31", NotAcceptable::NoAudio, 304),
        ("c=IN IP4 a.example|m=audio 4 RTP/AVP 0", NotAcceptable::NoAddress, 301),
        ("m=audio 4 RTP/AVP 0", NotAcceptable::NoAddress, 301),
        (
            "c=IN IP4 192.0.2.1|m=audio 4 RTP/AVP 101|a=rtpmap:101 telephone-event/8000",
            NotAcceptable::NoCommonCodec,
            305,
        ),
        (
            "c=IN IP4 192.0.2.1|m=audio 9 UDP/TLS/RTP/SAVPF 111",
            NotAcceptable::Protocol("UDP/TLS/RTP/SAVPF".into()),
            302,
        ),
    ];
    for (offer, wanted, warning) in cases {
        let refused = check_offer(&sdp(offer)).expect_err(offer);
        assert_eq!(refused.warning().0, warning, "{offer}");
        assert_eq!(refused, wanted, "{offer}");
        assert_eq!(relay_offer(&sdp(offer), &OURS, None, None), Err(wanted), "{offer}");
    }
}

#[test]
fn an_answer_keeps_the_offers_lines_and_permits_no_more_than_it() {
    let base = "o=x 1 1 IN IP4 192.0.2.1|c=IN IP4 192.0.2.1|";
    let cases = [
        ("m=audio 4 RTP/AVP 0 8", "m=audio 6 RTP/AVP 8", "m=audio 20000 RTP/AVP 8|a=sendrecv"),
        (
            "m=video 8 RTP/AVP 31 32|m=audio 4 RTP/AVP 0|m=image 9 udptl t38|m=audio 6 RTP/AVP 8",
            "m=audio 6 RTP/AVP 0|a=ptime:30",
            "m=video 0 RTP/AVP 31|m=audio 20000 RTP/AVP 0|a=ptime:30|a=sendrecv|m=image 0 udptl t38|m=audio 0 RTP/AVP 8",
        ),
        ("m=audio 4 RTP/AVP 0|a=sendonly", "m=audio 6 RTP/AVP 0", "m=audio 20000 RTP/AVP 0|a=recvonly"),
        (
            "m=audio 4 RTP/AVP 0|a=sendonly",
            "m=audio 6 RTP/AVP 0|a=sendonly",
            "m=audio 20000 RTP/AVP 0|a=inactive",
        ),
        ("m=audio 4 RTP/AVP 0", "m=audio 6 RTP/AVP 0|c=IN IP4 0.0.0.0", "m=audio 20000 RTP/AVP 0|a=sendonly"),
    ];
    for (offer, answer, wanted) in cases {
        let (offer, answer) = (sdp(&format!("{base}{offer}")), sdp(&format!("{base}{answer}")));
        let made = relay_answer(&offer, &answer, &OURS).expect("an answer");
        assert_eq!(text(&made), format!("{HEAD}{wanted}"));
        assert_eq!(check_answer(&offer, &made), Ok(()), "our answers fit");
    }
    let none = relay_answer(
        &sdp(&format!("{base}m=audio 4 RTP/AVP 0")),
        &sdp(&format!("{base}m=audio 4 RTP/AVP 18")),
        &OURS,
    );
    assert_eq!(none, Err(NotAcceptable::NoCommonCodec));
}

#[test]
fn a_leg_that_ends_here_gets_g711_in_the_offerers_order() {
    let base = "c=IN IP4 192.0.2.1|";
    let cases = [
        (
            "m=audio 4 RTP/AVP 96 8 0 101|a=rtpmap:96 opus/48000/2|a=rtpmap:101 telephone-event/8000",
            Ok(
                "m=audio 20000 RTP/AVP 8 101|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16|a=ptime:20|a=sendrecv",
            ),
        ),
        (
            "m=audio 4 RTP/AVPF 0|a=sendonly|m=video 5 RTP/AVPF 31",
            Ok("m=audio 20000 RTP/AVPF 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=recvonly|m=video 0 RTP/AVPF 31"),
        ),
        (
            "m=audio 4 RTP/AVP 97|a=rtpmap:97 pcmu/8000",
            Ok("m=audio 20000 RTP/AVP 97|a=rtpmap:97 PCMU/8000|a=ptime:20|a=sendrecv"),
        ),
        ("m=audio 4 RTP/AVP 9 18", Err(NotAcceptable::NoCommonCodec)),
        ("m=audio 4 RTP/SAVP 0", Err(NotAcceptable::Protocol("RTP/SAVP".into()))),
    ];
    for (offer, wanted) in cases {
        let made = local_answer(&sdp(&format!("{base}{offer}")), &OURS);
        assert_eq!(made.map(|s| text(&s)), wanted.map(|w| format!("{HEAD}{w}")), "{offer}");
    }
}

#[test]
fn a_later_offer_keeps_the_number_and_order_of_our_media_lines() {
    let previous = sdp("c=IN IP4 198.51.100.9|m=video 0 RTP/AVP 31|m=audio 20000 RTP/AVP 0");
    let peer = sdp("c=IN IP4 192.0.2.1|m=audio 4 RTP/AVP 8");
    let ours = Ours { version: 2, ..OURS };
    let offer = relay_offer(&peer, &ours, Some(Direction::Inactive), Some(&previous)).expect("an offer");
    let head = HEAD.replace("7 1", "7 2");
    assert_eq!(text(&offer), format!("{head}m=video 0 RTP/AVP 31|m=audio 20000 RTP/AVP 8|a=inactive"));
    let again = with_direction(&offer, &OURS, Direction::SendRecv);
    assert_eq!(text(&again), format!("{HEAD}m=video 0 RTP/AVP 31|m=audio 20000 RTP/AVP 8|a=sendrecv"));
    let own = local_offer(&OURS, Direction::SendRecv, Some(&previous));
    let kinds: Vec<_> = own.media().map(|m| (m.kind().to_vec(), m.port())).collect();
    assert_eq!(kinds, [(b"video".to_vec(), 0), (b"audio".to_vec(), 20000)]);
    assert_eq!(local_offer(&OURS, Direction::SendRecv, None).media().count(), 1);
}

#[test]
fn answers_that_do_not_fit_are_told() {
    let offer = local_offer(&OURS, Direction::SendRecv, None);
    let cases = [
        ("m=audio 4 RTP/AVP 0", Ok(())),
        ("m=audio 4 RTP/AVP 18 8", Ok(())),
        (
            "m=audio 4 RTP/AVP 0|m=video 0 RTP/AVP 31",
            Err(NotAcceptable::MediaCount { offered: 1, answered: 2 }),
        ),
        ("a=x", Err(NotAcceptable::MediaCount { offered: 1, answered: 0 })),
        ("m=video 4 RTP/AVP 31", Err(NotAcceptable::MediaKind { index: 0 })),
        ("m=audio 0 RTP/AVP 0", Err(NotAcceptable::NoAudio)),
        ("m=audio 4 RTP/AVP 18", Err(NotAcceptable::NoCommonCodec)),
    ];
    for (answer, wanted) in cases {
        assert_eq!(check_answer(&offer, &sdp(&format!("c=IN IP4 192.0.2.1|{answer}"))), wanted, "{answer}");
    }
}

#[test]
fn facts_are_the_peers_address_direction_and_format() {
    let ours = local_offer(&OURS, Direction::SendRecv, None);
    let base = "c=IN IP4 192.0.2.1|m=audio 4000 RTP/AVP ";
    // What they answer: RTP, RTCP, may send, may receive, events, payload, codec, packet length.
    type Fact<'a> = (&'a str, Option<&'a str>, Option<&'a str>, bool, bool, Option<u8>, u8, Codec, u8);
    let cases: &[Fact<'_>] = &[
        ("0", Some("192.0.2.1:4000"), None, true, true, None, 0, Codec::Pcmu, 20),
        (
            "8 101|a=rtpmap:101 telephone-event/8000|a=ptime:30|a=rtcp:4009",
            Some("192.0.2.1:4000"),
            Some("192.0.2.1:4009"),
            true,
            true,
            Some(101),
            8,
            Codec::Pcma,
            30,
        ),
        (
            "18 0 99|a=rtpmap:99 telephone-event/8000|a=sendonly",
            Some("192.0.2.1:4000"),
            None,
            false,
            true,
            Some(101),
            0,
            Codec::Pcmu,
            20,
        ),
        (
            "0|a=inactive|a=rtcp:53020 IN IP4 192.0.2.7",
            Some("192.0.2.1:4000"),
            Some("192.0.2.7:53020"),
            false,
            false,
            None,
            0,
            Codec::Pcmu,
            20,
        ),
        ("0|c=IN IP4 0.0.0.0", None, None, false, true, None, 0, Codec::Pcmu, 20),
        ("0|a=ptime:20.5|a=maxptime:10", Some("192.0.2.1:4000"), None, true, true, None, 0, Codec::Pcmu, 10),
        ("0|a=ptime:0", Some("192.0.2.1:4000"), None, true, true, None, 0, Codec::Pcmu, 20),
        ("0|a=ptime:4294967299", Some("192.0.2.1:4000"), None, true, true, None, 0, Codec::Pcmu, 20),
    ];
    for &(answer, rtp, rtcp, send, receive, dtmf, payload, codec, ptime_ms) in cases {
        let got = negotiated(&ours, &sdp(&format!("{base}{answer}")), Role::WeOffered, POLICY).expect(answer);
        assert_eq!(got.rtp.map(|a| a.to_string()).as_deref(), rtp, "{answer}");
        assert_eq!(got.rtcp.map(|a| a.to_string()).as_deref(), rtcp, "{answer}");
        assert_eq!((got.send, got.receive, got.dtmf_payload), (send, receive, dtmf), "{answer}");
        assert_eq!(got.audio, Audio { payload, codec, ptime_ms }, "{answer}");
        assert_eq!((got.latch, got.silent_ms), (Latch::Learn, Some(60_000)));
    }
}

#[test]
fn the_answer_chooses_and_the_peers_number_counts() {
    let theirs =
        sdp("c=IN IP4 192.0.2.1|m=audio 4 RTP/AVP 97 96|a=rtpmap:96 PCMA/8000|a=rtpmap:97 opus/48000/2");
    let ours = sdp("c=IN IP4 198.51.100.9|m=audio 6 RTP/AVP 8");
    let facts = negotiated(&ours, &theirs, Role::WeAnswered, POLICY).expect("facts");
    assert_eq!(facts.audio, Audio { payload: 96, codec: Codec::Pcma, ptime_ms: 20 });
    let srtp = sdp("c=IN IP4 192.0.2.1|m=audio 4 RTP/SAVP 0 101|a=rtpmap:101 telephone-event/8000");
    let facts = negotiated(&srtp, &srtp, Role::WeAnswered, POLICY).expect("facts");
    assert_eq!((facts.audio.codec, facts.dtmf_payload), (Codec::Other, None), "sealed packets only pass");
    let early = awaiting(&local_offer(&OURS, Direction::SendRecv, None), POLICY);
    assert_eq!((early.rtp, early.dtmf_payload, early.audio.codec), (None, Some(101), Codec::Pcmu));
}

#[test]
fn repetitions_are_known_by_origin_and_lines() {
    let one = sdp("o=x 1 1 IN IP4 192.0.2.1|m=audio 4 RTP/AVP 0");
    let raised = sdp("o=x 1 2 IN IP4 192.0.2.1|m=audio 4 RTP/AVP 0");
    let silent = sdp("o=x 1 1 IN IP4 192.0.2.1|m=audio 4 RTP/AVP 0|a=sendonly");
    assert!(unchanged(&one, &one.clone()));
    assert!(!unchanged(&one, &raised));
    assert!(same_but_version(&one, &raised));
    assert!(!unchanged(&one, &silent), "a device that forgets to raise its version is still heard");
}

#[test]
fn a_frozen_answer_bears_a_branch_that_speaks_its_format() {
    let frozen = sdp("m=audio 4 RTP/AVP 8 96|a=rtpmap:96 opus/48000/2");
    let cases = [
        ("m=audio 6 RTP/AVP 8 0", true),
        ("m=audio 6 RTP/AVP 0 8", false),
        ("m=audio 6 RTP/AVP 97|a=rtpmap:97 opus/48000/2", false),
        ("m=audio 6 RTP/AVP 96|a=rtpmap:96 OPUS/48000/2", true),
        ("m=audio 0 RTP/AVP 8", false),
    ];
    for (answer, wanted) in cases {
        assert_eq!(compatible(&frozen, &sdp(answer)), wanted, "{answer}");
    }
}
