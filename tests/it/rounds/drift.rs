//! What a listing finds that the rounds had not told: late, or missed.

use chrono::TimeDelta;
use entrawatch::clock::Clock as _;
use entrawatch::config::DeltaMode;

use super::{APPLICATIONS, LISTING, PRINCIPALS, differences, poll, poll_after, rig};
use crate::support::faults::body;
use crate::support::graph::BEGIN;
use crate::support::rig::Rig;
use crate::support::{at, days};

/// As `entrawatch_poll_drift_total` has it.
fn drift(rig: &Rig) -> u64 {
    let families = rig.metrics.gather();
    let family = families.iter().find(|family| family.name() == "entrawatch_poll_drift_total");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    family.map_or(0, |family| family.get_metric().iter().map(|metric| metric.get_counter().get_value() as u64).sum())
}

#[tokio::test]
async fn a_missed_credential_switches_rounds_off_for_this_tenant_loudly_and_for_good() {
    let (mut rig, _faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    poll(&mut rig).await;
    directory.hide_credentials_from_delta(true);
    directory.add_secret(app.id, "unseen", at(BEGIN), at(BEGIN) + days(30));
    poll(&mut rig).await;
    assert_eq!(differences(&rig).await.len(), 1, "the round did not tell");
    poll_after(&mut rig, TimeDelta::hours(6)).await;
    assert_eq!((differences(&rig).await.len(), drift(&rig)), (0, 0), "the listing shows it; it may still be on its way");
    for _ in 0..3 {
        poll(&mut rig).await;
        assert_eq!((drift(&rig), rig.snapshot().state.delta.missed()), (0, None), "nor within an hour");
    }
    poll(&mut rig).await;
    assert_eq!(drift(&rig), 1);
    let state = rig.snapshot().state.clone();
    let (object, since) = state.delta.missed().expect("a condition for the watcher's notice");
    assert_eq!((object.id.clone(), since), (app.id.to_string(), rig.clock.now()));

    let mut rig = rig.restart().await;
    for wait in [TimeDelta::minutes(15), TimeDelta::days(30)] {
        assert_eq!(poll_after(&mut rig, wait).await, [LISTING, "/v1.0/servicePrincipals"], "nobody switches it on again");
    }
    // `never` forgets it; what was configured before may be written again.
    directory.hide_credentials_from_delta(false);
    rig.simulated.delta.mode = DeltaMode::Never;
    let mut rig = rig.restart().await;
    poll(&mut rig).await;
    rig.simulated.delta.mode = DeltaMode::Always;
    let mut rig = rig.restart().await;
    poll(&mut rig).await;
    assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
}

#[tokio::test]
async fn a_missed_property_counts_and_switches_nothing_off() {
    let (mut rig, _faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    poll(&mut rig).await;
    directory.set_created(app.id, at("2020-01-01"));
    poll_after(&mut rig, TimeDelta::hours(6)).await;
    for _ in 0..4 {
        assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS], "beside the batch in which the doubt is read");
    }
    assert_eq!((drift(&rig), rig.snapshot().state.delta.off.clone()), (1, None));
    assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
    assert_eq!(drift(&rig), 1, "counted once");
}

#[tokio::test]
async fn what_is_told_late_was_not_missed() {
    let (mut rig, _faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    poll(&mut rig).await;
    directory.hold_back_changes(1);
    directory.add_secret(app.id, "late", at(BEGIN), at(BEGIN) + days(30));
    poll_after(&mut rig, TimeDelta::hours(6)).await;
    assert_eq!((differences(&rig).await.len(), rig.snapshot().state.delta.suspects.len()), (0, 1));
    poll(&mut rig).await;
    poll(&mut rig).await;
    directory.hold_back_changes(0);
    poll(&mut rig).await;
    let delta = rig.snapshot().state.delta.clone();
    assert_eq!((drift(&rig), delta.off, delta.suspects.len()), (0, None, 0));
}

#[tokio::test]
async fn a_listing_that_lags_behind_the_round_is_set_right_by_the_next_poll() {
    let (mut rig, faults) = rig().await;
    let directory = rig.simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    poll(&mut rig).await;
    let (_, old) = rig.simulated.get("applications?$top=999&$select=id,appId,displayName,createdDateTime,notes,tags,signInAudience,disabledByMicrosoftStatus,isDisabled,tokenEncryptionKeyId,passwordCredentials,keyCredentials").await;
    directory.add_secret(app.id, "new", at(BEGIN), at(BEGIN) + days(30));
    // Graph is replicated: the listing comes from a server that has not heard of it.
    faults.next(LISTING, 1, body(&old.to_string()));
    poll_after(&mut rig, TimeDelta::hours(6)).await;
    assert_eq!(differences(&rig).await.len(), 1);
    poll(&mut rig).await;
    assert_eq!(differences(&rig).await, Vec::<String>::new());
    assert_eq!((drift(&rig), rig.snapshot().state.delta.off.clone()), (0, None));
}
