//! `evaluate_once`: decide with the stored state, confirm what is about to leave, decide again, commit notices and mails together.

use std::sync::Arc;

use chrono::TimeDelta;

use super::confirm::Confirmation;
use super::tell::{self, Mailing};
use super::{CONFLICTS, Model, Tenant};
use crate::clock::UtcTime;
use crate::inventory::{Inventory, Judging, Severity, Standing, Subject, judge};
use crate::outbox::digest::{Coverage, Occasion, Planned, assemble};
use crate::policy::{Decision, Evaluation, Input, NoticeRow, Outbox, Reason, Series, Silence, evaluate};
use crate::snapshot::Snapshot;
use crate::state::Muted;
use crate::store::{self, Commit, Mails};

/// How often what was confirmed may bring up something else to confirm.
const CONFIRMATIONS: usize = 3;

/// When it is looked again once mails were made: by then they have left, and what was due shows as told.
const AFTER_DELIVERY: TimeDelta = TimeDelta::minutes(1);

/// What an evaluation reads from the store.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub notices: Vec<NoticeRow>,
    pub silences: Vec<Silence>,
    pub mails: Mails,
    pub outbox: Outbox,
}

/// What was decided, and from what.
pub(super) struct Decided {
    pub inventory: Inventory,
    pub standings: Vec<Standing>,
    pub evaluation: Evaluation,
    pub confirmation: Confirmation,
}

