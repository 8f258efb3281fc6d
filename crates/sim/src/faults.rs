//! What befalls the switch: crashes, takeovers, panics, jumps of the clock, a store that is slow or full.

use std::collections::BTreeSet;
use std::sync::Arc;

use strowger_call::leg::Leg;
use strowger_model::{Account, AccountId, Mono, Now, Scope, Wall};
use strowger_route::{Change, Snapshot};
use strowger_switch::shard::Order;
use strowger_switch::{CallRef, P2p, ShardInput, ShardOutput, TestCall, WaitFor};

use crate::dice::Dice;
use crate::sabotage::Sabotage;
use crate::world::{Event, SECOND, World};

/// Orders for calls that are for test calls, in thousandths.
const TEST_CALLS: u64 = 300;
/// How long they last, in seconds.
const TEST_S: u32 = 5;

/// Something that happens to the switch.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It is killed and started again at once.
    Crash,
    /// It is taken for dead: another one recovers its calls while it goes on; then it is started again.
    Fenced,
    /// The call that asks the n-th question of its surroundings from here panics.
    Panic(u32),
    /// The wall clock jumps by so many milliseconds.
    ClockJump(i64),
    /// The store refuses new paid calls for so many seconds.
    Unwell(u64),
    /// The store is well again.
    Well,
    /// The store commits nothing for so many milliseconds.
    Stall(u64),
    /// The end of a takeover.
    Restart,
    /// New calls are refused for so many seconds.
    Drain(u64),
    /// They are taken again.
    Undrain,
    /// An account is disabled.
    Disable(usize),
    /// The connections of phones that speak TCP break.
    Cut,
}

impl Fault {
    /// The faults of a run; half of the runs have none.
    pub fn drawn(dice: &mut Dice) -> Vec<Self> {
        let count = if dice.chance(400) { 0 } else { dice.between(1, 3) };
        (0..count).map(|_| Self::one(dice)).collect()
    }

    fn one(dice: &mut Dice) -> Self {
        match dice.between(0, 11) {
            0..3 => Self::Crash,
            3 => Self::Fenced,
            4 | 5 => Self::Panic(u32::try_from(dice.between(0, 80)).unwrap_or(0)),
            6 => Self::ClockJump(i64::try_from(dice.between(0, 7_200_000)).unwrap_or(0) - 3_600_000),
            7 => Self::Unwell(dice.between(1, 40)),
            8 => Self::Stall(dice.between(50, 3000)),
            9 => Self::Disable(usize::try_from(dice.between(0, 2)).unwrap_or(0)),
            10 => Self::Cut,
            _ => Self::Drain(dice.between(1, 20)),
        }
    }
}

impl World {
    pub(crate) fn befall(&mut self, fault: Fault) {
        self.note(&format!("fault: {fault:?}"));
        match fault {
            Fault::Crash => self.crash(),
            Fault::Fenced => {
                self.recover();
                let seconds = self.dice.between(1, 10);
                self.after(seconds * SECOND, Event::Fault(Fault::Restart));
            }
            Fault::Panic(questions) => self.shard.panic_after(questions),
            Fault::ClockJump(ms) => self.jumped_ms += ms,
            Fault::Unwell(seconds) => {
                self.bank.unwell = true;
                self.after(seconds * SECOND, Event::Fault(Fault::Well));
            }
            Fault::Well => self.bank.unwell = false,
            Fault::Stall(ms) => self.stalled_until = self.now + ms * 1000,
            Fault::Restart => self.crash(),
            Fault::Drain(seconds) => {
                self.input(ShardInput::Order { token: 1, order: Order::Drain(true) });
                self.after(seconds * SECOND, Event::Fault(Fault::Undrain));
            }
            Fault::Disable(user) => self.disable(self.users[user]),
            Fault::Cut => self.cut_flows(),
            Fault::Undrain => self.input(ShardInput::Order { token: 1, order: Order::Drain(false) }),
        }
    }

    fn crash(&mut self) {
        self.recover();
        self.die();
        // A crash during recovery: the next one finds nothing left to settle.
        if self.dice.chance(200) {
            let before = self.report.recovered;
            self.recover();
            if self.report.recovered != before {
                self.fail("a second recovery settled something again".to_owned());
            }
            self.die();
        }
        self.farewell();
    }

    fn die(&mut self) {
        self.report.crashes += 1;
        self.deaths.push(self.now);
        self.ended.clear();
        self.restart();
    }

    /// The store settles what is open, and remembers whose BYE is due.
    fn recover(&mut self) {
        match self.bank.recover() {
            Ok(recovered) => {
                self.check_recovered(&recovered);
                if let Some(Err(what)) =
                    self.durable.as_ref().map(|store| store.recover(self.clocks(), &self.bank, &recovered))
                {
                    self.fail(what);
                }
                self.orphans.extend(recovered.into_iter().flat_map(|call| call.legs));
            }
            Err(what) => self.fail(what),
        }
    }

