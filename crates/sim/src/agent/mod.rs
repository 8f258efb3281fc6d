//! A party of the simulation: a phone that registers, or a trunk. It speaks SIP over UDP by its own simple
//! implementation of RFC 3261 and does what its manner and the dice tell it: answers, rings, refuses, holds, hangs up,
//! vanishes.
//!
//! One file per role: `transactions` repeats and absorbs, `caller` and `called` make and take calls, `within` is
//! what happens inside of a call, `registering` keeps the switch informed where the phone is.

mod called;
mod caller;
mod registering;
mod sdp;
mod transactions;
mod within;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::dice::Dice;
use crate::text::Text;
use transactions::{Client, Key, Server};

/// Microseconds in a millisecond.
const MS: u64 = 1000;

/// How a party behaves. Times in milliseconds, from and to; chances in thousandths.
#[derive(Debug, Clone)]
pub struct Manner {
    /// It is a trunk: it does not register and is known by its address.
    pub trunk: bool,
    /// It asks for credentials before it takes a call.
    pub challenges: bool,
    /// It speaks TCP: nothing is lost while the connection stands.
    pub tcp: bool,
    /// It does not know the password of the account that it names.
    pub stranger: bool,
    /// It never says anything to an INVITE.
    pub silent: u64,
    /// 486.
    pub busy: u64,
    /// 603.
    pub decline: u64,
    /// One of 404, 480, 500, 503.
    pub fail: u64,
    /// It rings and nobody comes.
    pub unattended: u64,
    /// 183 with a session description before the answer.
    pub early_media: u64,
    /// From the INVITE to 180.
    pub ring_ms: (u64, u64),
    /// From 180 to the answer.
    pub answer_ms: (u64, u64),
    /// How long it talks before it hangs up.
    pub talk_ms: (u64, u64),
    /// It holds and resumes during a conversation.
    pub hold: u64,
    /// It sends other requests during a conversation.
    pub chatty: u64,
    /// As a caller it leaves the offer to the other side.
    pub late_offer: u64,
    /// It refers callers elsewhere.
    pub redirect: u64,
    /// It vanishes during a conversation.
    pub vanish: u64,
    /// It starts anew during a conversation and has forgotten everything.
    pub reboot: u64,
    /// As a caller it gives up before anybody answers.
    pub cancel: u64,
    /// Payload types that it knows, the preferred one first.
    pub codecs: Vec<u8>,
}

/// What a conversation has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// An INVITE is under way.
    Opening,
    /// Answered.
    Up,
    /// Ended, or never begun.
    Over,
}

/// One call as this party sees it.
#[derive(Debug)]
pub struct Talk {
    /// The Call-ID.
    pub call_id: String,
    /// This party called.
    pub outgoing: bool,
    /// Where it stands.
    pub stage: Stage,
    /// The RTP port.
    pub rtp_port: u16,
    /// When it was answered, in microseconds of the run.
    pub up_at: Option<u64>,
    /// When it ended.
    pub over_at: Option<u64>,
    number: String,
    local: String,
    remote: String,
    local_tag: String,
    remote_tag: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    remote_cseq: u32,
    sdp_version: u32,
    /// The INVITE's transaction: ours or theirs.
    invite: Key,
    /// Our own re-INVITE is under way.
    asking: bool,
    cancelled: bool,
    authenticated: bool,
}

/// Something that a party will do.
#[derive(Debug, Clone)]
enum Task {
    Retransmit(Key),
    Expire(Key),
    Repeat(Key),
    Act(usize, Act),
    Register,
}

