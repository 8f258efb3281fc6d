//! Runs a future to its end whatever becomes of who waits for it. What needs no waiting is done at once, on the
//! waiting task: a task of its own costs more than most commands.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

/// The future panicked.
#[derive(Debug)]
pub struct Panicked;

/// What can be finished by another task than the one that began it.
pub type Detachable<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Polls once here; what is not ready then goes on as a task of its own, which nobody cuts short.
pub async fn detached<T: Send + 'static>(mut future: Detachable<T>) -> Result<T, Panicked> {
    let first = poll_fn(|context| {
        Poll::Ready(catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))).map_err(|_| Panicked))
    });
    match first.await? {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => tokio::spawn(future).await.map_err(|_| Panicked),
    }
}

/// A panic of the future is an error.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or(Poll::Ready(Err(Panicked)), |poll| poll.map(Ok))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_ready_waits_for_nothing_and_what_is_not_is_finished() {
        assert_eq!(detached(Box::pin(async { 1 })).await.unwrap(), 1);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (told, mut tell) = (std::sync::Arc::new(tokio::sync::Notify::new()), None);
        let waiting = std::sync::Arc::clone(&told);
        let mut abandoned = Box::pin(detached(Box::pin(async move {
            waiting.notified().await;
            let _ = sender.send(2);
        })));
        poll_fn(|context| {
            tell = Some(abandoned.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(abandoned);
        told.notify_one();
        assert_eq!((tell, receiver.await), (Some(true), Ok(2)));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_before_and_after_the_first_wait() {
        assert!(detached::<()>(Box::pin(async { panic!("at once") })).await.is_err());
        let later = detached::<()>(Box::pin(async {
            tokio::task::yield_now().await;
            panic!("later")
        }));
        assert!(later.await.is_err());
        assert!(caught::<std::future::Ready<()>>(std::future::ready(())).await.is_ok());
        assert!(caught(async { panic!("at once") }).await.is_err());
    }
}
