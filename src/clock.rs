//! Policy time and machine sleeps, both injected.
//!
//! Policy time ([`Clock`]) decides windows, polls, digests, silences, mail retries and the `Date` of a mail. Machine time (tokio)
//! bounds I/O. Nothing else in the crate may ask the system for the time: clippy's `disallowed-methods` holds that.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// An instant of policy time, in whole seconds: that is what the store keeps, and an instant must be the same before and after it was stored.
pub type UtcTime = DateTime<Utc>;

/// No sleep is longer than this before the clock is read again (suspend, NTP steps, a clock set by hand).
pub const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// Where policy time comes from.
pub trait Clock: Debug + Send + Sync {
    /// The current policy time, in whole seconds.
    fn now(&self) -> UtcTime;

    /// How long the machine should sleep until policy time reaches `at`: zero when it has, never more than [`LONGEST_SLEEP`].
    fn wait_for(&self, at: UtcTime) -> Duration {
        (at - self.now()).to_std().unwrap_or(Duration::ZERO).min(LONGEST_SLEEP)
    }
}

/// The system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> UtcTime {
        Utc::now().trunc_subsecs(0)
    }
}

/// A clock that stands still until it is told otherwise; tests live through years with it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `at`.
    #[must_use]
    pub fn new(at: UtcTime) -> Self {
        Self(AtomicI64::new(at.timestamp()))
    }

    /// Sets the time, backwards too.
    pub fn set(&self, at: UtcTime) {
        self.0.store(at.timestamp(), Ordering::SeqCst);
    }

    /// Moves the time by `by`, which may be negative.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcTime {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// A clock that starts at a given instant and runs faster than the system's: `demo --days-per-minute`.
#[derive(Debug)]
pub struct FastClock {
    start: UtcTime,
    began: std::time::Instant,
    factor: f64,
}

impl FastClock {
    /// Runs `factor` policy seconds a machine second, from `start` on.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the clock itself measures the machine time that has passed")]
    pub fn new(start: UtcTime, factor: f64) -> Self {
        Self { start, began: std::time::Instant::now(), factor }
    }
}

impl Clock for FastClock {
    fn now(&self) -> UtcTime {
        let passed = self.began.elapsed().mul_f64(self.factor);
        (self.start + TimeDelta::from_std(passed).unwrap_or(TimeDelta::MAX)).trunc_subsecs(0)
    }

    fn wait_for(&self, at: UtcTime) -> Duration {
        let policy = (at - self.now()).to_std().unwrap_or(Duration::ZERO);
        policy.div_f64(self.factor).min(LONGEST_SLEEP)
    }
}

/// Machine sleeps, so that a test can count them instead of living through them.
pub trait Sleeper: Debug + Send + Sync {
    /// Returns after `duration` of machine time.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Sleeps by tokio's timer.
#[derive(Debug, Default, Clone, Copy)]
pub struct TokioSleeper;

impl Sleeper for TokioSleeper {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_time_has_no_finer_parts_that_the_store_would_drop() {
        for clock in [&SystemClock as &dyn Clock, &FastClock::new(SystemClock.now(), 1234.5)] {
            assert!((0..100).all(|_| clock.now().timestamp_subsec_nanos() == 0), "{clock:?}");
        }
    }

    #[test]
    fn a_fast_clock_waits_by_its_own_time() {
        let clock = FastClock::new(SystemClock.now(), 3600.0);
        let wait = clock.wait_for(clock.now() + TimeDelta::hours(2));
        assert!(wait <= Duration::from_millis(2001) && wait > Duration::from_millis(1500), "{wait:?}");
    }
}
