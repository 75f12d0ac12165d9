//! Instants and spans in words.

use chrono::{Datelike, Offset, TimeDelta};
use chrono_tz::Tz;

use super::count;
use crate::clock::UtcTime;

/// `Wed 25 November 2026, 10:00 CET (09:00 UTC)`; the zone alone where it is UTC.
#[must_use]
pub fn instant(at: UtcTime, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let there = local.format("%a %-d %B %Y, %H:%M %Z").to_string();
    if zone == Tz::UTC {
        return there;
    }
    let same_day = local.num_days_from_ce() == at.num_days_from_ce();
    let utc = if same_day { at.format("%H:%M UTC") } else { at.format("%a %-d %B, %H:%M UTC") };
    format!("{there} ({utc})")
}

/// `Wed 25 Nov 2026, 10:00`, in the zone, for tables and subjects.
#[must_use]
pub fn short(at: UtcTime, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %-d %b %Y, %H:%M").to_string()
}

/// The zone's name and its distance from UTC at an instant: `Europe/Berlin (UTC+1)`.
#[must_use]
pub fn zone_name(at: UtcTime, zone: Tz) -> String {
    if zone == Tz::UTC {
        return "UTC".to_owned();
    }
    let minutes = at.with_timezone(&zone).offset().fix().local_minus_utc() / 60;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let sign = if minutes < 0 { '-' } else { '+' };
    match rest {
        0 => format!("{} (UTC{sign}{hours})", zone.name()),
        _ => format!("{} (UTC{sign}{hours}:{rest:02})", zone.name()),
    }
}

/// `3 days`, `31 hours`, `12 minutes`: whole units, rounded down.
#[must_use]
pub fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().unsigned_abs();
    let units = |unit: u64| usize::try_from(seconds / unit).unwrap_or(usize::MAX);
    match seconds {
        0..60 => "less than a minute".to_owned(),
        60..3_600 => count(units(60), "minute", "minutes"),
        3_600..172_800 => count(units(3_600), "hour", "hours"),
        _ => count(units(86_400), "day", "days"),
    }
}

/// `in 3 days` or `3 days ago`.
#[must_use]
pub fn relative(to: UtcTime, at: UtcTime) -> String {
    if to > at { format!("in {}", span(to - at)) } else { format!("{} ago", span(at - to)) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use chrono_tz::{Asia, Europe};

    use super::*;

    fn at(day: u32, hour: u32, minute: u32) -> UtcTime {
        chrono::Utc.with_ymd_and_hms(2026, 11, day, hour, minute, 0).unwrap()
    }

    #[test]
    fn instants_name_the_zone_and_utc() {
        assert_eq!(instant(at(25, 9, 0), Tz::UTC), "Wed 25 November 2026, 09:00 UTC");
        assert_eq!(instant(at(25, 9, 0), Europe::Berlin), "Wed 25 November 2026, 10:00 CET (09:00 UTC)");
        assert_eq!(instant(at(25, 23, 30), Europe::Berlin), "Thu 26 November 2026, 00:30 CET (Wed 25 November, 23:30 UTC)");
        assert_eq!(instant(at(25, 9, 0), Europe::London), "Wed 25 November 2026, 09:00 GMT (09:00 UTC)");
    }

    #[test]
    fn zones_say_how_far_from_utc_they_are() {
        assert_eq!(zone_name(at(25, 9, 0), Asia::Kolkata), "Asia/Kolkata (UTC+5:30)");
        assert_eq!(zone_name(at(25, 9, 0), chrono_tz::America::New_York), "America/New_York (UTC-5)");
    }

    #[test]
    fn spans_are_whole_units_rounded_down() {
        for (seconds, words) in [
            (0, "less than a minute"),
            (61, "1 minute"),
            (3_600, "1 hour"),
            (172_799, "47 hours"),
            (172_800, "2 days"),
            (345_599, "3 days"),
            (-864_000, "10 days"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn the_moment_itself_is_past() {
        assert_eq!(relative(at(25, 9, 0), at(25, 9, 0)), "less than a minute ago");
        assert_eq!(relative(at(28, 9, 0), at(25, 9, 0)), "in 3 days");
    }
}
