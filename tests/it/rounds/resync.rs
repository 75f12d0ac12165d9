//! Where a round cannot go on: everything is listed, in the same poll, and the rounds begin afresh.

use entrawatch::inventory::ObjectKind;
use entrawatch::state::{DeltaOffWhy, PollOutcome};

use super::{APPLICATIONS, LISTING, PRINCIPALS, differences, outcome, poll, poll_after, rig};
use crate::support::days;
use crate::support::faults::{Fault, body, status};
use crate::support::graph::Tenant;
use crate::support::log::Log;

const EVERYTHING: [&str; 2] = [LISTING, "/v1.0/servicePrincipals"];

#[tokio::test]
async fn whatever_way_graph_says_that_it_forgot_everything_is_listed_and_nothing_is_missed() {
    for curt in [None, Some(410), Some(404), Some(400)] {
        let (mut rig, _faults) = rig().await;
        let directory = rig.simulated.directory.clone();
        poll(&mut rig).await;
        directory.refuse_forgotten_tokens_with(curt);
        directory.require_resync();
        directory.add_application("new");
        let asked = poll(&mut rig).await;
        assert!(EVERYTHING.iter().all(|path| asked.iter().any(|asked| asked == path)), "{curt:?}: {asked:?}");
        assert_eq!(outcome(&rig), PollOutcome::Complete, "{curt:?}");
        assert_eq!(differences(&rig).await, Vec::<String>::new(), "{curt:?}");
        assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS], "{curt:?}: the rounds began afresh");
    }
}

#[tokio::test]
async fn a_location_is_not_followed_wherever_it_leads() {
    let elsewhere = Tenant::start().await;
    let (mut rig, faults) = rig().await;
    poll(&mut rig).await;
    let location = vec![("location", format!("{}v1.0/applications/delta?$deltatoken=", elsewhere.base))];
    faults.next(APPLICATIONS, 1, Fault::Answer(410, location, String::new()));
    poll(&mut rig).await;
    assert_eq!(outcome(&rig), PollOutcome::Complete);
    assert!(elsewhere.requests.all().is_empty());
}

#[tokio::test]
async fn links_that_lead_elsewhere_or_in_a_circle_are_not_followed_and_not_stored() {
    let elsewhere = Tenant::start().await;
    let foreign = format!("{}v1.0/applications/delta?$deltatoken=x", elsewhere.base);
    for name in ["@odata.nextLink", "@odata.deltaLink"] {
        let (mut rig, faults) = rig().await;
        poll(&mut rig).await;
        let mut links = vec![foreign.clone(), "ftp://127.0.0.1/".to_owned(), "/v1.0/applications/delta".to_owned()];
        if name == "@odata.nextLink" {
            links.insert(0, rig.snapshot().state.delta.links[&ObjectKind::Application].url.clone());
        }
        for link in links {
            faults.next(APPLICATIONS, 1, body(&serde_json::json!({ name: link, "value": [] }).to_string()));
            let asked = poll(&mut rig).await;
            assert!(asked.iter().any(|path| path == LISTING), "{name} {link}: {asked:?}");
            assert_eq!(outcome(&rig), PollOutcome::Complete);
            let stored = &rig.snapshot().state.delta.links[&ObjectKind::Application].url;
            assert!(stored.starts_with(rig.simulated.base.as_str()), "{stored}");
        }
    }
    assert!(elsewhere.requests.all().is_empty());
}

#[tokio::test]
async fn a_round_without_an_end_is_no_round() {
    for spoilt in [
        r#"{"value":[]}"#,
        r#"{"value":[],"@odata.deltaLink":""}"#,
        r#"{"value":[{"displayName":"no id"}],"@odata.deltaLink":"LINK"}"#,
    ] {
        let (mut rig, faults) = rig().await;
        poll(&mut rig).await;
        let link = rig.snapshot().state.delta.links[&ObjectKind::Application].url.clone();
        faults.next(APPLICATIONS, 1, body(&spoilt.replace("LINK", &link)));
        let asked = poll(&mut rig).await;
        assert!(asked.iter().any(|path| path == LISTING), "{spoilt}: {asked:?}");
        assert_eq!(outcome(&rig), PollOutcome::Complete);
    }
}

#[tokio::test]
async fn a_daemon_that_stood_still_for_a_week_does_not_ask_with_its_old_link() {
    let (mut rig, _faults) = rig().await;
    poll(&mut rig).await;
    rig.simulated.directory.add_application("new");
    let old = rig.snapshot().state.delta.links[&ObjectKind::Application].url.clone();
    poll_after(&mut rig, days(8)).await;
    let token = old.split("$deltatoken=").nth(1).unwrap().to_owned();
    assert!(rig.simulated.requests.all().iter().all(|request| !request.query.contains(&token)));
    assert_eq!(differences(&rig).await, Vec::<String>::new());
    assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
}

#[tokio::test]
async fn a_tenant_that_refuses_is_listed_and_asked_again_after_a_week() {
    let (log, _guard) = Log::listen();
    let (mut rig, _faults) = rig().await;
    rig.simulated.directory.refuse_delta(true);
    poll(&mut rig).await;
    let off = rig.snapshot().state.delta.off.clone().unwrap();
    assert_eq!(off.why, DeltaOffWhy::Refused);
    for _ in 0..3 {
        assert_eq!(poll(&mut rig).await, EVERYTHING, "it is not asked at each poll");
        assert_eq!(outcome(&rig), PollOutcome::Complete);
    }
    let asked = poll_after(&mut rig, days(7)).await;
    assert!(asked.len() > EVERYTHING.len(), "it is asked again: {asked:?}");
    rig = rig.restart().await;
    poll(&mut rig).await;
    let said = log.lines_with("does not answer delta queries");
    assert_eq!(said.len(), 1, "refused twice, said once, and not again by the next process: {said:?}");
    assert!(said[0].contains("WARN"), "{said:?}");
    rig.simulated.directory.refuse_delta(false);
    poll_after(&mut rig, days(7)).await;
    assert_eq!(rig.snapshot().state.delta.off, None);
    assert_eq!(poll(&mut rig).await, [APPLICATIONS, PRINCIPALS]);
}

#[tokio::test]
async fn a_tenant_that_begins_to_refuse_loses_nothing() {
    let (mut rig, _faults) = rig().await;
    poll(&mut rig).await;
    rig.simulated.directory.refuse_delta(true);
    rig.simulated.directory.add_application("new");
    let asked = poll(&mut rig).await;
    assert!(asked.iter().any(|path| path == LISTING), "{asked:?}");
    assert_eq!(rig.snapshot().state.delta.off.clone().unwrap().why, DeltaOffWhy::Refused);
    assert_eq!(differences(&rig).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_round_that_keeps_failing_does_not_blind_where_a_listing_succeeds() {
    let (mut rig, faults) = rig().await;
    poll(&mut rig).await;
    // Denied is what a listing would be too, so at first the poll fails with the round.
    faults.next(APPLICATIONS, usize::MAX, status(403, "Authorization_RequestDenied"));
    let mut polls = 0;
    while !poll(&mut rig).await.iter().any(|path| path == LISTING) {
        polls += 1;
        assert!(polls < 8, "two hours blind");
    }
    assert_eq!(outcome(&rig), PollOutcome::Complete);
}
