//! Delta queries: everything once, then what changed, and a beginning afresh where the token does not hold any more.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::support::days;
use crate::support::graph::Tenant;

const START: &str = "applications/delta?$select=id,displayName,passwordCredentials,keyCredentials";

/// Follows links to the end of a round. Returns the entries in the order they came, the delta link and how many pages there were.
async fn round(tenant: &Tenant, target: &str) -> (Vec<Map<String, Value>>, String, usize) {
    let (mut entries, mut target, mut pages) = (Vec::new(), target.to_owned(), 0);
    loop {
        let (status, page) = tenant.get(&target).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        pages += 1;
        assert!(page["value"].as_array().unwrap().len() <= 200);
        entries.extend(page["value"].as_array().unwrap().iter().map(|entry| entry.as_object().unwrap().clone()));
        match page["@odata.deltaLink"].as_str() {
            Some(link) => return (entries, link.to_owned(), pages),
            None => page["@odata.nextLink"].as_str().unwrap().clone_into(&mut target),
        }
    }
}

/// Merges entries field by field, as a reader must.
fn merge(known: &mut BTreeMap<String, Map<String, Value>>, entries: Vec<Map<String, Value>>) {
    for entry in entries {
        let id = entry["id"].as_str().unwrap().to_owned();
        if entry.contains_key("@removed") {
            known.remove(&id);
        } else {
            known.entry(id).or_default().extend(entry);
        }
    }
}

/// What a listing of the same properties shows.
async fn listed(tenant: &Tenant) -> BTreeMap<String, Map<String, Value>> {
    let (_, page) = tenant.get("applications?$top=999&$select=id,displayName,passwordCredentials,keyCredentials").await;
    assert!(page.get("@odata.nextLink").is_none());
    page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (object["id"].as_str().unwrap().to_owned(), object.as_object().unwrap().clone()))
        .collect()
}

#[tokio::test]
async fn a_first_round_brings_everything_in_pages_of_two_hundred() {
    let tenant = Tenant::start().await;
    for number in 0..449 {
        tenant.directory.add_application(&format!("App {number}"));
    }
    let (entries, _, pages) = round(&tenant, START).await;
    assert_eq!((entries.len(), pages), (450, 3));
}

#[tokio::test]
async fn latest_begins_with_nothing_and_tells_only_what_follows() {
    let tenant = Tenant::start().await;
    let (entries, link, _) = round(&tenant, &format!("{START}&$deltatoken=latest")).await;
    assert!(entries.is_empty());
    let app = tenant.directory.add_application("Payroll API");
    let (entries, link, _) = round(&tenant, &link).await;
    assert!(entries.iter().any(|entry| entry["id"] == app.id.to_string()));
    let (entries, _, pages) = round(&tenant, &link).await;
    assert_eq!((entries.len(), pages), (0, 1), "nothing changed: one request");
}

#[tokio::test]
async fn an_update_brings_what_changed_and_no_more() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    let (_, link, _) = round(&tenant, START).await;
    tenant.directory.rename(app.id, "Payroll");
    let (entries, link, _) = round(&tenant, &link).await;
    let renamed = entries.iter().find(|entry| entry.get("displayName") == Some(&Value::from("Payroll")) && entry.len() == 2);
    assert!(renamed.is_some(), "{entries:?}");
    let now = tenant.directory.now();
    tenant.directory.add_secret(app.id, "new", now, now + days(90));
    let (entries, _, _) = round(&tenant, &link).await;
    let secrets = entries.iter().find(|entry| entry.contains_key("passwordCredentials")).unwrap();
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["id", "passwordCredentials"]);
    assert!(entries.len() > 1, "the renaming is told again: {entries:?}");
}

