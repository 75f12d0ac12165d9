//! Listings: complete, or saying why not.

use std::time::Duration;

use entrawatch::graph::{Error, Listed};
use entrawatch::inventory::ObjectKind;

use super::{Setup, list, names, objects};
use crate::support::faults::{Fault, status, throttled};
use crate::support::{at, days};

/// A tenant with so many applications beside the watcher's.
async fn with_applications(count: usize) -> Setup {
    let setup = Setup::new().await;
    for number in 0..count {
        setup.tenant.directory.add_application(&format!("app {number:04}"));
    }
    setup
}

#[tokio::test]
async fn both_collections_are_read_with_their_credentials() {
    let setup = Setup::new().await;
    let directory = &setup.tenant.directory;
    let begin = at("2026-11-22T12:00:00Z");
    let app = directory.add_application("Payroll API");
    let secret = directory.add_secret(app.id, "deploy", begin - days(100), begin + days(20));
    let endless = directory.add_secret(app.id, "forever", begin, None);
    let certificate = directory.add_certificate(app.id, "CN=payroll", begin, begin + days(365));
    let saml = directory.add_saml_certificate(app.principal, "CN=sso", begin, begin + days(1095));
    directory.set_notes(app.id, Some("notify: payroll@example.com"));
    directory.set_tags(app.id, &["team:payroll"]);

    let (applications, principals) =
        tokio::join!(list(&setup.client, ObjectKind::Application), list(&setup.client, ObjectKind::ServicePrincipal));

    assert_eq!((applications.error.as_ref(), principals.error.as_ref()), (None, None));
    assert_eq!(names(&applications), ["EntraWatch", "Payroll API"]);
    let found = objects(&applications).into_iter().find(|object| object.display_name == "Payroll API").unwrap();
    assert_eq!(found.key.id, app.id.to_string());
    assert_eq!(found.app_id.as_deref(), Some(app.app_id.to_string().as_str()));
    assert_eq!(
        (found.notes.as_deref(), found.tags.as_slice()),
        (Some("notify: payroll@example.com"), &["team:payroll".to_owned()][..])
    );
    let password = |id: uuid::Uuid| found.passwords.iter().find(|password| password.key_id == id.to_string()).unwrap();
    assert_eq!((password(secret).start, password(secret).end), (Some(begin - days(100)), Some(begin + days(20))));
    assert_eq!(password(endless).end, None);
    assert_eq!(found.keys.len(), 1);
    assert_eq!((found.keys[0].key_id.clone(), found.keys[0].usage.as_deref()), (certificate.to_string(), Some("Verify")));

    let found = objects(&principals).into_iter().find(|object| object.display_name == "Payroll API").unwrap();
    assert_eq!(found.keys.len(), 2);
    assert_eq!(found.passwords.len(), 1);
    assert!(found.keys.iter().all(|key| key.thumbprint.as_deref() == Some(saml.thumbprint.as_str())), "{:?}", found.keys);
    assert_eq!(setup.tenant.requests.count("/token"), 1, "two listings at once share one sign-in");
}

#[tokio::test]
async fn exactly_what_is_read_is_asked_for_politely_and_traceably() {
    let setup = Setup::new().await;
    for kind in [ObjectKind::Application, ObjectKind::ServicePrincipal] {
        setup.tenant.requests.clear();
        assert_eq!(list(&setup.client, kind).await.requests, 1);
        let requests = setup.tenant.requests.all();
        let request = requests.iter().find(|request| request.path.starts_with("/v1.0/")).unwrap();
        assert!(request.query.starts_with("$top=999&$select=id,appId,"), "{}", request.query);
        assert!(request.query.ends_with("passwordCredentials,keyCredentials"), "{}", request.query);
        assert_eq!(request.headers["x-ms-throttle-priority"], "Low");
        assert!(uuid::Uuid::parse_str(request.headers["client-request-id"].to_str().unwrap()).is_ok());
    }
}

#[tokio::test]
async fn every_page_is_read_to_the_end() {
    let setup = with_applications(2_100).await;
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!(listing.error, None);
    assert_eq!((listing.objects.len(), listing.requests), (2_101, 3));
}

#[tokio::test]
async fn what_has_not_changed_is_not_decoded_again() {
    let setup = Setup::new().await;
    let stays = setup.tenant.directory.add_application("stays");
    let renamed = setup.tenant.directory.add_application("changes");
    let first = list(&setup.client, ObjectKind::Application).await;
    let hashes: std::collections::HashMap<String, String> = first
        .objects
        .iter()
        .map(|listed| match listed {
            Listed::Changed { hash, object } => (object.key.id.clone(), hash.clone()),
            Listed::Unchanged(key) => panic!("{key}"),
        })
        .collect();
    setup.tenant.directory.rename(renamed.id, "changed");
    let second = setup.client.list(ObjectKind::Application, &|id| hashes.get(id).cloned()).await;
    let mut unchanged = Vec::new();
    let mut changed = Vec::new();
    for listed in &second.objects {
        match listed {
            Listed::Unchanged(key) => unchanged.push(key.id.clone()),
            Listed::Changed { object, .. } => changed.push(object.display_name.clone()),
        }
    }
    assert_eq!(changed, ["changed"]);
    assert!(unchanged.contains(&stays.id.to_string()) && unchanged.len() == 2);
}

