//! The regular report to fallback: when it is due, and what it finds.

use std::collections::BTreeMap;
use std::iter::successors;

use chrono::{Datelike as _, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

use super::schedule::Slots;
use super::{Alerts, Decision, Digest, Reason};
use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, DirectoryObject, Inventory, ObjectKind, Posture, Standing};

/// What ends within this is named.
const AHEAD: TimeDelta = TimeDelta::days(90);

/// `[report]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRules {
    /// How often.
    pub every: ReportEvery,
    /// On which day of the week; where monthly, on the first such day.
    pub day: Weekday,
}

/// How often the report is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ReportEvery {
    Week,
    Month,
    Never,
}

/// Which report was the last. Part of the tenant's state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportState {
    /// Its slot; `None`: none was due yet.
    pub slot: Option<UtcTime>,
    /// When it was decided.
    pub at: Option<UtcTime>,
    /// When the one before it was: what is new since then is new.
    pub since: Option<UtcTime>,
}

impl ReportRules {
    /// The last slot at or before `now`, at the time of day of the digest; `None`: there is no report.
    #[must_use]
    pub fn latest(&self, digest: &Digest, now: UtcTime) -> Option<UtcTime> {
        let weekly = self.weekly(digest);
        let slots = Slots::of(&weekly);
        self.due_of(digest, successors(slots.latest(now), |slot| slots.latest(*slot - TimeDelta::seconds(1))))
    }

    /// The first slot after `now`.
    #[must_use]
    pub fn next(&self, digest: &Digest, now: UtcTime) -> Option<UtcTime> {
        let weekly = self.weekly(digest);
        let slots = Slots::of(&weekly);
        self.due_of(digest, successors(slots.next(now), |slot| slots.next(*slot)))
    }

    fn weekly(self, digest: &Digest) -> Digest {
        Digest { days: vec![self.day], ..digest.clone() }
    }

    /// The first of these weekly slots on which there is a report.
    fn due_of(self, digest: &Digest, mut slots: impl Iterator<Item = UtcTime>) -> Option<UtcTime> {
        match self.every {
            ReportEvery::Never => None,
            ReportEvery::Week => slots.next(),
            ReportEvery::Month => slots.take(6).find(|slot| slot.with_timezone(&digest.timezone).day() <= 7),
        }
    }
}

/// Why a credential is named in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Finding {
    /// It ends within 90 days, and nothing replaces it.
    Ending,
    /// It has ended and is still there.
    Ended,
    /// It was added since the last report.
    Added,
    /// It lives longer than `alerts.max_lifetime`.
    LongLived,
    /// It never ends.
    Endless,
    /// Its object has no owner.
    Ownerless,
}

/// A credential that a report names.
#[derive(Debug, Clone)]
pub struct Named {
    /// How it stands.
    pub standing: Standing,
    /// Why it is told, or not.
    pub reason: Reason,
    /// Why it is named.
    pub findings: Vec<Finding>,
}

/// What a report says about a tenant.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Since when what is new is new; `None`: there was no first digest or report before, so nothing counts as new.
    pub since: Option<UtcTime>,
    /// App registrations seen.
    pub applications: usize,
    /// Service principals seen.
    pub service_principals: usize,
    /// What is named; what ends first comes first.
    pub named: Vec<Named>,
    /// Every credential, by the reason of its decision.
    pub reasons: BTreeMap<Reason, usize>,
    /// Objects with a watched credential whose owners were not read.
    pub owners_unread: usize,
}

impl Findings {
    /// Looks through a tenant. `since`: when the last report, or the first digest, was decided.
    #[must_use]
    pub fn of(
        inventory: &Inventory,
        standings: &[Standing],
        decisions: &[Decision],
        alerts: &Alerts,
        since: Option<UtcTime>,
        now: UtcTime,
    ) -> Self {
        let mut findings = Self { since, ..Self::default() };
        for tracked in inventory.living() {
            match tracked.object.key.kind {
                ObjectKind::Application => findings.applications += 1,
                ObjectKind::ServicePrincipal => findings.service_principals += 1,
            }
        }
        let owners = Owners::of(inventory);
        let mut unread: Vec<&str> = Vec::new();
        for (standing, decision) in standings.iter().zip(decisions) {
            *findings.reasons.entry(decision.reason).or_default() += 1;
            if standing.excluded.is_some() {
                continue;
            }
            let mut found = about(standing, alerts, since, now);
            let has_ended = standing.credential.not_after.is_some_and(|end| end <= now);
            match owners.of_object(&standing.object.object) {
                _ if has_ended => {}
                Some(0) => found.push(Finding::Ownerless),
                Some(_) => {}
                None => unread.push(&standing.object.object.key.id),
            }
            if !found.is_empty() {
                findings.named.push(Named { standing: standing.clone(), reason: decision.reason, findings: found });
            }
        }
        unread.sort_unstable();
        unread.dedup();
        findings.owners_unread = unread.len();
        findings
    }

