//! What a listing shows otherwise than the delta queries had told. Pure.
//!
//! A difference is a suspicion only: the change may be on its way, or the listing may come from a server that lags behind. The rounds of the
//! next hour decide: what they tell was late; what they do not tell, and what is so when read by id, was missed.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::graph::{Listed, Listing, Round};
use crate::inventory::{Difference, DirectoryObject, Inventory, ObjectKey, ObjectKind, Tracked, difference};
use crate::state::Suspect;

/// What was not told within this time was missed.
const TOLD_WITHIN: TimeDelta = TimeDelta::hours(1);

/// More suspects than this are not read one by one; an unreliable change tracking is seen by fewer.
const MOST_SUSPECTS: usize = 100;

/// Compares a complete listing, and the objects it shows to be gone, with the inventory as the delta queries have made it.
pub(super) fn suspects(
    inventory: &Inventory,
    listings: &[(ObjectKind, Listing); 2],
    gone: impl Iterator<Item = ObjectKey>,
    told: &BTreeSet<ObjectKey>,
    since: UtcTime,
) -> Vec<Suspect> {
    let listed = listings.iter().flat_map(|(_, listing)| &listing.objects);
    let differing = listed.filter_map(|listed| match listed {
        Listed::Unchanged(key) => {
            let tracked = inventory.get(key).filter(|tracked| tracked.gone_at.is_some())?;
            Some((key.clone(), has_credentials(&tracked.object)))
        }
        Listed::Changed { object, .. } => {
            let credentials = match inventory.get(&object.key).filter(|tracked| tracked.gone_at.is_none()) {
                Some(known) => difference(&known.object, object)? == Difference::Credentials,
                None => has_credentials(object),
            };
            Some((object.key.clone(), credentials))
        }
    });
    // A credential that is gone is no credential missed: nobody's access ends unseen.
    let all = differing.chain(gone.map(|key| (key, false)));
    let mut suspects: Vec<Suspect> =
        all.map(|(key, credentials)| Suspect { told: told.contains(&key), key, since, credentials }).collect();
    // Where there are too many, those that decide the most stay.
    suspects.sort_by_key(|suspect| (!suspect.credentials, suspect.told));
    suspects.truncate(MOST_SUSPECTS);
    suspects
}

/// What a complete round makes of the suspects of its kind: those that are to be looked at again, and those that were missed.
pub(super) fn judge(suspects: &[Suspect], round: &Round, now: UtcTime) -> (Vec<Suspect>, Vec<Suspect>) {
    let differs = |id: &str| {
        round.changed.iter().any(|object| object.key.id == id)
            || round.removed.iter().any(|(key, _)| key.id == id)
            || round.undecodable.iter().any(|(undecodable, _)| undecodable.as_deref() == Some(id))
    };
    let is_open = |suspect: &&Suspect| !suspect.told && !round.told.contains(&suspect.key.id) && !differs(&suspect.key.id);
    suspects.iter().filter(is_open).cloned().partition(|suspect| now - suspect.since < TOLD_WITHIN)
}

fn has_credentials(object: &DirectoryObject) -> bool {
    !object.passwords.is_empty() || !object.keys.is_empty()
}

/// The objects that `put` marks as gone and that were not before.
pub(super) fn gone<'a>(inventory: &'a Inventory, put: &'a [Tracked]) -> impl Iterator<Item = ObjectKey> + 'a {
    let is_new = |tracked: &&Tracked| {
        let known = inventory.get(&tracked.object.key);
        tracked.gone_at.is_some() && known.is_some_and(|known| known.gone_at.is_none())
    };
    put.iter().filter(is_new).map(|tracked| tracked.object.key.clone())
}
