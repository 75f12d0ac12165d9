//! How many objects are left out, and why: a managed identity mostly has no credential that Graph shows, and is counted all the same.

use std::collections::{BTreeMap, HashMap};

use super::classify::object_exclusion;
use super::standing::{Families, Judging};
use super::{Exclusion, Inventory, ObjectKey, ObjectKind, Standing, Subject};

/// Objects that are left out as a whole, and those each of whose credentials is.
#[must_use]
pub fn excluded_objects(
    inventory: &Inventory,
    standings: &[Standing],
    judging: Judging<'_>,
) -> BTreeMap<(ObjectKind, Exclusion), i64> {
    let mut judged: HashMap<&ObjectKey, Option<Exclusion>> = HashMap::new();
    for standing in standings {
        let excluded = judged.entry(&standing.object.object.key).or_insert(standing.excluded);
        *excluded = excluded.and(standing.excluded);
    }
    let families = Families::of(inventory);
    let mut counts = BTreeMap::new();
    for tracked in inventory.living() {
        let object = &tracked.object;
        let excluded = judged.get(&object.key).copied().unwrap_or_else(|| {
            let subject = Subject { tenant: judging.tenant, tenant_id: judging.tenant_id, object, kind: None };
            object_exclusion(judging.watch, subject, families.get(object).and_then(|family| family.principal))
        });
        if let Some(reason) = excluded {
            *counts.entry((object.key.kind, reason)).or_default() += 1;
        }
    }
    counts
}
