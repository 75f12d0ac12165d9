//! `entrawatch check`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use clap::Args;
use serde_json::json;

use super::File;
use super::output::{self, Format};
use crate::check::{self, Answer, Ending, Level, Limits};
use crate::clock::{Clock as _, SystemClock, TokioSleeper, UtcTime};
use crate::config::{format_duration, parse_duration};
use crate::graph;
use crate::mail::{clean, credential_in_words};
use crate::metrics::Metrics;
use crate::progress::Progress;

/// Ask every tenant once, without a store: what ends soon. Answers as monitoring plugins do: 0 ok, 1 warning, 2 critical, 3 unknown.
#[derive(Debug, Args)]
pub struct Check {
    /// The configuration file. Default: as for the other commands. There is no -c here, which monitoring plugins use otherwise.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What ends within this is a warning.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    warning: TimeDelta,
    /// What ends within this, or has ended, is critical.
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
    critical: TimeDelta,
    /// How to answer.
    #[arg(long, value_enum, default_value = "table")]
    output: Format,
}

/// How long a name may be in a table.
const NAME: usize = 60;

impl Check {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let limits = Limits { warning: self.warning.max(self.critical), critical: self.critical };
        let config = File { config: self.config }.load_quietly()?.config;
        let answer = super::block_on(async {
            let context = graph::Context {
                clock: Arc::new(SystemClock),
                sleeper: Arc::new(TokioSleeper),
                metrics: Arc::new(Metrics::new()?),
                progress: Progress::default(),
                http: graph::http_client(&config.authorities)?,
            };
            Ok(check::check(&config, limits, &context).await)
        })?;
        let (now, zone) = (SystemClock.now(), config.policy.digest.timezone);
        match self.output {
            Format::Table => output::say(&table(&answer, limits, zone, now))?,
            Format::Json => output::say(&output::json(&json(&answer)))?,
            Format::Csv => {
                output::say(&csv(&answer)?)?;
                answer.unseen.iter().for_each(|unseen| eprintln!("not seen: {unseen}"));
            }
        }
        Ok(match answer.level() {
            Level::Ok => 0,
            Level::Warning => 1,
            Level::Critical => 2,
            Level::Unknown => super::UNKNOWN,
        }
        .into())
    }
}

/// The first line is for the monitoring, with its figures behind a bar.
fn table(answer: &Answer, limits: Limits, zone: Tz, now: UtcTime) -> String {
    let (critical, warning) = (answer.count(Level::Critical), answer.count(Level::Warning));
    let what = match (critical, warning) {
        (0, 0) => format!("nothing ends within {}", format_duration(limits.warning)),
        (0, _) => format!("{warning} within {}", format_duration(limits.warning)),
        _ => format!(
            "{critical} within {}, {warning} more within {}",
            format_duration(limits.critical),
            format_duration(limits.warning)
        ),
    };
    let (level, watched) = (answer.level().to_string().to_uppercase(), answer.watched);
    let mut text =
        format!("{level}: of {watched} credentials {what} | critical={critical} warning={warning} watched={watched}\n");
    for unseen in &answer.unseen {
        let _ = writeln!(text, "not seen: {unseen}");
    }
    for undecodable in &answer.undecodable {
        let _ = writeln!(text, "not understood: {}", clean(undecodable, 300));
    }
    let rows: Vec<_> = answer.endings.iter().map(|ending| line(ending, zone, now)).collect();
    text + &output::table(["ENDS", "", "LEVEL", "APPLICATION", "CREDENTIAL", "TENANT"], &rows)
}

fn line(ending: &Ending, zone: Tz, now: UtcTime) -> [String; 6] {
    let left = ending.at - now;
    let days = if left < TimeDelta::zero() { format!("{}d ago", -left.num_days()) } else { format!("in {}d", left.num_days()) };
    let object = &ending.standing.object.object;
    let name = Some(clean(&object.display_name, NAME)).filter(|name| !name.is_empty()).unwrap_or_else(|| object.key.id.clone());
    [
        ending.at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string(),
        days,
        ending.level.to_string(),
        name,
        credential_in_words(&ending.standing.credential),
        ending.tenant.clone(),
    ]
}

const COLUMNS: [&str; 12] = [
    "level",
    "tenant",
    "object_kind",
    "object_id",
    "app_id",
    "app_name",
    "kind",
    "key_id",
    "name",
    "not_before",
    "not_after",
    "last_one",
];

fn csv(answer: &Answer) -> anyhow::Result<String> {
    let time = |at: Option<UtcTime>| at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
    let row = |ending: &Ending| {
        let (object, credential) = (&ending.standing.object.object, &ending.standing.credential);
        [
            ending.level.to_string(),
            ending.tenant.clone(),
            object.key.kind.to_string(),
            object.key.id.clone(),
            object.app_id.clone().unwrap_or_default(),
            object.display_name.clone(),
            credential.kind.to_string(),
            credential.key_id.clone(),
            credential.name.clone().unwrap_or_default(),
            time(credential.not_before),
            time(credential.not_after),
            ending.standing.last_one.to_string(),
        ]
    };
    output::csv(COLUMNS, &answer.endings.iter().map(row).collect::<Vec<_>>())
}

fn json(answer: &Answer) -> serde_json::Value {
    let item = |ending: &Ending| {
        let (object, credential) = (&ending.standing.object.object, &ending.standing.credential);
        json!({
            "level": ending.level.to_string(), "tenant": ending.tenant, "object_kind": object.key.kind, "object_id": object.key.id,
            "app_id": object.app_id, "app_name": object.display_name, "kind": credential.kind, "key_id": credential.key_id,
            "name": credential.name, "not_before": credential.not_before, "not_after": credential.not_after,
            "last_one": ending.standing.last_one,
        })
    };
    json!({
        "level": answer.level().to_string(),
        "watched": answer.watched,
        "items": answer.endings.iter().map(item).collect::<Vec<_>>(),
        "not_seen": answer.unseen,
        "not_understood": answer.undecodable,
    })
}
