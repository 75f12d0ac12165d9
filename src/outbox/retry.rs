//! What becomes of a mail after an attempt, and when it is tried next. Pure, but for the jitter.

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::mail::{Fate, SendError};
use crate::store::{ClaimedMail, LONGEST_WAIT, Settlement};

/// The wait after the first failure; each further one doubles it.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// Waits grow up to this.
const LAST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// How far the jitter moves a wait, in percent either way.
const JITTER: i64 = 20;
/// No mail is given up before it was tried this often (some five minutes), however old it is: one that was decided before the
/// watcher stood still for a week deserves more than the first answer of a server that greylists.
const TRIES_AT_LEAST: i64 = 6;

/// How long to wait after so many failures, this one included; whole seconds, as the store keeps.
pub fn wait(failures: i64) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(16);
    let wait = (FIRST_WAIT * 2_i32.saturating_pow(doublings)).min(LAST_WAIT);
    let jittered = wait.num_seconds() * fastrand::i64(100 - JITTER..=100 + JITTER) / 100;
    TimeDelta::seconds(jittered).min(LONGEST_WAIT)
}

/// What to write down about an attempt that failed at `now`, where the failure is this mail's own.
pub fn after_failure(mail: &ClaimedMail, failure: SendError, now: UtcTime, give_up_after: TimeDelta) -> Settlement {
    let SendError { fate, answer, after_data } = failure;
    let failures = mail.attempts.saturating_add(1);
    let too_old = failures >= TRIES_AT_LEAST && now - mail.first_decided_at >= give_up_after;
    if fate == Fate::Permanent || too_old {
        Settlement::Dead { answer }
    } else {
        Settlement::Retry { at: now + wait(failures), answer, after_data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Severity;

    fn mail(attempts: i64) -> ClaimedMail {
        ClaimedMail {
            id: uuid::Uuid::nil(),
            tenant: String::new(),
            recipient: String::new(),
            severity: Severity::Info,
            message: String::new(),
            attempts,
            first_decided_at: UtcTime::UNIX_EPOCH,
            claimant: uuid::Uuid::nil(),
        }
    }

    #[test]
    fn a_mail_is_given_up_when_it_is_old_and_was_tried_or_when_it_is_refused() {
        let give_up_after = TimeDelta::days(3);
        let dies = |fate, attempts, age: TimeDelta| {
            let failure = SendError { fate, answer: String::new(), after_data: false };
            let now = UtcTime::UNIX_EPOCH + age;
            matches!(after_failure(&mail(attempts), failure, now, give_up_after), Settlement::Dead { .. })
        };
        assert!(dies(Fate::Permanent, 0, TimeDelta::zero()));
        assert!(dies(Fate::Transient, 5, give_up_after));
        assert!(!dies(Fate::Transient, 500, give_up_after - TimeDelta::seconds(1)));
        assert!(!dies(Fate::Transient, 4, TimeDelta::days(365)), "decided long ago, hardly tried");
        assert!(!dies(Fate::Transient, 500, TimeDelta::days(-3650)), "the clock was set back");
    }

    #[test]
    fn waits_double_from_five_seconds_to_fifteen_minutes_with_jitter() {
        let expected = [5, 10, 20, 40, 80, 160, 320, 640, 900, 900];
        for (failures, seconds) in (1_i64..).zip(expected) {
            let waits: Vec<i64> = (0..200).map(|_| wait(failures).num_seconds()).collect();
            let (low, high) = (seconds * 8 / 10, seconds * 12 / 10);
            assert!(waits.iter().all(|wait| (low..=high).contains(wait)), "{failures}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{failures}: no jitter");
        }
        assert!(wait(i64::MAX) <= LONGEST_WAIT);
        assert!(wait(0) >= TimeDelta::seconds(4));
    }
}
