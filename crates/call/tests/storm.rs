//! Parties that do anything at any moment, over a network that loses, repeats and garbles: whatever happens,
//! nothing leaks, nobody pays twice, and every call that was tried has its record.

mod harness;

use harness::World;
use harness::phone::{Phone, Script};
use strowger_call::{CallOrder, Env, Wait};
use strowger_model::media::MediaEvent;
use strowger_sip::Method;

const SEEDS: u64 = 40;
const STEPS: u64 = 25;

fn pick<T: Clone>(world: &mut World, from: &[T]) -> T {
    let at = usize::try_from(world.env.random()).unwrap_or(0) % from.len();
    from[at].clone()
}

fn script(world: &mut World) -> Script {
    let status = pick(world, &[200, 200, 200, 200, 486, 603, 503, 302, 404]);
    let after_ms = pick(world, &[0, 30, 400, 2000, 9000]);
    Script {
        dead: pick(world, &[false, false, false, false, false, true]),
        ring_ms: pick(world, &[None, Some(10), Some(200)]),
        early_ms: pick(world, &[None, None, Some(20), Some(300)]),
        answer: pick(world, &[Some((status, after_ms)), Some((status, after_ms)), None]),
        challenge: pick(world, &[false, false, true]),
        reinvite: pick(world, &[200, 200, 200, 488, 491, 481]),
        deaf_to_cancel: pick(world, &[false, true]),
        vanish_at: None,
    }
}

fn step(world: &mut World) {
    let phone = pick(world, &[0, 1, 2, 3]);
    let up = world.phones[phone].dialog.as_ref().is_some_and(|dialog| dialog.confirmed);
    match pick(world, &[0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]) {
        0 => {
            let number = pick(world, &["alice", "bob", "carol", "4412345", "3312345", "5005", "nobody"]);
            let sdp = pick(world, &[true, true, true, false]);
            world.act(phone, |phone, now| phone.invite(now, number, sdp, &[]));
        }
        1 => world.act(phone, |phone, now| {
            if phone.may_cancel() {
                phone.cancel(now);
            }
        }),
        2 if up => world.act(phone, Phone::bye),
        3 if up => {
            let (sdp, codecs) = (pick(world, &[true, false]), pick(world, &[vec![0], vec![8, 0], vec![18]]));
            let direction = pick(world, &["sendrecv", "sendonly", "inactive"]);
            world.act(phone, |phone, now| {
                (phone.codecs, phone.direction) = (codecs, direction);
                phone.reinvite(now, sdp);
            });
        }
        4 if up => {
            let method = pick(world, &[Method::Update, Method::Refer, Method::Options, Method::Notify]);
            world.act(phone, |phone, now| phone.within(now, method, None));
        }
        5 if up => world.act(phone, |phone, now| phone.info(now, '1')),
        6 => {
            let first = pick(world, &["alice", "bob", "4412345"]).to_owned();
            let second = pick(world, &["carol", "4412345", "5002"]).to_owned();
            let wait = pick(world, &[Wait::Placed, Wait::FirstAnswered, Wait::Connected]);
            let initiator = harness::ALICE;
            world.order(1, CallOrder::Place { initiator, first, second, shown: None, wait });
        }
        7 => {
            let index = u32::try_from(world.env.random() % 40).unwrap_or(0);
            let slot = strowger_model::SlotId { thread: 0, index, generation: 1 };
            world.media_event(MediaEvent::Silent { slot });
        }
        8 => world.store.unwell = !world.store.unwell,
        _ => world.phones[phone].script = script(world),
    }
}

#[test]
fn whatever_parties_do_nothing_leaks() {
    for seed in 0..SEEDS {
        let mut world = World::new();
        world.env.seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d);
        (world.loss_percent, world.repeat_percent) = (seed % 20, seed % 13);
        world.garble_percent = if seed % 3 == 0 { 15 } else { 0 };
        world.readopt = seed % 2 == 1;
        world.env.settings.keepalive_ms = if seed % 5 == 0 { 20_000 } else { 0 };
        let credit = pick(&mut world, &[10_000_000, 300_000, 0]);
        world.store.credit.insert(harness::ALICE, credit);
        let forwarding = pick(&mut world, &["", "carol", "4412345", "bob"]);
        world.change_account(harness::BOB, |account| account.forwarding.on_busy = forwarding.into());
        world.add_phone("bob2", harness::BOB, ([198, 51, 100, 22], 5099).into());
        for _ in 0..STEPS {
            step(&mut world);
            let pause_ms = pick(&mut world, &[0, 3, 11, 200, 1500, 7000]);
            world.run(pause_ms);
        }
        world.env.settings.draining = true;
        world.run(40_000);
        world.order(9, CallOrder::HangupAll);
        world.finish();
        let placed = world.replies.iter().filter(|(token, _)| *token == 1).count();
        assert_eq!(placed, world.placed, "seed {seed}: every order has one reply");
    }
}
