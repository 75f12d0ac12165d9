//! Polls that ask for changes only: what a round brings, where it begins, and when everything is listed again.

mod drift;
mod property;
mod resync;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock};
use entrawatch::config::{DeltaConfig, DeltaMode};
use entrawatch::graph::Listed;
use entrawatch::inventory::{DirectoryObject, ObjectKey, ObjectKind, difference};
use entrawatch::state::PollOutcome;

use crate::support::faults::{Faults, status};
use crate::support::graph::{BEGIN, Tenant};
use crate::support::rig::Rig;
use crate::support::{at, days, snapshots};

const APPLICATIONS: &str = "/v1.0/applications/delta";
const PRINCIPALS: &str = "/v1.0/servicePrincipals/delta";
const LISTING: &str = "/v1.0/applications";

/// A tenant that always asks for changes, with faults round it.
pub async fn rig() -> (Rig, Faults) {
    let faults = Faults::default();
    let clock = std::sync::Arc::new(ManualClock::new(at(BEGIN)));
    let mut simulated = Tenant::start_layered(clock, |router| faults.layer(router)).await;
    simulated.delta = DeltaConfig { mode: DeltaMode::Always, full_every: TimeDelta::hours(6) };
    (Rig::new(simulated, snapshots::config().policy).await, faults)
}

/// One poll later; the paths of what was asked for, without tokens and the reading of its own application.
pub async fn poll(rig: &mut Rig) -> Vec<String> {
    poll_after(rig, TimeDelta::minutes(15)).await
}

pub async fn poll_after(rig: &mut Rig, wait: TimeDelta) -> Vec<String> {
    rig.clock.advance(wait);
    rig.simulated.requests.clear();
    rig.tenant.poll_once().await;
    rig.tenant.evaluate_once().await;
    let mut paths: Vec<String> = rig.simulated.requests.all().into_iter().map(|request| request.path).collect();
    paths.retain(|path| path.starts_with("/v1.0/") && !path.ends_with("/$batch"));
    paths.sort();
    paths
}

/// How the inventory differs from what a clean listing shows now.
pub async fn differences(rig: &Rig) -> Vec<String> {
    let client = entrawatch::graph::Client::new(
        &rig.simulated.config(),
        entrawatch::graph::Context {
            clock: rig.clock.clone(),
            sleeper: std::sync::Arc::new(entrawatch::clock::TokioSleeper),
            metrics: rig.metrics.clone(),
            progress: entrawatch::progress::Progress::default(),
            http: entrawatch::graph::http_client(&[]).unwrap(),
        },
    );
    let mut listed: BTreeMap<ObjectKey, DirectoryObject> = BTreeMap::new();
    for kind in [ObjectKind::Application, ObjectKind::ServicePrincipal] {
        let listing = client.list(kind, &|_| None).await;
        assert_eq!(listing.error, None);
        for object in listing.objects {
            let Listed::Changed { object, .. } = object else { panic!("nothing is known") };
            listed.insert(object.key.clone(), *object);
        }
    }
    let mut found = Vec::new();
    for tracked in rig.snapshot().inventory.living() {
        match listed.remove(&tracked.object.key) {
            None => found.push(format!("{} is gone and counts as living", tracked.object.key)),
            Some(object) => found.extend(difference(&tracked.object, &object).map(|what| format!("{}: {what:?}", object.key))),
        }
    }
    found.extend(listed.into_keys().map(|key| format!("{key} is there and not known")));
    found
}

pub fn outcome(rig: &Rig) -> PollOutcome {
    rig.snapshot().state.polls.outcome.unwrap()
}

#[tokio::test]
async fn with_nothing_changed_a_poll_is_one_request_a_collection() {
    let (mut rig, _faults) = rig().await;
    rig.simulated.directory.add_application("Payroll API");
    poll(&mut rig).await;
    for _ in 0..3 {
        assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
        let polls = rig.snapshot().state.polls.clone();
        assert_eq!((polls.outcome, polls.last_complete), (Some(PollOutcome::Complete), Some(rig.clock.now())));
        assert!(polls.last_full < polls.last_complete);
    }
    assert_eq!(poll_after(&mut rig, TimeDelta::hours(6)).await.len(), 4, "from time to time everything is listed nevertheless");
}

#[tokio::test]
async fn a_link_is_taken_before_the_listing_begins() {
    let (mut rig, _faults) = rig().await;
    poll(&mut rig).await;
    let requests = rig.simulated.requests.all();
    let place = |found: &dyn Fn(&crate::support::graph::Logged) -> bool| requests.iter().position(found).unwrap();
    let latest = |path: &'static str| {
        place(&|request| request.path == path && request.query.starts_with("$deltatoken=latest&$select=id,appId,"))
    };
    let listing = place(&|request| request.path == LISTING).min(place(&|request| request.path == "/v1.0/servicePrincipals"));
    assert!(latest(APPLICATIONS) < listing && latest(PRINCIPALS) < listing);
}

