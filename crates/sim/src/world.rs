//! The run: virtual time, the queue of what is under way, and the switch in the middle of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use strowger_call::Hop;
use strowger_config::Config;
use strowger_guard::{Guard, Limits};
use strowger_location::decode_log;
use strowger_model::id::ShardId;
use strowger_model::media::{MediaEvent, MediaOrder};
use strowger_model::payment::{MoneyEvent, MoneyOrder};
use strowger_model::{AccountId, Amount, CallId, Mono, Now, Unit, Wall};
use strowger_route::Snapshot;
use strowger_switch::shard::{Addresses, Answer, Order, SIP};
use strowger_switch::{Shard, ShardInput, ShardOutput, ShardSetup};

use crate::SWITCH;
use crate::agent::Agent;
use crate::bank::Bank;
use crate::checks::Check;
use crate::dice::Dice;
use crate::durable::Durable;
use crate::faults::Fault;
use crate::flows::Flows;
use crate::media::Media;
use crate::network::Link;
use crate::observer::Observer;
use crate::panics;
use crate::report::{Failure, Report};
use crate::sabotage::Sabotage;
use crate::town::Town;
use crate::wire::damaged;

/// Events that a failure shows, unless STROWGER_SIM_EVENTS says otherwise.
const SHOWN_EVENTS: usize = 60;
/// When a run begins: 2026-11-22T12:00:00Z.
const BEGINNING: Wall = Wall(1_795_348_800_000);
/// After the last action everything must have come to its end within so long, in microseconds: vanished
/// peers on hold are found out by OPTIONS only.
const PATIENCE_US: u64 = 900_000_000;
/// Timers served without time passing before the run is given up.
const MAX_IDLE_TURNS: u32 = 10_000;
/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;

/// Something under way.
#[derive(Debug)]
pub enum Event {
    ToSwitch(usize, Vec<u8>),
    ToAgent(usize, Arc<[u8]>),
    /// A damaged copy of something that was said before.
    Noise(usize, Vec<u8>),
    /// The store commits an order of the life of the switch in which it was given.
    Commit(u32, Box<MoneyOrder>),
    Answer(u32, MoneyEvent),
    Media(u32, MediaEvent),
    MediaTick,
    Dial(usize, String, String),
    P2p(usize, String, String),
    Disconnect(usize),
    Fault(Fault),
    Check(Check),
    SendFailed(u32, Hop, String),
    HangUpAll,
}

/// The run of one seed.
pub struct World {
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) shard: Shard,
    pub(crate) agents: Vec<Agent>,
    pub(crate) bank: Bank,
    pub(crate) media: Media,
    pub(crate) observer: Observer,
    pub(crate) report: Report,
    pub(crate) failed: Option<String>,
    pub(crate) users: Vec<AccountId>,
    pub(crate) upstream: Vec<AccountId>,
    /// Which incarnation of the switch this is, from 1.
    pub(crate) life: u32,
    /// When it was started.
    pub(crate) booted: u64,
    /// When incarnations ended.
    pub(crate) deaths: Vec<u64>,
    /// How far the wall clock has jumped, in milliseconds.
    pub(crate) jumped_ms: i64,
    /// The store answers late until then.
    pub(crate) stalled_until: u64,
    pub(crate) last_commit: u64,
    pub(crate) bindings: Vec<u8>,
    pub(crate) ended: BTreeMap<CallId, u64>,
    /// Calls in which somebody was dialled.
    pub(crate) dialled: BTreeSet<CallId>,
    /// How bad the network is, from 0 (perfect) to 3.
    pub(crate) badness: u64,
    /// Legs of recovered calls that have to be told.
    pub(crate) orphans: Vec<String>,
    pub(crate) routes: Arc<ArcSwap<Snapshot>>,
    config: Arc<Config>,
    pub(crate) links: Vec<(Link, Link)>,
    pub(crate) by_address: BTreeMap<SocketAddr, usize>,
    pub(crate) flows: Flows,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    pub(crate) listener: u8,
    /// Datagrams of which a damaged copy follows, in thousandths. What was agreed upon is no longer certain then, so the
    /// wire is not compared with the records.
    pub(crate) noise: u64,
    /// Inputs after which every leg goes through its snapshot, in thousandths.
    moves: u64,
    /// Timers of the switch are served so late at most, in microseconds.
    lateness: u64,
    late_by: u64,
    trace: VecDeque<String>,
    shown: usize,
    pub(crate) actions_end: u64,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) durable: Option<Durable>,
    /// Account, first credit, prepaid.
    credits: Vec<(AccountId, Amount, bool)>,
}

