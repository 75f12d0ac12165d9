//! `entrawatch silence add`, `list` and `remove`

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use clap::{Args, Subcommand};

use super::File;
use super::output::{self, instant, say};
use crate::clock::{Clock as _, SystemClock, UtcTime};
use crate::config::{Loaded, parse_duration};
use crate::inventory::{Inventory, Judging, Pattern, Standing, Subject, judge};
use crate::mail::credential_in_words;
use crate::policy::{Silence, SilenceScope};
use crate::store::Store;
use crate::telemetry::escape;

/// Ask not to be told about something for a while.
#[derive(Debug, Args)]
pub struct Silences {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(Add),
    /// List the silences that have not ended.
    List(File),
    /// End a silence now.
    Remove {
        #[command(flatten)]
        file: File,
        /// Its id, as `list` shows it.
        id: String,
    },
}

/// Silence an application, a credential, or every application of a name. What is silenced is still shown on the page and in
/// metrics.
#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    scope: Scope,
    /// In this tenant only: its name or its id.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// When it ends by itself: a day (its beginning, in the zone of `[digest]`), an instant (2026-12-24T18:00:00Z), or how long (4w).
    #[arg(long, value_name = "WHEN")]
    until: String,
    /// Why, for whoever reads it later.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who asks. Default: the user name.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// An application with its service principal: application (client) id or object id.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// One credential: its key id.
    #[arg(long, value_name = "ID")]
    credential: Option<String>,
    /// Every application whose display name matches; * is any text.
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
}

/// A last credential that ends within this time is worth a second thought.
const CRITICAL_WITHIN: TimeDelta = TimeDelta::days(7);

/// More than this are counted.
const SHOWN: usize = 10;

