//! The descriptions that we answer with (RFC 3264 section 6): as many media lines as were offered, in
//! the same order, all but one audio line refused.

use crate::direction::Direction;
use crate::error::NotAcceptable;
use crate::facts::check_offer;
use crate::media::{Format, Media};
use crate::offer::{Ours, head, pass_audio, pass_session_attributes, refuse};
use crate::session::Session;

/// Our answer to one peer's `offer` made from the other peer's `answer` (to what
/// [`crate::relay_offer`] made of it). The direction is the other's, cut to what the offer permits.
///
/// # Errors
/// [`NotAcceptable`] where either has no audio, or they share no voice format.
pub fn relay_answer(offer: &Session, answer: &Session, ours: &Ours) -> Result<Session, NotAcceptable> {
    check_offer(offer)?;
    let offered = offer.audio().ok_or(NotAcceptable::NoAudio)?;
    let answered = answer.audio().ok_or(NotAcceptable::NoAudio)?;
    if !answered.voices().any(|a| offered.voices().any(|o| o.same_encoding(&a))) {
        return Err(NotAcceptable::NoCommonCodec);
    }
    let permitted = offered.effective_direction().reversed();
    let direction = answered.effective_direction().and(permitted);
    let mut session = head(ours);
    pass_session_attributes(&mut session, answer);
    for media in offer.media() {
        if media.line_number() == offered.line_number() {
            pass_audio(&mut session, answered, offered.proto(), ours, direction);
        } else {
            refuse(&mut session, media);
        }
    }
    Ok(session)
}

/// Our answer where the leg ends here (echo, music, generated ring-back): the first G.711 format that is
/// offered, telephone-event, 20 ms per packet.
///
/// # Errors
/// [`NotAcceptable`] where no plain RTP audio with PCMU or PCMA is offered.
pub fn local_answer(offer: &Session, ours: &Ours) -> Result<Session, NotAcceptable> {
    check_offer(offer)?;
    let offered = offer.audio().ok_or(NotAcceptable::NoAudio)?;
    if offered.is_srtp() {
        return Err(NotAcceptable::Protocol(String::from_utf8_lossy(offered.proto()).into_owned()));
    }
    let voice = offered.voices().find(is_g711).ok_or(NotAcceptable::NoCommonCodec)?;
    let mut session = head(ours);
    for media in offer.media() {
        if media.line_number() == offered.line_number() {
            let direction = offered.effective_direction().reversed();
            push_g711(&mut session, offered, &voice, ours, direction);
        } else {
            refuse(&mut session, media);
        }
    }
    Ok(session)
}

fn is_g711(format: &Format<'_>) -> bool {
    (format.is_named("PCMU") || format.is_named("PCMA")) && format.clock_hz == 8000 && format.channels == 1
}

fn push_g711(
    session: &mut Session,
    offered: Media<'_>,
    voice: &Format<'_>,
    ours: &Ours,
    direction: Direction,
) {
    let named = |f: &Format<'_>| f.is_named("telephone-event") && f.clock_hz == 8000;
    let event = offered.codecs().find(named).map(|f| f.payload);
    let name = if voice.is_named("PCMU") { "PCMU" } else { "PCMA" };
    let more = event.map(|p| format!(" {p}")).unwrap_or_default();
    let formats = format!(" {}{more}", voice.payload);
    let port = format!("audio {} ", ours.rtp_port);
    session.push(b'm', &[port.as_bytes(), offered.proto(), formats.as_bytes()]);
    session.push(b'a', &[format!("rtpmap:{} {name}/8000", voice.payload).as_bytes()]);
    if let Some(payload) = event {
        session.push(b'a', &[format!("rtpmap:{payload} telephone-event/8000").as_bytes()]);
        session.push(b'a', &[format!("fmtp:{payload} 0-16").as_bytes()]);
    }
    session.push(b'a', &[b"ptime:20"]);
    session.push(b'a', &[direction.name().as_bytes()]);
}
