//! Contoso, the tenant of the demo, and its life.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock, FastClock, ManualClock, TokioSleeper};
use entrawatch::demo::{Collection, Contoso, contoso, large, start};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::graph::{BEGIN, Tenant};
use crate::support::{at, days};

fn made() -> (Arc<ManualClock>, Contoso) {
    let clock = Arc::new(ManualClock::new(at(BEGIN)));
    (clock.clone(), contoso(clock))
}

#[tokio::test]
async fn contoso_lives_the_same_life_each_time() {
    let lived = || {
        let (clock, mut contoso) = made();
        let mut events = 0;
        while let Some(next) = contoso.life.live_until(clock.now()) {
            if next > at(BEGIN) + days(400) {
                break;
            }
            clock.set(next);
            events += 1;
        }
        (events, contoso.directory.changes())
    };
    let (events, changes) = lived();
    assert!(events > 100, "{events}");
    assert_eq!(changes, lived().1);
}

#[tokio::test]
async fn leaping_through_time_ends_where_walking_ends() {
    let (clock, mut walked) = made();
    for _ in 0..60 {
        clock.advance(days(1));
        walked.life.live_until(clock.now());
    }
    let (clock, mut leapt) = made();
    clock.advance(days(60));
    leapt.life.live_until(clock.now());
    for collection in [Collection::Applications, Collection::ServicePrincipals] {
        assert_eq!(walked.directory.count(collection), leapt.directory.count(collection));
    }
    let per_object = |contoso: &Contoso| {
        let mut changes = BTreeMap::new();
        for change in contoso.directory.changes() {
            *changes.entry(change.object).or_insert(0) += 1;
        }
        changes
    };
    assert_eq!(per_object(&walked), per_object(&leapt));
}

#[tokio::test]
async fn payroll_is_rotated_within_the_first_week() {
    let (clock, mut contoso) = made();
    let tenant = Tenant::serve(clock.clone(), contoso.directory, contoso.watcher, |router| router).await;
    let target = "applications?$filter=displayName eq 'Payroll API'&$select=passwordCredentials";
    let mut names = Vec::new();
    for _ in 0..6 {
        let (_, page) = tenant.get(target).await;
        let secrets = page["value"][0]["passwordCredentials"].as_array().unwrap();
        names.push(secrets.iter().map(|secret| secret["displayName"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        clock.advance(TimeDelta::days(1));
        contoso.life.live_until(clock.now());
    }
    names.dedup();
    assert_eq!(names, [vec!["payroll-prod"], vec!["payroll-prod", "payroll-prod-next"], vec!["payroll-prod-next"]]);
}

#[tokio::test]
async fn a_large_tenant_follows_from_its_seed() {
    let clock = Arc::new(ManualClock::new(at(BEGIN)));
    let of = |seed| large("big.example", clock.clone(), 300, seed).changes();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1).len(), of(2).len());
    assert_eq!(large("big.example", clock.clone(), 300, 1).count(Collection::Applications), 300);
}

#[tokio::test]
async fn started_contoso_lives_by_its_clock_until_it_is_stopped() {
    let clock = Arc::new(FastClock::new(at(BEGIN), 864_000.0));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let simulated = start(listener, clock, Arc::new(TokioSleeper), &tasks, &stop).unwrap();
    let changes = simulated.directory.changes().len();
    let lived = async {
        while simulated.directory.changes().len() < changes + 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), lived).await.expect("ten things happen within a second or two");
    let discovery = format!("{}{}/v2.0/.well-known/openid-configuration", simulated.base, simulated.directory.tenant_id());
    assert!(reqwest::get(&discovery).await.unwrap().status().is_success());
    stop.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(30), tasks.wait()).await.expect("it stops when it is told to");
    assert!(reqwest::get(&discovery).await.is_err());
}
