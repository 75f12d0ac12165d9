//! The decision itself: who is told what, now, and why. A function of its input.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::history::History;
use super::recipients::{Addressee, Directory};
use super::resolved::resolved;
use super::timing::Timing;
use super::urgency::{is_short_lived, severity, state, windows};
use super::{
    CredentialKey, Decision, Notice, NoticeRow, Reason, Resolved, Rules, Series, Silence, Telling, TransportKind, Via, Windows,
};
use crate::clock::UtcTime;
use crate::inventory::{Exclusion, Inventory, Posture, Severity, Standing, Subject};
use crate::state::{Baseline, SlotState};

/// Everything a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Policy time.
    pub now: UtcTime,
    /// The tenant's label.
    pub tenant: &'a str,
    /// The tenant's GUID.
    pub tenant_id: &'a str,
    /// Every object.
    pub inventory: &'a Inventory,
    /// [`crate::inventory::judge`] of it.
    pub standings: &'a [Standing],
    /// What was told, without the rows of mails that are to be withdrawn.
    pub notices: &'a [NoticeRow],
    /// Silences.
    pub silences: &'a [Silence],
    /// The configuration.
    pub rules: &'a Rules,
    /// The tenant's own fallback, or everybody's.
    pub fallback: &'a [String],
    /// How mails leave; `None`: there is no `[mail]`.
    pub transport: Option<TransportKind>,
    /// The first digest, where it was decided.
    pub baseline: Option<&'a Baseline>,
    /// The digests that are settled.
    pub slots: &'a SlotState,
    /// What became of earlier mails.
    pub outbox: &'a Outbox,
}

/// What became of earlier mails, as far as it decides about new ones.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    /// When the newest mail of a series that was accepted, or is under way, was decided.
    pub left: BTreeMap<Series, UtcTime>,
    /// Slots (and baselines) of which a mail was accepted or given up.
    pub settled: BTreeSet<(Series, UtcTime)>,
    /// Slots (and baselines) of which a mail is under way and cannot be taken back.
    pub under_way: BTreeSet<(Series, UtcTime)>,
    /// Credentials about which a mail could not be delivered, and to whom.
    pub undeliverable: Vec<(CredentialKey, String)>,
    /// How many more mails the breaker lets through.
    pub budget: usize,
}

/// What was decided.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// One for each standing, in the same order.
    pub decisions: Vec<Decision>,
    /// What is gone, recipient by recipient; told where `due`.
    pub resolved: Vec<Resolved>,
    /// Series to which the first digest of the tenant is owed.
    pub baseline_for: BTreeSet<Series>,
    /// The slot (or baseline) that a mail to a series settles once accepted.
    pub slot_of: BTreeMap<Series, UtcTime>,
    /// To be stored with the mails.
    pub baseline: Option<Baseline>,
    /// To be stored with the mails.
    pub slots: SlotState,
    /// When to evaluate again at the latest.
    pub next: Option<UtcTime>,
}

/// Decides.
#[must_use]
pub fn evaluate(input: &Input<'_>) -> Evaluation {
    // The first digest by a folder, or without mail, does not count once there is another transport.
    let baseline = input.baseline.filter(|baseline| match baseline.transport {
        None => input.transport.is_none(),
        Some(TransportKind::Folder) => matches!(input.transport, None | Some(TransportKind::Folder)),
        Some(_) => true,
    });
    let timing = Timing::new(input.now, &input.rules.digest, input.fallback, baseline, input.slots, input.outbox);
    let history = History::new(input.notices, input.transport, input.now);
    let directory = Directory::new(input.rules, input.fallback, input.tenant, input.tenant_id, input.inventory);
    let context = Context { input, timing: &timing, history: &history, directory: &directory };

    let mut decisions: Vec<Decision> = input.standings.iter().map(|standing| context.decide(standing)).collect();
    hold_beyond_budget(&mut decisions, input.outbox.budget);
    let leaving: BTreeSet<Series> = tellings(&decisions, Reason::Due).map(Telling::series).collect();
    let resolved = resolved(input, &history, &directory, &timing, &leaving);

    let owed: BTreeSet<Series> =
        input.fallback.iter().map(|address| Series::of(address, None)).filter(|series| timing.owes_baseline(series)).collect();
    let mut series: BTreeSet<Series> = leaving;
    series.extend(tellings(&decisions, Reason::HeldByBreaker).map(Telling::series));
    series.extend(resolved.iter().filter(|resolved| resolved.due).map(Resolved::series));
    series.extend(owed.iter().cloned());
    let slot_of = series.into_iter().filter_map(|series| timing.open_slot(&series).map(|slot| (series, slot))).collect();

    Evaluation {
        baseline: Some(next_baseline(input, baseline, &owed)),
        slots: next_slots(input, &timing, &slot_of, &owed),
        next: next_evaluation(input, &timing, &decisions),
        decisions,
        resolved,
        baseline_for: owed.into_iter().filter(|series| !timing.is_under_way(series)).collect(),
        slot_of,
    }
}

