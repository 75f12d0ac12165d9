//! How much ends in each of the next weeks, as bars and as a table.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use serde::Serialize;

use crate::clock::UtcTime;
use crate::inventory::Posture;
use crate::web::row::Row;

/// Half a year: far enough to plan, near enough to read.
const WEEKS: usize = 26;
/// Units of the picture; it is stretched to the width of the page.
const BAR: usize = 10;
const GAP: usize = 2;
const HEIGHT: usize = 100;

/// The weeks that begin with the current one.
#[derive(Debug, Serialize)]
pub(super) struct Chart {
    weeks: Vec<Week>,
    largest: usize,
    total: usize,
    width: usize,
    height: usize,
}

#[derive(Debug, Serialize)]
struct Week {
    monday: String,
    /// What nothing replaces.
    number: usize,
    /// Of those: the last of their application.
    last_ones: usize,
    x: usize,
    bar: usize,
    tall: usize,
    tall_last: usize,
}

impl Chart {
    /// Counts what has not ended and is not replaced; `None` where nothing ends in these weeks.
    pub(super) fn of<'a>(rows: impl Iterator<Item = Row<'a>>, now: UtcTime) -> Option<Self> {
        let this_monday = monday(now.date_naive());
        let mut numbers = [(0_usize, 0_usize); WEEKS];
        for row in rows.filter(|row| row.standing.posture == Posture::Sole) {
            let Some(end) = row.credential().not_after.filter(|end| *end > now) else { continue };
            let weeks = (monday(end.date_naive()) - this_monday).num_weeks();
            if let Some((number, last_ones)) = usize::try_from(weeks).ok().and_then(|week| numbers.get_mut(week)) {
                *number += 1;
                *last_ones += usize::from(row.standing.last_one);
            }
        }
        let largest = numbers.iter().map(|(number, _)| *number).max().filter(|largest| *largest > 0)?;
        // The smallest bar is still seen.
        let tall = |number: usize| if number == 0 { 0 } else { (number * HEIGHT / largest).max(2) };
        let weeks = numbers.iter().zip(0_usize..).zip(0_i64..).map(|(((number, last_ones), index), ahead)| Week {
            monday: (this_monday + TimeDelta::weeks(ahead)).format("%Y-%m-%d").to_string(),
            number: *number,
            last_ones: *last_ones,
            x: index * (BAR + GAP),
            bar: BAR,
            tall: tall(*number),
            tall_last: tall(*last_ones),
        });
        Some(Self {
            weeks: weeks.collect(),
            largest,
            total: numbers.iter().map(|(number, _)| number).sum(),
            width: WEEKS * (BAR + GAP) - GAP,
            height: HEIGHT,
        })
    }
}

fn monday(day: NaiveDate) -> NaiveDate {
    let since = i64::from(day.weekday().num_days_from_monday());
    day.checked_sub_signed(TimeDelta::days(since)).unwrap_or(day)
}