#[tokio::test]
async fn what_was_not_sent_stays_and_what_is_removed_is_gone() {
    let (mut rig, _faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let begin = at(BEGIN);
    let [renamed, deleted, purged, restored] =
        ["renamed", "deleted", "purged", "restored"].map(|name| directory.add_application(name));
    for app in [renamed, deleted, purged, restored] {
        directory.add_secret(app.id, "deploy", begin, begin + days(90));
        directory.add_certificate(app.id, "CN=x", begin, begin + days(90));
    }
    poll(&mut rig).await;
    directory.rename(renamed.id, "Another name");
    directory.delete(deleted.id);
    directory.purge(purged.id);
    directory.delete(restored.id);
    assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
    let tracked = |rig: &Rig, id: entrawatch::demo::ObjectId| {
        let key = ObjectKey { kind: ObjectKind::Application, id: id.to_string() };
        rig.snapshot().inventory.get(&key).unwrap().clone()
    };
    let seen = tracked(&rig, renamed.id);
    assert_eq!(seen.object.display_name, "Another name");
    assert_eq!((seen.object.passwords.len(), seen.object.keys.len()), (1, 1), "absent is not empty");
    for app in [deleted, purged, restored] {
        assert_eq!(tracked(&rig, app.id).gone_at, Some(rig.clock.now()));
    }
    directory.restore(restored.id);
    let added = directory.add_application("added");
    directory.add_secret(added.id, "first", begin, begin + days(9));
    poll(&mut rig).await;
    assert_eq!(tracked(&rig, restored.id).gone_at, None);
    assert_eq!(tracked(&rig, added.id).object.passwords.len(), 1);
    assert_eq!(differences(&rig).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_link_is_kept_only_with_all_that_its_round_brought() {
    let (mut rig, faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    directory.cut_delta_pages(2);
    let apps: Vec<_> = (0..7).map(|number| directory.add_application(&format!("app {number}"))).collect();
    poll(&mut rig).await;
    let links = rig.snapshot().state.delta.links.clone();
    assert_eq!(links.len(), 2);
    for app in &apps {
        directory.rename(app.id, "renamed");
    }
    faults.add(APPLICATIONS, 2, 1, status(403, "Authorization_RequestDenied"));
    poll(&mut rig).await;
    assert_eq!(outcome(&rig), PollOutcome::Partial);
    let kept = rig.snapshot().state.delta.links.clone();
    assert_eq!(kept[&ObjectKind::Application], links[&ObjectKind::Application]);
    assert_ne!(kept[&ObjectKind::ServicePrincipal], links[&ObjectKind::ServicePrincipal]);
    let names = |rig: &Rig| {
        let inventory = rig.snapshot().inventory.clone();
        inventory.living().filter(|tracked| tracked.object.display_name == "renamed").count()
    };
    assert_eq!(names(&rig), 0, "half a round says nothing");
    // The process ends here, and the next one goes on from what is stored.
    let mut rig = rig.restart().await;
    poll(&mut rig).await;
    assert_eq!((outcome(&rig), names(&rig)), (PollOutcome::Complete, 7));
    assert_eq!(differences(&rig).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_small_tenant_is_listed_unless_somebody_asks_for_rounds() {
    let (mut rig, _faults) = rig().await;
    rig.simulated.delta.mode = DeltaMode::Auto;
    let mut rig = rig.restart().await;
    poll(&mut rig).await;
    for _ in 0..3 {
        assert_eq!(poll(&mut rig).await, [LISTING, "/v1.0/servicePrincipals"]);
    }
    assert_eq!(rig.snapshot().state.delta, entrawatch::state::DeltaState::default());
}

#[tokio::test]
async fn many_that_go_at_once_are_not_believed_without_a_listing() {
    let (mut rig, _faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let apps: Vec<_> = (0..60).map(|number| directory.add_application(&format!("app {number}"))).collect();
    poll(&mut rig).await;
    for app in apps.iter().take(30) {
        directory.delete(app.id);
    }
    let asked = poll(&mut rig).await;
    assert!(asked.iter().any(|path| path == LISTING), "{asked:?}");
    let error = rig.snapshot().state.polls.error.clone().unwrap();
    assert!(error.contains("objects are missing from this listing at once"), "{error}");
}
