//! The budget of requests that name `keyCredentials`: Graph allows 150 a minute for every tenant (FACTS 2.3).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many are sent within [`WINDOW`]: a little under the limit, for the clocks differ.
pub const KEYS_PER_MINUTE: usize = 140;

const WINDOW: Duration = Duration::from_mins(1);

/// When the last requests were, or will be, sent.
#[derive(Debug)]
pub(super) struct Budget {
    limit: Option<usize>,
    sent: Mutex<VecDeque<Instant>>,
}

impl Budget {
    /// `None` never waits.
    pub fn new(limit: Option<usize>) -> Self {
        Self { limit, sent: Mutex::default() }
    }

    /// Reserves `count` requests at `now` and says how long to wait before sending them; `None` (and nothing reserved) where that is not
    /// less than `limit`.
    pub fn reserve(&self, count: usize, now: Instant, limit: Option<Duration>) -> Option<Duration> {
        let Some(limit_of_window) = self.limit else { return Some(Duration::ZERO) };
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        // The request that must have left the window before the last of these may be sent.
        let blocking = (sent.len() + count)
            .checked_sub(limit_of_window + 1)
            .and_then(|index| sent.get(index.min(sent.len().saturating_sub(1))));
        let at = blocking.map_or(now, |blocking| (*blocking + WINDOW).max(now));
        let wait = at - now;
        if limit.is_some_and(|limit| wait >= limit && !wait.is_zero()) {
            return None;
        }
        sent.extend(std::iter::repeat_n(at, count));
        let superfluous = sent.len().saturating_sub(limit_of_window);
        sent.drain(..superfluous);
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_its_share() {
        let budget = Budget::new(Some(KEYS_PER_MINUTE));
        let start = Instant::now();
        let mut now = start;
        let mut sent = Vec::new();
        for count in [1, 20, 20, 20, 1, 20, 20, 20, 20, 1, 20, 20, 20, 20, 20, 20, 20, 20, 1, 1] {
            now += budget.reserve(count, now, None).unwrap();
            sent.extend(std::iter::repeat_n(now, count));
        }
        for (index, at) in sent.iter().enumerate() {
            let within = sent[..=index].iter().filter(|earlier| *at - **earlier < WINDOW).count();
            assert!(within <= KEYS_PER_MINUTE, "{within} in one window");
        }
        assert!(now - start < WINDOW * 3, "slower than it must be: {:?}", now - start);
    }

    #[test]
    fn nothing_is_reserved_where_patience_is_too_short() {
        let budget = Budget::new(Some(KEYS_PER_MINUTE));
        let now = Instant::now();
        assert_eq!(budget.reserve(KEYS_PER_MINUTE, now, Some(Duration::from_secs(1))), Some(Duration::ZERO));
        assert_eq!(budget.reserve(1, now, Some(Duration::from_secs(1))), None);
        assert_eq!(budget.reserve(1, now + WINDOW, Some(Duration::from_secs(1))), Some(Duration::ZERO));
    }
}
