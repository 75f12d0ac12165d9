//! The few objects with something due, read again by id.

use std::time::Duration;

use entrawatch::demo::ObjectId;
use entrawatch::graph::{Error, Reading, Want};
use entrawatch::inventory::{ObjectKey, ObjectKind, OwnerKind};

use super::{Setup, list};
use crate::support::faults::{Fault, status, throttled};
use crate::support::{at, days};

fn want(kind: ObjectKind, id: ObjectId) -> Want {
    let key = ObjectKey { kind, id: id.to_string() };
    Want { key, credentials: true, owners: true, thumbprints: false }
}

async fn read_one(setup: &Setup, want: Want) -> Result<Reading, Error> {
    let mut readings = setup.client.read(&[want]).await;
    assert_eq!(readings.len(), 1);
    readings.remove(0).1
}

#[tokio::test]
async fn credentials_owners_and_federated_credentials_are_read_in_one_request() {
    let setup = Setup::new().await;
    let directory = &setup.tenant.directory;
    let begin = at("2026-11-22T12:00:00Z");
    let app = directory.add_application("Payroll API");
    let secret = directory.add_secret(app.id, "deploy", begin, begin + days(20));
    let ann = directory.add_user("Ann", Some("ann@contoso.com"));
    let guest = directory.add_guest("Bob", "bob@fabrikam.com");
    let pipeline = directory.add_application("pipeline");
    for owner in [ann, guest, pipeline.principal] {
        directory.add_owner(app.id, owner);
    }
    directory.add_federated(app.id, "github", "https://token.actions.githubusercontent.com", "repo:contoso/payroll");

    let reading = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap();
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    let object = reading.object.unwrap();
    assert_eq!((object.display_name.as_str(), object.passwords[0].key_id.as_str()), ("Payroll API", secret.to_string().as_str()));
    assert_eq!(reading.detail.federated, Some(1));
    assert_eq!(reading.detail.owners_read_at, Some(begin));
    let owners: Vec<_> =
        reading.detail.owners.unwrap().into_iter().map(|owner| (owner.kind, owner.mail, owner.limited)).collect();
    assert!(owners.contains(&(OwnerKind::User, Some("ann@contoso.com".into()), false)), "{owners:?}");
    assert!(owners.contains(&(OwnerKind::Guest, Some("bob@fabrikam.com".into()), false)), "{owners:?}");
    assert!(owners.contains(&(OwnerKind::ServicePrincipal, None, false)), "{owners:?}");
    assert_eq!(setup.tenant.requests.count("/$batch"), 1);
    assert_eq!(setup.tenant.requests.all().len(), 2, "one token, one batch");
}

#[tokio::test]
async fn what_was_read_alone_is_known_to_the_next_listing() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    let reading = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap();
    let listing =
        setup.client.list(ObjectKind::Application, &|id| (id == app.id.to_string()).then(|| reading.hash.clone())).await;
    assert!(listing.objects.iter().any(|listed| matches!(listed, entrawatch::graph::Listed::Unchanged(_))));
}

#[tokio::test]
async fn what_is_gone_is_not_found_and_does_not_hide_the_others() {
    let setup = Setup::new().await;
    let stays = setup.tenant.directory.add_application("stays");
    let goes = setup.tenant.directory.add_application("goes");
    setup.tenant.directory.delete(goes.id);
    let wants = [want(ObjectKind::Application, goes.id), want(ObjectKind::Application, stays.id)];
    let readings = setup.client.read(&wants).await;
    assert_eq!(readings[0].1.as_ref().unwrap_err(), &Error::NotFound);
    assert_eq!(readings[1].1.as_ref().unwrap().object.as_ref().unwrap().display_name, "stays");
    let without = Want { credentials: false, ..want(ObjectKind::Application, goes.id) };
    assert_eq!(read_one(&setup, without).await.unwrap_err(), Error::NotFound, "also where only details are wanted");
}

#[tokio::test]
async fn more_than_a_batch_is_read_in_several_and_comes_back_in_order() {
    let setup = Setup::new().await;
    let wants: Vec<Want> = (0..45)
        .map(|number| want(ObjectKind::Application, setup.tenant.directory.add_application(&format!("app {number}")).id))
        .collect();
    let readings = setup.client.read(&wants).await;
    for (number, (key, reading)) in readings.iter().enumerate() {
        assert_eq!(key, &wants[number].key);
        assert_eq!(reading.as_ref().unwrap().object.as_ref().unwrap().display_name, format!("app {number}"));
    }
    assert_eq!(setup.tenant.requests.count("/$batch"), (45_usize * 3).div_ceil(20));
}

