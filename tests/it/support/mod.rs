//! What the tests share.

pub mod builder;
pub mod database;
pub mod faults;
pub mod graph;
pub mod log;
pub mod mailer;
pub mod node;
pub mod process;
pub mod python;
pub mod rig;
pub mod sink;
pub mod smtp;
pub mod snapshots;
pub mod tls;

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::metrics::Metrics;

/// An instant, written as in `2026-11-22T09:00:00Z` or, for midnight, `2026-11-22`.
pub fn at(text: &str) -> UtcTime {
    let full = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    full.parse().unwrap_or_else(|error| panic!("{text} is no instant: {error}"))
}

/// So many days.
pub fn days(count: i64) -> TimeDelta {
    TimeDelta::days(count)
}

/// Says that a test was left out because something is not installed; fails where everything must be.
#[expect(clippy::disallowed_methods, reason = "the runner of the tests says in the environment what it requires")]
pub fn missing(what: &str) {
    let required = std::env::var("ENTRAWATCH_TESTS_REQUIRE").is_ok_and(|value| value == "1");
    assert!(!required, "{what} is missing, and ENTRAWATCH_TESTS_REQUIRE is 1");
    eprintln!("left out: {what} is missing");
}

/// The counter of a family whose only label has this value.
pub fn counter(metrics: &Metrics, family: &str, label: &str) -> u64 {
    let families = metrics.gather();
    let family = families.iter().find(|found| found.name() == family).unwrap();
    let series = family.get_metric().iter().find(|metric| metric.get_label()[0].value() == label).unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let count = series.get_counter().get_value() as u64;
    count
}