    fn disable(&mut self, account: AccountId) {
        let mut snapshot = Snapshot::clone(&self.routes.load());
        if let Some(known) = snapshot.account(account) {
            let disabled = Account { active: false, ..Account::clone(known) };
            snapshot.apply(Change::Account(Box::new(disabled)));
        }
        self.routes.store(Arc::new(snapshot));
        self.bank.disabled.push(account);
        if let Some(Err(what)) = self.durable.as_ref().map(|store| store.disable(account)) {
            self.fail(what);
        }
    }

    /// Every leg of a recovered call gets its BYE, CANCEL or refusal, once: both parts of a placed call have it in
    /// their journals.
    fn farewell(&mut self) {
        let mut told = BTreeSet::new();
        for snapshot in std::mem::take(&mut self.orphans) {
            let now = Now { mono: Mono(self.now), wall: Wall(0) };
            let Ok(leg) = Leg::adopt_to_end(&snapshot, now) else {
                return self.fail(format!("no leg: {snapshot}"));
            };
            if !told.insert(leg.id()) {
                continue;
            }
            let sent = self.report.datagrams;
            if !self.sabotaged(Sabotage::NoFarewell) {
                self.input(ShardInput::Adopt { snapshot: snapshot.clone() });
            }
            if self.report.datagrams == sent {
                return self.fail(format!("no BYE, CANCEL or refusal for an adopted leg: {snapshot}"));
            }
            self.nobody_talks(vec![leg.call_id().to_owned()]);
            self.nobody_rings(vec![leg.call_id().to_owned()]);
        }
    }

    /// Moves a leg by its snapshot and ends it elsewhere: nothing of it may be lost, and its BYE must go where the
    /// leg was.
    pub(crate) fn move_leg(&mut self, snapshot: &str) {
        self.report.adopted += 1;
        let words: &[&[u8]] = match Leg::adopt(snapshot) {
            Ok(leg) if leg.snapshot() != snapshot => {
                return self.fail(format!("a leg changed when it was moved: {snapshot}"));
            }
            Ok(_) => &[b"BYE "],
            // Of a leg without an answer only its end can be moved.
            Err(_) => &[b"CANCEL ", b"SIP/2.0 503 "],
        };
        let now = Now { mono: Mono(self.now), wall: Wall(0) };
        match Leg::adopt_to_end(snapshot, now) {
            Ok(mut leg) => {
                let word = leg.poll_transmit();
                let right = word.is_some_and(|(to, bytes)| {
                    words.iter().any(|word| bytes.starts_with(word))
                        && self.agents.iter().any(|agent| agent.address == to.address)
                });
                if !right {
                    self.fail(format!("a leg that was moved cannot hang up: {snapshot}"));
                }
            }
            Err(error) => self.fail(format!("{error}: {snapshot}")),
        }
    }

    pub(crate) fn p2p(&mut self, user: usize, first: String, second: String) {
        let account = self.users[user];
        if self.dice.chance(TEST_CALLS) {
            self.note(&format!("test call order: {account} {first}"));
            let order = Order::Test(TestCall { account, called: first, seconds: TEST_S });
            return self.input(ShardInput::Order { token: 5, order });
        }
        let wait = *self.dice.pick(&[WaitFor::Placed, WaitFor::FirstAnswered, WaitFor::Connected]);
        self.note(&format!("p2p order: {account} {first} {second}"));
        let order = Order::P2p(P2p { account, first, second, caller: None, wait });
        self.input(ShardInput::Order { token: 2, order });
    }

    pub(crate) fn disconnect(&mut self, user: usize) {
        let which = self.users.get(user).map_or(CallRef::All, |id| CallRef::Account(*id));
        self.note(&format!("disconnect {which:?}"));
        let order = Order::Disconnect(Scope::All, which);
        self.input(ShardInput::Order { token: 3, order });
    }

    /// The calls that the switch says it has.
    pub(crate) fn live_calls(&mut self) -> Vec<strowger_model::CallId> {
        let now = Now { mono: Mono(self.now - self.booted), wall: Wall(0) };
        self.shard.handle_input(now, ShardInput::Order { token: 4, order: Order::LiveCalls(Scope::All) });
        let mut calls = Vec::new();
        while let Some(output) = self.shard.poll_output() {
            if let ShardOutput::Reply { answer: strowger_switch::shard::Answer::Calls(list), .. } = output {
                calls = list.into_iter().map(|call| call.call).collect();
            }
        }
        calls
    }
}
