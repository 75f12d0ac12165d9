//! `report_once`: the regular report to fallback, in a batch of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use super::{MailSetup, Tenant};
use crate::clock::UtcTime;
use crate::graph::Want;
use crate::inventory::{Inventory, ObjectKey, ObjectKind, Severity, Standing, Tracked, learn};
use crate::mail::report::Report;
use crate::metrics::MailOutcome;
use crate::policy::{Findings, Notice, ReportState};
use crate::store::{self, Commit, NewMail};

/// The batch of its mails.
pub(super) const BATCH: &str = "report";

/// Owners that were read this recently are not read again for a report.
const OWNERS_FRESH: TimeDelta = TimeDelta::days(6);

/// Owners of so many objects at most are read for one report, of those first that are not known.
const OWNERS_AT_MOST: usize = 2_000;

/// So many objects' owners are asked for together, and no more are once this has passed.
const OWNERS_TOGETHER: usize = 200;
/// See [`OWNERS_TOGETHER`].
const OWNERS_WITHIN: Duration = Duration::from_mins(2);

impl Tenant {
    /// Puts the report into the outbox when its time has come; decides it afresh where it waits because the mail server is away.
    pub(super) async fn report_once(&mut self) {
        match self.try_report().await {
            Ok(()) => {}
            // Somebody else wrote: the next step decides again.
            Err(store::Error::Conflict) => tracing::debug!(tenant = %self.label.name, "the report is decided again"),
            Err(error) => tracing::error!(tenant = %self.label.name, %error, "the report could not be kept"),
        }
    }

    async fn try_report(&mut self) -> Result<(), store::Error> {
        let now = self.shared.clock.now();
        let (Some(model), Some(mail)) = (&self.model, self.shared.mail.clone()) else { return Ok(()) };
        let rules = Arc::clone(&self.shared.rules);
        let Some(latest) = rules.report.latest(&rules.digest, now) else { return Ok(()) };
        let Some(baseline) = model.state.baseline.as_ref().map(|baseline| baseline.at) else { return Ok(()) };
        let mut state = model.state.clone();
        // A slot in the future is the trace of a clock that was wrong. The first report comes at the first slot after the first digest.
        let last = state.report.slot.filter(|slot| *slot <= now);
        let Some(last) = last else {
            state.report = ReportState { slot: Some(latest), at: None, since: None };
            return self.keep_report(Commit { state, ..Commit::default() }, &[]).await;
        };
        let mails = self.shared.store.mails(&self.label.id, now).await?;
        let waiting: Vec<_> = mails.withdrawable.iter().filter(|mail| mail.batch == BATCH).collect();
        let is_new = latest > last;
        if !is_new && waiting.is_empty() {
            return Ok(());
        }
        let mut put = Vec::new();
        if is_new {
            state.report = ReportState { slot: Some(latest), at: Some(now), since: state.report.at.or(Some(baseline)) };
            put = self.read_owners(&model.inventory, now).await;
        }
        let mut inventory = model.inventory.clone();
        for tracked in &put {
            inventory.put(tracked.clone());
        }
        let findings = Arc::new(self.findings(&inventory, state.report.since, now).await?);
        let recipients: BTreeSet<String> = if is_new {
            self.fallback.iter().cloned().collect()
        } else {
            waiting.iter().map(|mail| mail.recipient.clone()).collect()
        };
        let mut commit = Commit { state, put, ..Commit::default() };
        let mut kept = BTreeSet::new();
        for recipient in recipients {
            let fresh = self.report_mail(&mail, recipient, &findings, latest, now);
            let same = waiting.iter().find(|mail| mail.recipient == fresh.recipient && mail.fingerprint == fresh.fingerprint);
            match same {
                Some(same) => drop(kept.insert(same.id)),
                None => commit.mails.push(fresh),
            }
        }
        commit.withdraw = waiting.iter().map(|mail| mail.id).filter(|id| !kept.contains(id)).collect();
        if !is_new && commit.mails.is_empty() {
            return Ok(());
        }
        let put = commit.put.clone();
        self.keep_report(commit, &put).await
    }

    async fn keep_report(&mut self, commit: Commit, put: &[Tracked]) -> Result<(), store::Error> {
        let Some(model) = &self.model else { return Ok(()) };
        let state = commit.state.clone();
        let withdrawn = u64::try_from(commit.withdraw.len()).unwrap_or(u64::MAX);
        let told = commit.mails.len();
        let version = self.shared.store.commit(&self.label.id, model.version, commit).await?;
        if let Some(model) = &mut self.model {
            (model.version, model.state) = (version, state);
            for tracked in put {
                model.inventory.put(tracked.clone());
            }
        }
        self.shared.metrics.mailed(MailOutcome::Withdrawn, withdrawn);
        for _ in 0..told {
            self.shared.metrics.noticed(Notice::Report, Severity::Info);
        }
        Ok(())
    }

