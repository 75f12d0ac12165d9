//! `poll_once`: list both collections, or ask what has changed in them (`delta.rs`), commit. A poll that did not see everything adds and
//! refreshes, and never removes.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::delta::{Followed, Links};
use super::mode;
use super::survey::{Survey, apply, is_long_missing};
use super::{CONFLICTS, Tenant};
use crate::clock::UtcTime;
use crate::graph::{self, Want};
use crate::inventory::{Inventory, ObjectKey, ObjectKind, Tracked, is_landslide};
use crate::progress::tenant_task;
use crate::state::{PollOutcome, TenantState};
use crate::store::{self, Commit};

impl Tenant {
    /// Polls Graph once. Whatever happens is counted, logged and kept in the tenant's state; the evaluation that follows works with it.
    pub async fn poll_once(&mut self) {
        let (turns, progress, task) = (self.shared.turns.clone(), self.shared.progress.clone(), tenant_task(&self.label.name));
        turns.take(|| progress.beat(&task), Box::pin(self.poll_in_turn())).await;
    }

    async fn poll_in_turn(&mut self) {
        let (began, started) = (self.shared.clock.now(), Instant::now());
        self.agenda.polled(began, self.until_next_poll());
        let (mode, outcome) = match self.try_poll(began).await {
            Ok(polled) => polled,
            Err(error) => {
                tracing::error!(tenant = %self.label.name, %error, "poll could not be kept");
                ("full", PollOutcome::Failed)
            }
        };
        self.shared.metrics.polled(&self.label.name, mode, outcome, started.elapsed().as_secs_f64());
    }

    /// The interval; with other tenants beside this one somewhat less, by chance, and the first time much less, so that they do not all poll
    /// together for ever because they began together.
    fn until_next_poll(&self) -> TimeDelta {
        let interval = self.config.poll_interval;
        if self.shared.snapshots.all().len() < 2 {
            return interval;
        }
        let least = if self.model.is_none() { 0.5 } else { 0.95 };
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an interval in seconds is small")]
        let seconds = (interval.num_seconds() as f64 * (least + (1.0 - least) * fastrand::f64())) as i64;
        TimeDelta::seconds(seconds)
    }

    async fn try_poll(&mut self, began: UtcTime) -> Result<(&'static str, PollOutcome), store::Error> {
        if let Err(error) = self.identify().await {
            // Without the tenant's GUID nothing is stored yet: the failure shows in the snapshot only.
            tracing::error!(tenant = %self.label.name, %error, "tenant could not be identified");
            self.publish_unidentified(began, &error);
            return Ok(("full", PollOutcome::Failed));
        }
        if self.model.is_none() {
            self.load().await?;
            self.show_stored().await?;
        }
        let Some(plan) = self.model.as_ref().map(|model| mode::plan(&self.config, &model.state, began)) else {
            return Ok(("full", PollOutcome::Failed));
        };
        let mut told = None;
        if plan.follows {
            match self.follow(began).await? {
                Followed::Kept(outcome, _) if !plan.lists => return Ok(("delta", outcome)),
                Followed::Kept(PollOutcome::Complete, spoken_of) => told = Some(spoken_of),
                Followed::Kept(..) | Followed::Lost => {}
            }
        }
        self.list_everything(began, plan.starts, told).await.map(|outcome| ("full", outcome))
    }