impl Silences {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let now = SystemClock.now();
        let lines = super::block_on(async {
            match self.what {
                What::Add(add) => add.run(now).await,
                What::List(file) => list(&file.load_quietly()?, now).await,
                What::Remove { file, id } => remove(&file.load_quietly()?, &id).await,
            }
        })?;
        say(&(lines.join("\n") + "\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn run(self, now: UtcTime) -> anyhow::Result<Vec<String>> {
        let sources = self.file.sources();
        let loaded = self.file.load_quietly()?;
        let zone = loaded.config.policy.digest.timezone;
        let until = until(&self.until, zone, now)?;
        let scope = self.scope.read()?;
        let user = || {
            ["USER", "LOGNAME"].iter().find_map(|name| sources.environment.get(*name)).filter(|user| !user.is_empty()).cloned()
        };
        let author = self.author.or_else(user).ok_or_else(|| anyhow!("nobody is named as the author; write --author"))?;

        let store = Store::open(&loaded.config.store.url).await?;
        let tenants = store.tenant_names().await?;
        let tenant = match &self.tenant {
            Some(tenant) => Some(tenant_id(tenant, &tenants, &loaded)?),
            None => None,
        };
        let id = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let silence = Silence { id, tenant, scope, until, reason: self.reason, author, created_at: now };
        let known = known(&store, &tenants, &loaded, now).await?;
        let others = store.silences(now).await?;
        store.add_silence(&silence).await?;
        store.close().await;

        let covered: Vec<_> = known.iter().filter(|credential| credential.is_covered(&silence, now)).collect();
        let mut lines = vec![
            format!("silence {} is set", silence.id),
            format!("  what     {}", what(&silence, &tenants)),
            format!("  until    {}", instant(silence.until, zone)),
        ];
        lines.extend(what_is_covered(&covered, zone, now));
        for other in &others {
            let both = covered.iter().filter(|credential| credential.is_covered(other, now)).count();
            if both > 0 || other.scope == silence.scope {
                let (what, until) = (what(other, &tenants), instant(other.until, zone));
                lines.push(format!("  overlaps silence {} ({what}, until {until}), which covers {both} of them too", other.id));
            }
        }
        lines.push(format!("  undo     entrawatch silence remove {}", silence.id));
        Ok(lines)
    }
}

impl Scope {
    fn read(self) -> anyhow::Result<SilenceScope> {
        match (self.app, self.credential, self.name) {
            (Some(id), _, _) => Ok(SilenceScope::App(id.trim().to_lowercase())),
            (_, Some(id), _) => Ok(SilenceScope::Credential(id.trim().to_lowercase())),
            (_, _, Some(glob)) => match Pattern::new(&glob) {
                Ok(_) => Ok(SilenceScope::Name(glob)),
                Err(error) => {
                    bail!("--name {glob:?} is not a pattern: {error}; write a text with * for anything, such as \"legacy-*\"")
                }
            },
            (None, None, None) => bail!("nothing is named; write --app, --credential or --name"),
        }
    }
}

fn until(text: &str, zone: Tz, now: UtcTime) -> anyhow::Result<UtcTime> {
    let day = || {
        let begin = text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
        // Where a change of the clocks leaves out midnight, the day begins later.
        let local = (0..=3).find_map(|hours| (begin + TimeDelta::hours(hours)).and_local_timezone(zone).earliest());
        local.map(|local| local.to_utc())
    };
    let instant = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let after = || parse_duration(text).ok().map(|length| now + length);
    match day().or_else(instant).or_else(after) {
        Some(at) if at > now => Ok(at),
        Some(at) => bail!("--until {text} is {}, which has passed; write a later one", output::instant(at, zone)),
        None => bail!(
            "--until {text:?} is not a time; write a day (2026-12-24), an instant (2026-12-24T18:00:00Z) or how long (4w, 30d)"
        ),
    }
}

/// The id that the store knows a tenant by.
fn tenant_id(asked: &str, tenants: &[(String, String)], loaded: &Loaded) -> anyhow::Result<String> {
    let configured = loaded
        .config
        .tenants
        .iter()
        .find(|tenant| tenant.tenant_id.eq_ignore_ascii_case(asked))
        .map(|tenant| tenant.name.as_str());
    let names = [Some(asked), configured];
    let is_meant = |id: &str, name: &str| names.iter().flatten().any(|asked| asked.eq_ignore_ascii_case(id) || *asked == name);
    match tenants.iter().find(|(id, name)| is_meant(id, name)) {
        Some((id, _)) => Ok(id.clone()),
        None if tenants.is_empty() => bail!(
            "no tenant was watched yet, so that --tenant cannot be looked up; leave it out, or start `entrawatch run` first"
        ),
        None => bail!(
            "there is no tenant {asked:?}; write one of {}",
            tenants.iter().map(|(_, name)| escape(name)).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A credential that is watched now.
struct Known {
    tenant: (String, String),
    standing: Standing,
}

impl Known {
    fn is_covered(&self, silence: &Silence, now: UtcTime) -> bool {
        let (tenant_id, tenant) = (&self.tenant.0, &self.tenant.1);
        let subject =
            Subject { tenant, tenant_id, object: &self.standing.object.object, kind: Some(self.standing.credential.kind) };
        silence.covers(subject, &self.standing.credential.key_id, now)
    }
}

async fn known(store: &Store, tenants: &[(String, String)], loaded: &Loaded, now: UtcTime) -> anyhow::Result<Vec<Known>> {
    let mut known = Vec::new();
    for (id, name) in tenants {
        let inventory = Inventory::new(store.tenant(id, name).await?.objects);
        let rules = &loaded.config.policy;
        let judging = Judging { tenant: name, tenant_id: id, watch: &rules.watch, rotation_lead: rules.alerts.rotation_lead };
        let standings = judge(&inventory, judging, now).into_iter().filter(|standing| standing.excluded.is_none());
        known.extend(standings.map(|standing| Known { tenant: (id.clone(), name.clone()), standing }));
    }
    Ok(known)
}

fn what_is_covered(covered: &[&Known], zone: Tz, now: UtcTime) -> Vec<String> {
    let mut lines = Vec::new();
    if covered.is_empty() {
        lines.push("  covers   nothing that is watched now; check the id, or the name".to_owned());
    }
    for Known { tenant, standing } in covered.iter().take(SHOWN) {
        let credential = credential_in_words(&standing.credential);
        let end =
            standing.credential.not_after.map_or_else(|| "never ends".to_owned(), |end| format!("ends {}", instant(end, zone)));
        lines.push(format!(
            "  covers   {} in {}: {credential}, {end}",
            escape(&standing.object.object.display_name),
            escape(&tenant.1)
        ));
    }
    if covered.len() > SHOWN {
        lines.push(format!("  covers   … and {} more", covered.len() - SHOWN));
    }
    let is_urgent = |known: &Known| {
        let end = known.standing.credential.not_after;
        known.standing.last_one && end.is_some_and(|end| end > now && end - now <= CRITICAL_WITHIN)
    };
    if covered.iter().any(|known| is_urgent(known)) {
        lines.push("  note     it covers the last credential of an application, which ends within 7 days".to_owned());
    }
    lines
}

async fn list(loaded: &Loaded, now: UtcTime) -> anyhow::Result<Vec<String>> {
    let store = Store::open(&loaded.config.store.url).await?;
    let (silences, tenants) = (store.silences(now).await?, store.tenant_names().await?);
    store.close().await;
    let zone = loaded.config.policy.digest.timezone;
    let lines = |silence: &Silence| {
        let (author, reason) = (escape(&silence.author), escape(&silence.reason));
        [
            format!("{}  until {}  {}", silence.id, instant(silence.until, zone), what(silence, &tenants)),
            format!("          {author}, since {}: {reason}", instant(silence.created_at, zone)),
        ]
    };
    if silences.is_empty() { Ok(vec!["there is no silence".to_owned()]) } else { Ok(silences.iter().flat_map(lines).collect()) }
}

async fn remove(loaded: &Loaded, id: &str) -> anyhow::Result<Vec<String>> {
    let store = Store::open(&loaded.config.store.url).await?;
    let (removed, tenants) = (store.remove_silence(id.trim()).await?, store.tenant_names().await?);
    store.close().await;
    let Some(silence) = removed else { bail!("there is no silence {id:?}; `entrawatch silence list` shows them") };
    Ok(vec![format!("silence {} is removed: {}", silence.id, what(&silence, &tenants))])
}

fn what(silence: &Silence, tenants: &[(String, String)]) -> String {
    let scope = match &silence.scope {
        SilenceScope::App(id) => format!("application {}", escape(id)),
        SilenceScope::Credential(id) => format!("credential {}", escape(id)),
        SilenceScope::Name(glob) => format!("applications called {:?}", escape(glob)),
    };
    let name = |id: &String| tenants.iter().find(|(known, _)| known == id).map_or(id, |(_, name)| name).clone();
    silence.tenant.as_ref().map_or_else(|| scope.clone(), |id| format!("{scope} in {}", escape(&name(id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_an_instant_or_a_length() {
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        for (text, zone, expected) in [
            ("2026-12-24", Tz::UTC, "2026-12-24T00:00:00Z"),
            ("2026-12-24", Tz::Europe__Berlin, "2026-12-23T23:00:00Z"),
            ("2026-12-24T18:00:00+01:00", Tz::UTC, "2026-12-24T17:00:00Z"),
            ("4w", Tz::UTC, "2026-12-20T12:00:00Z"),
            // Midnight is left out there on that day.
            ("2027-09-05", Tz::America__Santiago, "2027-09-05T04:00:00Z"),
        ] {
            assert_eq!(until(text, zone, now).unwrap(), expected.parse::<UtcTime>().unwrap(), "{text} {zone}");
        }
        assert!(until("2026-11-22", Tz::UTC, now).unwrap_err().to_string().contains("has passed"));
        assert!(until("Christmas", Tz::UTC, now).unwrap_err().to_string().contains("is not a time"));
        assert!(until("0s", Tz::UTC, now).is_err());
    }
}
