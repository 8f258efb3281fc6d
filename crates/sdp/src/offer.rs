//! The descriptions that we offer. What the other peer said passes, but for addresses, for what binds a
//! stream to its first hop (ICE, DTLS, multiplexing) and for media that is not audio.

use std::net::IpAddr;

use crate::direction::Direction;
use crate::error::NotAcceptable;
use crate::facts::check_offer;
use crate::media::{Media, split_attribute};
use crate::session::Session;

/// How we appear in one dialog. The caller mints `session_id` once per dialog and raises `version` by one
/// with each description that differs from the last (RFC 3264 section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    /// Session id of our `o=` line.
    pub session_id: u64,
    /// Version of our `o=` line.
    pub version: u64,
    /// The address that the peer sends to.
    pub ip: IpAddr,
    /// The port that the peer sends RTP to; RTCP is the next one.
    pub rtp_port: u16,
}

/// Attributes that describe the peer's own hop and must not reach the other side.
const HOP_ATTRIBUTES: [&str; 24] = [
    "candidate",
    "remote-candidates",
    "end-of-candidates",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "ice-lite",
    "ice-mismatch",
    "ice-pacing",
    "rtcp",
    "rtcp-mux",
    "rtcp-mux-only",
    "ssrc",
    "ssrc-group",
    "msid",
    "msid-semantic",
    "group",
    "mid",
    "bundle-only",
    "fingerprint",
    "setup",
    "connection",
    "source-filter",
    "tls-id",
];

/// Our offer to one peer made from what the other said (its offer or its last answer): audio only, all
/// its formats and attributes pass.
///
/// `direction`: none as the other described it; some is forced (hold, park). `previous`: the last
/// description that we sent in this dialog, whose media lines keep number and order.
///
/// # Errors
/// [`NotAcceptable`] where the other's description has no audio that we can relay.
pub fn relay_offer(
    peer: &Session,
    ours: &Ours,
    direction: Option<Direction>,
    previous: Option<&Session>,
) -> Result<Session, NotAcceptable> {
    check_offer(peer)?;
    let audio = peer.audio().ok_or(NotAcceptable::NoAudio)?;
    let direction = direction.unwrap_or_else(|| audio.effective_direction());
    let mut session = head(ours);
    pass_session_attributes(&mut session, peer);
    in_place_of(&mut session, previous, |session| {
        pass_audio(session, audio, audio.proto(), ours, direction);
    });
    Ok(session)
}

/// An offer without a peer behind it: PCMU, PCMA and telephone-event.
#[must_use]
pub fn local_offer(ours: &Ours, direction: Direction, previous: Option<&Session>) -> Session {
    let mut session = head(ours);
    in_place_of(&mut session, previous, |session| {
        let port = ours.rtp_port.to_string();
        session.push(b'm', &[b"audio ", port.as_bytes(), b" RTP/AVP 0 8 101"]);
        let attributes = [
            "rtpmap:0 PCMU/8000",
            "rtpmap:8 PCMA/8000",
            "rtpmap:101 telephone-event/8000",
            "fmtp:101 0-16",
            "ptime:20",
            direction.name(),
        ];
        attributes.iter().for_each(|a| session.push(b'a', &[a.as_bytes()]));
    });
    session
}

/// What we sent last with another direction, address or version: hold, take back, refresh.
#[must_use]
pub fn with_direction(last: &Session, ours: &Ours, direction: Direction) -> Session {
    let mut session = head(ours);
    pass_session_attributes(&mut session, last);
    let alive = last.audio().map(|a| a.line_number());
    for media in last.media() {
        if Some(media.line_number()) == alive {
            pass_audio(&mut session, media, media.proto(), ours, direction);
        } else {
            refuse(&mut session, media);
        }
    }
    session
}

/// The lines before the media: ours but for attributes, which follow.
pub(crate) fn head(ours: &Ours) -> Session {
    let mut session = Session::default();
    let address = format!("IN {} {}", if ours.ip.is_ipv4() { "IP4" } else { "IP6" }, ours.ip);
    let ids = format!("- {} {} ", ours.session_id, ours.version);
    session.push(b'v', &[b"0"]);
    session.push(b'o', &[ids.as_bytes(), address.as_bytes()]);
    session.push(b's', &[b"-"]);
    session.push(b'c', &[address.as_bytes()]);
    session.push(b't', &[b"0 0"]);
    session
}

/// Passes the session's attributes but for those of the hop and the direction, which stands at the media.
pub(crate) fn pass_session_attributes(session: &mut Session, peer: &Session) {
    peer.session_lines().filter(|l| l.0 == b'a' && passes(l.1)).for_each(|l| session.push(b'a', &[l.1]));
}

/// Passes an audio section with our port; connection, key and title lines stay behind.
pub(crate) fn pass_audio(
    session: &mut Session,
    audio: Media<'_>,
    proto: &[u8],
    ours: &Ours,
    direction: Direction,
) {
    let mut line = format!("audio {} ", ours.rtp_port).into_bytes();
    line.extend_from_slice(proto);
    for format in audio.formats() {
        line.push(b' ');
        line.extend_from_slice(format);
    }
    session.push(b'm', &[&line]);
    for (letter, value) in audio.lines() {
        if !matches!(letter, b'c' | b'k' | b'i') && (letter != b'a' || passes(value)) {
            session.push(letter, &[value]);
        }
    }
    session.push(b'a', &[direction.name().as_bytes()]);
}

/// A media section that is refused or switched off: port 0, one format, nothing said about it.
pub(crate) fn refuse(session: &mut Session, media: Media<'_>) {
    let format = media.formats().next().unwrap_or(b"0");
    session.push(b'm', &[media.kind(), b" 0 ", media.proto(), b" ", format]);
}

/// Writes the audio section, with the other sections of `previous` in their places and switched off.
fn in_place_of(session: &mut Session, previous: Option<&Session>, audio: impl Fn(&mut Session)) {
    let Some(previous) = previous else { return audio(session) };
    let place = previous.audio().or_else(|| previous.media().find(Media::is_audio)).map(|a| a.line_number());
    for media in previous.media() {
        if Some(media.line_number()) == place { audio(session) } else { refuse(session, media) }
    }
    if place.is_none() {
        audio(session);
    }
}

fn passes(attribute: &[u8]) -> bool {
    let (name, _) = split_attribute(attribute);
    Direction::named(name).is_none()
        && !HOP_ATTRIBUTES.iter().any(|h| name.eq_ignore_ascii_case(h.as_bytes()))
}
