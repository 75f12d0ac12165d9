//! What one mail says, before anybody words it. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::inventory::{Exclusion, Inventory, ObjectKind, Posture, Severity, Standing};
use crate::policy::{CredentialKey, Evaluation, Notice, Reason, Series, Via};
use crate::snapshot::TenantLabel;

/// One mail to one recipient about one tenant.
#[derive(Debug, Clone)]
pub struct Digest {
    /// The tenant.
    pub tenant: Arc<TenantLabel>,
    /// Lower-cased address.
    pub recipient: String,
    /// What sort of mail it is.
    pub kind: DigestKind,
    /// Most urgent first: severity, then end.
    pub items: Vec<Item>,
    /// When it was decided.
    pub at: UtcTime,
    /// The state it was decided from is as of then; `None`: Graph confirmed it just now.
    pub as_of: Option<UtcTime>,
}

/// What sort of mail a digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestKind {
    /// What is due.
    Regular,
    /// The first one of a tenant, to fallback.
    Baseline(Coverage),
}

/// What the first digest says about a tenant as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Applications seen.
    pub applications: usize,
    /// Service principals seen.
    pub service_principals: usize,
    /// Credentials watched.
    pub watched: usize,
    /// Of those: ending within 90 days, unrotated.
    pub ending_90d: usize,
    /// Of those: ended already, unrotated.
    pub ended: usize,
    /// Credentials left out, by reason.
    pub excluded: Vec<(Exclusion, usize)>,
    /// Whether owners are told (`recipients.owners`); if not, the mail says how.
    pub owners: bool,
}

/// What a mail says about one credential.
#[derive(Debug, Clone)]
pub struct Item {
    /// Expiring, expired or resolved.
    pub notice: Notice,
    /// How much it matters.
    pub severity: Severity,
    /// How the recipient came to be one.
    pub via: Via,
    /// The credential, and how it stands.
    pub standing: Standing,
}

/// A mail to be, with what it is remembered by.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What it says.
    pub digest: Digest,
    /// The series it belongs to.
    pub series: Series,
    /// The slot (or baseline) it settles once accepted.
    pub slot: Option<UtcTime>,
    /// What to remember, one for each item.
    pub told: Vec<Told>,
}

/// A notice to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// About which credential.
    pub credential: CredentialKey,
    /// Its end.
    pub not_after: Option<UtcTime>,
    /// Its posture.
    pub posture: Posture,
    /// What is told.
    pub notice: Notice,
    /// In seconds before the end.
    pub threshold: i64,
    /// How bad it is.
    pub severity: Severity,
}

impl Digest {
    /// How bad its worst item is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.items.iter().map(|item| item.severity).max().unwrap_or(Severity::Info)
    }
}

/// What every digest of one evaluation has in common.
#[derive(Debug, Clone)]
pub struct Occasion<'a> {
    /// The tenant.
    pub tenant: &'a Arc<TenantLabel>,
    /// When it was decided.
    pub at: UtcTime,
    /// See [`Digest::as_of`].
    pub as_of: Option<UtcTime>,
    /// What the first digest says about the tenant.
    pub coverage: &'a Coverage,
}

/// Cuts what is due into mails: one for each series.
#[must_use]
pub fn assemble(occasion: &Occasion<'_>, standings: &[Standing], evaluation: &Evaluation) -> Vec<Planned> {
    let mut series: BTreeMap<Series, (Vec<Item>, Vec<Told>)> = BTreeMap::new();
    for owed in &evaluation.baseline_for {
        series.entry(owed.clone()).or_default();
    }
    for (standing, decision) in standings.iter().zip(&evaluation.decisions) {
        for telling in decision.tellings.iter().filter(|telling| telling.reason == Reason::Due) {
            let (items, told) = series.entry(telling.series()).or_default();
            told.push(Told {
                credential: decision.credential.clone(),
                not_after: standing.credential.not_after,
                posture: standing.posture,
                notice: telling.notice,
                threshold: telling.threshold.num_seconds(),
                severity: telling.severity,
            });
            let standing = standing.clone();
            items.push(Item { notice: telling.notice, severity: telling.severity, via: telling.via.clone(), standing });
        }
    }
    for resolved in evaluation.resolved.iter().filter(|resolved| resolved.due) {
        let (items, told) = series.entry(resolved.series()).or_default();
        told.push(Told {
            credential: CredentialKey::of(&resolved.standing),
            not_after: resolved.standing.credential.not_after,
            posture: Posture::Sole,
            notice: Notice::Resolved,
            threshold: 0,
            severity: Severity::Info,
        });
        let (standing, via) = (resolved.standing.clone(), Via::Fallback);
        items.push(Item { notice: Notice::Resolved, severity: Severity::Info, via, standing });
    }
    let plan = |(series, (mut items, told)): (Series, (Vec<Item>, Vec<Told>))| {
        items.sort_by(|a, b| urgency(a).cmp(&urgency(b)));
        let is_baseline = evaluation.baseline_for.contains(&series);
        let digest = Digest {
            tenant: Arc::clone(occasion.tenant),
            recipient: series.recipient.clone(),
            kind: if is_baseline { DigestKind::Baseline(occasion.coverage.clone()) } else { DigestKind::Regular },
            items,
            at: occasion.at,
            as_of: occasion.as_of,
        };
        Planned { digest, slot: evaluation.slot_of.get(&series).copied(), series, told }
    };
    series.into_iter().map(plan).collect()
}

/// Most urgent first: what is gone comes last, then severity, then the end.
fn urgency(item: &Item) -> impl Ord {
    let end = item.standing.credential.not_after;
    (item.notice == Notice::Resolved, Reverse(item.severity), end.is_none(), end, item.standing.credential.key_id.clone())
}

impl Coverage {
    /// Counts a tenant.
    #[must_use]
    pub fn of(inventory: &Inventory, standings: &[Standing], now: UtcTime, owners: bool) -> Self {
        let mut coverage = Self { owners, ..Self::default() };
        for tracked in inventory.living() {
            match tracked.object.key.kind {
                ObjectKind::Application => coverage.applications += 1,
                ObjectKind::ServicePrincipal => coverage.service_principals += 1,
            }
        }
        let mut excluded: BTreeMap<Exclusion, usize> = BTreeMap::new();
        for standing in standings {
            if let Some(reason) = standing.excluded {
                *excluded.entry(reason).or_default() += 1;
                continue;
            }
            coverage.watched += 1;
            if standing.posture != Posture::Sole {
                continue;
            }
            match standing.credential.not_after {
                Some(end) if end <= now => coverage.ended += 1,
                Some(end) if end - now <= TimeDelta::days(90) => coverage.ending_90d += 1,
                _ => {}
            }
        }
        coverage.excluded = excluded.into_iter().collect();
        coverage
    }
}
