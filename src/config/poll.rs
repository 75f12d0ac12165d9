//! `[poll]`: how Microsoft Graph is asked.

use std::path::Path;

use chrono::TimeDelta;

use super::duration::format_duration;
use super::key::Key;
use super::reading::{Wrong, wrong};
use super::table::Table;
use crate::graph;

pub(super) const KEYS: &[Key] = &[
    Key::new("interval", "a duration", "How often each tenant is read, from 1m on. A tenant may have its own.").default("\"15m\""),
    Key::new("delta", "\"auto\", \"always\" or \"never\"", "Whether only changes are asked for between full listings. `auto`: only in a tenant so large that a full listing is dear. This version always lists in full and refuses `always`.")
        .default("\"auto\""),
    Key::new("full_every", "a duration", "With delta, how often everything is listed nevertheless.").later("leave it out: this version lists everything at each poll"),
    Key::new("blind_after", "a duration", "A tenant that was not seen completely for this long is reported. Default: the longer of 2h and 3 intervals; at least 2 intervals."),
    Key::new(
        "ca_file",
        "a path",
        "A PEM file with an authority to trust beside the system's, for sign-in and Graph: that of a proxy which looks into TLS.",
    ),
];

const SHORTEST_INTERVAL: TimeDelta = TimeDelta::minutes(1);
const SHORTEST_BLIND: TimeDelta = TimeDelta::hours(2);

/// `[poll]`
#[derive(Debug, Clone)]
pub(super) struct Poll {
    /// `ca_file`, as PEM.
    pub authorities: Vec<Vec<u8>>,
    interval: TimeDelta,
    blind_after: Option<TimeDelta>,
}

pub(super) fn read(root: &Table<'_>) -> Option<Poll> {
    let table = root.table("poll", KEYS);
    table.parse("delta", |text| match text {
        "auto" | "never" => Ok(()),
        "always" => Err(wrong(
            "\"always\" is not supported by this version yet",
            "write \"auto\", or leave it out: this version lists everything at each poll",
        )),
        _ => Err(super::values::no_choice(text, ["auto", "never"].into_iter())),
    });
    let interval = interval(&table);
    let blind_after = table.duration("blind_after");
    let authorities = table.file("ca_file").and_then(|path| authorities(&table, &path)).into_iter().collect();
    let poll = Poll { authorities, interval: interval?, blind_after };
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
        Self { authorities: Vec::new(), interval: TimeDelta::minutes(15), blind_after: None }
    }
}

impl Poll {
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
