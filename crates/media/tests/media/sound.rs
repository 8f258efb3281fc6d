//! Generated sound as a telephone hears it, and the change between sound and speech.

use crate::common::{Exchange, Phone, config};
use strowger_codec::{MUSIC_NOTES_HZ, NOTE_MS, alaw_decode, dominant_hz, ulaw_decode};
use strowger_model::media::{Audio, Codec, Source};
use strowger_rtp::Header;

/// Listens to `count` packets: their headers and samples.
fn listen(phone: &Phone, count: usize, decode: fn(u8) -> i16) -> (Vec<Header>, Vec<i16>) {
    let heard: Vec<_> = (0..count).map(|_| phone.hear()).collect();
    let samples = heard.iter().flat_map(|(_, payload)| payload.iter().map(|&b| decode(b))).collect();
    (heard.into_iter().map(|(header, _)| header).collect(), samples)
}

#[test]
fn an_echo_comes_back() {
    let mut exchange = Exchange::start(config());
    let mut alice = Phone::new(1);
    let a = exchange.claim(alice.at(), |r| r.audio.codec = Codec::Other);
    exchange.source(a.id, Source::Echo);
    exchange.settle();
    for word in [b"one", b"two"] {
        alice.say(a.rtp_port, word);
        assert_eq!(alice.hear().1, word);
    }
}

#[test]
fn sounds_have_their_frequency_and_numbers() {
    let music = MUSIC_NOTES_HZ[0] as u16;
    let alaw: (Codec, fn(u8) -> i16) = (Codec::Pcma, alaw_decode);
    let ulaw: (Codec, fn(u8) -> i16) = (Codec::Pcmu, ulaw_decode);
    let cases = [
        (Source::Tone { hz: 1000 }, 20, alaw, 1000),
        (Source::Tone { hz: 440 }, 30, ulaw, 440),
        (Source::Ringback, 10, alaw, 425),
        (Source::Music, 20, ulaw, music),
    ];
    for (source, ptime_ms, (codec, decode), hz) in cases {
        let mut exchange = Exchange::start(config());
        let phone = Phone::new(1);
        let a = exchange.claim(phone.at(), |r| r.audio = Audio { payload: 96, codec, ptime_ms });
        exchange.source(a.id, source);
        let count = NOTE_MS as usize / usize::from(ptime_ms);
        let (headers, samples) = listen(&phone, count, decode);
        let (heard, _) = dominant_hz(&samples, 300, 1200).expect("sound");
        assert!(heard.abs_diff(hz) <= 3, "{source:?}: {heard} Hz");
        assert!(headers[0].marker && headers[1..].iter().all(|h| !h.marker));
        for pair in headers.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(u32::from(ptime_ms) * 8));
            assert_eq!((pair[1].ssrc, pair[1].payload_type), (pair[0].ssrc, 96));
        }
    }
}

#[test]
fn from_ringback_to_speech_it_is_one_stream() {
    let mut exchange = Exchange::start(config());
    let (alice, mut bob) = (Phone::new(1), Phone::new(2));
    let (a, b) = (exchange.claim(alice.at(), |_| {}), exchange.claim(bob.at(), |_| {}));
    exchange.join(a.id, b.id);
    exchange.source(a.id, Source::Ringback);
    exchange.settle();
    let (headers, _) = listen(&alice, 3, alaw_decode);
    bob.say(b.rtp_port, b"not yet");
    exchange.await_packets(1);
    exchange.source(a.id, Source::None);
    exchange.settle();
    bob.say(b.rtp_port, b"hello");
    let mut last = headers[2];
    loop {
        let (header, payload) = alice.hear();
        assert_ne!(payload, b"not yet", "sound comes before the patch");
        assert_eq!((header.ssrc, header.sequence), (last.ssrc, last.sequence.wrapping_add(1)));
        assert!(header.timestamp.wrapping_sub(last.timestamp).cast_signed() > 0);
        last = header;
        if payload == b"hello" {
            break;
        }
    }
    assert!(last.marker, "speech begins a new spurt");
}

#[test]
fn sound_may_be_ordered_before_the_peer_is_known() {
    let mut exchange = Exchange::start(config());
    let phone = Phone::new(1);
    let slot = exchange.pool.remove(0);
    exchange.source(slot.id, Source::Tone { hz: 800 });
    exchange.describe(slot.id, phone.at(), |_| {});
    let (_, samples) = listen(&phone, 10, alaw_decode);
    assert_eq!(dominant_hz(&samples, 300, 1200).map(|d| d.0), Some(800));
    assert!(exchange.free(slot.id).sent >= 10);
}
