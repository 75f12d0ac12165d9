//! `entrawatch explain`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono_tz::Tz;
use clap::Args;

use super::File;
use super::output::{instant, say};
use super::plan::because;
use crate::app::tenants_beside;
use crate::clock::{Clock as _, SystemClock, TokioSleeper, UtcTime};
use crate::config::{Config, format_duration};
use crate::inventory::{DirectoryObject, ObjectKind, Posture, Standing, Tracked};
use crate::mail::{clean, credential_in_words};
use crate::policy::Notice;
use crate::store::{MailState, Store};
use crate::tenant::{Explained, Explanation};

/// Say why somebody is told about the credentials of an application, or nobody: how they stand, which rules match, who was told what when.
/// Reads what the daemon has stored; may run beside it.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    file: File,
    /// The application's name (or a part of it), its application (client) id, an object id, or the key id of one credential.
    #[arg(value_name = "APP")]
    app: String,
}

/// More applications than this are counted.
const LISTED: usize = 20;

impl Explain {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.file.load_quietly()?.config;
        let found = super::block_on(look(&config, &self.app))?;
        let zone = config.policy.digest.timezone;
        let applications: BTreeSet<(&str, &str)> = found
            .iter()
            .flat_map(|(tenant, explanation)| {
                explanation.objects.iter().map(move |tracked| (tenant.as_str(), family(&tracked.object)))
            })
            .collect();
        let credentials = found.iter().map(|(_, explanation)| explanation.credentials.len()).sum::<usize>();
        if applications.len() > 1 {
            say(&several(&self.app, &found))?;
            return Ok(ExitCode::FAILURE);
        }
        if applications.is_empty() && credentials == 0 {
            say(&nothing(&self.app, &found))?;
            return Ok(ExitCode::FAILURE);
        }
        let now = SystemClock.now();
        for (tenant, explanation) in found.iter().filter(|(_, found)| !found.objects.is_empty() || !found.credentials.is_empty())
        {
            say(&explained(tenant, explanation, zone, now))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What makes an application and its service principal one.
fn family(object: &DirectoryObject) -> &str {
    object.app_id.as_deref().unwrap_or(&object.key.id)
}

async fn look(config: &Config, app: &str) -> anyhow::Result<Vec<(String, Explanation)>> {
    let store = Store::open(&config.store.url).await?;
    let mut found = Vec::new();
    let mut unseen = Vec::new();
    for mut tenant in tenants_beside(config, store.clone(), Arc::new(SystemClock), Arc::new(TokioSleeper))? {
        match tenant.explain(app).await? {
            Some(explanation) => found.push((tenant.name().to_owned(), explanation)),
            None => unseen.push(tenant.name().to_owned()),
        }
    }
    store.close().await;
    if found.is_empty() {
        anyhow::bail!("no daemon has stored {} yet: start `entrawatch run`, or ask `entrawatch plan`", unseen.join(", "));
    }
    Ok(found)
}

fn several(asked: &str, found: &[(String, Explanation)]) -> String {
    let objects =
        || found.iter().flat_map(|(tenant, explanation)| explanation.objects.iter().map(move |object| (tenant, object)));
    let number = objects().count();
    let mut text = format!("{asked:?} names several applications; ask again with one of these ids:\n\n");
    for (tenant, tracked) in objects().take(LISTED) {
        let _ = writeln!(text, "  {}", line(tenant, tracked));
    }
    if number > LISTED {
        let _ = writeln!(text, "  … and {} more", number - LISTED);
    }
    text
}

fn nothing(asked: &str, found: &[(String, Explanation)]) -> String {
    let tenants = found.iter().map(|(tenant, _)| tenant.as_str()).collect::<Vec<_>>().join(", ");
    let mut text = format!("nothing that was seen in {tenants} has the name, the id or the key id {asked:?}.\n");
    let near: Vec<String> = found
        .iter()
        .flat_map(|(tenant, explanation)| explanation.near.iter().map(move |tracked| line(tenant, tracked)))
        .collect();
    if near.is_empty() {
        text.push_str("What EntraWatch cannot see, such as a vendor's own secrets, is in docs/limits.md.\n");
    } else {
        let _ = writeln!(text, "Did you mean:\n\n  {}", near.join("\n  "));
    }
    text
}

fn line(tenant: &str, tracked: &Tracked) -> String {
    let object = &tracked.object;
    let app = object.app_id.as_deref().map_or_else(String::new, |id| format!(", client id {}", clean(id, 60)));
    format!("{} in {tenant}: {} {}{app}", clean(&object.display_name, 60), kind(object.key.kind), clean(&object.key.id, 60))
}

fn kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => "app registration",
        ObjectKind::ServicePrincipal => "enterprise application",
    }
}

fn explained(tenant: &str, explanation: &Explanation, zone: Tz, now: UtcTime) -> String {
    let seen = explanation
        .as_of
        .map_or_else(|| "never seen completely".to_owned(), |at| format!("seen completely {}", instant(at, zone)));
    let mut text = format!("{tenant}: as stored by the daemon, {seen}.\n");
    let with_credentials = explanation.credentials.iter().map(|one| &one.standing.object);
    let mut objects: Vec<&Arc<Tracked>> = explanation.objects.iter().chain(with_credentials).collect();
    let mut shown = BTreeSet::new();
    objects.retain(|tracked| shown.insert(&tracked.object.key));
    for tracked in objects {
        object(&mut text, tracked, zone);
        let own: Vec<_> =
            explanation.credentials.iter().filter(|one| one.standing.object.object.key == tracked.object.key).collect();
        if own.is_empty() {
            text.push_str("  no credential is on it\n");
        }
        for one in own {
            credential(&mut text, one, zone, now);
        }
    }
    text
}