fn tellings(decisions: &[Decision], reason: Reason) -> impl Iterator<Item = &Telling> {
    decisions.iter().flat_map(|decision| &decision.tellings).filter(move |telling| telling.reason == reason)
}

fn next_baseline(input: &Input<'_>, counted: Option<&Baseline>, owed: &BTreeSet<Series>) -> Baseline {
    let open = owed.iter().map(|series| series.recipient.clone()).collect();
    match counted {
        Some(baseline) => Baseline { open, ..baseline.clone() },
        None => Baseline { at: input.now, transport: input.transport, open },
    }
}

/// A slot stays open for a series until a mail of it was accepted (or given up) or nothing was due.
fn next_slots(input: &Input<'_>, timing: &Timing<'_>, slot_of: &BTreeMap<Series, UtcTime>, owed: &BTreeSet<Series>) -> SlotState {
    let mut open: BTreeMap<String, UtcTime> =
        slot_of.iter().filter(|(series, _)| !owed.contains(*series)).map(|(series, slot)| (series.to_string(), *slot)).collect();
    let under_way = input.outbox.under_way.iter().filter(|(series, _)| !owed.contains(series) && timing.is_under_way(series));
    open.extend(under_way.map(|(series, slot)| (series.to_string(), *slot)));
    SlotState { last: timing.last_slot(), open }
}

/// The breaker: what is over the budget waits, the mildest first; critical items pass.
fn hold_beyond_budget(decisions: &mut [Decision], budget: usize) {
    let mut worst: BTreeMap<Series, Severity> = BTreeMap::new();
    for telling in tellings(decisions, Reason::Due) {
        let known = worst.entry(telling.series()).or_insert(telling.severity);
        *known = telling.severity.max(*known);
    }
    let mut order: Vec<(Severity, Series)> = worst.into_iter().map(|(series, severity)| (severity, series)).collect();
    order.sort_by(|a, b| b.cmp(a));
    let over = order.into_iter().skip(budget).filter(|(severity, _)| *severity < Severity::Critical);
    let held: BTreeSet<Series> = over.map(|(_, series)| series).collect();
    if held.is_empty() {
        return;
    }
    for decision in decisions {
        for telling in &mut decision.tellings {
            if telling.reason == Reason::Due && held.contains(&telling.series()) {
                telling.reason = Reason::HeldByBreaker;
            }
        }
        decision.summarise();
    }
}

struct Context<'a> {
    input: &'a Input<'a>,
    timing: &'a Timing<'a>,
    history: &'a History<'a>,
    directory: &'a Directory<'a>,
}