#[tokio::test]
async fn a_listing_that_fails_half_way_keeps_what_it_saw_and_says_why() {
    let setup = with_applications(2_100).await;
    setup.faults.add("/applications", 1, usize::MAX, status(500, "InternalServerError"));
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!(listing.objects.len(), 999);
    let error = listing.error.unwrap();
    let Error::Status { status: 500, trace, .. } = &error else { panic!("{error}") };
    assert_eq!(trace.request_id.as_deref(), Some("scripted-500"));
    assert!(error.to_string().ends_with("(InternalServerError, request-id scripted-500)"), "{error}");
}

#[tokio::test]
async fn a_page_that_is_throttled_is_asked_for_again_and_nothing_before_it_is() {
    let setup = with_applications(2_100).await;
    setup.faults.add("/applications", 2, 3, throttled(429, "7.5"));
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!((listing.error, listing.objects.len()), (None, 2_101));
    assert_eq!(setup.tenant.requests.count("/applications"), 3 + 3);
    let waits = setup.waits.all();
    assert_eq!(waits.len(), 3);
    for wait in waits {
        assert!(wait >= Duration::from_millis(7_500) && wait < Duration::from_millis(8_501), "{wait:?}");
    }
    let throttled = setup.metrics.gather().into_iter().find(|family| family.name() == "entrawatch_graph_throttled_seconds_total");
    let counted = throttled.unwrap().get_metric()[0].get_counter().get_value();
    assert!((counted - setup.waits.sum().as_secs_f64()).abs() < 1e-6, "{counted}");
}

#[tokio::test]
async fn an_object_that_comes_twice_is_one_and_the_last_word_counts() {
    let setup = Setup::new().await;
    let object = |name: &str| format!(r#"{{"id":"A","displayName":"{name}","passwordCredentials":[],"keyCredentials":[]}}"#);
    let page = format!(r#"{{"value":[{},{},{}]}}"#, object("first"), object("x").replace("\"A\"", "\"B\""), object("last"));
    setup.faults.next("/applications", 1, crate::support::faults::body(&page));
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!(names(&listing), ["last", "x"]);
}

#[tokio::test]
async fn a_token_that_ends_in_mid_listing_is_renewed_and_the_listing_goes_on() {
    let setup = with_applications(1_000).await;
    let unauthorized = status(401, "InvalidAuthenticationToken");
    setup.faults.add("/applications", 1, 1, unauthorized);
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!((listing.error, listing.objects.len()), (None, 1_001));
    assert_eq!(setup.tenant.requests.count("/token"), 2);
    assert_eq!(setup.tenant.requests.count("/applications"), 3);
    assert!(setup.waits.all().is_empty());
}

#[tokio::test]
async fn a_token_that_is_never_accepted_ends_the_listing_after_one_fresh_one() {
    let setup = Setup::new().await;
    setup.faults.next("/applications", usize::MAX, status(401, "InvalidAuthenticationToken"));
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert!(matches!(listing.error, Some(Error::TokenRefused(_))), "{:?}", listing.error);
    assert_eq!((setup.tenant.requests.count("/token"), setup.tenant.requests.count("/applications")), (2, 2));
}

#[tokio::test]
async fn missing_consent_is_said_plainly_and_seen_as_soon_as_it_is_given() {
    let setup = Setup::new().await;
    let app_id = setup.tenant.watcher.application.app_id;
    setup.tenant.directory.set_roles(app_id, &[]);
    let error = list(&setup.client, ObjectKind::Application).await.error.unwrap();
    assert!(matches!(&error, Error::Denied { permission: "Application.Read.All", .. }), "{error}");
    assert!(error.to_string().contains("grant admin consent"), "{error}");
    assert_eq!(setup.tenant.requests.count("/applications"), 1, "403 is not sent again");
    setup.tenant.directory.set_roles(app_id, &["Application.Read.All"]);
    assert_eq!(list(&setup.client, ObjectKind::Application).await.error, None);
}

#[tokio::test]
async fn what_cannot_get_better_is_not_sent_again() {
    for code in [400, 403, 404, 405, 501] {
        let setup = Setup::new().await;
        setup.faults.next("/applications", usize::MAX, status(code, "Scripted"));
        assert!(list(&setup.client, ObjectKind::Application).await.error.is_some());
        assert_eq!((setup.tenant.requests.count("/applications"), setup.waits.all().len()), (1, 0), "{code}");
    }
}

#[tokio::test]
async fn what_passes_by_itself_is_lived_through() {
    let answers = [408, 429, 500, 502, 503, 504, 509].map(|code| status(code, "Scripted"));
    for fault in answers.into_iter().chain([Fault::Reset, Fault::Broken, Fault::Half]) {
        let setup = Setup::new().await;
        setup.faults.next("/applications", 2, fault.clone());
        let listing = list(&setup.client, ObjectKind::Application).await;
        assert_eq!((listing.error, listing.objects.len()), (None, 1), "{fault:?}");
        assert_eq!(setup.waits.all().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_page_that_stays_half_is_an_error_and_never_an_empty_listing() {
    let setup = Setup::new().await;
    setup.faults.next("/applications", usize::MAX, Fault::Half);
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert!(matches!(listing.error, Some(Error::Undecodable { .. })), "{:?}", listing.error);
    assert!(listing.objects.is_empty());
}
