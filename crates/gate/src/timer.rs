//! Deadlines for hyper that cost a clock and no timer: whoever waits looks at them when it is woken.
//!
//! A head that drips in wakes its connection with every byte; one that stops half-way is found when the connection's
//! own alarm rings ([`crate::stream::Stream`]), which it does at least as often as a head may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::coarse;

/// Makes such deadlines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LazyTimer;

/// One deadline.
struct Deadline(Instant);

impl Timer for LazyTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(coarse::now() + duration)
    }

    fn now(&self) -> Instant {
        coarse::now()
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline(deadline))
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 <= coarse::now() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Deadline {}