#[tokio::test]
async fn deleted_is_told_from_gone_for_good_and_what_is_restored_comes_back_whole() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    let (_, link, _) = round(&tenant, START).await;
    let reason = |entries: &[Map<String, Value>]| entries[0]["@removed"]["reason"].as_str().map(str::to_owned);
    tenant.directory.delete(app.id);
    let (entries, link, _) = round(&tenant, &link).await;
    assert_eq!(reason(&entries).as_deref(), Some("changed"));
    tenant.directory.restore(app.id);
    let (entries, link, _) = round(&tenant, &link).await;
    assert_eq!(entries[0]["displayName"], "Payroll API");
    tenant.directory.purge(app.id);
    let (entries, _, _) = round(&tenant, &link).await;
    assert_eq!(reason(&entries).as_deref(), Some("deleted"));
    let (entries, _, _) = round(&tenant, START).await;
    assert_eq!(entries.len(), 1, "what is gone for good is not in a first round: {entries:?}");
}

#[tokio::test]
async fn whoever_merges_the_rounds_knows_what_a_listing_shows() {
    let tenant = Tenant::start().await;
    let (directory, now) = (&tenant.directory, tenant.directory.now());
    let mut rng = fastrand::Rng::with_seed(7);
    let mut known = BTreeMap::new();
    let mut apps = Vec::new();
    let mut link = START.to_owned();
    for _ in 0..12 {
        for _ in 0..rng.usize(0..40) {
            let some = (!apps.is_empty()).then(|| apps[rng.usize(..apps.len())]);
            match (rng.u8(..9), some) {
                (0, Some(id)) => directory.delete(id),
                (1, Some(id)) => directory.restore(id),
                (2, Some(id)) => directory.purge(id),
                (3, Some(id)) => directory.rename(id, &format!("Renamed {}", rng.u8(..))),
                (4, Some(id)) => drop(directory.add_certificate(id, "CN=x", now, now + days(30))),
                (5 | 6, Some(id)) => drop(directory.add_secret(id, "x", now, now + days(30))),
                _ => apps.push(directory.add_application("New").id),
            }
        }
        let (entries, next, _) = round(&tenant, &link).await;
        merge(&mut known, entries);
        link = next;
        assert_eq!(known, listed(&tenant).await);
    }
}

#[tokio::test]
async fn a_token_ends_after_a_week_or_when_graph_says_so() {
    let tenant = Tenant::start().await;
    let (_, old, _) = round(&tenant, START).await;
    tenant.clock.advance(days(8));
    let (status, body) = tenant.get(&old).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::GONE, Some("SyncStateNotFound")));
    let (_, link, _) = round(&tenant, START).await;
    tenant.directory.require_resync();
    let token = tenant.token().await;
    let response = reqwest::Client::new().get(&link).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 410);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.ends_with("/v1.0/applications/delta?$deltatoken="), "{location}");
    let (entries, _, _) = round(&tenant, &location).await;
    assert_eq!(entries.len(), 1);
}

#[tokio::test]
async fn a_tenant_may_refuse_and_may_hide_credentials() {
    let tenant = Tenant::start().await;
    let (_, link, _) = round(&tenant, START).await;
    let (app, now) = (tenant.watcher.application, tenant.directory.now());
    tenant.directory.hide_credentials_from_delta(true);
    tenant.directory.add_secret(app.id, "unseen", now, now + days(90));
    assert!(round(&tenant, &link).await.0.is_empty());
    tenant.directory.refuse_delta(true);
    let (status, body) = tenant.get(START).await;
    assert_eq!((status, body["error"]["code"].as_str()), (StatusCode::BAD_REQUEST, Some("Request_UnsupportedQuery")));
}

#[tokio::test]
async fn options_that_delta_does_not_know_and_foreign_tokens_are_refused() {
    let tenant = Tenant::start().await;
    let (_, link, _) = round(&tenant, "servicePrincipals/delta()?$select=id").await;
    let foreign = link.replace("servicePrincipals", "applications");
    for target in
        ["applications/delta?$top=10", "applications/delta?$expand=owners", "applications/delta?$deltatoken=mine", &foreign]
    {
        assert_eq!(tenant.get(target).await.0, StatusCode::BAD_REQUEST, "{target}");
    }
}
