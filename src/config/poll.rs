//! `[poll]`: how Microsoft Graph is asked.

use std::path::Path;

use chrono::TimeDelta;

use super::duration::format_duration;
use super::key::Key;
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::{DeltaConfig, DeltaMode};
use crate::graph;

pub(super) const KEYS: &[Key] = &[
    Key::new("interval", "a duration", "How often each tenant is read, from 1m on. A tenant may have its own.").default("\"15m\""),
    Key::new("delta", "\"auto\", \"always\" or \"never\"", "Whether only changes are asked for between full listings (Graph's delta queries). `auto`: only in a tenant so large that a full listing needs more than 20 requests. `never` also forgets that a tenant's delta queries were found to be unreliable.")
        .default("\"auto\""),
    Key::new("full_every", "a duration", "Where only changes are asked for, how often everything is listed nevertheless; up to 7d.").default("\"6h\""),
    Key::new("blind_after", "a duration", "A tenant that was not seen completely for this long is reported. Default: the longer of 2h and 3 intervals; at least 2 intervals."),
    Key::new(
        "ca_file",
        "a path",
        "A PEM file with an authority to trust beside the system's, for sign-in and Graph: that of a proxy which looks into TLS.",
    ),
];

const SHORTEST_INTERVAL: TimeDelta = TimeDelta::minutes(1);
const SHORTEST_BLIND: TimeDelta = TimeDelta::hours(2);

/// As long as Graph keeps the state of a delta query.
const LONGEST_WITHOUT_LISTING: TimeDelta = TimeDelta::days(7);

/// `[poll]`
#[derive(Debug, Clone)]
pub(super) struct Poll {
    /// `ca_file`, as PEM.
    pub authorities: Vec<Vec<u8>>,
    interval: TimeDelta,
    blind_after: Option<TimeDelta>,
    delta: DeltaConfig,
}

pub(super) fn read(root: &Table<'_>) -> Option<Poll> {
    let table = root.table("poll", KEYS);
    let mode = table.choice::<DeltaMode>("delta");
    let full_every = full_every(&table);
    let interval = interval(&table);
    let blind_after = table.duration("blind_after");
    let authorities = table.file("ca_file").and_then(|path| authorities(&table, &path)).into_iter().collect();
    // What cannot be used has been reported; it hides no other problem.
    let usual = Poll::default().delta;
    let delta = DeltaConfig { mode: mode.unwrap_or(usual.mode), full_every: full_every.unwrap_or(usual.full_every) };
    let poll = Poll { authorities, interval: interval?, blind_after, delta };
    if blind_after.is_some_and(|blind| blind < poll.interval * 2) {
        table.problem("blind_after", too_blind(poll.interval));
        return None;
    }
    Some(poll)
}

fn interval(table: &Table<'_>) -> Option<TimeDelta> {
    let interval = table.duration("interval")?;
    if interval < SHORTEST_INTERVAL {
        return table.refuse(
            "interval",
            wrong(
                format!("{} is too short", format_duration(interval)),
                "write 1m or longer; Graph slows down who asks too often",
            ),
        );
    }
    Some(interval)
}

fn full_every(table: &Table<'_>) -> Option<TimeDelta> {
    let every = table.duration("full_every")?;
    if every > LONGEST_WITHOUT_LISTING {
        return table.refuse(
            "full_every",
            wrong(
                format!("{} is too long", format_duration(every)),
                "write 7d or shorter; what delta queries miss would stay unseen until then",
            ),
        );
    }
    Some(every)
}

/// The file as PEM, where the HTTP client takes it.
fn authorities(table: &Table<'_>, path: &Path) -> Option<Vec<u8>> {
    let pem = std::fs::read(path)
        .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display()), "mend what the operating system says"));
    let fit = pem.and_then(|pem| match graph::http_client(std::slice::from_ref(&pem)) {
        Ok(_) if pem.windows(BEGIN.len()).any(|part| part == BEGIN) => Ok(pem),
        _ => Err(wrong(
            format!("{} holds no certificate", path.display()),
            "write the path of a PEM file with the certificate of the authority",
        )),
    });
    fit.map_err(|wrong| table.problem("ca_file", wrong)).ok()
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn too_blind(interval: TimeDelta) -> Wrong {
    let what =
        format!("is shorter than two intervals of {}, so that one failed poll would be an alarm", format_duration(interval));
    wrong(what, format!("write {} or longer, or leave it out", format_duration(interval * 2)))
}

/// As where `[poll]` says nothing.
impl Default for Poll {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            interval: TimeDelta::minutes(15),
            blind_after: None,
            delta: DeltaConfig { mode: DeltaMode::Auto, full_every: TimeDelta::hours(6) },
        }
    }
}

impl Poll {
    /// `delta` and `full_every`.
    pub(super) fn delta(&self) -> DeltaConfig {
        self.delta
    }

    /// `interval` and `blind_after` of a tenant.
    pub(super) fn of_tenant(&self, table: &Table<'_>) -> Option<(TimeDelta, TimeDelta)> {
        let interval = if table.has("interval") { interval(table)? } else { self.interval };
        match self.blind_after {
            Some(blind) if blind < interval * 2 => {
                let what = format!("poll.blind_after ({}) is shorter than two of these intervals", format_duration(blind));
                table.refuse(
                    "interval",
                    wrong(what, format!("write a shorter interval, or poll.blind_after = \"{}\"", format_duration(interval * 2))),
                )
            }
            Some(blind) => Some((interval, blind)),
            None => Some((interval, SHORTEST_BLIND.max(interval * 3))),
        }
    }
}
