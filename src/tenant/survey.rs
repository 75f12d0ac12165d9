//! What a listing of both collections brought, and what it makes of a model. Whatever was not seen completely adds and refreshes, and
//! never removes.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::Model;
use crate::clock::UtcTime;
use crate::graph::{self, Listed, Listing};
use crate::inventory::{Inventory, ObjectKey, ObjectKind, Tracked, absorb, missing_from, without_old_tombstones};
use crate::state::{PollOutcome, PollState, TenantState};

/// How many undecodable objects are named.
const NAMED: usize = 20;

/// What many objects are missing for together is believed after this long.
const LANDSLIDE_BELIEVED_AFTER: TimeDelta = TimeDelta::days(1);

/// What a poll brought.
pub(super) struct Survey {
    pub began: UtcTime,
    pub listings: [(ObjectKind, Listing); 2],
    /// Objects missing for the first time that Graph, asked by id, no longer has.
    pub confirmed_gone: BTreeSet<ObjectKey>,
    /// So many are missing that the listing is not to be believed.
    pub landslide: Option<String>,
}

impl Survey {
    /// Why it is not complete, as far as Graph said.
    pub(super) fn errors(&self) -> Vec<&graph::Error> {
        self.listings.iter().filter_map(|(_, listing)| listing.error.as_ref()).collect()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.listings.iter().all(|(_, listing)| listing.error.is_none())
    }

    /// Whether every object of the listing could be told apart, so that one that is not among them is missing.
    fn names_everything(&self) -> bool {
        self.listings.iter().all(|(_, listing)| listing.undecodable.iter().all(|(id, _)| id.is_some()))
    }

    pub(super) fn missing(&self, inventory: &Inventory) -> Vec<ObjectKey> {
        let of_kind = |(kind, listing): &(ObjectKind, Listing)| {
            let undecodable = listing.undecodable.iter().filter_map(|(id, _)| id.clone());
            let mut seen: BTreeSet<ObjectKey> = undecodable.map(|id| ObjectKey { kind: *kind, id }).collect();
            seen.extend(listing.objects.iter().map(key_of));
            missing_from(inventory, *kind, &seen)
        };
        self.listings.iter().flat_map(of_kind).collect()
    }

    fn undecodable(&self) -> Vec<String> {
        let mut named = Vec::new();
        self.listings.iter().for_each(|(kind, listing)| name_undecodable(&mut named, *kind, &listing.undecodable));
        named
    }

    /// Requests that it needed.
    pub(super) fn requests(&self) -> u32 {
        self.listings.iter().map(|(_, listing)| listing.requests).sum()
    }
}

/// Names objects that could not be decoded, up to a number.
pub(super) fn name_undecodable(named: &mut Vec<String>, kind: ObjectKind, undecodable: &[(Option<String>, String)]) {
    let entries = undecodable.iter().map(|(id, why)| format!("{kind} {}: {why}", id.as_deref().unwrap_or("without id")));
    let room = NAMED.saturating_sub(named.len());
    named.extend(entries.take(room));
}

fn key_of(listed: &Listed) -> ObjectKey {
    match listed {
        Listed::Unchanged(key) => key.clone(),
        Listed::Changed { object, .. } => object.key.clone(),
    }
}

pub(super) fn is_long_missing(tracked: &Tracked, now: UtcTime) -> bool {
    tracked.missing_since.is_some_and(|since| since + LANDSLIDE_BELIEVED_AFTER <= now)
}

/// Notes since when polls are refused.
pub(super) fn note_refusal(polls: &mut PollState, errors: &[&graph::Error], now: UtcTime) {
    let is_refused = errors.iter().any(|error| error.is_refusal());
    polls.refused_since = is_refused.then(|| polls.refused_since.unwrap_or(now));
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
    note_refusal(polls, &survey.errors(), now);
    polls.vanished_since = survey.landslide.is_some().then(|| polls.vanished_since.unwrap_or(now));
    let errors: Vec<String> = survey.errors().into_iter().map(ToString::to_string).chain(survey.landslide.clone()).collect();
    if errors.is_empty() {
        (polls.outcome, polls.error, polls.last_complete) = (Some(PollOutcome::Complete), None, Some(now));
        (polls.last_full, polls.full_requests) = (Some(now), Some(survey.requests()));
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
    let forget = prune(inventory, &mut put, now, keep);
    (state, put, forget)
}

/// Takes what has been gone for longer than `keep` out of the inventory: objects (the result), and credentials (more in `put`).
pub(super) fn prune(inventory: &Inventory, put: &mut Vec<Tracked>, now: UtcTime, keep: TimeDelta) -> Vec<ObjectKey> {
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
    forget
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
