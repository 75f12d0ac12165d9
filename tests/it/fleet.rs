//! The tenants of one process, stepped when they say that there is something to do: each is polled at its own interval and not together with
//! the others, and what concerns several is done and said once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::TimeDelta;
use entrawatch::app::tenants_beside;
use entrawatch::clock::{Clock as _, ManualClock, TokioSleeper, UtcTime};
use entrawatch::config::{Sources, load};
use entrawatch::demo::{self, Directory};
use entrawatch::store::Store;
use entrawatch::tenant::Tenant;
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use crate::support::graph::{BEGIN, ROLES};
use crate::support::log::Log;
use crate::support::{at, days};

/// A `[[tenant]]`.
struct Entry {
    tenant_id: String,
    client_id: String,
    secret: String,
    /// More lines.
    more: &'static str,
}

impl Entry {
    /// A tenant that is known by its GUID and has an application of its own to sign in with.
    fn of(directory: &Directory, more: &'static str) -> Self {
        let watcher = directory.add_watcher(ROLES);
        Self {
            tenant_id: directory.tenant_id().to_string(),
            client_id: watcher.application.app_id.to_string(),
            secret: watcher.secret.expose_secret().to_owned(),
            more,
        }
    }
}

struct Fleet {
    clock: Arc<ManualClock>,
    store: Store,
    /// Each with its GUID and when it is to be stepped next.
    tenants: Vec<(Tenant, String, UtcTime)>,
    _folder: tempfile::TempDir,
    _server: DropGuard,
}

impl Fleet {
    /// So many tenants are served, and watched as `entries` says.
    async fn new(tenants: usize, entries: impl FnOnce(&[Directory]) -> Vec<Entry>) -> Self {
        let clock = Arc::new(ManualClock::new(at(BEGIN)));
        let directories: Vec<_> =
            (0..tenants).map(|number| Directory::new(&format!("tenant-{number}.example"), clock.clone())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = demo::router(&base, directories.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap() });

        let folder = tempfile::tempdir().unwrap();
        let mut text = format!(
            "[store]\nurl = \"sqlite:{}\"\n[recipients]\nfallback = [\"ops@example.com\"]\n",
            folder.path().join("store.db").display()
        );
        let entries = entries(&directories);
        for (number, Entry { tenant_id, client_id, secret, more }) in entries.iter().enumerate() {
            let _ = writeln!(
                text,
                "[[tenant]]\nname = \"t{number}\"\ntenant_id = \"{tenant_id}\"\nclient_id = \"{client_id}\"\n\
                 auth = {{ kind = \"secret\", secret = \"{secret}\" }}\nlogin_url = \"{base}\"\ngraph_url = \"{base}\"\n{more}"
            );
        }
        let file = folder.path().join("entrawatch.toml");
        std::fs::write(&file, text).unwrap();
        let loaded =
            load(&Sources { file: Some(file), environment: BTreeMap::new() }).unwrap_or_else(|problems| panic!("{problems}"));
        let store = Store::open_exclusive(&loaded.config.store.url).await.unwrap();
        let tenants = tenants_beside(&loaded.config, store.clone(), clock.clone(), Arc::new(TokioSleeper)).unwrap();
        let now = clock.now();
        let tenants = tenants.into_iter().zip(entries).map(|(tenant, entry)| (tenant, entry.tenant_id, now)).collect();
        Self { clock, store, tenants, _folder: folder, _server: stop.drop_guard() }
    }

    /// Lives until `end`; when each tenant was polled.
    async fn live(&mut self, end: UtcTime) -> Vec<Vec<UtcTime>> {
        let mut polled = vec![Vec::new(); self.tenants.len()];
        while let Some((index, next)) = self.next().filter(|(_, next)| *next < end) {
            self.clock.set(next.max(self.clock.now()));
            let (tenant, id, next) = &mut self.tenants[index];
            *next = tenant.step().await;
            let attempt = self.store.tenant(id, "").await.unwrap().state.polls.last_attempt.unwrap();
            if polled[index].last() != Some(&attempt) {
                polled[index].push(attempt);
            }
        }
        polled
    }

    fn next(&self) -> Option<(usize, UtcTime)> {
        self.tenants.iter().map(|(_, _, next)| *next).enumerate().min_by_key(|(_, next)| *next)
    }
}