impl Context<'_> {
    fn decide(&self, standing: &Standing) -> Decision {
        let (now, alerts) = (self.input.now, &self.input.rules.alerts);
        let credential = CredentialKey::of(standing);
        let mut decision = Decision {
            state: state(standing, alerts, now),
            severity: severity(standing, alerts, now),
            notice: None,
            threshold: None,
            reason: Reason::NotYet,
            tellings: Vec::new(),
            credential,
        };
        if let Some(exclusion) = standing.excluded {
            decision.reason = exclusion.into();
        } else if let Some(end) = standing.credential.not_after {
            decision.reason = self.quiet_reason(standing, end);
            if now - end <= alerts.expired_grace {
                self.tell(standing, end, &mut decision);
            }
        }
        decision
    }

    fn tell(&self, standing: &Standing, end: UtcTime, decision: &mut Decision) {
        let undeliverable: Vec<&str> = self
            .input
            .outbox
            .undeliverable
            .iter()
            .filter(|(credential, _)| *credential == decision.credential)
            .map(|(_, recipient)| recipient.as_str())
            .collect();
        let mut addressees = self.directory.addressees(standing, &undeliverable);
        self.add_baseline(standing, &mut addressees);
        if addressees.is_empty() {
            let own = windows(standing, &self.input.rules.alerts, None);
            if let Some(threshold) = crossed(&own, end, self.input.now) {
                decision.threshold = Some(threshold);
                decision.notice = Some(notice_at(threshold));
                decision.reason = Reason::NoRecipient;
            }
            return;
        }
        let silenced = self.is_silenced(standing);
        let tellings = addressees.iter().filter_map(|addressee| self.telling(standing, end, addressee, silenced));
        decision.tellings = tellings.collect();
        decision.summarise();
    }

    /// The first digest of a tenant tells fallback of everything due, whoever else is concerned.
    fn add_baseline(&self, standing: &Standing, addressees: &mut Vec<Addressee>) {
        let owed = self.input.fallback.iter().filter(|address| self.timing.owes_baseline(&Series::of(address, None)));
        for address in owed {
            let all = windows(standing, &self.input.rules.alerts, None);
            match addressees.iter_mut().find(|known| known.recipient == *address && known.batch.is_none()) {
                Some(known) => {
                    known.windows = Windows::new(known.windows.iter().chain(all.iter()));
                    if known.via == Via::Escalation {
                        known.via = Via::Baseline;
                    }
                }
                None => addressees.push(Addressee { recipient: address.clone(), via: Via::Baseline, batch: None, windows: all }),
            }
        }
    }

    fn telling(&self, standing: &Standing, end: UtcTime, addressee: &Addressee, silenced: bool) -> Option<Telling> {
        let (now, alerts) = (self.input.now, &self.input.rules.alerts);
        let series = Series::of(&addressee.recipient, addressee.batch.as_deref());
        let first_digest = self.timing.horizon(&series);
        let ahead = first_digest.filter(|_| now < end).and_then(|horizon| {
            // What crosses exactly at the next slot is the next slot's.
            let before = addressee.windows.filtered(|threshold| threshold > TimeDelta::zero() && end - threshold < horizon);
            before.iter().last()
        });
        let threshold = match (crossed(&addressee.windows, end, now), ahead) {
            (Some(crossed), Some(ahead)) => crossed.min(ahead),
            (crossed, ahead) => crossed.or(ahead)?,
        };
        let at_crossing = now.max(end - threshold);
        let severity_then = severity(standing, alerts, at_crossing);
        let urgent = standing.posture == Posture::Sole
            && (end - now <= self.input.rules.digest.urgent_within || severity(standing, alerts, now) == Severity::Critical);
        let credential = CredentialKey::of(standing);
        let reason = if self.history.is_told(&credential, end, standing.posture, &addressee.recipient, threshold) {
            Reason::AlreadyTold
        } else if silenced {
            Reason::Silenced
        } else if self.timing.leaves(&series, urgent, end) {
            Reason::Due
        } else {
            Reason::HeldForDigest
        };
        Some(Telling {
            recipient: addressee.recipient.clone(),
            via: addressee.via.clone(),
            batch: addressee.batch.clone(),
            notice: notice_at(threshold),
            threshold,
            severity: severity_then,
            reason,
        })
    }

    /// The reason where nothing is to be told.
    fn quiet_reason(&self, standing: &Standing, end: UtcTime) -> Reason {
        let ended_for = self.input.now - end;
        if standing.posture == Posture::Inactive {
            Reason::Inactive
        } else if ended_for > self.input.rules.alerts.expired_grace {
            Reason::ExpiredBefore
        } else if standing.posture == Posture::Rotated {
            Reason::Rotated
        } else if is_short_lived(standing) && !standing.last_one {
            Reason::ShortLived
        } else if ended_for >= TimeDelta::zero() {
            Reason::ExpiredBefore
        } else {
            Reason::NotYet
        }
    }

    fn is_silenced(&self, standing: &Standing) -> bool {
        let subject = Subject {
            tenant: self.input.tenant,
            tenant_id: self.input.tenant_id,
            object: &standing.object.object,
            kind: Some(standing.credential.kind),
        };
        self.input.silences.iter().any(|silence| silence.covers(subject, &standing.credential.key_id, self.input.now))
    }
}

/// The threshold crossed at `now`; after the end only that of the end itself.
fn crossed(windows: &Windows, end: UtcTime, now: UtcTime) -> Option<TimeDelta> {
    if end <= now {
        windows.iter().find(TimeDelta::is_zero)
    } else {
        windows.crossed(end - now).filter(|threshold| !threshold.is_zero())
    }
}

fn notice_at(threshold: TimeDelta) -> Notice {
    if threshold.is_zero() { Notice::Expired } else { Notice::Expiring }
}

/// The next instant at which a decision may change by the clock alone.
fn next_evaluation(input: &Input<'_>, timing: &Timing<'_>, decisions: &[Decision]) -> Option<UtcTime> {
    let now = input.now;
    let watched = input.standings.iter().filter(|standing| standing.excluded.is_none());
    let crossings = watched.filter_map(|standing| {
        let end = standing.credential.not_after?;
        let windows = windows(standing, &input.rules.alerts, None);
        let urgent = end - input.rules.digest.urgent_within;
        windows.iter().map(|threshold| end - threshold).chain([urgent]).filter(|at| *at > now).min()
    });
    let held =
        tellings(decisions, Reason::HeldForDigest).map(|telling| timing.at_once_from(&telling.series())).filter(|at| *at > now);
    let silences = input.silences.iter().map(|silence| silence.until).filter(|until| *until > now);
    crossings.chain(held).chain(silences).chain(timing.next_slot()).min()
}

impl From<Exclusion> for Reason {
    fn from(exclusion: Exclusion) -> Self {
        match exclusion {
            Exclusion::ExcludedManagedIdentity => Self::ExcludedManagedIdentity,
            Exclusion::ExcludedDisabled => Self::ExcludedDisabled,
            Exclusion::ExcludedIgnored => Self::ExcludedIgnored,
            Exclusion::ExcludedPlatform => Self::ExcludedPlatform,
        }
    }
}