impl Tenant {
    /// Evaluates once and keeps what was decided. What fails is logged and tried again at the next step.
    pub async fn evaluate_once(&mut self) {
        let now = self.shared.clock.now();
        let next = match self.try_evaluate().await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(tenant = %self.label.name, %error, "evaluation could not be kept");
                None
            }
        };
        self.agenda.evaluated(now, next);
    }

    async fn try_evaluate(&mut self) -> Result<Option<UtcTime>, store::Error> {
        for _ in 0..CONFLICTS {
            let stored = match &self.model {
                Some(model) => self.shared.store.version(&self.label.id).await? == model.version,
                // A tenant that was never identified has nothing to be evaluated.
                None => return Ok(None),
            };
            if !stored {
                self.load().await?;
            }
            match self.decide_and_commit().await {
                Err(store::Error::Conflict) => {}
                result => return result,
            }
        }
        Err(store::Error::Conflict)
    }

    async fn decide_and_commit(&mut self) -> Result<Option<UtcTime>, store::Error> {
        let now = self.shared.clock.now();
        let Some(model) = &self.model else { return Ok(None) };
        if !self.may_tell(model, now) {
            return self.show_stored().await;
        }
        let memory = self.remember(model, now).await?;
        let decided = self.decide(model, &memory, now).await;
        let planned = self.plan(model, &decided, now);
        let mailing = self.shared.mail.as_ref().map(|mail| tell::mailing(mail, planned, &memory.mails, now)).unwrap_or_default();
        let Decided { inventory, standings, evaluation, confirmation } = decided;
        let muted = self.muted(&standings, &evaluation, &memory.silences, now);
        let version = self.commit(model, &evaluation, &memory, confirmation, &mailing, muted.clone()).await?;
        if let Some(model) = &mut self.model {
            model.version = version;
            (model.state.baseline, model.state.slots) = (evaluation.baseline.clone(), evaluation.slots.clone());
            model.state.untellable = untellable(&evaluation);
            model.state.muted = muted;
            model.inventory = inventory;
        }
        self.count(&mailing);
        if let Some(model) = &self.model {
            self.publish(&model.inventory, &standings, &evaluation, &memory.silences);
        }
        let after_delivery = (!mailing.mails.is_empty()).then_some(now + AFTER_DELIVERY);
        Ok(evaluation.next.into_iter().chain(after_delivery).min())
    }

    /// Lets pages and metrics see the stored state, and tells nobody: before the first poll of this process, which may take long where
    /// Graph does not answer, and before the first complete one of all.
    pub(super) async fn show_stored(&self) -> Result<Option<UtcTime>, store::Error> {
        let now = self.shared.clock.now();
        let Some(model) = &self.model else { return Ok(None) };
        let memory = self.remember(model, now).await?;
        let standings = self.judge(&model.inventory, now);
        let evaluation = self.evaluate(model, &memory, &model.inventory, &standings, now);
        self.publish(&model.inventory, &standings, &evaluation, &memory.silences);
        Ok(evaluation.next)
    }

    /// Decides with the stored state, confirms what is about to leave, decides again.
    pub(super) async fn decide(&self, model: &Model, memory: &Memory, now: UtcTime) -> Decided {
        let mut confirmation = Confirmation::default();
        let mut inventory = model.inventory.clone();
        let mut standings = self.judge(&inventory, now);
        let mut evaluation = self.evaluate(model, memory, &inventory, &standings, now);
        for _ in 0..CONFIRMATIONS {
            if self.shared.mail.is_none() || !self.confirm(&mut confirmation, &inventory, &standings, &evaluation.decisions).await
            {
                break;
            }
            inventory = confirmation.applied_to(&inventory);
            standings = self.judge(&inventory, now);
            evaluation = self.evaluate(model, memory, &inventory, &standings, now);
        }
        Decided { inventory, standings, evaluation, confirmation }
    }

    /// Cuts what is due into mails.
    pub(super) fn plan(&self, model: &Model, decided: &Decided, now: UtcTime) -> Vec<Planned> {
        if self.shared.mail.is_none() {
            return Vec::new();
        }
        let coverage = Coverage::of(&decided.inventory, &decided.standings, now, self.shared.rules.recipients.owners);
        let as_of = decided.confirmation.is_stale.then_some(model.state.polls.last_complete).flatten();
        let occasion = Occasion { tenant: &self.label, at: now, as_of, coverage: &coverage };
        assemble(&occasion, &decided.standings, &decided.evaluation)
    }

    /// Nothing is told of a tenant before it was seen completely once, unless that takes too long: better late than never.
    fn may_tell(&self, model: &Model, now: UtcTime) -> bool {
        let polls = &model.state.polls;
        let waited = polls.watched_since.is_some_and(|since| now - since > self.config.blind_after);
        model.state.baseline.is_some() || polls.last_complete.is_some() || waited
    }

    pub(super) async fn remember(&self, model: &Model, now: UtcTime) -> Result<Memory, store::Error> {
        let (store, id) = (&self.shared.store, &self.label.id);
        let slots = model.state.slots.open.values().copied();
        let oldest = slots.chain(model.state.baseline.as_ref().map(|baseline| baseline.at)).min().unwrap_or(now);
        let mut mails = store.mails(id, oldest.min(now - TimeDelta::hours(1))).await?;
        // Reports are decided in a step of their own.
        mails.withdrawable.retain(|mail| mail.batch != super::report::BATCH);
        let left_this_hour = store.mails_decided_since(now - TimeDelta::hours(1)).await?;
        let limit = self.shared.mail.as_ref().map_or(u32::MAX, |mail| mail.max_per_hour);
        let budget = usize::try_from(i64::from(limit) - left_this_hour).unwrap_or(0);
        let waiting: Vec<_> = mails.withdrawable.iter().map(|mail| mail.id).collect();
        let mut notices = store.notices(id).await?;
        notices.retain(|row| !waiting.contains(&row.mail));
        // The mails that are decided afresh count among those of the last hour.
        let outbox = tell::outbox(&mails, budget + waiting.len());
        Ok(Memory { notices, silences: store.silences(now).await?, mails, outbox })
    }

    pub(super) fn judge(&self, inventory: &Inventory, now: UtcTime) -> Vec<Standing> {
        let rules = &self.shared.rules;
        let judging = Judging {
            tenant: &self.label.name,
            tenant_id: &self.label.id,
            watch: &rules.watch,
            rotation_lead: rules.alerts.rotation_lead,
        };
        judge(inventory, judging, now)
    }

    pub(super) fn evaluate(
        &self,
        model: &Model,
        memory: &Memory,
        inventory: &Inventory,
        standings: &[Standing],
        now: UtcTime,
    ) -> Evaluation {
        evaluate(&Input {
            now,
            tenant: &self.label.name,
            tenant_id: &self.label.id,
            inventory,
            standings,
            notices: &memory.notices,
            silences: &memory.silences,
            rules: &self.shared.rules,
            fallback: &self.fallback,
            transport: self.shared.mail.as_ref().map(|mail| mail.transport),
            baseline: model.state.baseline.as_ref(),
            slots: &model.state.slots,
            outbox: &memory.outbox,
        })
    }

    async fn commit(
        &self,
        model: &Model,
        evaluation: &Evaluation,
        memory: &Memory,
        confirmation: Confirmation,
        mailing: &Mailing,
        muted: Vec<Muted>,
    ) -> Result<i64, store::Error> {
        let mut state = model.state.clone();
        (state.baseline, state.slots) = (evaluation.baseline.clone(), evaluation.slots.clone());
        state.untellable = untellable(evaluation);
        state.muted = muted;
        let handled = tell::handled(&memory.mails, &evaluation.decisions);
        let is_idle = state == model.state && confirmation.put.is_empty() && mailing.is_empty() && handled.is_empty();
        if is_idle {
            return Ok(model.version);
        }
        let commit = Commit {
            state,
            put: confirmation.put.into_values().collect(),
            forget: Vec::new(),
            withdraw: mailing.withdraw.clone(),
            notices: mailing.notices.clone(),
            mails: mailing.mails.clone(),
            handled,
        };
        self.shared.store.commit(&self.label.id, model.version, commit).await
    }

    /// The last credentials that a silence keeps from being told now.
    fn muted(&self, standings: &[Standing], evaluation: &Evaluation, silences: &[Silence], now: UtcTime) -> Vec<Muted> {
        let pairs = standings.iter().zip(&evaluation.decisions);
        let critical = pairs.filter(|(_, decision)| {
            decision.severity == Severity::Critical && decision.tellings.iter().any(|telling| telling.reason == Reason::Silenced)
        });
        let muted = |(standing, _): (&Standing, &Decision)| {
            let (object, credential) = (&standing.object.object, &standing.credential);
            let subject =
                Subject { tenant: &self.label.name, tenant_id: &self.label.id, object, kind: Some(standing.credential.kind) };
            let silence = silences.iter().find(|silence| silence.covers(subject, &credential.key_id, now))?;
            Some(Muted {
                silence: silence.id.clone(),
                author: silence.author.clone(),
                reason: silence.reason.clone(),
                until: silence.until,
                app_name: object.display_name.clone(),
                key_id: credential.key_id.clone(),
                not_after: credential.not_after?,
            })
        };
        critical.filter_map(muted).collect()
    }

    fn count(&self, mailing: &Mailing) {
        for row in &mailing.notices {
            self.shared.metrics.noticed(row.notice, row.severity);
            tracing::info!(
                tenant = %self.label.name,
                credential = %row.credential,
                notice = <&str>::from(row.notice),
                severity = <&str>::from(row.severity),
                recipient = %crate::telemetry::mask_address(&row.recipient),
                mail = %row.mail,
                "told"
            );
        }
        let withdrawn = u64::try_from(mailing.withdraw.len()).unwrap_or(u64::MAX);
        self.shared.metrics.mailed(crate::metrics::MailOutcome::Withdrawn, withdrawn);
    }

    fn next_poll(&self, model: &Model) -> Option<UtcTime> {
        if self.stands_by {
            return model.state.polls.last_attempt.map(|at| at + self.config.poll_interval);
        }
        Some(self.agenda.next_poll())
    }

    /// Lets pages and metrics see what was decided.
    fn publish(&self, inventory: &Inventory, standings: &[Standing], evaluation: &Evaluation, silences: &[Silence]) {
        let Some(model) = &self.model else { return };
        self.shared.snapshots.publish(
            self.index,
            Snapshot {
                tenant: Arc::clone(&self.label),
                version: model.version,
                state: model.state.clone(),
                is_on_duty: !self.stands_by,
                next_poll: self.next_poll(model),
                blind_after: self.config.blind_after,
                inventory: inventory.clone(),
                standings: standings.into(),
                decisions: evaluation.decisions.clone().into(),
                silences: silences.into(),
            },
        );
    }
}

/// How many credentials are due that nobody is known to be told of.
fn untellable(evaluation: &Evaluation) -> usize {
    evaluation.decisions.iter().filter(|decision| decision.reason == Reason::NoRecipient).count()
}

/// The series a stored mail belongs to.
pub(super) fn series(recipient: &str, batch: &str) -> Series {
    Series { recipient: recipient.to_owned(), batch: batch.to_owned() }
}
