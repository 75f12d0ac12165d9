//! Several processes share the tenants of one store.

use std::collections::{BTreeMap, BTreeSet};

use entrawatch::store::{Commit, Error, LEASE, Leases, Store};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::samples::{TENANT, app, load};
use crate::support::database::Database;

/// One of the processes.
struct Replica {
    id: Uuid,
    store: Store,
    tenants: BTreeSet<String>,
}

impl Replica {
    async fn new(database: &Database, tenants: &[String]) -> Self {
        let store = Store::open_exclusive(&database.url()).await.unwrap();
        Self { id: Uuid::new_v4(), store, tenants: tenants.iter().cloned().collect() }
    }

    /// Renews, and gives up at once what others should have; what it watches then.
    async fn round(&self) -> BTreeSet<String> {
        let Leases { held, spare, .. } = self.store.renew_leases(self.id, &self.tenants).await.unwrap();
        for tenant in &spare {
            self.store.give_up_lease(self.id, tenant).await.unwrap();
        }
        held
    }
}

fn tenants(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("tenant-{n:02}")).collect()
}

/// Rounds of all of them in turn; how many each watches in the end. Never do two watch one.
async fn rounds(replicas: &[Replica], count: usize) -> Vec<usize> {
    let mut watched: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..count {
        for replica in replicas {
            watched.insert(replica.id, replica.round().await);
            let all: Vec<&String> = watched.values().flatten().collect();
            assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "two watch one: {watched:?}");
        }
    }
    replicas.iter().map(|replica| watched.get(&replica.id).map_or(0, BTreeSet::len)).collect()
}

/// A process does not renew for longer than a lease lasts.
async fn sleep_through_a_lease(database: &Database, id: Uuid) {
    let seconds = LEASE.as_secs() + 2;
    database.execute(&format!("UPDATE replica SET until = until - {seconds} WHERE id = '{id}'")).await;
}

#[tokio::test]
async fn replicas_that_join_get_their_share_and_then_nothing_moves() {
    let Some(database) = Database::postgres().await else { return };
    let tenants = tenants(10);
    let mut replicas = vec![Replica::new(&database, &tenants).await];
    assert_eq!(rounds(&replicas, 2).await, [10]);
    replicas.push(Replica::new(&database, &tenants).await);
    assert_eq!(rounds(&replicas, 3).await, [5, 5]);
    replicas.push(Replica::new(&database, &tenants).await);
    let mut shares = rounds(&replicas, 5).await;
    shares.sort_unstable();
    assert_eq!(shares, [3, 3, 4]);
    let mut before = Vec::new();
    for replica in &replicas {
        before.push(replica.round().await);
    }
    for _ in 0..5 {
        for (replica, before) in replicas.iter().zip(&before) {
            assert_eq!(replica.round().await, *before, "nothing moves any more");
        }
    }
}

#[tokio::test]
async fn nobody_is_idle_while_another_has_two() {
    let Some(database) = Database::postgres().await else { return };
    let tenants = tenants(4);
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::new(&database, &tenants).await);
        rounds(&replicas, 2).await;
    }
    let mut shares = rounds(&replicas, 6).await;
    shares.sort_unstable();
    assert_eq!(shares, [1, 1, 2]);
}

#[tokio::test]
async fn the_tenants_of_a_dead_replica_move_within_a_lease() {
    let Some(database) = Database::postgres().await else { return };
    let tenants = tenants(6);
    let replicas = [Replica::new(&database, &tenants).await, Replica::new(&database, &tenants).await];
    assert_eq!(rounds(&replicas, 4).await, [3, 3]);
    let [dead, alive] = &replicas;
    assert_eq!(alive.round().await.len(), 3, "not before its lease has ended");
    sleep_through_a_lease(&database, dead.id).await;
    assert_eq!(alive.round().await.len(), 6);
    // It was only asleep: it wakes with nothing, and gets its share again.
    assert!(dead.round().await.is_empty());
    assert_eq!(rounds(&replicas, 4).await, [3, 3]);
}

#[tokio::test]
async fn a_replica_that_ends_in_order_leaves_its_tenants_at_once() {
    let Some(database) = Database::postgres().await else { return };
    let tenants = tenants(6);
    let replicas = [Replica::new(&database, &tenants).await, Replica::new(&database, &tenants).await];
    assert_eq!(rounds(&replicas, 4).await, [3, 3]);
    replicas[0].store.give_up_all_leases(replicas[0].id).await.unwrap();
    assert_eq!(replicas[1].round().await.len(), 6);
}

#[tokio::test]
async fn a_tenant_that_only_one_has_configured_is_never_left_alone() {
    let Some(database) = Database::postgres().await else { return };
    let all = tenants(5);
    let (few, many) = (Replica::new(&database, &all[..1]).await, Replica::new(&database, &all).await);
    assert_eq!(rounds(&[few, many], 4).await, [1, 4]);
}

#[tokio::test]
async fn a_tenant_taken_out_of_the_configuration_is_free_for_others() {
    let Some(database) = Database::postgres().await else { return };
    let all = tenants(2);
    let mut replica = Replica::new(&database, &all).await;
    assert_eq!(replica.round().await.len(), 2);
    replica.tenants.pop_first();
    assert_eq!(replica.round().await.len(), 1);
    let other = Replica::new(&database, &all[..1]).await;
    assert_eq!(other.round().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lease_is_held_twice_when_all_ask_at_once_and_soon_all_have_their_share() {
    let Some(database) = Database::postgres().await else { return };
    let all = tenants(18);
    let replicas = futures_util::future::join_all((0..6).map(|_| Replica::new(&database, &all))).await;
    let mut tasks = JoinSet::new();
    for replica in replicas {
        tasks.spawn(async move {
            let mut watched = BTreeSet::new();
            for _ in 0..12 {
                watched = replica.round().await;
            }
            (replica, watched)
        });
    }
    let (replicas, watched): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().unzip();
    let all: Vec<&String> = watched.iter().flatten().collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "two watch one: {watched:?}");
    assert_eq!(rounds(&replicas, 3).await, [3; 6]);
}

#[tokio::test]
async fn whoever_lost_a_lease_without_noticing_cannot_write() {
    let Some(database) = Database::postgres().await else { return };
    let all = [TENANT.to_owned()];
    let (zombie, heir) = (Replica::new(&database, &all).await, Replica::new(&database, &all).await);
    assert_eq!(zombie.round().await.len(), 1);
    let stale = load(&zombie.store).await.version;
    sleep_through_a_lease(&database, zombie.id).await;
    assert_eq!(heir.round().await.len(), 1);
    let put = |name| Commit { put: vec![app("app", name)], ..Commit::default() };
    heir.store.commit(TENANT, load(&heir.store).await.version, put("heir")).await.unwrap();
    assert!(matches!(zombie.store.commit(TENANT, stale, put("zombie")).await, Err(Error::Conflict)));
    assert_eq!(load(&heir.store).await.objects, [app("app", "heir")]);
}