#[tokio::test]
async fn nothing_wanted_is_nothing_asked() {
    let setup = Setup::new().await;
    assert!(setup.client.read(&[]).await.is_empty());
    assert!(setup.tenant.requests.all().is_empty());
}

#[tokio::test]
async fn items_that_are_throttled_are_asked_for_again_without_the_others() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    setup.faults.next("/$batch", 1, Fault::Items(&["0"], 429, Some("11")));
    setup.faults.next("/$batch", 1, Fault::Items(&["0"], 503, None));
    let reading = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap();
    assert_eq!(reading.object.unwrap().display_name, "Payroll API");
    assert!(reading.detail.owners.is_some() && reading.problems.is_empty());
    assert_eq!(setup.tenant.requests.count("/$batch"), 3);
    let waits = setup.waits.all();
    assert_eq!(waits.len(), 2);
    assert!(waits[0] >= Duration::from_secs(11) && waits[0] < Duration::from_secs(13), "{waits:?}");
}

#[tokio::test]
async fn the_minute_is_kept_also_where_a_server_asks_for_more() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    setup.faults.next("/$batch", usize::MAX, throttled(429, "40"));
    let error = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }), "{error}");
    assert!(setup.waits.sum() < Duration::from_mins(1), "{:?}", setup.waits.all());
}

#[tokio::test]
async fn owners_that_cannot_be_read_are_unknown_and_not_none() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    // The object is item 0, its owners are item 1.
    setup.faults.next("/$batch", 1, Fault::Items(&["1"], 403, None));
    let reading = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap();
    assert!(reading.object.is_some());
    assert_eq!((reading.detail.owners, reading.detail.owners_read_at), (None, None));
    assert_eq!(reading.problems.len(), 1);
    assert!(reading.problems[0].starts_with("owners could not be read: Microsoft Graph denies access"), "{:?}", reading.problems);
}

#[tokio::test]
async fn owners_without_name_and_address_are_recognised_and_the_permission_is_named() {
    let setup = Setup::new().await;
    let directory = &setup.tenant.directory;
    let app = directory.add_application("Payroll API");
    directory.add_owner(app.id, directory.add_user("Ann", Some("ann@contoso.com")));
    directory.set_roles(setup.tenant.watcher.application.app_id, &["Application.Read.All"]);
    let reading = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap();
    let owners = reading.detail.owners.unwrap();
    assert_eq!(owners.len(), 1);
    assert!(owners[0].limited && owners[0].mail.is_none());
    assert!(reading.problems[0].contains("User.ReadBasic.All"), "{:?}", reading.problems);
}

#[tokio::test]
async fn a_thumbprint_that_a_listing_leaves_open_is_read_from_the_certificate() {
    let setup = Setup::new().await;
    let directory = &setup.tenant.directory;
    let begin = at("2026-11-22T12:00:00Z");
    let app = directory.add_application("Payroll SSO");
    let saml = directory.add_saml_certificate(app.principal, "CN=sso", begin, begin + days(1095));
    let detail_only =
        Want { credentials: false, owners: false, thumbprints: true, ..want(ObjectKind::ServicePrincipal, app.principal) };
    let reading = read_one(&setup, detail_only).await.unwrap();
    assert!(reading.object.is_none() && reading.hash.is_empty());
    assert!(reading.detail.thumbprints.values().any(|thumbprint| *thumbprint == saml.thumbprint), "{:?}", reading.detail);
    assert_eq!(reading.detail.federated, None, "service principals are not asked for theirs");
}

#[tokio::test]
async fn a_token_refused_inside_a_batch_is_replaced_once() {
    let setup = Setup::new().await;
    let app = setup.tenant.directory.add_application("Payroll API");
    setup.faults.next("/$batch", 1, Fault::Items(&["0", "1"], 401, None));
    assert!(read_one(&setup, want(ObjectKind::Application, app.id)).await.is_ok());
    assert_eq!((setup.tenant.requests.count("/token"), setup.tenant.requests.count("/$batch")), (2, 2));
    setup.faults.next("/$batch", usize::MAX, Fault::Items(&["0"], 401, None));
    let error = read_one(&setup, want(ObjectKind::Application, app.id)).await.unwrap_err();
    assert!(matches!(error, Error::TokenRefused(_)), "{error}");
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_fails_for_each_object() {
    let setup = Setup::new().await;
    let apps = ["one", "two"].map(|name| setup.tenant.directory.add_application(name));
    setup.faults.next("/$batch", usize::MAX, status(400, "BadRequest"));
    let readings = setup.client.read(&apps.map(|app| want(ObjectKind::Application, app.id))).await;
    for (_, reading) in readings {
        assert!(matches!(reading, Err(Error::Status { status: 400, .. })));
    }
    let _ = list(&setup.client, ObjectKind::Application).await;
}
