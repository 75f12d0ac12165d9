//! Contoso shows every case that decides about a credential: read by the real client, judged by the real rules.

use std::fmt::Write;
use std::sync::Arc;

use entrawatch::clock::{Clock, ManualClock};
use entrawatch::demo::contoso;
use entrawatch::graph::{Client, Context, Listed, Want, http_client};
use entrawatch::inventory::{Inventory, Judging, ObjectKind, Standing, Tracked, Watch, absorb, judge, learn};
use entrawatch::metrics::Metrics;
use entrawatch::policy::{severity, state};
use entrawatch::progress::Progress;

use crate::graph::Waits;
use crate::policy::world::rules;
use crate::support::at;
use crate::support::graph::{BEGIN, Tenant};

/// Everything the client reads of Contoso, owners, federated credentials and thumbprints too.
async fn read(clock: &Arc<ManualClock>) -> Vec<Standing> {
    let contoso = contoso(clock.clone());
    let tenant = Tenant::serve(clock.clone(), contoso.directory, contoso.watcher, |router| router).await;
    let context = Context {
        clock: clock.clone(),
        sleeper: Arc::new(Waits::default()),
        metrics: Arc::new(Metrics::new().unwrap()),
        progress: Progress::default(),
        http: http_client(&[]).unwrap(),
    };
    let client = Client::new(&tenant.config(), context);
    let (mut tracked, now): (Vec<Tracked>, _) = (Vec::new(), clock.now());
    for kind in [ObjectKind::Application, ObjectKind::ServicePrincipal] {
        let listing = client.list(kind, &|_| None).await;
        assert!(listing.error.is_none() && listing.undecodable.is_empty(), "{:?} {:?}", listing.error, listing.undecodable);
        for listed in listing.objects {
            let Listed::Changed { hash, object } = listed else { panic!("nothing was known") };
            tracked.push(absorb(None, *object, hash, now));
        }
    }
    let want = |tracked: &Tracked| Want { key: tracked.object.key.clone(), credentials: false, owners: true, thumbprints: true };
    for (key, reading) in client.read(&tracked.iter().map(want).collect::<Vec<_>>()).await {
        let known = tracked.iter_mut().find(|tracked| tracked.object.key == key).unwrap();
        learn(known, reading.unwrap().detail);
    }
    let watch = Watch { ignore_tag: true, ..Watch::default() };
    let rotation_lead = rules().alerts.rotation_lead;
    let judging = Judging { tenant: "contoso", tenant_id: "", watch: &watch, rotation_lead };
    judge(&Inventory::new(tracked), judging, now)
}

#[tokio::test]
async fn contoso_shows_every_case() {
    let clock = Arc::new(ManualClock::new(at(BEGIN)));
    let standings = read(&clock).await;
    let (now, alerts) = (clock.now(), rules().alerts);
    let mut table = String::new();
    for standing in &standings {
        let object = &standing.object.object;
        let left = standing.credential.not_after.map_or("never ends".to_owned(), |end| {
            let hours = (end - now).num_hours();
            if hours.abs() < 48 { format!("{hours} hours") } else { format!("{} days", hours / 24) }
        });
        let mut words = vec![standing.posture.to_string()];
        words.extend(standing.last_one.then(|| "last one".to_owned()));
        words.extend(standing.gap_until.map(|_| "gap".to_owned()));
        words.extend(standing.saml.iter().filter(|saml| saml.newer_inactive.is_some()).map(|_| "newer inactive".to_owned()));
        words.extend(standing.self_renewing.then(|| "renews itself".to_owned()));
        let told = match standing.excluded {
            Some(reason) => reason.to_string(),
            None => format!("{} {}", severity(standing, &alerts, now), state(standing, &alerts, now)),
        };
        let (kind, name) = (standing.credential.kind, object.display_name.escape_debug().take(40).collect::<String>());
        let owners = object.detail.owners.iter().flatten().count();
        let place = if object.key.kind == ObjectKind::ServicePrincipal { "sp" } else { "app" };
        writeln!(table, "{left:>12} | {name:40} | {place:3} | {kind:16} | {told:28} | {owners} | {}", words.join(", ")).unwrap();
    }
    insta::assert_snapshot!(table);
}
