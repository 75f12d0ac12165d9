//! How several processes share tenants: who should hold which lease. Pure.
//!
//! Every process computes the same from the same rows, so that nothing has to be negotiated: a lease stays where it is unless that leaves one process
//! with two more than another which could watch the tenant too.

use std::collections::{BTreeMap, BTreeSet};

/// The tenants that each living process has configured.
pub(super) type Watchers = BTreeMap<String, BTreeSet<String>>;

/// Tenant to process.
pub(super) type Holders = BTreeMap<String, String>;

/// Who should hold what. A tenant that no living process has configured is not in it.
pub(super) fn share(watchers: &Watchers, held: &Holders) -> Holders {
    let tenants: BTreeSet<&String> = watchers.values().flatten().collect();
    let mut load: BTreeMap<&String, usize> = watchers.keys().map(|watcher| (watcher, 0)).collect();
    let mut holders: BTreeMap<&String, &String> = BTreeMap::new();
    for tenant in &tenants {
        let holder = held.get(*tenant).and_then(|holder| watchers.get_key_value(holder));
        if let Some((holder, _)) = holder.filter(|(_, theirs)| theirs.contains(*tenant)) {
            holders.insert(tenant, holder);
            *load.entry(holder).or_default() += 1;
        }
    }
    let least = |tenant: &String, load: &BTreeMap<&String, usize>| {
        let able = watchers.iter().filter(|(_, theirs)| theirs.contains(tenant)).map(|(watcher, _)| watcher);
        able.min_by_key(|watcher| load.get(watcher).copied().unwrap_or(0))
    };
    for tenant in &tenants {
        if let (false, Some(watcher)) = (holders.contains_key(*tenant), least(tenant, &load)) {
            holders.insert(tenant, watcher);
            *load.entry(watcher).or_default() += 1;
        }
    }
    // Each move brings two numbers closer together, so that this ends.
    let mut moved = true;
    while std::mem::take(&mut moved) {
        for (tenant, holder) in &mut holders {
            let Some(other) = least(tenant, &load) else { continue };
            let (from, to) = (load.get(holder).copied().unwrap_or(0), load.get(other).copied().unwrap_or(0));
            if to + 1 < from {
                load.insert(holder, from - 1);
                load.insert(other, to + 1);
                *holder = other;
                moved = true;
            }
        }
    }
    holders.into_iter().map(|(tenant, holder)| (tenant.clone(), holder.clone())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watchers(tenants_of: &[&[u8]]) -> Watchers {
        let names = |tenants: &&[u8]| tenants.iter().map(|n| format!("tenant-{n:02}")).collect();
        tenants_of.iter().enumerate().map(|(n, tenants)| (format!("process-{n}"), names(tenants))).collect()
    }

    fn loads(watchers: &Watchers, holders: &Holders) -> Vec<usize> {
        watchers.keys().map(|watcher| holders.values().filter(|holder| *holder == watcher).count()).collect()
    }

    #[test]
    fn one_process_watches_everything() {
        let one = watchers(&[&[1, 2, 3]]);
        assert_eq!(loads(&one, &share(&one, &Holders::new())), [3]);
    }

    #[test]
    fn a_process_that_joins_gets_its_share_and_no_more_moves_than_that() {
        let tenants: Vec<u8> = (0..10).collect();
        let before = share(&watchers(&[&tenants]), &Holders::new());
        let two = watchers(&[&tenants, &tenants]);
        let after = share(&two, &before);
        assert_eq!(loads(&two, &after), [5, 5]);
        let three = watchers(&[&tenants, &tenants, &tenants]);
        let last = share(&three, &after);
        let mut shares = loads(&three, &last);
        shares.sort_unstable();
        assert_eq!(shares, [3, 3, 4]);
        assert_eq!(after.iter().filter(|(tenant, holder)| last.get(*tenant) != Some(holder)).count(), 3);
    }

    #[test]
    fn a_tenant_that_only_one_has_configured_is_its_own_whatever_else_it_watches() {
        let uneven = watchers(&[&[1], &[1, 2, 3, 4, 5]]);
        let holders = share(&uneven, &Holders::new());
        assert_eq!(loads(&uneven, &holders), [1, 4]);
    }

    proptest! {
        #[test]
        fn every_configured_tenant_has_one_holder_that_configured_it_and_then_nothing_moves(
            configured in proptest::collection::vec(proptest::collection::btree_set(0_u8..12, 0..12), 1..6),
            held in proptest::collection::btree_map(0_u8..14, 0_usize..8, 0..14),
        ) {
            let lists: Vec<Vec<u8>> = configured.iter().map(|tenants| tenants.iter().copied().collect()).collect();
            let watchers = watchers(&lists.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let held: Holders = held.iter().map(|(t, p)| (format!("tenant-{t:02}"), format!("process-{p}"))).collect();
            let holders = share(&watchers, &held);
            let all: BTreeSet<&String> = watchers.values().flatten().collect();
            prop_assert_eq!(holders.keys().collect::<BTreeSet<_>>(), all);
            for (tenant, holder) in &holders {
                prop_assert!(watchers[holder].contains(tenant));
                let mine = holders.values().filter(|other| *other == holder).count();
                for (other, theirs) in &watchers {
                    let load = holders.values().filter(|holder| *holder == other).count();
                    prop_assert!(!theirs.contains(tenant) || mine <= load + 1, "{} has {} and {} has {}", holder, mine, other, load);
                }
            }
            prop_assert_eq!(&share(&watchers, &holders), &holders);
        }
    }
}
