//! How many tenants are polled at once: a process with a thousand of them must not ask for all at the same instant.
//!
//! A poll that takes long waits, for a server that is away or asks for patience, more than it works: it gives its turn away and goes on, so that
//! no tenant's trouble keeps the others waiting.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How many polls may work at once.
const AT_ONCE: usize = 16;

/// A poll that is not over after this gives its turn away.
const GIVEN_AWAY_AFTER: Duration = Duration::from_secs(10);

/// Who waits for a turn shows this often that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// The turns. Clones share them.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Waits for a turn, with signs of life, and does the work.
    pub async fn take<T>(&self, beat: impl Fn(), work: impl Future<Output = T>) -> T {
        let mut turn = pin!(self.0.acquire());
        let turn = loop {
            beat();
            if let Ok(turn) = timeout(SIGN_OF_LIFE, &mut turn).await {
                break turn;
            }
        };
        let mut work = pin!(work);
        if let Ok(done) = timeout(GIVEN_AWAY_AFTER, &mut work).await {
            return done;
        }
        drop(turn);
        work.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_their_number_work_at_once() {
        let (turns, working, most) = (Turns::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = async || {
            most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            working.fetch_sub(1, Ordering::SeqCst);
        };
        let begin = Instant::now();
        join_all((0..160).map(|_| turns.take(|| {}, work()))).await;
        assert_eq!((most.into_inner(), begin.elapsed().as_secs()), (AT_ONCE, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_keeps_nobody_waiting_for_long_and_who_waits_shows_that_it_lives() {
        let (turns, beats) = (Turns::default(), AtomicUsize::new(0));
        let begin = Instant::now();
        let hanging = join_all((0..AT_ONCE * 5).map(|_| turns.take(|| {}, sleep(Duration::from_hours(1)))));
        let quick = async {
            sleep(Duration::from_secs(1)).await;
            let beat = || {
                beats.fetch_add(1, Ordering::SeqCst);
            };
            turns.take(beat, async { begin.elapsed() }).await
        };
        let (_, waited) = tokio::join!(hanging, quick);
        assert_eq!(waited.as_secs(), 50);
        assert!(beats.into_inner() >= 2);
    }
}
