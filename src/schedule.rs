//! When a tenant is polled and evaluated. Pure.

use chrono::TimeDelta;

use crate::clock::UtcTime;

/// The next things to do for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agenda {
    interval: TimeDelta,
    next_poll: UtcTime,
    next_evaluation: UtcTime,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A poll, and the evaluation that follows it.
    Poll,
    /// An evaluation of the stored state.
    Evaluation,
    /// Nothing before this instant.
    Nothing(UtcTime),
}

impl Agenda {
    /// Polls at once, then every `interval`.
    #[must_use]
    pub fn new(now: UtcTime, interval: TimeDelta) -> Self {
        Self { interval, next_poll: now, next_evaluation: now }
    }

    /// What is due at `now`. A clock that was set back strands nothing: no poll is further away than one interval.
    pub fn due(&mut self, now: UtcTime) -> Due {
        self.next_poll = self.next_poll.min(now + self.interval);
        self.next_evaluation = self.next_evaluation.min(now + self.interval);
        if self.next_poll <= now {
            Due::Poll
        } else if self.next_evaluation <= now {
            Due::Evaluation
        } else {
            Due::Nothing(self.next_poll.min(self.next_evaluation))
        }
    }

    /// A poll began at `began`, and the next one shall after `wait`.
    pub fn polled(&mut self, began: UtcTime, wait: TimeDelta) {
        self.next_poll = began + wait.min(self.interval);
    }

    /// An evaluation was made at `now`, and says when the next one is needed at the latest.
    pub fn evaluated(&mut self, now: UtcTime, next: Option<UtcTime>) {
        let within = now + self.interval;
        self.next_evaluation =
            next.map_or(within, |next| next.clamp(now + TimeDelta::seconds(1), within.max(now + TimeDelta::seconds(1))));
    }

    /// Something outside changed: evaluate at once.
    pub fn evaluate_now(&mut self, now: UtcTime) {
        self.next_evaluation = now;
    }

    /// Whether time has come to evaluate, poll or no poll.
    #[must_use]
    pub fn is_evaluation_due(&self, now: UtcTime) -> bool {
        self.next_evaluation <= now
    }

    /// When the next evaluation is due.
    #[must_use]
    pub fn next_evaluation(&self) -> UtcTime {
        self.next_evaluation
    }

    /// When the next poll is due.
    #[must_use]
    pub fn next_poll(&self) -> UtcTime {
        self.next_poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_a_decade_strands_no_poll() {
        let now: UtcTime = "2036-01-01T00:00:00Z".parse().unwrap();
        let mut agenda = Agenda::new(now, TimeDelta::minutes(15));
        assert_eq!(agenda.due(now), Due::Poll);
        agenda.polled(now, TimeDelta::minutes(15));
        agenda.evaluated(now, None);
        let back = now - TimeDelta::days(3652);
        assert_eq!(agenda.due(back), Due::Nothing(back + TimeDelta::minutes(15)));
        assert_eq!(agenda.due(back + TimeDelta::minutes(15)), Due::Poll);
    }

    #[test]
    fn a_crossing_before_the_next_poll_is_evaluated_on_time() {
        let now: UtcTime = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut agenda = Agenda::new(now, TimeDelta::minutes(15));
        agenda.polled(now, TimeDelta::minutes(15));
        agenda.evaluated(now, Some(now + TimeDelta::minutes(4)));
        assert_eq!(agenda.due(now), Due::Nothing(now + TimeDelta::minutes(4)));
        assert_eq!(agenda.due(now + TimeDelta::minutes(4)), Due::Evaluation);
    }
}