    /// What is named for one reason, in the order of its interest: what ended last first, what ends first first.
    #[must_use]
    pub fn with(&self, finding: Finding) -> Vec<&Named> {
        let mut list: Vec<_> = self.named.iter().filter(|one| one.findings.contains(&finding)).collect();
        match finding {
            Finding::Ended => list.reverse(),
            Finding::Added => list.sort_by_key(|one| std::cmp::Reverse(one.standing.credential.first_seen)),
            Finding::Ownerless => {
                let mut seen = std::collections::HashSet::new();
                list.retain(|one| seen.insert(&one.standing.object.object.key));
            }
            Finding::Ending | Finding::LongLived | Finding::Endless => {}
        }
        list
    }
}

fn about(standing: &Standing, alerts: &Alerts, since: Option<UtcTime>, now: UtcTime) -> Vec<Finding> {
    let credential = &standing.credential;
    let mut found = Vec::new();
    match credential.not_after {
        Some(end) if end <= now => found.push(Finding::Ended),
        Some(end) if end - now <= AHEAD && standing.posture == Posture::Sole => found.push(Finding::Ending),
        _ => {}
    }
    if let (Some(since), Some(seen)) = (since, credential.first_seen)
        && since < seen
        && seen <= now
    {
        found.push(Finding::Added);
    }
    // Entra itself makes SAML certificates for three years: their length is nobody's choice.
    if matches!(credential.kind, CredentialKind::Secret | CredentialKind::Certificate) {
        match (credential.not_before, credential.not_after) {
            (_, None) => found.push(Finding::Endless),
            (Some(start), Some(end)) if end > now && end - start > alerts.max_lifetime => found.push(Finding::LongLived),
            _ => {}
        }
    }
    found
}

/// How many owners objects have, as last read.
struct Owners<'a> {
    applications: BTreeMap<&'a str, &'a DirectoryObject>,
}

impl<'a> Owners<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let applications = inventory.living().map(|tracked| &tracked.object);
        let applications = applications.filter(|object| object.key.kind == ObjectKind::Application);
        Self { applications: applications.filter_map(|object| Some((object.app_id.as_deref()?, object))).collect() }
    }

    /// A service principal's own, and those of its application where that is here; `None`: not read.
    fn of_object(&self, object: &DirectoryObject) -> Option<usize> {
        let own = object.detail.owners.as_ref().map(Vec::len);
        let application = object.app_id.as_deref().and_then(|id| self.applications.get(id));
        match application.filter(|_| object.key.kind == ObjectKind::ServicePrincipal) {
            None => own,
            Some(application) => match (own, application.detail.owners.as_ref().map(Vec::len)) {
                (Some(own), Some(theirs)) => Some(own + theirs),
                (Some(some), None) | (None, Some(some)) if some > 0 => Some(some),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;

    use super::*;
    use crate::policy::DigestMode;

    fn utc(text: &str) -> UtcTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_report_is_due_each_week_or_on_the_first_such_day_of_the_month_in_the_zone_of_the_digest() {
        let digest = Digest {
            mode: DigestMode::Daily,
            at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
            timezone: chrono_tz::Europe::Berlin,
            days: vec![Weekday::Tue],
            urgent_within: TimeDelta::days(1),
        };
        for (every, now, latest, next) in [
            (ReportEvery::Week, "2026-11-22T12:00:00Z", Some("2026-11-16T08:00:00Z"), Some("2026-11-23T08:00:00Z")),
            (ReportEvery::Week, "2026-11-23T08:00:00Z", Some("2026-11-23T08:00:00Z"), Some("2026-11-30T08:00:00Z")),
            (ReportEvery::Week, "2026-10-26T07:59:00Z", Some("2026-10-19T07:00:00Z"), Some("2026-10-26T08:00:00Z")),
            (ReportEvery::Month, "2026-11-22T12:00:00Z", Some("2026-11-02T08:00:00Z"), Some("2026-12-07T08:00:00Z")),
            (ReportEvery::Month, "2026-12-07T07:59:00Z", Some("2026-11-02T08:00:00Z"), Some("2026-12-07T08:00:00Z")),
            (ReportEvery::Month, "2026-12-07T08:00:00Z", Some("2026-12-07T08:00:00Z"), Some("2027-01-04T08:00:00Z")),
            (ReportEvery::Never, "2026-12-07T08:00:00Z", None, None),
        ] {
            let rules = ReportRules { every, day: Weekday::Mon };
            assert_eq!(rules.latest(&digest, utc(now)), latest.map(utc), "{every} {now}");
            assert_eq!(rules.next(&digest, utc(now)), next.map(utc), "{every} {now}");
        }
    }
}
