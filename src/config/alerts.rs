//! `[alerts]`: how long before an end somebody is told.

use chrono::TimeDelta;

use super::duration::{self, format_duration};
use super::key::Key;
use super::reading::wrong;
use super::table::Table;
use crate::policy::{Alerts, Windows};

pub(super) const ALERTS: &[Key] = &[
    Key::new("thresholds", "a list of durations", "How long before its end a credential is told about, widest first; 0s is the moment of its end. One longer than a third of a credential's life does not apply to it.")
        .default(r#"["60d", "30d", "14d", "7d", "3d", "1d", "0s"]"#),
    Key::new("rotated_thresholds", "a list of durations", "The same for a credential that a newer one replaces: a reminder to use the newer one and remove this one. [] is never.")
        .default(r#"["14d", "1d"]"#),
    Key::new("rotation_lead", "a duration", "How long before the old one's end a newer credential may start and still count as its replacement.").default("\"90d\""),
    Key::new("expired_grace", "a duration", "For how long after its end a credential is still told as expired; older ones are left in peace.").default("\"30d\""),
    Key::new("max_lifetime", "a duration", "Credentials that live longer are findings of the report.").default("\"730d\""),
];

pub(super) fn read(root: &Table<'_>) -> Option<Alerts> {
    let table = root.table("alerts", ALERTS);
    let told = thresholds(&table, "thresholds").and_then(|windows| not_empty(&table, windows));
    let rotated = thresholds(&table, "rotated_thresholds");
    let (lead, grace, max) = (table.duration("rotation_lead"), table.duration("expired_grace"), table.duration("max_lifetime"));
    Some(Alerts {
        thresholds: told?,
        rotated_thresholds: rotated?,
        rotation_lead: lead?,
        expired_grace: grace?,
        max_lifetime: max?,
    })
}

/// Thresholds must be written in order, so that a slip such as `7h` among days is seen.
pub(super) fn thresholds(table: &Table<'_>, key: &str) -> Option<Windows> {
    let list = table.list(key, duration::parse)?;
    let windows = Windows::new(list.iter().copied());
    let sorted = || windows.iter().map(|threshold| format!("{:?}", format_duration(threshold))).collect::<Vec<_>>().join(", ");
    let pairs = || list.iter().zip(list.iter().skip(1));
    let mut seen: Vec<TimeDelta> = Vec::new();
    let doubled = list.iter().find(|threshold| {
        seen.contains(threshold) || {
            seen.push(**threshold);
            false
        }
    });
    if let Some(doubled) = doubled {
        return table
            .refuse(key, wrong(format!("{} stands there twice", format_duration(*doubled)), format!("write [{}]", sorted())));
    }
    if let Some((narrow, wide)) = pairs().find(|(first, second)| first < second) {
        let what = format!("is not sorted: {} stands before {}", format_duration(*narrow), format_duration(*wide));
        return table.refuse(key, wrong(what, format!("write the widest first: [{}]", sorted())));
    }
    Some(windows)
}

/// For lists that must name at least one.
pub(super) fn not_empty(table: &Table<'_>, windows: Windows) -> Option<Windows> {
    if windows.is_empty() {
        return table.refuse(
            "thresholds",
            wrong("is empty: nobody would ever be told", "write at least one, such as [\"30d\", \"7d\", \"1d\", \"0s\"]"),
        );
    }
    if windows.iter().all(|threshold| !threshold.is_zero()) {
        table.warning(
            "thresholds",
            wrong("has no \"0s\": nobody is told at the moment a credential ends", "add \"0s\" as the last one"),
        );
    }
    Some(windows)
}