fn object(text: &mut String, tracked: &Tracked, zone: Tz) {
    let object = &tracked.object;
    let _ = writeln!(text, "\n{}, {}", clean(&object.display_name, 80), kind(object.key.kind));
    if let Some(app_id) = &object.app_id {
        let _ = writeln!(text, "  client id  {}", clean(app_id, 60));
    }
    let _ = writeln!(text, "  object id  {}", clean(&object.key.id, 60));
    let read = object.detail.owners_read_at.map_or_else(String::new, |at| format!(" (read {})", instant(at, zone)));
    let owners = match &object.detail.owners {
        None => "not read: nothing needed them so far".to_owned(),
        Some(owners) if owners.is_empty() => format!("none{read}"),
        Some(owners) => {
            let name =
                |owner: &crate::inventory::Owner| clean(owner.mail.as_deref().or(owner.name.as_deref()).unwrap_or(&owner.id), 60);
            format!("{}{read}", owners.iter().map(name).collect::<Vec<_>>().join(", "))
        }
    };
    let _ = writeln!(text, "  owners     {owners}");
}

fn credential(text: &mut String, one: &Explained, zone: Tz, now: UtcTime) {
    let (standing, decision) = (&one.standing, &one.decision);
    let end = match standing.credential.not_after {
        None => "never ends".to_owned(),
        Some(end) if end <= now => format!("ended {}, {} ago", instant(end, zone), days(now - end)),
        Some(end) => format!("ends {}, in {}", instant(end, zone), days(end - now)),
    };
    let _ = writeln!(text, "\n  {}, {end}", credential_in_words(&standing.credential));
    let mut fact = |label: &str, value: &str| {
        let _ = writeln!(text, "    {label:<9}  {value}");
    };
    fact("key id", &clean(&standing.credential.key_id, 60));
    fact("state", &format!("{}, {}", decision.state, decision.severity));
    fact("posture", &posture(standing, zone));
    let applying = one.windows.iter().map(format_duration).collect::<Vec<_>>().join(", ");
    let applying = if applying.is_empty() { "no threshold applies to it".to_owned() } else { format!("of {applying}") };
    let window = decision.threshold.map_or_else(|| "none crossed".to_owned(), format_duration);
    fact("window", &format!("{window} ({applying})"));
    fact("rules", &rules(one));
    for silence in &one.silences {
        let (until, author, reason) = (instant(silence.until, zone), clean(&silence.author, 40), clean(&silence.reason, 80));
        fact("silence", &format!("{} until {until}, {author}: {reason}", silence.id));
    }
    fact("reason", &format!("{}: {}", decision.reason, decision.reason.in_words()));
    for telling in &decision.tellings {
        let (window, why) = (format_duration(telling.threshold), because(&telling.via));
        fact("whom", &format!("{} ({why}): {} {window}, {}", telling.recipient, telling.notice, telling.reason));
    }
    if one.told.is_empty() {
        fact("told", "nobody yet");
    }
    for (row, mail) in &one.told {
        let window = match row.notice {
            Notice::Expiring => format!(" {}", format_duration(chrono::TimeDelta::seconds(row.threshold))),
            _ => String::new(),
        };
        let became = match mail {
            Some(MailState::Sent) => "accepted",
            Some(MailState::Pending) => "waits",
            Some(MailState::Claimed) => "is being sent",
            Some(MailState::Dead) => "given up",
            None => "forgotten since",
        };
        fact("told", &format!("{} {}: {}{window}, mail {} {became}", instant(row.at, zone), row.recipient, row.notice, row.mail));
    }
}

fn posture(standing: &Standing, zone: Tz) -> String {
    let mut said = standing.posture.to_string();
    if let Some(newer) = &standing.replaced_by {
        let why = if standing.posture == Posture::Inactive { "the active one is" } else { "replaced by" };
        let _ = write!(said, ": {why} {}", clean(&newer.key_id, 60));
    }
    if standing.last_one {
        said.push_str(", last one");
    }
    if let Some(until) = standing.gap_until {
        let _ = write!(said, ", the next one starts only {}", instant(until, zone));
    }
    if standing.saml.as_ref().is_some_and(|saml| saml.active) {
        said.push_str(", active");
    }
    if standing.self_renewing {
        said.push_str(", should renew itself");
    }
    said
}

fn rules(one: &Explained) -> String {
    let route = one.route.map_or_else(|| "no route matches".to_owned(), |number| format!("route {} matches", number + 1));
    let ignored: Vec<String> = one.ignored_by.iter().map(|number| format!("ignore {} matches", number + 1)).collect();
    std::iter::once(route).chain(ignored).collect::<Vec<_>>().join(", ")
}

fn days(length: chrono::TimeDelta) -> String {
    match length.num_days() {
        0 => format!("{} h", length.num_hours()),
        1 => "1 day".to_owned(),
        many => format!("{many} days"),
    }
}