fn gaps(polls: &[UtcTime]) -> Vec<TimeDelta> {
    polls.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[tokio::test]
async fn a_tenant_that_is_alone_is_polled_at_its_interval_to_the_second() {
    let mut fleet = Fleet::new(1, |all| vec![Entry::of(&all[0], "interval = \"45m\"")]).await;
    let polled = fleet.live(at(BEGIN) + TimeDelta::hours(24)).await.remove(0);
    assert_eq!(polled.len(), 32);
    assert!(gaps(&polled).iter().all(|gap| *gap == TimeDelta::minutes(45)), "{polled:?}");
}

#[tokio::test]
async fn each_of_many_keeps_its_own_interval_and_they_drift_apart() {
    let own = [
        "interval = \"1h\"",
        "interval = \"1h\"",
        "interval = \"1h\"",
        "interval = \"1h\"",
        "interval = \"3h\"",
        "interval = \"30m\"",
    ];
    let minutes = [60, 60, 60, 60, 180, 30];
    let mut fleet =
        Fleet::new(own.len(), |all| all.iter().zip(own).map(|(directory, more)| Entry::of(directory, more)).collect()).await;
    let polled = fleet.live(at(BEGIN) + TimeDelta::hours(24)).await;
    for (polls, minutes) in polled.iter().zip(minutes) {
        let interval = TimeDelta::minutes(minutes);
        assert_eq!(polls[0], at(BEGIN), "at once, to begin with");
        for (number, gap) in gaps(polls).into_iter().enumerate() {
            // The first gap may be half the interval, by which those that began together part.
            let least = if number == 0 { interval / 2 } else { interval * 19 / 20 };
            assert!(least - TimeDelta::seconds(1) <= gap && gap <= interval, "{minutes} min: poll {number} after {gap}");
        }
        let least = usize::try_from(24 * 60 / minutes).unwrap();
        assert!((least..=least * 21 / 20 + 2).contains(&polls.len()), "{minutes} min: {} polls", polls.len());
        let distinct: std::collections::BTreeSet<_> = gaps(polls).into_iter().collect();
        assert!(distinct.len() > 2, "{minutes} min: no jitter in {distinct:?}");
    }
    // Of those with the same interval no two polls but the first fall on the same second, but by chance.
    let mut instants: Vec<UtcTime> = polled[..4].iter().flat_map(|polls| polls[1..].to_vec()).collect();
    let all = instants.len();
    instants.sort();
    instants.dedup();
    assert!(all - instants.len() <= all / 10, "{} of {all} polls together", all - instants.len());
}

#[tokio::test]
async fn a_tenant_named_by_its_guid_and_by_its_domain_is_worked_on_once() {
    let (log, _guard) = Log::listen();
    let mut fleet = Fleet::new(1, |all| {
        let by_guid = Entry::of(&all[0], "");
        let by_domain = Entry { tenant_id: all[0].domain(), ..Entry::of(&all[0], "") };
        vec![by_guid, by_domain]
    })
    .await;
    for (tenant, ..) in &mut fleet.tenants {
        tenant.step().await;
    }
    let id = fleet.tenants[0].1.clone();
    let expected = format!(
        "tenant-0.example is a domain of tenant {id}, which is watched as \"t0\" already; remove one of the two [[tenant]] entries"
    );
    assert_eq!(log.lines_with(&expected).len(), 1, "{}", log.text());
    let version = fleet.store.version(&id).await.unwrap();
    fleet.clock.advance(TimeDelta::hours(1));
    fleet.tenants[1].0.step().await;
    assert_eq!(fleet.store.version(&id).await.unwrap(), version, "the second one writes nothing");
}

#[tokio::test]
async fn an_application_whose_home_is_not_watched_is_spoken_of_once_and_not_once_a_tenant() {
    let (log, _guard) = Log::listen();
    let (app_id, home) = (Uuid::new_v4(), Uuid::new_v4());
    let mut fleet = Fleet::new(3, |all| {
        let entry = |directory: &Directory| {
            let (secret, now) = ("one-for-all-of-them".to_owned(), at(BEGIN));
            let principal = directory.add_service_principal("EntraWatch", app_id, home);
            directory.set_roles(app_id, ROLES);
            directory.add_secret_with_value(principal, "shared", &secret, now - days(1), now + days(400));
            Entry { tenant_id: directory.tenant_id().to_string(), client_id: app_id.to_string(), secret, more: "" }
        };
        all.iter().map(entry).collect()
    })
    .await;
    fleet.live(at(BEGIN) + TimeDelta::hours(2)).await;
    let said = log.lines_with("is registered in a tenant that it does not watch");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(&home.to_string()), "{said:?}");
}
