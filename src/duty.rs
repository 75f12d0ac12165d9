//! Which tenants this process works on, where several processes share one store.
//!
//! Every process has a task for each tenant. Where the tenant is its duty, the task polls, decides and mails; elsewhere it stands by, and shows what the
//! process on duty keeps. The duty is a lease in the store ([`Store::renew_leases`]); a store of one process needs none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::Sleeper;
use crate::store::{LEASE, Leases, Store};

/// How often leases are renewed: two renewals may fail before one is lost.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// How long the end of the process waits for its leases to be given up.
const GIVE_UP_WITHIN: Duration = Duration::from_millis(400);

/// Whether a tenant is to be worked on here.
#[derive(Debug, Clone)]
pub struct Duty(Option<watch::Receiver<bool>>);

/// Takes part in the sharing of tenants, and tells their tasks.
#[derive(Debug)]
pub struct Roster {
    store: Store,
    replica: Uuid,
    duties: BTreeMap<String, watch::Sender<bool>>,
    replicas: usize,
}

impl Duty {
    /// No other process works on the tenant.
    #[must_use]
    pub fn always() -> Self {
        Self(None)
    }

    /// Whether it is to be worked on here, as of now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.as_ref().is_none_or(|duty| *duty.borrow())
    }

    /// Returns when that has changed since it was last waited for.
    pub async fn changed(&mut self) {
        let ended = match &mut self.0 {
            Some(duty) => duty.changed().await.is_err(),
            None => true,
        };
        if ended {
            std::future::pending::<()>().await;
        }
    }
}

impl Roster {
    /// Nothing is anybody's duty here yet.
    #[must_use]
    pub fn new(store: Store, replica: Uuid) -> Self {
        Self { store, replica, duties: BTreeMap::new(), replicas: 0 }
    }

    /// The duty of a tenant, by the id it is configured with.
    pub fn duty(&mut self, tenant: &str) -> Duty {
        let duty = self.duties.entry(tenant.to_owned()).or_insert_with(|| watch::Sender::new(false));
        Duty(Some(duty.subscribe()))
    }

    /// Renews leases until `stop`. They are kept then: a new configuration goes on with them, and the end of the process gives them up.
    pub async fn run(mut self, sleeper: &dyn Sleeper, stop: CancellationToken) {
        let tenants: BTreeSet<String> = self.duties.keys().cloned().collect();
        let mut renewed = Instant::now();
        while !stop.is_cancelled() {
            let asked = Instant::now();
            match timeout(RENEW_EVERY, self.store.renew_leases(self.replica, &tenants)).await {
                Ok(Ok(leases)) => {
                    renewed = asked;
                    self.keep(&leases).await;
                }
                failed => {
                    let error = failed
                        .map_or_else(|late| late.to_string(), |answer| answer.err().map(|e| e.to_string()).unwrap_or_default());
                    tracing::warn!(error, "the leases on tenants could not be renewed");
                    if renewed.elapsed() + RENEW_EVERY >= LEASE {
                        self.assign(&BTreeSet::new());
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleeper.sleep(RENEW_EVERY) => {}
            }
        }
    }

    async fn keep(&mut self, leases: &Leases) {
        if leases.replicas != self.replicas {
            self.replicas = leases.replicas;
            tracing::info!(processes = leases.replicas, tenants = leases.held.len(), "tenants are shared");
        }
        self.assign(&leases.held);
        for tenant in &leases.spare {
            // What its task had begun is cut off by now, or fenced by the version of the tenant.
            if let Err(error) = self.store.give_up_lease(self.replica, tenant).await {
                tracing::warn!(%error, tenant, "a lease could not be given up; it is offered again");
            }
        }
    }

    fn assign(&self, held: &BTreeSet<String>) {
        for (tenant, duty) in &self.duties {
            let is_on = held.contains(tenant);
            duty.send_if_modified(|was_on| std::mem::replace(was_on, is_on) != is_on);
        }
    }
}

/// Leaves every tenant to other processes at once, so that they need not wait for leases to run out.
pub async fn give_up(store: &Store, replica: Uuid) {
    if !store.is_shared() {
        return;
    }
    match timeout(GIVE_UP_WITHIN, store.give_up_all_leases(replica)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "leases were not given up; other processes wait until they run out"),
        Err(_) => tracing::warn!("leases were not given up in time; other processes wait until they run out"),
    }
}
