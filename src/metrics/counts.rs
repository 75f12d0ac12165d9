//! Counts that are right at scrape time without walking the credentials: the instants at which each enters and leaves a state are
//! sorted once per snapshot, and looked up.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use strum::IntoEnumIterator as _;

use super::Family;
use super::family::{CREDENTIALS, DECISIONS, ENDING, OBJECTS, OBJECTS_EXCLUDED};
use super::text::Line;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::inventory::{CredentialKind, Exclusion, Judging, ObjectKind, Posture, Standing, State, excluded_objects};
use crate::policy::{self, Alerts, Notice, Reason};
use crate::snapshot::Snapshot;

/// The values of the label `within`.
const WITHIN: [(&str, TimeDelta); 6] = [
    ("1d", TimeDelta::days(1)),
    ("7d", TimeDelta::days(7)),
    ("14d", TimeDelta::days(14)),
    ("30d", TimeDelta::days(30)),
    ("60d", TimeDelta::days(60)),
    ("90d", TimeDelta::days(90)),
];

/// What is counted of one tenant.
#[derive(Debug, Default)]
pub(super) struct Counts {
    states: BTreeMap<(CredentialKind, State), Changes>,
    endings: BTreeMap<CredentialKind, Vec<i64>>,
    objects: BTreeMap<ObjectKind, i64>,
    excluded: BTreeMap<(ObjectKind, Exclusion), i64>,
    decisions: BTreeMap<(Option<Notice>, Reason), i64>,
}

/// The instants at which credentials enter and leave a state, sorted.
#[derive(Debug, Default)]
struct Changes {
    enter: Vec<i64>,
    leave: Vec<i64>,
}

impl Counts {
    /// Sorts out a tenant.
    pub(super) fn of(snapshot: &Snapshot, config: &Config) -> Self {
        let rules = &config.policy;
        let judging = Judging {
            tenant: &snapshot.tenant.name,
            tenant_id: &snapshot.tenant.id,
            watch: &rules.watch,
            rotation_lead: rules.alerts.rotation_lead,
        };
        let excluded = excluded_objects(&snapshot.inventory, &snapshot.standings, judging);
        let mut counts = Self { excluded, ..Self::default() };
        for (standing, decision) in snapshot.standings.iter().zip(snapshot.decisions.iter()) {
            *counts.decisions.entry((decision.notice, decision.reason)).or_default() += 1;
            if standing.excluded.is_none() {
                counts.take(standing, &rules.alerts);
            }
        }
        for tracked in snapshot.inventory.living() {
            *counts.objects.entry(tracked.object.key.kind).or_default() += 1;
        }
        for changes in counts.states.values_mut() {
            changes.enter.sort_unstable();
            changes.leave.sort_unstable();
        }
        counts.endings.values_mut().for_each(|ends| ends.sort_unstable());
        counts
    }

    fn take(&mut self, standing: &Standing, alerts: &Alerts) {
        let kind = standing.credential.kind;
        let mut last: Option<State> = None;
        for (from, state) in life(standing, alerts) {
            if last == Some(state) {
                continue;
            }
            if let Some(last) = last {
                self.states.entry((kind, last)).or_default().leave.push(from);
            }
            self.states.entry((kind, state)).or_default().enter.push(from);
            last = Some(state);
        }
        if let (Posture::Sole, Some(end)) = (standing.posture, standing.credential.not_after) {
            self.endings.entry(kind).or_default().push(end.timestamp());
        }
    }

    /// Credentials of a kind that are in a state.
    fn in_state(&self, kind: CredentialKind, state: State, now: i64) -> i64 {
        self.states.get(&(kind, state)).map_or(0, |changes| up_to(&changes.enter, now) - up_to(&changes.leave, now))
    }

    /// Writes one of the families that are counted.
    pub(super) fn push(&self, out: &mut String, family: &Family, tenant: &str, now: UtcTime) {
        let at = now.timestamp();
        if *family == CREDENTIALS {
            for (kind, state) in CredentialKind::iter().flat_map(|kind| State::iter().map(move |state| (kind, state))) {
                line(out, family, tenant)
                    .label("kind", kind.into())
                    .label("state", state.into())
                    .value(self.in_state(kind, state, at));
            }
        } else if *family == ENDING {
            for (kind, (within, time)) in CredentialKind::iter().flat_map(|kind| WITHIN.map(|within| (kind, within))) {
                let ends = self.endings.get(&kind).map(Vec::as_slice).unwrap_or_default();
                let count = up_to(ends, at + time.num_seconds()) - up_to(ends, at);
                line(out, family, tenant).label("kind", kind.into()).label("within", within).value(count);
            }
        } else if *family == OBJECTS {
            for kind in ObjectKind::iter() {
                line(out, family, tenant)
                    .label("object_kind", kind.into())
                    .value(self.objects.get(&kind).copied().unwrap_or_default());
            }
        } else if *family == OBJECTS_EXCLUDED {
            for (kind, reason) in ObjectKind::iter().flat_map(|kind| Exclusion::iter().map(move |reason| (kind, reason))) {
                let count = self.excluded.get(&(kind, reason)).copied().unwrap_or_default();
                line(out, family, tenant).label("object_kind", kind.into()).label("reason", reason.into()).value(count);
            }
        }
    }
}

/// Writes the decisions of all tenants together.
pub(super) fn push_decisions(out: &mut String, tenants: &[&Counts]) {
    for notice in [Some(Notice::Expiring), Some(Notice::Expired), None] {
        for reason in Reason::iter() {
            let count = tenants.iter().filter_map(|counts| counts.decisions.get(&(notice, reason))).sum();
            let notice = notice.map_or("none", Into::into);
            Line::new(out, &DECISIONS.name).label("notice", notice).label("reason", reason.into()).value(count);
        }
    }
}

fn line<'a>(out: &'a mut String, family: &Family, tenant: &str) -> Line<'a> {
    Line::new(out, &family.name).label("tenant", tenant)
}

/// How many of the sorted instants have come.
fn up_to(sorted: &[i64], now: i64) -> i64 {
    i64::try_from(sorted.partition_point(|at| *at <= now)).unwrap_or(i64::MAX)
}

/// The states a credential goes through, each with the instant from which it holds.
fn life(standing: &Standing, alerts: &Alerts) -> Vec<(i64, State)> {
    let credential = &standing.credential;
    let widest = policy::windows(standing, alerts, None).widest();
    let expiring = credential.not_after.zip(widest).and_then(|(end, widest)| end.checked_sub_signed(widest));
    let mut instants = vec![DateTime::<Utc>::MIN_UTC];
    instants.extend([credential.not_before, expiring, credential.not_after].into_iter().flatten());
    instants.sort_unstable();
    instants.into_iter().map(|at| (at.timestamp(), policy::state(standing, alerts, at))).collect()
}
