//! The client of Microsoft Graph: against the simulated tenant, and against whatever a server may send.

mod confirm;
mod examples;
mod faults;
mod hostile;
mod identity;
mod listing;
mod own;
mod provider;
mod proxy;
mod sign_in;
mod trust;

pub use identity::write_certificate;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entrawatch::clock::Sleeper;
use entrawatch::graph::{self, Client, Context, Listed, Listing};
use entrawatch::inventory::{DirectoryObject, ObjectKind};
use entrawatch::metrics::Metrics;
use entrawatch::progress::Progress;

use crate::support::faults::Faults;
use crate::support::graph::Tenant;

/// Writes down every wait and takes no time.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Vec<Duration>>);

impl Waits {
    pub fn all(&self) -> Vec<Duration> {
        self.0.lock().unwrap().clone()
    }

    pub fn sum(&self) -> Duration {
        self.all().iter().sum()
    }
}

impl Sleeper for Waits {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

/// A simulated tenant with faults round it, and a client of it that does not really wait.
pub struct Setup {
    pub tenant: Tenant,
    pub faults: Faults,
    pub waits: Arc<Waits>,
    pub metrics: Arc<Metrics>,
    pub client: Client,
}

impl Setup {
    pub async fn new() -> Self {
        let faults = Faults::default();
        let clock = Arc::new(entrawatch::clock::ManualClock::new(crate::support::at(crate::support::graph::BEGIN)));
        let tenant = Tenant::start_layered(clock, |router| faults.layer(router)).await;
        let waits = Arc::new(Waits::default());
        let metrics = Arc::new(Metrics::new().unwrap());
        let context = context(&tenant, &waits, &metrics);
        let client = Client::new(&tenant.config(), context);
        Self { tenant, faults, waits, metrics, client }
    }

    /// A client of its own, with its own token.
    pub fn fresh_client(&self) -> Client {
        Client::new(&self.tenant.config(), self.context())
    }

    pub fn context(&self) -> Context {
        context(&self.tenant, &self.waits, &self.metrics)
    }
}

fn context(tenant: &Tenant, waits: &Arc<Waits>, metrics: &Arc<Metrics>) -> Context {
    Context {
        clock: tenant.clock.clone(),
        sleeper: waits.clone(),
        metrics: metrics.clone(),
        progress: Progress::default(),
        http: graph::http_client(&[]).unwrap(),
    }
}

/// Lists a collection of which nothing is known.
pub async fn list(client: &Client, kind: ObjectKind) -> Listing {
    client.list(kind, &|_| None).await
}

/// The decoded objects of a listing.
pub fn objects(listing: &Listing) -> Vec<&DirectoryObject> {
    listing
        .objects
        .iter()
        .map(|listed| match listed {
            Listed::Changed { object, .. } => &**object,
            Listed::Unchanged(key) => panic!("{key} was not decoded"),
        })
        .collect()
}

/// The names of a listing's objects, in order.
pub fn names(listing: &Listing) -> Vec<&str> {
    let mut names: Vec<_> = objects(listing).into_iter().map(|object| object.display_name.as_str()).collect();
    names.sort_unstable();
    names
}
