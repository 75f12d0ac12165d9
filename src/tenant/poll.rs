//! `poll_once`: list both collections, see what changed, commit. A poll that did not see everything adds and refreshes, and never removes.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use tokio::time::Instant;

use super::{CONFLICTS, Model, Tenant};
use crate::clock::UtcTime;
use crate::graph::{self, Listed, Listing, Want};
use crate::inventory::{Inventory, ObjectKey, ObjectKind, Tracked, absorb, is_landslide, missing_from, without_old_tombstones};
use crate::state::{PollOutcome, TenantState};
use crate::store::{self, Commit};

/// How many undecodable objects are named.
const NAMED: usize = 20;

/// What many objects are missing for together is believed after this long.
const LANDSLIDE_BELIEVED_AFTER: TimeDelta = TimeDelta::days(1);

/// What a poll brought.
pub(super) struct Survey {
    began: UtcTime,
    listings: [(ObjectKind, Listing); 2],
    /// Objects missing for the first time that Graph, asked by id, no longer has.
    confirmed_gone: BTreeSet<ObjectKey>,
    /// So many are missing that the listing is not to be believed.
    landslide: Option<String>,
}

impl Tenant {
    /// Polls Graph once. Whatever happens is counted, logged and kept in the tenant's state; the evaluation that follows works with it.
    pub async fn poll_once(&mut self) {
        let (began, started) = (self.shared.clock.now(), Instant::now());
        self.agenda.polled(began);
        let outcome = match self.try_poll(began).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(tenant = %self.label.name, %error, "poll could not be kept");
                PollOutcome::Failed
            }
        };
        self.shared.metrics.polled(&self.label.name, "full", outcome, started.elapsed().as_secs_f64());
    }

    async fn try_poll(&mut self, began: UtcTime) -> Result<PollOutcome, store::Error> {
        if let Err(error) = self.identify().await {
            // Without the tenant's GUID nothing is stored yet: the failure shows in the snapshot only.
            tracing::error!(tenant = %self.label.name, %error, "tenant could not be identified");
            self.publish_unidentified(began, &error);
            return Ok(PollOutcome::Failed);
        }
        if self.model.is_none() {
            self.load().await?;
            self.show_stored().await?;
        }
        let survey = self.survey(began).await;
        let own = self.look_at_itself(&survey).await;
        for _ in 0..CONFLICTS {
            let Some(model) = &self.model else { break };
            let (mut state, put, forget) = apply(model, &survey, self.shared.keep);
            state.own = own.clone().or(state.own);
            let outcome = state.polls.outcome.unwrap_or(PollOutcome::Failed);
            self.log(&state, put.len());
            let commit = Commit { state: state.clone(), put: put.clone(), forget: forget.clone(), ..Commit::default() };
            match self.shared.store.commit(&self.label.id, model.version, commit).await {
                Ok(version) => {
                    if let Some(model) = &mut self.model {
                        for tracked in put {
                            model.inventory.put(tracked);
                        }
                        for key in &forget {
                            model.inventory.forget(key);
                        }
                        (model.version, model.state) = (version, state);
                    }
                    return Ok(outcome);
                }
                Err(store::Error::Conflict) => self.load().await?,
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Conflict)
    }

    /// A tenant configured by a domain gets its GUID once.
    pub(super) async fn identify(&mut self) -> Result<(), graph::Error> {
        if self.model.is_none() {
            let id = self.graph.tenant_guid().await?;
            if id != self.label.id {
                let label = crate::snapshot::TenantLabel { id, ..(*self.label).clone() };
                self.label = std::sync::Arc::new(label);
            }
        }
        Ok(())
    }

    /// Shows why nothing is known of the tenant.
    fn publish_unidentified(&self, began: UtcTime, error: &graph::Error) {
        let snapshots = self.shared.snapshots.all();
        let Some(snapshot) = snapshots.get(self.index) else { return };
        let mut snapshot = (**snapshot).clone();
        let polls = &mut snapshot.state.polls;
        polls.watched_since.get_or_insert(began);
        polls.last_attempt = Some(began);
        (polls.outcome, polls.error) = (Some(PollOutcome::Failed), Some(error.to_string()));
        self.shared.snapshots.publish(self.index, snapshot);
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

    fn log(&self, state: &TenantState, changed: usize) {
        let polls = &state.polls;
        let outcome = polls.outcome.map_or("none", <&str>::from);
        match &polls.error {
            None => tracing::info!(tenant = %self.label.name, outcome, changed, "polled"),
            Some(error) => tracing::warn!(tenant = %self.label.name, outcome, changed, %error, "polled"),
        }
        for object in &polls.undecodable {
            tracing::warn!(tenant = %self.label.name, %object, "object could not be decoded and keeps its last state");
        }
    }
}

impl Survey {
    /// Why it is not complete, as far as Graph said.
    pub(super) fn errors(&self) -> impl Iterator<Item = &graph::Error> {
        self.listings.iter().filter_map(|(_, listing)| listing.error.as_ref())
    }

    fn is_complete(&self) -> bool {
        self.listings.iter().all(|(_, listing)| listing.error.is_none())
    }

    /// Whether every object of the listing could be told apart, so that one that is not among them is missing.
    fn names_everything(&self) -> bool {
        self.listings.iter().all(|(_, listing)| listing.undecodable.iter().all(|(id, _)| id.is_some()))
    }

    fn missing(&self, inventory: &Inventory) -> Vec<ObjectKey> {
        let of_kind = |(kind, listing): &(ObjectKind, Listing)| {
            let undecodable = listing.undecodable.iter().filter_map(|(id, _)| id.clone());
            let mut seen: BTreeSet<ObjectKey> = undecodable.map(|id| ObjectKey { kind: *kind, id }).collect();
            seen.extend(listing.objects.iter().map(key_of));
            missing_from(inventory, *kind, &seen)
        };
        self.listings.iter().flat_map(of_kind).collect()
    }

    fn undecodable(&self) -> Vec<String> {
        let named = self.listings.iter().flat_map(|(kind, listing)| {
            listing.undecodable.iter().map(move |(id, why)| format!("{kind} {}: {why}", id.as_deref().unwrap_or("without id")))
        });
        named.take(NAMED).collect()
    }
}

fn key_of(listed: &Listed) -> ObjectKey {
    match listed {
        Listed::Unchanged(key) => key.clone(),
        Listed::Changed { object, .. } => object.key.clone(),
    }
}

fn existence(key: ObjectKey) -> Want {
    Want { key, credentials: true, owners: false, thumbprints: false }
}

fn is_long_missing(tracked: &Tracked, now: UtcTime) -> bool {
    tracked.missing_since.is_some_and(|since| since + LANDSLIDE_BELIEVED_AFTER <= now)
}

/// What a survey makes of a model: the new state, the objects to write, the tombstones to forget.
pub(super) fn apply(model: &Model, survey: &Survey, keep: TimeDelta) -> (TenantState, Vec<Tracked>, Vec<ObjectKey>) {
    let (inventory, now) = (&model.inventory, survey.began);
    let mut put: Vec<Tracked> = Vec::new();
    for listed in survey.listings.iter().flat_map(|(_, listing)| &listing.objects) {
        match listed {
            Listed::Changed { hash, object } => {
                let known = inventory.get(&object.key).map(|tracked| &**tracked);
                put.push(absorb(known, (**object).clone(), hash.clone(), now));
            }
            Listed::Unchanged(key) => {
                let back = inventory.get(key).filter(|tracked| tracked.missing_since.is_some() || tracked.gone_at.is_some());
                put.extend(back.map(|tracked| Tracked { missing_since: None, gone_at: None, ..(**tracked).clone() }));
            }
        }
    }
    let mut state = model.state.clone();
    let polls = &mut state.polls;
    polls.last_attempt = Some(now);
    polls.watched_since.get_or_insert(now);
    polls.undecodable = survey.undecodable();
    let errors: Vec<String> = survey.errors().map(ToString::to_string).chain(survey.landslide.clone()).collect();
    if errors.is_empty() {
        (polls.outcome, polls.error, polls.last_complete) = (Some(PollOutcome::Complete), None, Some(now));
        put.extend(vanished(inventory, survey));
    } else {
        let saw_something = survey.listings.iter().any(|(_, listing)| !listing.objects.is_empty());
        polls.outcome = Some(if saw_something { PollOutcome::Partial } else { PollOutcome::Failed });
        let mut errors = errors;
        errors.dedup();
        polls.error = Some(errors.join("; "));
        if survey.landslide.is_some() {
            let missing = survey.missing(inventory).into_iter().filter_map(|key| inventory.get(&key));
            let unmarked = missing.filter(|tracked| tracked.missing_since.is_none());
            put.extend(unmarked.map(|tracked| Tracked { missing_since: Some(now), ..(**tracked).clone() }));
        }
    }
    let horizon = now - keep;
    let forget: Vec<ObjectKey> = inventory
        .all()
        .filter(|tracked| tracked.gone_at.is_some_and(|gone_at| gone_at < horizon))
        .map(|tracked| tracked.object.key.clone())
        .collect();
    let rewritten: BTreeSet<ObjectKey> =
        put.iter().map(|tracked| tracked.object.key.clone()).chain(forget.iter().cloned()).collect();
    let others = inventory.all().filter(|tracked| !rewritten.contains(&tracked.object.key));
    put.extend(others.filter_map(|tracked| without_old_tombstones(tracked, horizon)));
    (state, put, forget)
}

/// Gone: missing here and 404 when asked by id, or missing in two complete listings.
fn vanished(inventory: &Inventory, survey: &Survey) -> Vec<Tracked> {
    let mut changed = Vec::new();
    for key in survey.missing(inventory) {
        let Some(tracked) = inventory.get(&key) else { continue };
        let is_gone = survey.confirmed_gone.contains(&key) || (tracked.missing_since.is_some() && survey.names_everything());
        let mut tracked = (**tracked).clone();
        if is_gone {
            tracked.gone_at = Some(survey.began);
        } else if tracked.missing_since.is_none() {
            tracked.missing_since = Some(survey.began);
        } else {
            continue;
        }
        changed.push(tracked);
    }
    changed
}
