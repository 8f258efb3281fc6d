//! What travels between the parties and the switch: datagrams, TCP connections, damage, and the audio that
//! the media engine hears.

use std::net::SocketAddr;
use std::sync::Arc;

use strowger_call::{Carrier, Hop};

use crate::dice::Dice;
use crate::sabotage::Sabotage;
use crate::text::Text;
use crate::world::{Event, SECOND, World};

impl World {
    /// What an agent has to say goes on its way.
    pub(crate) fn send_from(&mut self, index: usize) {
        for bytes in self.agents[index].take_out() {
            let copies = self.links[index].0.copies(&mut self.dice);
            self.note_message(if copies.is_empty() { "lost >" } else { "sent >" }, index, &bytes);
            for delay in copies {
                self.after(delay, Event::ToSwitch(index, bytes.clone()));
            }
        }
        let complaint = self.agents[index].complaints.pop().filter(|_| self.noise == 0);
        if let Some(complaint) = complaint {
            self.fail(format!("{}: {complaint}", self.agents[index].name));
        }
    }

    pub(crate) fn transmit(&mut self, to: Hop, bytes: Arc<[u8]>) {
        self.report.datagrams += 1;
        self.observer.note(self.now, &bytes, true);
        let Some(index) = self.by_address.get(&to.address).copied() else {
            if self.noise > 0 {
                return;
            }
            return self.fail(format!("a message to {}, where nobody lives", to.address));
        };
        if to.carrier != Carrier::Udp && !self.flows.leads(to.flow, index) {
            // No connection leads there, and phones do not listen for one.
            let branch = Text::parse(&bytes).map(|text| text.branch().to_owned()).unwrap_or_default();
            return self.after(1000, Event::SendFailed(self.life, to, branch));
        }
        let mut copies = self.links[index].1.copies(&mut self.dice);
        let swallowed = [(Sabotage::NoBye, b"BYE ".as_slice()), (Sabotage::NoCancel, b"CANCEL ")];
        if swallowed.iter().any(|(sabotage, word)| self.sabotaged(*sabotage) && bytes.starts_with(word)) {
            copies.clear();
        }
        self.note_message(if copies.is_empty() { "switch > lost" } else { "switch >" }, index, &bytes);
        for delay in copies {
            self.after(delay, Event::ToAgent(index, Arc::clone(&bytes)));
        }
    }

    /// Where a party's message comes from; a party that speaks TCP opens a connection where it has none.
    pub(crate) fn hop_of(&mut self, index: usize) -> Hop {
        let (address, tcp) = (self.agents[index].address, self.agents[index].is_tcp());
        let flow = tcp.then(|| self.flows.open(index));
        let carrier = if tcp { Carrier::Tcp } else { Carrier::Udp };
        Hop { carrier, address, listener: self.listener, flow }
    }

    pub(crate) fn note_message(&mut self, way: &str, index: usize, bytes: &[u8]) {
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let find = |name: &str| {
            let rest = text.split_once(name)?.1;
            rest.split("\r\n").next().map(str::trim)
        };
        let cseq = find("\r\nCSeq:").or_else(|| find("\r\ncseq:")).unwrap_or("");
        let call = find("\r\nCall-ID:").or_else(|| find("\r\ncall-id:")).unwrap_or("");
        let address = self.agents[index].address;
        self.note(&format!("{way} {address} {} [{cseq}; {call}]", String::from_utf8_lossy(line)));
    }

    pub(crate) fn tick_media(&mut self) {
        let (agents, by_address) = (&self.agents, &self.by_address);
        // A party's RTP comes from its SIP host; which of its ports is in use tells the conversation.
        let speaks = |rtp: SocketAddr| {
            let at = SocketAddr::new(rtp.ip(), 5060);
            by_address.get(&at).is_some_and(|index| agents[*index].speaks(rtp.port()))
        };
        for event in self.media.tick(self.now, speaks) {
            self.after(1000, Event::Media(self.life, event));
        }
        self.after(SECOND, Event::MediaTick);
    }
}

/// A datagram with a few bytes changed, cut out, repeated or cut off.
pub fn damaged(dice: &mut Dice, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..dice.between(1, 4) {
        if bytes.is_empty() {
            break;
        }
        let most = bytes.len() as u64 - 1;
        let at = usize::try_from(dice.between(0, most)).unwrap_or(0);
        let end = (at + usize::try_from(dice.between(1, 20)).unwrap_or(1)).min(bytes.len());
        match dice.between(0, 4) {
            0 | 1 => bytes[at] = dice.next().to_le_bytes()[0],
            2 => drop(bytes.drain(at..end)),
            3 => bytes.extend_from_within(at..end),
            _ if dice.chance(300) => bytes.truncate(at),
            _ => bytes[at] = *dice.pick(b";,<>\"@:=\r\n "),
        }
    }
    bytes
}
