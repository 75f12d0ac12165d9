//! One credential on the page of its application: how it stands, what to do, who is told, who was.

use chrono_tz::Tz;
use serde::Serialize;

use super::Moment;
use crate::clock::UtcTime;
use crate::inventory::{Posture, Severity, Subject};
use crate::mail::advice::{Advice, advice};
use crate::policy::{CredentialKey, NoticeRow, Telling};
use crate::snapshot::Snapshot;
use crate::web::row::Row;
use crate::web::words;

/// A credential.
#[derive(Debug, Serialize)]
pub(super) struct Credential {
    key_id: String,
    kind: &'static str,
    name: Option<String>,
    thumbprint: Option<String>,
    starts: Option<Moment>,
    ends: Option<Moment>,
    state: &'static str,
    state_class: &'static str,
    severity: &'static str,
    severity_class: &'static str,
    rotated: bool,
    last_one: bool,
    reason: String,
    /// Whether somebody has to act, so that the steps stand open.
    pressing: bool,
    standing: Vec<String>,
    advice: Advice,
    tellings: Vec<TellingLine>,
    told: Vec<Told>,
    silences: Vec<SilenceLine>,
}

/// What is decided for one recipient.
#[derive(Debug, Serialize)]
struct TellingLine {
    recipient: String,
    via: String,
    window: String,
    reason: String,
}

/// What was told to one recipient.
#[derive(Debug, Serialize)]
struct Told {
    at: Moment,
    recipient: String,
    window: String,
    mail: String,
}

#[derive(Debug, Serialize)]
struct SilenceLine {
    id: String,
    until: Moment,
    reason: String,
    author: String,
}

impl Credential {
    pub(super) fn of(row: &Row<'_>, snapshot: &Snapshot, told: &[NoticeRow], zone: Tz, now: UtcTime) -> Self {
        let credential = row.credential();
        let key = CredentialKey::of(row.standing);
        let subject = Subject {
            tenant: &snapshot.tenant.name,
            tenant_id: &snapshot.tenant.id,
            object: row.object(),
            kind: Some(credential.kind),
        };
        let silences = snapshot.silences.iter().filter(|silence| silence.covers(subject, &credential.key_id, now));
        Self {
            key_id: credential.key_id.clone(),
            kind: words::kind(credential.kind),
            name: credential.name.clone(),
            thumbprint: credential.thumbprint.clone(),
            starts: credential.not_before.map(|at| Moment::of(at, now)),
            ends: credential.not_after.map(|at| Moment::of(at, now)),
            state: words::state(row.state),
            state_class: row.state.into(),
            severity: words::severity(row.severity),
            severity_class: row.severity.into(),
            rotated: row.standing.posture == Posture::Rotated,
            last_one: row.standing.last_one,
            reason: words::reason(row.decision.reason),
            pressing: row.severity > Severity::Info,
            standing: standing(row, now),
            advice: advice(row.standing, row.severity, &snapshot.tenant, now, zone),
            tellings: row.decision.tellings.iter().map(TellingLine::of).collect(),
            told: told.iter().filter(|notice| notice.credential == key).map(|notice| Told::of(notice, now)).collect(),
            silences: silences
                .map(|silence| SilenceLine {
                    id: silence.id.clone(),
                    until: Moment::of(silence.until, now),
                    reason: silence.reason.clone(),
                    author: silence.author.clone(),
                })
                .collect(),
        }
    }
}

/// How it stands among the others, beyond what the advice says.
fn standing(row: &Row<'_>, now: UtcTime) -> Vec<String> {
    let standing = row.standing;
    let mut said = Vec::new();
    if let Some(exclusion) = standing.excluded {
        said.push(format!("{}.", words::reason(exclusion.into())));
    }
    if let Some(newer) = &standing.replaced_by {
        let why = match standing.posture {
            Posture::Inactive => "is the active one now",
            _ => "is of the same kind on the same object, starts before this one ends, and outlives it",
        };
        said.push(format!("The one with the id {} replaces it, because that {why}.", newer.key_id));
    }
    if standing.saml.as_ref().is_some_and(|saml| saml.active) {
        said.push("Entra signs with this certificate now.".to_owned());
    }
    if let Some(until) = standing.gap_until {
        said.push(format!("The next one starts only {} ({}).", words::instant(until), words::distance(until, now)));
    }
    if standing.self_renewing {
        said.push("A Microsoft service should renew it by itself.".to_owned());
    }
    said
}

impl TellingLine {
    fn of(telling: &Telling) -> Self {
        Self {
            recipient: telling.recipient.clone(),
            via: words::via(&telling.via),
            window: words::window(telling.threshold),
            reason: words::telling(telling.reason),
        }
    }
}

impl Told {
    fn of(notice: &NoticeRow, now: UtcTime) -> Self {
        Self {
            at: Moment::of(notice.at, now),
            recipient: notice.recipient.clone(),
            window: words::window(chrono::TimeDelta::seconds(notice.threshold)),
            mail: format!("/notifications/{}", notice.mail),
        }
    }
}
