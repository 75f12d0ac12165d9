//! Digest slots: the instants at which a daily digest leaves, in a zone with daylight saving.

use chrono::Datelike as _;
use chrono::{Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;

use super::Digest;
use crate::clock::UtcTime;

/// The slots of a digest.
#[derive(Debug, Clone, Copy)]
pub struct Slots<'a> {
    at: NaiveTime,
    zone: Tz,
    days: &'a [Weekday],
}

impl<'a> Slots<'a> {
    /// The slots that the configuration asks for.
    #[must_use]
    pub fn of(digest: &'a Digest) -> Self {
        Self { at: digest.at, zone: digest.timezone, days: &digest.days }
    }

    /// The last slot at or before `now`; `None` without days.
    #[must_use]
    pub fn latest(&self, now: UtcTime) -> Option<UtcTime> {
        // A week and a day reach back over every weekday, whatever the zone's offset.
        self.around(now, -8..=1).filter(|slot| *slot <= now).max()
    }

    /// The first slot after `now`; `None` without days.
    #[must_use]
    pub fn next(&self, now: UtcTime) -> Option<UtcTime> {
        self.around(now, -1..=8).filter(|slot| *slot > now).min()
    }

    fn around(&self, now: UtcTime, days: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = UtcTime> {
        let today = now.with_timezone(&self.zone).date_naive();
        let dates = days.filter_map(move |offset| {
            let distance = Days::new(offset.unsigned_abs());
            if offset < 0 { today.checked_sub_days(distance) } else { today.checked_add_days(distance) }
        });
        dates.filter(|date| self.days.contains(&date.weekday())).filter_map(|date| self.on(date))
    }

    /// The slot of a date. A local time that the clocks skip is the first instant after the gap; one that comes twice is the first.
    fn on(&self, date: NaiveDate) -> Option<UtcTime> {
        let local = date.and_time(self.at);
        let in_minutes = |minutes: i64| self.zone.from_local_datetime(&(local + TimeDelta::minutes(minutes)));
        match in_minutes(0) {
            LocalResult::Single(slot) | LocalResult::Ambiguous(slot, _) => Some(slot.with_timezone(&Utc)),
            // No zone has skipped more than a day at once.
            LocalResult::None => {
                (1..=24 * 60).find_map(|minutes| in_minutes(minutes).earliest()).map(|slot| slot.with_timezone(&Utc))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(at: &str, zone: Tz, days: &[Weekday]) -> Digest {
        let at = NaiveTime::parse_from_str(at, "%H:%M").unwrap();
        Digest {
            mode: super::super::DigestMode::Daily,
            at,
            timezone: zone,
            days: days.to_vec(),
            urgent_within: TimeDelta::days(1),
        }
    }

    fn utc(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    const EVERY_DAY: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

    #[test]
    fn slots_follow_the_zone_through_both_changes_of_daylight_saving() {
        let digest = digest("09:00", chrono_tz::Europe::Berlin, &EVERY_DAY);
        let slots = Slots::of(&digest);
        for (now, latest, next) in [
            ("2026-03-28T12:00:00Z", "2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z"),
            ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-22T07:59:59Z", "2026-11-21T08:00:00Z", "2026-11-22T08:00:00Z"),
        ] {
            assert_eq!((slots.latest(utc(now)), slots.next(utc(now))), (Some(utc(latest)), Some(utc(next))), "{now}");
        }
    }

    #[test]
    fn a_local_time_that_is_skipped_is_the_first_after_the_gap_and_one_that_comes_twice_the_first() {
        let skipped = digest("02:30", chrono_tz::Europe::Berlin, &EVERY_DAY);
        assert_eq!(Slots::of(&skipped).next(utc("2026-03-29T00:00:00Z")), Some(utc("2026-03-29T01:00:00Z")));
        assert_eq!(Slots::of(&skipped).next(utc("2026-10-24T23:00:00Z")), Some(utc("2026-10-25T00:30:00Z")));
        assert_eq!(Slots::of(&skipped).next(utc("2026-10-25T00:30:00Z")), Some(utc("2026-10-26T01:30:00Z")), "not twice");
    }

    #[test]
    fn only_the_days_that_are_named_have_a_slot() {
        let digest = digest("00:00", chrono_tz::Pacific::Auckland, &[Weekday::Mon]);
        let slots = Slots::of(&digest);
        assert_eq!(slots.next(utc("2026-11-22T08:00:00Z")), Some(utc("2026-11-22T11:00:00Z")), "Monday in Auckland");
        assert_eq!(slots.latest(utc("2026-11-22T10:59:59Z")), Some(utc("2026-11-15T11:00:00Z")));
    }
}