/// Something that a party will do in a call.
#[derive(Debug, Clone, Copy)]
enum Act {
    Ring,
    EarlyMedia,
    Answer,
    Refuse(u16),
    Cancel,
    Hangup,
    Hold,
    Resume,
    Ask(&'static str),
    Vanish,
    Reboot,
}

/// A phone or trunk.
#[derive(Debug)]
pub struct Agent {
    /// The username; numbers for trunks are theirs to choose.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// It is there. A vanished party neither hears nor says anything.
    pub alive: bool,
    /// The switch has registered here.
    pub knows_switch: bool,
    /// INVITEs that nobody answered with anything.
    pub silences: usize,
    /// Its calls, the oldest first.
    pub talks: Vec<Talk>,
    /// Something the switch did that it may not do.
    pub complaints: Vec<String>,
    manner: Manner,
    password: String,
    switch: String,
    dice: Dice,
    now: u64,
    minted: u64,
    registrations: u32,
    clients: BTreeMap<Key, Client>,
    servers: BTreeMap<Key, Server>,
    tasks: BTreeMap<(u64, u64), Task>,
    out: Vec<Vec<u8>>,
}

impl Agent {
    /// A party that has done nothing.
    #[must_use]
    pub fn new(name: &str, password: &str, address: SocketAddr, manner: Manner, dice: Dice) -> Self {
        Self {
            name: name.to_owned(),
            address,
            alive: true,
            knows_switch: false,
            silences: 0,
            talks: Vec::new(),
            complaints: Vec::new(),
            manner,
            password: password.to_owned(),
            switch: crate::SWITCH.to_owned(),
            dice,
            now: 0,
            minted: 0,
            registrations: 0,
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// A datagram arrived.
    pub fn receive(&mut self, now: u64, bytes: &[u8]) {
        self.now = now;
        if !self.alive || bytes == b"\r\n\r\n" {
            return;
        }
        let Some(message) = Text::parse(bytes) else {
            self.complaints.push(format!("no SIP: {:?}", String::from_utf8_lossy(bytes)));
            return;
        };
        if message.status() == 0 {
            self.request(&message);
        } else {
            self.response(&message);
        }
    }

    /// The next thing it will do by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.tasks.keys().next().map(|(at, _)| *at).filter(|_| self.alive)
    }

    /// Does what is due.
    pub fn act(&mut self, now: u64) {
        self.now = now;
        while self.alive
            && let Some(entry) = self.tasks.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                Task::Retransmit(key) => self.retransmit(&key),
                Task::Expire(key) => self.expire(&key),
                Task::Repeat(key) => self.repeat(&key),
                Task::Register => self.register(),
                Task::Act(talk, act) => self.perform(talk, act),
            }
        }
    }

    /// What it has sent since it was asked last.
    pub fn take_out(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.out)
    }

    /// It sends audio from this port.
    #[must_use]
    pub fn speaks(&self, rtp_port: u16) -> bool {
        self.alive && self.talks.iter().any(|t| t.rtp_port == rtp_port && t.stage == Stage::Up)
    }

    /// It is gone without a word.
    pub fn vanish(&mut self) {
        self.alive = false;
        self.tasks.clear();
    }

    /// It has lost its memory and registers again.
    pub fn reboot(&mut self, now: u64) {
        self.now = now;
        self.clients.clear();
        self.servers.clear();
        self.tasks.clear();
        for talk in &mut self.talks {
            if talk.stage != Stage::Over {
                (talk.stage, talk.over_at) = (Stage::Over, Some(now));
            }
        }
        if !self.manner.trunk {
            self.later(100, Task::Register);
        }
    }

    /// It speaks TCP.
    #[must_use]
    pub const fn is_tcp(&self) -> bool {
        self.manner.tcp
    }

    /// Its connection broke; it opens another one and registers again.
    pub fn cut_off(&mut self, now: u64) {
        self.now = now;
        if self.alive {
            let after = self.dice.between(50, 3000);
            self.later(after, Task::Register);
        }
    }

    /// Hangs up whatever it has.
    pub fn hang_up_all(&mut self, now: u64) {
        self.now = now;
        for talk in 0..self.talks.len() {
            let act = if self.talks[talk].stage == Stage::Up { Act::Hangup } else { Act::Cancel };
            if self.alive && self.talks[talk].stage != Stage::Over {
                self.perform(talk, act);
            }
        }
    }

    fn perform(&mut self, talk: usize, act: Act) {
        if self.talks[talk].stage == Stage::Over {
            return;
        }
        match act {
            Act::Ring => self.respond_invite(talk, 180, "Ringing", false),
            Act::EarlyMedia => self.respond_invite(talk, 183, "Session Progress", true),
            Act::Answer => self.answer(talk),
            Act::Refuse(status) => self.refuse(talk, status),
            Act::Cancel => self.cancel(talk),
            Act::Hangup => self.bye(talk),
            Act::Hold => self.reinvite(talk, "sendonly"),
            Act::Resume => self.reinvite(talk, "sendrecv"),
            Act::Ask(method) => self.ask(talk, method),
            Act::Vanish => self.vanish(),
            Act::Reboot => self.reboot(self.now),
        }
    }

    fn later(&mut self, ms: u64, task: Task) {
        self.minted += 1;
        self.tasks.insert((self.now + ms * MS, self.minted), task);
    }

    /// A text that nobody else makes.
    fn mint(&mut self) -> String {
        self.minted += 1;
        format!("{}x{}x{:x}", self.name, self.minted, self.dice.next() & 0xffff)
    }

    fn via(&mut self) -> String {
        let (branch, transport) = (self.mint(), if self.manner.tcp { "TCP" } else { "UDP" });
        format!("SIP/2.0/{transport} {};rport;branch=z9hG4bK{branch}", self.address)
    }

    fn contact(&self) -> String {
        let transport = if self.manner.tcp { ";transport=tcp" } else { "" };
        format!("<sip:{}@{}{transport}>", self.name, self.address)
    }

    fn over(&mut self, talk: usize) {
        let talk = &mut self.talks[talk];
        if talk.stage != Stage::Over {
            (talk.stage, talk.over_at) = (Stage::Over, Some(self.now));
        }
    }
}
