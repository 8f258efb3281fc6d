//! What an offer and its answer say about the peer, and whether they say it properly.

use std::net::SocketAddr;

use strowger_model::media::{Audio, Codec, Latch, Remote};

use crate::error::NotAcceptable;
use crate::media::{Format, Media};
use crate::session::Session;

/// Which of the two descriptions of a dialog is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ours is the offer, theirs the answer.
    WeOffered,
    /// Theirs is the offer, ours the answer.
    WeAnswered,
}

/// What the caller decides about a peer, beside what the descriptions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// May the peer's address be learnt from packets?
    pub latch: Latch,
    /// Report silence after this long, milliseconds; none: never.
    pub silent_ms: Option<u32>,
}

/// Milliseconds per packet where nobody says (RFC 3551 section 4.2).
const DEFAULT_PTIME_MS: u8 = 20;
/// The packet lengths that we generate, milliseconds.
const PTIME_RANGE_MS: std::ops::RangeInclusive<u16> = 10..=120;

/// May this description be offered to us?
///
/// # Errors
/// [`NotAcceptable`]: no audio with a port, a transport that is not RTP over UDP, no address.
pub fn check_offer(offer: &Session) -> Result<(), NotAcceptable> {
    let audio = offer.audio().ok_or(NotAcceptable::NoAudio)?;
    if !audio.is_rtp() {
        return Err(NotAcceptable::Protocol(String::from_utf8_lossy(audio.proto()).into_owned()));
    }
    audio.connection().ok_or(NotAcceptable::NoAddress)?;
    audio.voices().next().ok_or(NotAcceptable::NoCommonCodec)?;
    Ok(())
}

/// Does the answer fit the offer: same number and kinds of media lines, audio alive, a common format?
///
/// # Errors
/// [`NotAcceptable`] says what does not fit.
pub fn check_answer(offer: &Session, answer: &Session) -> Result<(), NotAcceptable> {
    let (offered, answered) = (offer.media().count(), answer.media().count());
    if offered != answered {
        return Err(NotAcceptable::MediaCount { offered, answered });
    }
    let kinds = offer.media().zip(answer.media()).position(|(o, a)| !o.kind().eq_ignore_ascii_case(a.kind()));
    if let Some(index) = kinds {
        return Err(NotAcceptable::MediaKind { index });
    }
    check_offer(answer)?;
    let (offered, answered) = audios(offer, answer)?;
    common_voice(answered, offered).map(|_| ()).ok_or(NotAcceptable::NoCommonCodec)
}

/// The facts about the peer for the media engine. `ours` is what we sent in the dialog, `theirs` what we
/// received. The audio format is the first of the answer that both know, by the peer's payload type.
///
/// # Errors
/// [`NotAcceptable`] where there is no audio, no address or no common format.
pub fn negotiated(
    ours: &Session,
    theirs: &Session,
    role: Role,
    policy: Policy,
) -> Result<Remote, NotAcceptable> {
    check_offer(theirs)?;
    let (our, their) = audios(ours, theirs)?;
    let common = match role {
        Role::WeOffered => common_voice(their, our).map(|(theirs, _)| theirs),
        Role::WeAnswered => common_voice(our, their).map(|(_, theirs)| theirs),
    };
    let voice = common.ok_or(NotAcceptable::NoCommonCodec)?;
    let ip = their.connection().ok_or(NotAcceptable::NoAddress)?;
    let rtp = (!ip.is_unspecified()).then(|| SocketAddr::new(ip, their.port()));
    let (we, they) = (our.direction(), their.effective_direction());
    // The peer sends events under the number that our description gave them (RFC 3264 section 5.1).
    let events = their.telephone_event().and(our.telephone_event());
    Ok(Remote {
        rtp,
        rtcp: rtp.and_then(|_| their.rtcp()).filter(|a| !a.ip().is_unspecified() && a.port() != 0),
        latch: policy.latch,
        send: they.receives() && we.sends(),
        receive: they.sends() && we.receives(),
        dtmf_payload: events.filter(|_| !their.is_srtp()),
        audio: audio_of(&voice, their),
        silent_ms: policy.silent_ms,
    })
}

/// The facts while only our offer is out: nowhere to send yet, the first voice format of the offer.
#[must_use]
pub fn awaiting(ours: &Session, policy: Policy) -> Remote {
    let our = ours.audio();
    let direction = our.map(|a| a.direction()).unwrap_or_default();
    let none = Audio { payload: 0, codec: Codec::Other, ptime_ms: DEFAULT_PTIME_MS };
    Remote {
        rtp: None,
        rtcp: None,
        latch: policy.latch,
        send: direction.sends(),
        receive: direction.receives(),
        dtmf_payload: our.and_then(|a| a.telephone_event()),
        audio: our.and_then(|a| Some(audio_of(&a.voices().next()?, a))).unwrap_or(none),
        silent_ms: policy.silent_ms,
    }
}

/// The peer repeats its last description: same origin and version, and indeed the same lines. A device
/// that changes its description but not its version is taken at its lines.
#[must_use]
pub fn unchanged(last: &Session, new: &Session) -> bool {
    last.origin() == new.origin() && same_but_version(last, new)
}

/// Do both describe the same, whatever their `o=` lines?
#[must_use]
pub fn same_but_version(a: &Session, b: &Session) -> bool {
    a.all().filter(|l| l.0 != b'o').eq(b.all().filter(|l| l.0 != b'o'))
}

/// Can `answer` be spoken to a peer whose answer is frozen as `frozen` (by the early media rule): is its
/// first voice format there, under the same payload type?
#[must_use]
pub fn compatible(frozen: &Session, answer: &Session) -> bool {
    let (Some(frozen), Some(answer)) = (frozen.audio(), answer.audio()) else { return false };
    let Some(voice) = answer.voices().next() else { return false };
    frozen.voices().any(|f| f.payload == voice.payload && f.same_encoding(&voice))
}

fn audios<'a>(a: &'a Session, b: &'a Session) -> Result<(Media<'a>, Media<'a>), NotAcceptable> {
    Ok((a.audio().ok_or(NotAcceptable::NoAudio)?, b.audio().ok_or(NotAcceptable::NoAudio)?))
}

/// The first voice format of `answer` that `offer` has too, as both write it.
fn common_voice<'a>(answer: Media<'a>, offer: Media<'a>) -> Option<(Format<'a>, Format<'a>)> {
    answer.voices().find_map(|a| offer.voices().find(|o| o.same_encoding(&a)).map(|o| (a, o)))
}

fn audio_of(voice: &Format<'_>, media: Media<'_>) -> Audio {
    let plain = !media.is_srtp() && voice.clock_hz == 8000 && voice.channels == 1;
    let codec = match plain {
        true if voice.is_named("PCMU") => Codec::Pcmu,
        true if voice.is_named("PCMA") => Codec::Pcma,
        _ => Codec::Other,
    };
    let ptime = media.ptime_ms().filter(|ms| PTIME_RANGE_MS.contains(ms) && ms % 10 == 0);
    let ptime_ms = ptime.and_then(|ms| u8::try_from(ms).ok()).unwrap_or(DEFAULT_PTIME_MS);
    Audio { payload: voice.payload, codec, ptime_ms }
}
