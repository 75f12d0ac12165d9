//! The confirm step: before anybody is told, the few objects concerned are read again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;

use super::Tenant;
use crate::clock::UtcTime;
use crate::graph::{self, Reading, Want};
use crate::inventory::{Inventory, ObjectKey, ObjectKind, Standing, Tracked, absorb, learn};
use crate::policy::{Decision, Reason};

/// If Graph does not answer within this, the stored state stands, and the mail says as of when.
const PATIENCE: Duration = Duration::from_mins(1);

/// Credentials that a complete listing begun this recently brought are not read again.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// What confirming has found out in one evaluation.
#[derive(Debug, Default)]
pub struct Confirmation {
    asked: BTreeSet<ObjectKey>,
    /// Objects to be written, as they are now.
    pub put: BTreeMap<ObjectKey, Tracked>,
    /// Objects that Graph no longer has: not told about; the next listing removes them.
    pub vanished: BTreeSet<ObjectKey>,
    /// Something could not be read: the stored state stands for it.
    pub is_stale: bool,
}

impl Confirmation {
    /// The inventory with what was found out.
    pub fn applied_to(&self, inventory: &Inventory) -> Inventory {
        let mut inventory = inventory.clone();
        self.put.values().for_each(|tracked| inventory.put(tracked.clone()));
        self.vanished.iter().for_each(|key| inventory.forget(key));
        inventory
    }
}

impl Tenant {
    /// Reads the objects of what is about to leave again, those that were not asked for yet. Whether anything was asked.
    pub(super) async fn confirm(
        &self,
        confirmation: &mut Confirmation,
        inventory: &Inventory,
        standings: &[Standing],
        decisions: &[Decision],
    ) -> bool {
        let now = self.shared.clock.now();
        let is_fresh = self.model.as_ref().and_then(|model| model.state.polls.last_full).is_some_and(|last| {
            let age = now - last;
            age >= TimeDelta::zero() && age <= FRESH
        });
        let wants: Vec<Want> = Self::concerned(inventory, standings, decisions)
            .into_iter()
            .filter(|key| !confirmation.asked.contains(key))
            .map(|key| self.want(inventory, key, !is_fresh))
            .collect();
        if wants.is_empty() {
            return false;
        }
        confirmation.asked.extend(wants.iter().map(|want| want.key.clone()));
        let Ok(readings) = tokio::time::timeout(PATIENCE, self.graph.read(&wants)).await else {
            tracing::warn!(tenant = %self.label.name, objects = wants.len(), "Graph did not confirm in time; the stored state stands");
            confirmation.is_stale = true;
            return true;
        };
        for (key, reading) in readings {
            self.take(confirmation, inventory, key, reading, now);
        }
        true
    }

    /// The objects of what is due, each with the application behind a service principal: its owners, its federated credentials.
    fn concerned(inventory: &Inventory, standings: &[Standing], decisions: &[Decision]) -> BTreeSet<ObjectKey> {
        let is_due = |decision: &Decision| decision.tellings.iter().any(|telling| telling.reason == Reason::Due);
        let due =
            standings.iter().zip(decisions).filter(|(_, decision)| is_due(decision)).map(|(standing, _)| &standing.object.object);
        let mut keys = BTreeSet::new();
        let mut app_ids = BTreeSet::new();
        for object in due {
            keys.insert(object.key.clone());
            if object.key.kind == ObjectKind::ServicePrincipal {
                app_ids.extend(object.app_id.as_deref());
            }
        }
        let applications = inventory.living().map(|tracked| &tracked.object).filter(|object| {
            object.key.kind == ObjectKind::Application && object.app_id.as_deref().is_some_and(|id| app_ids.contains(id))
        });
        keys.extend(applications.map(|object| object.key.clone()));
        keys
    }

    fn want(&self, inventory: &Inventory, key: ObjectKey, credentials: bool) -> Want {
        let lacks_thumbprint = inventory.get(&key).is_some_and(|tracked| {
            let object = &tracked.object;
            let known = |key_id: &str| object.detail.thumbprints.contains_key(key_id);
            object.preferred_thumbprint.is_some() && object.keys.iter().any(|key| key.thumbprint.is_none() && !known(&key.key_id))
        });
        Want { key, credentials, owners: self.needs().owners, thumbprints: lacks_thumbprint }
    }

    fn take(
        &self,
        confirmation: &mut Confirmation,
        inventory: &Inventory,
        key: ObjectKey,
        reading: Result<Reading, graph::Error>,
        now: UtcTime,
    ) {
        match reading {
            Ok(reading) => {
                for problem in &reading.problems {
                    tracing::warn!(tenant = %self.label.name, object = %key, %problem, "part of an object could not be read");
                }
                let Some(known) = inventory.get(&key) else { return };
                let mut tracked = match reading.object {
                    Some(object) => absorb(Some(known), *object, reading.hash, now),
                    None => (**known).clone(),
                };
                learn(&mut tracked, reading.detail);
                if tracked != **known {
                    confirmation.put.insert(key, tracked);
                }
            }
            Err(graph::Error::NotFound) => drop(confirmation.vanished.insert(key)),
            Err(error) => {
                tracing::warn!(tenant = %self.label.name, object = %key, %error, "object could not be confirmed; the stored state stands");
                confirmation.is_stale = true;
            }
        }
    }
}
