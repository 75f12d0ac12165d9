//! What a listing or a reading changes in the inventory.

use std::collections::{BTreeSet, HashSet};

use super::{Detail, DirectoryObject, GoneCredential, Inventory, ObjectKey, ObjectKind, Tracked, credentials_of};
use crate::clock::UtcTime;

/// When more objects than this vanish at once, and more than [`VANISH_SHARE`] of all, it is the listing that is not to be believed.
const VANISH_COUNT: usize = 20;
/// See [`VANISH_COUNT`]: one in this many, 5 %.
const VANISH_SHARE: usize = 20;

/// The tracked form of an object just seen: what only the confirm step reads stays, and what is not on it any more becomes a tombstone.
#[must_use]
pub fn absorb(known: Option<&Tracked>, seen: DirectoryObject, hash: String, now: UtcTime) -> Tracked {
    let mut object = seen;
    let before = known.map(|known| &known.object);
    for password in &mut object.passwords {
        let same = before.and_then(|before| before.passwords.iter().find(|old| old.key_id == password.key_id));
        password.first_seen = same.map_or(Some(now), |old| old.first_seen);
    }
    for key in &mut object.keys {
        let same = before.and_then(|before| before.keys.iter().find(|old| old.key_id == key.key_id && old.usage == key.usage));
        key.first_seen = same.map_or(Some(now), |old| old.first_seen);
    }
    if let Some(known) = known {
        let present = credentials_of(&object);
        let is_present = |key_id: &str| present.iter().any(|credential| credential.key_id == key_id);
        let lost = credentials_of(&known.object).into_iter().filter(|credential| !is_present(&credential.key_id));
        object.gone = known.object.gone.iter().filter(|gone| !is_present(&gone.credential.key_id)).cloned().collect();
        object.gone.extend(lost.map(|credential| GoneCredential { credential, gone_at: now }));
        object.detail = known.object.detail.clone();
        let keys: HashSet<&str> = object.keys.iter().map(|key| key.key_id.as_str()).collect();
        object.detail.thumbprints.retain(|key_id, _| keys.contains(key_id.as_str()));
    }
    Tracked { object, hash, missing_since: None, gone_at: None }
}

/// Adds what was read of one object; what could not be read stays as last read: unreadable is not none.
pub fn learn(tracked: &mut Tracked, read: Detail) {
    let detail = &mut tracked.object.detail;
    if read.owners.is_some() {
        detail.owners = read.owners;
        detail.owners_read_at = read.owners_read_at;
    }
    if read.federated.is_some() {
        detail.federated = read.federated;
    }
    detail.thumbprints.extend(read.thumbprints);
}

/// What two pictures of one object differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Its credentials, whatever else.
    Credentials,
    /// Other properties only.
    Properties,
}

/// What is not the same in two pictures of one object, wherever they come from: the order of credentials says nothing, a thumbprint may be shown
/// in one place and not in another, and what only the confirm step reads is not looked at.
#[must_use]
pub fn difference(one: &DirectoryObject, other: &DirectoryObject) -> Option<Difference> {
    let (one, other) = (comparable(one), comparable(other));
    if (&one.passwords, &one.keys) == (&other.passwords, &other.keys) {
        (one != other).then_some(Difference::Properties)
    } else {
        Some(Difference::Credentials)
    }
}

fn comparable(object: &DirectoryObject) -> DirectoryObject {
    let mut object = DirectoryObject { detail: Detail::default(), gone: Vec::new(), ..object.clone() };
    object.keys.iter_mut().for_each(|key| (key.thumbprint, key.first_seen) = (None, None));
    object.passwords.iter_mut().for_each(|password| password.first_seen = None);
    object.keys.sort_by(|one, other| one.key_id.cmp(&other.key_id));
    object.passwords.sort_by(|one, other| one.key_id.cmp(&other.key_id));
    object
}

/// The living objects of `kind` that a complete listing lacks.
#[must_use]
pub fn missing_from(inventory: &Inventory, kind: ObjectKind, seen: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
    let living = inventory.living().map(|tracked| &tracked.object.key);
    living.filter(|key| key.kind == kind && !seen.contains(*key)).cloned().collect()
}

/// Whether so many objects are missing at once that the listing is to be taken as incomplete.
#[must_use]
pub fn is_landslide(missing: usize, living: usize) -> bool {
    missing > VANISH_COUNT && missing > living / VANISH_SHARE
}

/// The object without the tombstones of credentials that were found missing before `horizon`; `None` where there are none.
#[must_use]
pub fn without_old_tombstones(tracked: &Tracked, horizon: UtcTime) -> Option<Tracked> {
    let is_old = |gone: &GoneCredential| gone.gone_at < horizon;
    tracked.object.gone.iter().any(is_old).then(|| {
        let mut tracked = tracked.clone();
        tracked.object.gone.retain(|gone| !is_old(gone));
        tracked
    })
}
