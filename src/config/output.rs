//! `[metrics]`, `[heartbeat]` and `[log]`: what EntraWatch says of itself.

use tracing_subscriber::EnvFilter;
use url::Url;

use super::checks;
use super::key::{Key, closest};
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::{LogConfig, MetricsConfig};

pub(super) const METRICS: &[Key] = &[Key::new(
    "credentials",
    "\"all\", \"expiring\" or \"none\"",
    "Which credentials have series of their own. The counts are there in any case.",
)
.default("\"all\"")];

pub(super) const HEARTBEAT: &[Key] = &[Key::new(
    "url",
    "a URL",
    "Asked with GET after each complete round of all tenants; a service such as healthchecks.io tells when that stops.",
)
.required()];

pub(super) const LOG: &[Key] = &[
    Key::new("format", "\"text\" or \"json\"", "Lines for people, or JSON for machines.").default("\"text\""),
    Key::new("level", "a level", "error, warn, info, debug or trace; or a list such as \"info,entrawatch::graph=debug\".")
        .default("\"info\""),
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn read_metrics(root: &Table<'_>) -> Option<MetricsConfig> {
    let table = root.table("metrics", METRICS);
    Some(MetricsConfig { credentials: table.choice("credentials")? })
}

pub(super) fn read_heartbeat(root: &Table<'_>) -> Option<Url> {
    root.has("heartbeat").then(|| root.table("heartbeat", HEARTBEAT))?.parse("url", |text| checks::web_url(text, true))
}

pub(super) fn read_log(root: &Table<'_>) -> Option<LogConfig> {
    let table = root.table("log", LOG);
    let (format, level) = (table.choice("format"), table.parse("level", level));
    Some(LogConfig { format: format?, level: level? })
}

fn level(text: &str) -> Result<String, Wrong> {
    // A word that is no level would be taken for a module and silence everything else.
    for part in text.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if !LEVELS.contains(&level.to_lowercase().as_str()) {
            let instead = match closest(level, LEVELS) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => r#"write error, warn, info, debug or trace, or a list such as "info,entrawatch::graph=debug""#.to_owned(),
            };
            return Err(wrong(format!("{level:?} is not a log level"), instead));
        }
    }
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(wrong(
            format!("{text:?} is not a log filter"),
            r#"write a level, or a list such as "info,entrawatch::graph=debug""#,
        )),
    }
}
