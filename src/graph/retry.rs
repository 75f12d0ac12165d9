//! Whether a failed request is sent again, and after how long. Pure.
//!
//! Waits without an order of the server are drawn between zero and a doubling bound ("full jitter"), so that many tenants, or many
//! replicas, that failed together do not come back together. A wait that the server asked for is honoured to the full, and a
//! little is drawn on top for the same reason.

use std::time::Duration;

use chrono::DateTime;

use crate::clock::UtcTime;

/// How often a request is sent at most while the server asks for patience (429, or 503 with `Retry-After`).
pub const TRIES_THROTTLED: u32 = 10;

/// How often a request is sent at most while it fails otherwise: about half a minute of waits.
pub const TRIES_FAILED: u32 = 6;

/// The longest wait that is honoured. A server that asks for more is asked again at the next poll.
pub const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The first bound of a drawn wait; it doubles with each attempt.
const FIRST_BOUND: Duration = Duration::from_secs(1);

/// Where the doubling ends.
const LAST_BOUND: Duration = Duration::from_secs(30);

/// What went wrong with one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server answered with this status.
    Status(u16),
    /// No answer: name resolution, connection, TLS, a reset, a body that ended early or never.
    Network,
    /// An answer that is no JSON, or half of one.
    Garbled,
    /// An error of the token endpoint that passes by itself.
    Passing,
}

impl Fault {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_passing(self) -> bool {
        match self {
            Self::Network | Self::Garbled | Self::Passing => true,
            Self::Status(status) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 509),
        }
    }

    /// Whether the server asked for patience, rather than failed.
    #[must_use]
    pub fn is_throttling(self, retry_after: Option<Duration>) -> bool {
        matches!(self, Self::Status(429)) || (matches!(self, Self::Status(503 | 509)) && retry_after.is_some())
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it again after this long.
    Again(Duration),
    /// It will not get better, or not soon enough.
    GiveUp,
}

/// Decides after attempt number `attempt` (the first is 1) failed. `draw` is a random number in `0.0..1.0`.
#[must_use]
pub fn decide(fault: Fault, attempt: u32, retry_after: Option<Duration>, draw: f64) -> Verdict {
    let tries = if fault.is_throttling(retry_after) { TRIES_THROTTLED } else { TRIES_FAILED };
    if !fault.is_passing() || attempt >= tries {
        return Verdict::GiveUp;
    }
    match retry_after {
        Some(asked) if asked > LONGEST_WAIT => Verdict::GiveUp,
        Some(asked) => Verdict::Again(asked + FIRST_BOUND.mul_f64(draw.clamp(0.0, 1.0))),
        None => Verdict::Again(bound(attempt).mul_f64(draw.clamp(0.0, 1.0))),
    }
}

/// The longest wait that may be drawn after attempt number `attempt`.
#[must_use]
pub fn bound(attempt: u32) -> Duration {
    FIRST_BOUND.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(LAST_BOUND)
}

/// Reads a `Retry-After`: seconds, seconds with a fraction (Graph's own example is `2.128`), or an HTTP date.
#[must_use]
pub fn retry_after(header: &str, now: UtcTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(header).ok()?.to_utc();
    Some((until - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_retry_after_is_seconds_a_fraction_or_a_date() {
        let now = DateTime::from_timestamp(1_763_800_000, 0).unwrap();
        let date = |ahead: i64| (now + chrono::TimeDelta::seconds(ahead)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (header, wait) in [
            ("7", Some(seconds(7.0))),
            (" 0 ", Some(Duration::ZERO)),
            ("2.128", Some(seconds(2.128))),
            (&date(90), Some(seconds(90.0))),
            (&date(-90), Some(Duration::ZERO)),
            ("-1", None),
            ("soon", None),
            ("NaN", None),
            ("inf", None),
            ("1e300", None),
            ("", None),
        ] {
            assert_eq!(retry_after(header, now), wait, "{header}");
        }
    }

    #[test]
    fn what_passes_is_sent_again_and_what_does_not_is_not() {
        for status in [408, 429, 500, 502, 503, 504, 509] {
            assert!(matches!(decide(Fault::Status(status), 1, None, 0.5), Verdict::Again(_)), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 405, 410, 413, 501, 505] {
            assert_eq!(decide(Fault::Status(status), 1, Some(seconds(1.0)), 0.5), Verdict::GiveUp, "{status}");
        }
        for fault in [Fault::Network, Fault::Garbled, Fault::Passing] {
            assert!(matches!(decide(fault, 1, None, 0.5), Verdict::Again(_)), "{fault:?}");
        }
    }

    #[test]
    fn attempts_are_bounded_and_throttling_gets_more_of_them() {
        assert_eq!(decide(Fault::Status(500), TRIES_FAILED, None, 0.0), Verdict::GiveUp);
        assert!(matches!(decide(Fault::Status(429), TRIES_FAILED, None, 0.0), Verdict::Again(_)));
        assert_eq!(decide(Fault::Status(429), TRIES_THROTTLED, None, 0.0), Verdict::GiveUp);
        assert_eq!(decide(Fault::Status(503), TRIES_FAILED, None, 0.0), Verdict::GiveUp);
        assert!(matches!(decide(Fault::Status(503), TRIES_FAILED, Some(seconds(1.0)), 0.0), Verdict::Again(_)));
    }

    #[test]
    fn a_wait_that_was_asked_for_is_never_cut_short_and_one_that_is_too_long_is_left_to_the_next_poll() {
        for draw in [0.0, 0.5, 0.999, 7.0, -1.0] {
            let Verdict::Again(wait) = decide(Fault::Status(429), 1, Some(seconds(2.128)), draw) else { panic!("gave up") };
            assert!(wait >= seconds(2.128) && wait <= seconds(3.128), "{wait:?}");
        }
        assert_eq!(decide(Fault::Status(429), 1, Some(LONGEST_WAIT + seconds(1.0)), 0.0), Verdict::GiveUp);
    }

    #[test]
    fn drawn_waits_double_and_stay_bounded() {
        let full = |attempt| decide(Fault::Network, attempt, None, 1.0);
        assert_eq!(full(1), Verdict::Again(seconds(1.0)));
        assert_eq!(full(2), Verdict::Again(seconds(2.0)));
        assert_eq!(full(5), Verdict::Again(seconds(16.0)));
        assert_eq!(bound(u32::MAX), LAST_BOUND);
        assert_eq!(decide(Fault::Network, 3, None, 0.0), Verdict::Again(Duration::ZERO));
    }
}
