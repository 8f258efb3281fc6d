//! Panics while the switch works: those that the run asked for are counted, any other one is a failure.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::sync::Once;

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static ASKED_FOR: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
    static OTHERS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static HOOK: Once = Once::new();

/// What the shard panics with when it is asked to.
const ASKED: &str = "a panic that was asked for";

/// Keeps panics of this thread quiet and remembers them, until [`end`].
pub fn begin() {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !WATCHED.get() {
                return usual(info);
            }
            let text = info.payload_as_str().unwrap_or("a panic without words");
            if text == ASKED {
                ASKED_FOR.set(ASKED_FOR.get() + 1);
                PLACE.set(ours(&Backtrace::capture()));
            } else {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                OTHERS.with_borrow_mut(|others| others.push(format!("{place}: {text}")));
            }
        }));
    });
    ASKED_FOR.set(0);
    OTHERS.with_borrow_mut(Vec::clear);
    WATCHED.set(true);
}

/// Panics are shown again.
pub fn end() {
    WATCHED.set(false);
}

/// How many panics that were asked for have happened.
#[must_use]
pub fn asked_for() -> u32 {
    ASKED_FOR.get()
}

/// The calls that led to the last panic that was asked for, where RUST_BACKTRACE is set.
#[must_use]
pub fn last_place() -> String {
    PLACE.with_borrow(Clone::clone)
}

/// A panic that nobody asked for.
#[must_use]
pub fn unexpected() -> Option<String> {
    OTHERS.with_borrow(|others| others.first().cloned())
}

/// Our own functions on a stack, innermost first.
fn ours(stack: &Backtrace) -> String {
    let text = stack.to_string();
    let names = text.lines().filter_map(|line| line.split_once(": strowger_").map(|(_, name)| name));
    names.filter(|name| !name.starts_with("sim")).take(12).collect::<Vec<_>>().join(" < ")
}
