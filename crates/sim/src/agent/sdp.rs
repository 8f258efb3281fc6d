//! The little of session descriptions that a party needs: offer, answer, direction.

use super::{Agent, Talk};

/// The payload types of the audio line; none: there is no audio.
#[must_use]
pub fn payloads(sdp: &str) -> Option<Vec<u8>> {
    let line = sdp.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let mut words = line.split_whitespace();
    let port: u16 = words.next()?.parse().ok()?;
    (port != 0).then(|| words.skip(1).filter_map(|word| word.parse().ok()).collect())
}

/// The direction of an answer to an offer.
pub(super) fn answering(offer: &str) -> &'static str {
    let has = |attribute: &str| offer.lines().any(|line| line == attribute);
    match () {
        () if has("a=sendonly") => "recvonly",
        () if has("a=recvonly") => "sendonly",
        () if has("a=inactive") => "inactive",
        () => "sendrecv",
    }
}

impl Agent {
    /// A description of this party: an offer, or an answer that keeps to what was offered. None: nothing in common.
    pub(super) fn describe(&mut self, talk: usize, offered: Option<&str>, direction: &str) -> Option<String> {
        let mut codecs = self.manner.codecs.clone();
        if let Some(offer) = offered.filter(|offer| !offer.is_empty()) {
            let offered = payloads(offer)?;
            codecs.retain(|codec| offered.contains(codec));
        }
        if codecs.is_empty() {
            return None;
        }
        let Talk { rtp_port, sdp_version, .. } = &mut self.talks[talk];
        *sdp_version += 1;
        let (host, formats) =
            (self.address.ip(), codecs.iter().map(u8::to_string).collect::<Vec<_>>().join(" "));
        let names = codecs.iter().map(|codec| {
            let name = if *codec == 8 { "PCMA" } else { "PCMU" };
            format!("a=rtpmap:{codec} {name}/8000\r\n")
        });
        let names: String = names.collect();
        Some(format!(
            "v=0\r\no=- {rtp_port} {sdp_version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
             m=audio {rtp_port} RTP/AVP {formats}\r\n{names}a={direction}\r\n"
        ))
    }
}