/// Plays a seed.
///
/// # Errors
/// A promise was broken.
pub fn run(seed: u64) -> Result<Report, Box<Failure>> {
    run_with(seed, None)
}

/// Plays a seed with something broken on purpose.
///
/// # Errors
/// The sabotage was noticed.
pub fn run_with(seed: u64, sabotage: Option<Sabotage>) -> Result<Report, Box<Failure>> {
    play(seed, sabotage, false)
}

/// Plays a seed with the real store on SQLite beside the reference model; both must say the same.
///
/// # Errors
/// A promise was broken, or the store and the model disagree.
pub fn run_durable(seed: u64) -> Result<Report, Box<Failure>> {
    play(seed, None, true)
}

fn play(seed: u64, sabotage: Option<Sabotage>, durable: bool) -> Result<Report, Box<Failure>> {
    panics::begin();
    let mut world = World::new(seed);
    world.sabotage = sabotage;
    if durable {
        match Durable::open(now_at(0, 0, 0), &world.credits) {
            Ok(durable) => world.durable = Some(durable),
            Err(what) => world.fail(what),
        }
    }
    world.play();
    panics::end();
    match world.failed.take() {
        None => Ok(world.report),
        Some(what) => Err(Box::new(Failure {
            seed,
            at_ms: world.now / 1000,
            what,
            events: world.trace.into_iter().collect(),
        })),
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let badness = dice.between(0, 3);
        let town = Town::drawn(&mut dice, badness);
        let routes = Arc::new(ArcSwap::from_pointee(town.snapshot.clone()));
        let config = Arc::new(Config::with(&[("rtptimeout", "20"), ("trunktimeout", "4")]));
        let mut bank = Bank::default();
        bank.epoch = 1;
        for (account, credit, prepaid) in &town.credits {
            bank.open(*account, Unit::USD, *credit, *prepaid);
        }
        let pairs = u32::try_from(if dice.chance(100) { dice.between(4, 10) } else { 200 }).unwrap_or(200);
        let (media, slots) = Media::new(pairs, 1);
        let by_address = town.agents.iter().enumerate().map(|(i, agent)| (agent.address, i)).collect();
        let shard = new_shard(&config, &routes, (seed, 1, 1), &[], now_at(0, 0, 0));
        let mut world = Self {
            now: 0,
            shard,
            bank,
            media,
            observer: Observer::default(),
            report: Report::default(),
            failed: None,
            users: town.users.clone(),
            upstream: town.upstream.clone(),
            life: 1,
            booted: 0,
            deaths: Vec::new(),
            jumped_ms: 0,
            stalled_until: 0,
            last_commit: 0,
            bindings: Vec::new(),
            ended: BTreeMap::new(),
            dialled: BTreeSet::new(),
            badness,
            orphans: Vec::new(),
            routes,
            config,
            links: town.links.clone(),
            by_address,
            flows: Flows::default(),
            queue: BTreeMap::new(),
            queued: 0,
            listener: 0,
            noise: if dice.chance(850) { 0 } else { dice.between(20, 300) },
            moves: if dice.chance(600) { 0 } else { dice.between(1, 80) },
            lateness: dice.between(0, 10_000),
            late_by: 0,
            trace: VecDeque::new(),
            shown: shown_events(),
            actions_end: 0,
            sabotage: None,
            durable: None,
            credits: town.credits.clone(),
            agents: Vec::new(),
            dice,
        };
        world.plan(town);
        world.start_shard(slots);
        world
    }

    fn play(&mut self) {
        let give_up = self.actions_end + PATIENCE_US;
        let mut turns = 0;
        while self.failed.is_none() {
            let due = self.shard_due();
            let agents = self.agents.iter().filter_map(Agent::deadline).min();
            let queue = self.queue.keys().next().map(|(at, _)| *at);
            let Some(next) = [due, agents, queue].into_iter().flatten().min() else { break };
            if self.is_over() || next > give_up {
                break;
            }
            turns = if next > self.now { 0 } else { turns + 1 };
            if turns > MAX_IDLE_TURNS {
                return self.fail("time stands still: a deadline does not pass".to_owned());
            }
            self.now = self.now.max(next);
            if queue.is_some_and(|at| at <= self.now) {
                if let Some((_, event)) = self.queue.pop_first() {
                    self.happen(event);
                }
            } else if agents.is_some_and(|at| at <= self.now) {
                self.serve_agents();
            } else {
                self.late_by = self.dice.between(0, self.lateness);
                self.note("time");
                self.input(ShardInput::Time);
            }
        }
        if self.failed.is_none() {
            self.check_end();
        }
    }

    /// Everything has come to its end, and slots have rested.
    fn is_over(&self) -> bool {
        let waiting = |event: &Event| !matches!(event, Event::MediaTick);
        self.now > self.actions_end + 60 * SECOND
            && !self.queue.values().any(waiting)
            && self.shard.is_idle()
            && self.ended.values().all(|at| self.now > at + 12 * SECOND)
    }

    fn shard_due(&self) -> Option<u64> {
        self.shard.next_deadline().map(|at| self.booted + at.0 + self.late_by)
    }

    fn serve_agents(&mut self) {
        for index in 0..self.agents.len() {
            if self.agents[index].deadline().is_some_and(|at| at <= self.now) {
                self.agents[index].act(self.now);
                self.send_from(index);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToSwitch(index, bytes) => {
                self.report.datagrams += 1;
                self.note_message("switch <", index, &bytes);
                let from = self.hop_of(index);
                self.observer.note(self.now, &bytes, false);
                self.input(ShardInput::Sip { from, bytes: &bytes });
                if self.dice.chance(self.noise) {
                    let delay = self.dice.between(1, 300_000);
                    let damaged = damaged(&mut self.dice, bytes);
                    self.after(delay, Event::Noise(index, damaged));
                }
            }
            Event::Noise(index, bytes) => {
                self.note_message("noise <", index, &bytes);
                self.report.noise += 1;
                let from = self.hop_of(index);
                self.input(ShardInput::Sip { from, bytes: &bytes });
            }
            Event::ToAgent(index, bytes) => {
                self.agents[index].receive(self.now, &bytes);
                self.send_from(index);
            }
            Event::Commit(life, order) => self.commit(life, &order),
            Event::Answer(life, event) if life == self.life => {
                self.note(&format!("store: {}", brief(&event)));
                self.input(ShardInput::Money(event));
            }
            Event::Media(life, event) if life == self.life => {
                if !matches!(event, MediaEvent::Stats { .. }) {
                    self.note(&format!("media: {}", brief(&event)));
                }
                self.input(ShardInput::Media(event));
            }
            Event::SendFailed(life, to, branch) if life == self.life => {
                self.note(&format!("not sent: {} {branch}", to.address));
                self.input(ShardInput::SendFailed { to, branch });
            }
            Event::Answer(..) | Event::Media(..) | Event::SendFailed(..) => {}
            Event::MediaTick => self.tick_media(),
            Event::Dial(index, number, shown) => {
                self.agents[index].dial(self.now, &number, &shown);
                self.send_from(index);
            }
            Event::P2p(user, first, second) => self.p2p(user, first, second),
            Event::Disconnect(user) => self.disconnect(user),
            Event::Fault(fault) => self.befall(fault),
            Event::Check(check) => self.check(check),
            Event::HangUpAll if self.dice.chance(200) => {
                self.note("finish");
                self.input(ShardInput::Order { token: 1, order: Order::Finish });
            }
            Event::HangUpAll => {
                for index in 0..self.agents.len() {
                    self.agents[index].hang_up_all(self.now);
                    self.send_from(index);
                }
            }
        }
    }

    /// Something goes into the shard; what comes out is performed.
    pub(crate) fn input(&mut self, input: ShardInput<'_>) {
        let mut now = now_at(self.now, self.booted, self.jumped_ms);
        if self.sabotaged(Sabotage::FastClock) {
            now.mono = Mono(now.mono.0 / 100 * 101);
        }
        if self.sabotaged(Sabotage::Panic) && self.now > 30 * SECOND && matches!(input, ShardInput::Time) {
            let _ = std::panic::catch_unwind(|| panic!("sabotage"));
        }
        let panics = panics::asked_for();
        self.shard.handle_input(now, input);
        if panics::asked_for() > panics {
            self.note(&format!("panic: {}", panics::last_place()));
        }
        if self.dice.chance(self.moves) {
            self.report.moved += 1;
            if let Err(error) = self.shard.readopt() {
                self.fail(format!("a leg could not be moved: {error}"));
            }
        }
        while let Some(output) = self.shard.poll_output() {
            self.perform(output);
        }
        if let Some(panic) = panics::unexpected() {
            self.fail(format!("the switch panicked: {panic}"));
        }
    }

    pub(crate) fn sabotaged(&self, what: Sabotage) -> bool {
        self.sabotage == Some(what)
    }

    fn perform(&mut self, output: ShardOutput) {
        match output {
            ShardOutput::Media(MediaOrder::Free { .. }) if self.sabotaged(Sabotage::NoFree) => {}
            ShardOutput::Transmit { to, bytes } => self.transmit(to, bytes),
            ShardOutput::Media(order) => match self.media.perform(self.now, &order) {
                Ok(Some(event)) => {
                    let delay = self.dice.between(100, 20_000);
                    self.after(delay, Event::Media(self.life, event));
                }
                Ok(None) => {}
                Err(what) => self.fail(what),
            },
            ShardOutput::Money(order) => self.money(order),
            ShardOutput::Changed(changed) => self.changed(&changed),
            ShardOutput::Binding(frames) => self.bindings.extend(frames),
            ShardOutput::Reply { answer, .. } => match answer {
                Answer::P2p(outcome) => self.note(&format!("p2p: {outcome:?}")),
                Answer::Tested(report) => self.note(&format!("test call: {report:?}")),
                _ => {}
            },
            ShardOutput::CloseFlow(flow) => {
                if let Some(index) = self.flows.close(flow) {
                    self.agents[index].cut_off(self.now);
                }
            }
            ShardOutput::Api(_)
            | ShardOutput::LineState { .. }
            | ShardOutput::Notice(_)
            | ShardOutput::People(_) => {}
        }
    }

    /// A new shard with what the store and the bindings log remember.
    pub(crate) fn restart(&mut self) {
        self.life += 1;
        self.booted = self.now;
        self.late_by = 0;
        let (records, _) = decode_log(&self.bindings);
        let now = now_at(self.now, self.booted, self.jumped_ms);
        for flow in self.flows.all() {
            if let Some(index) = self.flows.close(flow) {
                self.agents[index].cut_off(self.now);
            }
        }
        let ids = (self.dice.next(), self.life, self.bank.epoch);
        self.shard = new_shard(&self.config, &self.routes, ids, &records, now);
        let pairs = u32::try_from(self.media.pairs()).unwrap_or(u32::MAX);
        let (media, slots) = Media::new(pairs, self.life * 1000);
        self.media = media;
        self.start_shard(slots);
    }

    fn start_shard(&mut self, slots: MediaEvent) {
        let own: SocketAddr = SWITCH.parse().expect("a literal address");
        self.listener = self.shard.listener(SIP, own.ip());
        self.input(ShardInput::Media(slots));
        let order = Order::Upstream(self.upstream.clone());
        self.input(ShardInput::Order { token: 5, order });
    }

    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now + delay, event);
    }

    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.failed.get_or_insert(what);
    }

    pub(crate) fn note(&mut self, what: &str) {
        let line = format!("{:>9}.{:03} ms  {what}", self.now / 1000, self.now % 1000);
        for byte in line.bytes() {
            self.report.digest = (self.report.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.trace.len() == self.shown {
            self.trace.pop_front();
        }
        self.trace.push_back(line);
    }
}

impl World {
    pub(crate) fn clocks(&self) -> Now {
        now_at(self.now, self.booted, self.jumped_ms)
    }
}

/// The two clocks: monotonic since the switch was started, and the wall's.
fn now_at(now: u64, booted: u64, jumped_ms: i64) -> Now {
    let ms = i64::try_from(now / 1000).unwrap_or(i64::MAX);
    Now { mono: Mono(now - booted), wall: BEGINNING.plus_ms(ms).plus_ms(jumped_ms) }
}

fn new_shard(
    config: &Arc<Config>,
    routes: &Arc<ArcSwap<Snapshot>>,
    (seed, life, epoch): (u64, u32, u32),
    bindings: &[strowger_location::BindingRecord],
    now: Now,
) -> Shard {
    let own: SocketAddr = SWITCH.parse().expect("a literal address");
    let lookup = move |_: IpAddr| own.ip();
    let setup = ShardSetup {
        node: 1,
        shard: ShardId(0),
        epoch,
        seed: seed ^ u64::from(life),
        config: Arc::clone(config),
        routes: Arc::clone(routes),
        guard: Arc::new(Mutex::new(Guard::new(Limits::default()))),
        addresses: Addresses::new([own.port(), 0], own.ip(), Box::new(lookup)),
        bindings: bindings.to_vec(),
    };
    Shard::new(setup, now)
}

fn shown_events() -> usize {
    let wish = std::env::var("STROWGER_SIM_EVENTS").ok().and_then(|text| text.parse().ok());
    wish.unwrap_or(SHOWN_EVENTS)
}

/// A debug text cut to one line of reasonable length.
pub fn brief(value: &impl fmt::Debug) -> String {
    const MOST: usize = 220;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}