    async fn findings(&self, inventory: &Inventory, since: Option<UtcTime>, now: UtcTime) -> Result<Findings, store::Error> {
        let Some(model) = &self.model else { return Ok(Findings::default()) };
        let memory = self.remember(model, now).await?;
        let standings = self.judge(inventory, now);
        let evaluation = self.evaluate(model, &memory, inventory, &standings, now);
        Ok(Findings::of(inventory, &standings, &evaluation.decisions, &self.shared.rules.alerts, since, now))
    }

    fn report_mail(&self, mail: &MailSetup, recipient: String, findings: &Arc<Findings>, slot: UtcTime, now: UtcTime) -> NewMail {
        let polls = self.model.as_ref().map(|model| &model.state.polls);
        let seen = polls.and_then(|polls| polls.last_complete);
        let is_blind = seen.is_none_or(|seen| now - seen > self.config.blind_after);
        let rules = &self.shared.rules;
        let report = Report {
            tenant: Arc::clone(&self.label),
            recipient,
            at: now,
            every: rules.report.every,
            max_lifetime: rules.alerts.max_lifetime,
            blind: is_blind.then_some(seen),
            findings: Arc::clone(findings),
        };
        let id = Uuid::new_v4();
        let rendered = mail.renderer.render_report(&report, id);
        NewMail {
            id,
            recipient: report.recipient,
            batch: BATCH.to_owned(),
            slot: Some(slot),
            severity: Severity::Info,
            items: i64::try_from(findings.named.len()).unwrap_or(i64::MAX),
            subject: rendered.subject,
            message: rendered.message,
            fingerprint: rendered.fingerprint,
            created_at: now,
            first_decided_at: now,
            attempts: 0,
            next_attempt_at: now,
        }
    }

    /// Reads the owners of objects with watched credentials that are not known well enough.
    async fn read_owners(&self, inventory: &Inventory, now: UtcTime) -> Vec<Tracked> {
        let wants = wanting(&self.judge(inventory, now), inventory, now);
        let began = Instant::now();
        let mut learnt = Vec::new();
        for wants in wants.chunks(OWNERS_TOGETHER) {
            if began.elapsed() > OWNERS_WITHIN {
                break;
            }
            for (key, reading) in self.graph.read(wants).await {
                let (Ok(reading), Some(known)) = (reading, inventory.get(&key)) else { continue };
                let mut tracked = (**known).clone();
                learn(&mut tracked, reading.detail);
                learnt.push(tracked);
            }
        }
        learnt
    }
}

/// Whose owners to ask for: what ends first first, of a service principal whose application is here that one's too.
fn wanting(standings: &[Standing], inventory: &Inventory, now: UtcTime) -> Vec<Want> {
    let lives = |standing: &&Standing| standing.excluded.is_none() && standing.credential.not_after.is_none_or(|end| end > now);
    let mut asked: BTreeSet<&ObjectKey> = BTreeSet::new();
    let mut wanted: Vec<(Option<UtcTime>, ObjectKey)> = Vec::new();
    let app_ids: BTreeSet<&str> = standings
        .iter()
        .filter(lives)
        .filter(|standing| standing.object.object.key.kind == ObjectKind::ServicePrincipal)
        .filter_map(|standing| standing.object.object.app_id.as_deref())
        .collect();
    let applications = inventory.living().filter(|tracked| {
        let object = &tracked.object;
        object.key.kind == ObjectKind::Application && object.app_id.as_deref().is_some_and(|id| app_ids.contains(id))
    });
    let objects = standings.iter().filter(lives).map(|standing| &standing.object).chain(applications);
    for tracked in objects {
        let detail = &tracked.object.detail;
        let is_fresh = detail.owners.is_some() && detail.owners_read_at.is_some_and(|at| at <= now && now - at < OWNERS_FRESH);
        if !is_fresh && asked.insert(&tracked.object.key) {
            let read_at = detail.owners.as_ref().and(detail.owners_read_at);
            wanted.push((read_at, tracked.object.key.clone()));
        }
    }
    wanted.sort_by_key(|(read_at, _)| *read_at);
    let want = |(_, key)| Want { key, credentials: false, owners: true, thumbprints: false };
    wanted.into_iter().take(OWNERS_AT_MOST).map(want).collect()
}
