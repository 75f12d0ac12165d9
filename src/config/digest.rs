//! `[digest]` and `[report]`: when mails leave.

use chrono::{NaiveTime, Weekday};

use super::key::{Key, closest};
use super::reading::{Wrong, wrong};
use super::table::Table;
use crate::policy::{Digest, ReportRules};

pub(super) const DIGEST: &[Key] = &[
    Key::new(
        "mode",
        "\"daily\" or \"immediate\"",
        "`daily`: one mail a day and recipient, urgent things at once; `immediate`: after each poll.",
    )
    .default("\"daily\""),
    Key::new("at", "\"HH:MM\"", "When the daily mail leaves, in the timezone.").default("\"09:00\""),
    Key::new("timezone", "a zone", "For `at` and `days`, and for the times in mails; as in \"Europe/Berlin\".")
        .default("\"UTC\""),
    Key::new("days", "a list of days", "On which days of the week it leaves.")
        .default(r#"["mon", "tue", "wed", "thu", "fri", "sat", "sun"]"#),
    Key::new("urgent_within", "a duration", "What ends within this and is not replaced leaves at once.").default("\"1d\""),
];

pub(super) const REPORT: &[Key] = &[
    Key::new("every", "\"week\", \"month\" or \"never\"", "How often the report goes to fallback, at digest.at: what ends in the next 90 days, findings, coverage. When it stops coming, EntraWatch is dead.")
        .default("\"week\""),
    Key::new("day", "a day", "On which day of the week it leaves; where monthly, on the first such day.").default("\"mon\""),
];

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

pub(super) fn read(root: &Table<'_>) -> Option<Digest> {
    let table = root.table("digest", DIGEST);
    let mode = table.choice("mode");
    let at = table.parse("at", time);
    let timezone = table.parse("timezone", zone);
    let days = table.list("days", day).and_then(|days| week(&table, &days));
    let urgent_within = table.duration("urgent_within");
    Some(Digest { mode: mode?, at: at?, timezone: timezone?, days: days?, urgent_within: urgent_within? })
}

pub(super) fn read_report(root: &Table<'_>) -> Option<ReportRules> {
    let table = root.table("report", REPORT);
    let (every, day) = (table.choice("every"), table.parse("day", day));
    Some(ReportRules { every: every?, day: day? })
}

fn time(text: &str) -> Result<NaiveTime, Wrong> {
    let parsed = NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"));
    parsed.map_err(|_| wrong(format!("{text:?} is not a time of day"), r#"write hours and minutes, from "00:00" to "23:59""#))
}

fn zone(text: &str) -> Result<chrono_tz::Tz, Wrong> {
    text.parse().map_err(|_| {
        let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        // Somebody who writes the city alone means the zone of that city.
        let city = text.replace(' ', "_");
        let of_city = names().find(|name| name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city)));
        let instead = match of_city.or_else(|| closest(text, names())) {
            Some(name) => format!("did you mean {name:?}?"),
            None => r#"write a name of the IANA time zone database, such as "Europe/Berlin" or "America/New_York""#.to_owned(),
        };
        wrong(format!("there is no time zone {text:?}"), instead)
    })
}

fn day(text: &str) -> Result<Weekday, Wrong> {
    let lower = text.to_lowercase();
    let found = DAYS.into_iter().find(|(name, _)| *name == lower);
    found.map(|(_, day)| day).ok_or_else(|| match DAYS.into_iter().find(|(name, _)| lower.starts_with(name)) {
        Some((name, _)) => wrong(format!("{text:?} is not a day as it is written here"), format!("write {name:?}")),
        None => {
            wrong(format!("{text:?} is not a day of the week"), r#"write one of "mon", "tue", "wed", "thu", "fri", "sat", "sun""#)
        }
    })
}

fn week(table: &Table<'_>, days: &[Weekday]) -> Option<Vec<Weekday>> {
    if days.is_empty() {
        return table.refuse(
            "days",
            wrong(
                "is empty: no mail would ever leave",
                r#"write the days, such as ["mon", "tue", "wed", "thu", "fri"], or leave it out for every day"#,
            ),
        );
    }
    let mut sorted = days.to_vec();
    sorted.sort_by_key(Weekday::num_days_from_monday);
    sorted.dedup();
    if sorted.len() < days.len() {
        let list = DAYS
            .into_iter()
            .filter(|(_, day)| sorted.contains(day))
            .map(|(name, _)| format!("{name:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        return table.refuse("days", wrong("names a day twice", format!("write [{list}]")));
    }
    Some(sorted)
}