    /// `told`: what the round just before spoke of; `None`: there was none.
    async fn list_everything(
        &mut self,
        began: UtcTime,
        starts: bool,
        told: Option<BTreeSet<ObjectKey>>,
    ) -> Result<PollOutcome, store::Error> {
        // A round just before has left links that begin where it ended.
        let (links, refused) = if starts && told.is_none() { self.start_rounds().await } else { (Vec::new(), false) };
        let survey = self.survey(began).await;
        let own = self.look_at_itself(&survey.errors()).await;
        for _ in 0..CONFLICTS {
            let Some(model) = &self.model else { break };
            let (mut state, put, forget) = apply(model, &survey, self.shared.keep);
            state.own = own.clone().or(state.own);
            state.domain = self.domain().or(state.domain);
            if survey.is_complete() && survey.landslide.is_none() {
                let links = Links { starts, told: told.as_ref(), started: &links, refused };
                self.arrange_rounds(&mut state.delta, &survey, model, &put, &links);
            }
            let outcome = state.polls.outcome.unwrap_or(PollOutcome::Failed);
            self.log(&state, put.len(), "full");
            let commit = Commit { state: state.clone(), put: put.clone(), forget: forget.clone(), ..Commit::default() };
            match self.shared.store.commit(&self.label.id, model.version, commit).await {
                Ok(version) => {
                    self.remember_commit(version, state, put, &forget);
                    return Ok(outcome);
                }
                Err(store::Error::Conflict) => self.load().await?,
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Conflict)
    }

    /// What was committed is in the store: now it may be in memory.
    pub(super) fn remember_commit(&mut self, version: i64, state: TenantState, put: Vec<Tracked>, forget: &[ObjectKey]) {
        let Some(model) = &mut self.model else { return };
        for tracked in put {
            model.inventory.put(tracked);
        }
        for key in forget {
            model.inventory.forget(key);
        }
        (model.version, model.state) = (version, state);
    }

    pub(super) async fn survey(&self, began: UtcTime) -> Survey {
        let inventory = self.model.as_ref().map(|model| model.inventory.clone()).unwrap_or_default();
        let known = |kind: ObjectKind, id: &str| {
            let tracked = inventory.get(&ObjectKey { kind, id: id.to_owned() })?;
            Some(tracked.hash.clone())
        };
        let known_application = |id: &str| known(ObjectKind::Application, id);
        let known_principal = |id: &str| known(ObjectKind::ServicePrincipal, id);
        let (applications, principals) = tokio::join!(
            self.graph.list(ObjectKind::Application, &known_application),
            self.graph.list(ObjectKind::ServicePrincipal, &known_principal),
        );
        let listings = [(ObjectKind::Application, applications), (ObjectKind::ServicePrincipal, principals)];
        let mut survey = Survey { began, listings, confirmed_gone: BTreeSet::new(), landslide: None };
        if survey.is_complete() {
            let missing = survey.missing(&inventory);
            let living = inventory.living().count();
            let is_fresh = |key: &&ObjectKey| inventory.get(key).is_some_and(|tracked| !is_long_missing(tracked, began));
            let fresh = missing.iter().filter(is_fresh).count();
            if is_landslide(fresh, living) {
                survey.landslide = Some(format!(
                    "{fresh} of {living} objects are missing from this listing at once, so it is not believed; they are kept, and count as \
                     gone when they are still missing a day later: check whether somebody deleted them, or whether what EntraWatch may \
                     read was narrowed"
                ));
            } else {
                survey.confirmed_gone = self.ask_for(&inventory, missing).await;
            }
        }
        survey
    }

    /// Those of the objects missing for the first time that Graph, asked by id, no longer has.
    async fn ask_for(&self, inventory: &Inventory, missing: Vec<ObjectKey>) -> BTreeSet<ObjectKey> {
        let first_time = |key: &ObjectKey| inventory.get(key).is_some_and(|tracked| tracked.missing_since.is_none());
        let wants: Vec<Want> = missing.into_iter().filter(first_time).map(existence).collect();
        if wants.is_empty() {
            return BTreeSet::new();
        }
        let readings = self.graph.read(&wants).await;
        readings.into_iter().filter(|(_, reading)| matches!(reading, Err(graph::Error::NotFound))).map(|(key, _)| key).collect()
    }

    pub(super) fn log(&self, state: &TenantState, changed: usize, mode: &str) {
        let polls = &state.polls;
        let outcome = polls.outcome.map_or("none", <&str>::from);
        match &polls.error {
            None => tracing::info!(tenant = %self.label.name, mode, outcome, changed, "polled"),
            Some(error) => tracing::warn!(tenant = %self.label.name, mode, outcome, changed, %error, "polled"),
        }
        for object in &polls.undecodable {
            tracing::warn!(tenant = %self.label.name, %object, "object could not be decoded and keeps its last state");
        }
    }
}

fn existence(key: ObjectKey) -> Want {
    Want { key, credentials: true, owners: false, thumbprints: false }
}
