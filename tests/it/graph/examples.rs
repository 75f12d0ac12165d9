//! Every body that Microsoft documents, or that somebody recorded, and what it must yield.
//!
//! Each is served over HTTP in the place where it belongs, and the client's answer is written down in few words beside its name. Sources are in
//! `tests/fixtures/graph/INDEX.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use entrawatch::graph::wire::decode_object;
use entrawatch::graph::{Error, Want};
use entrawatch::inventory::{DirectoryObject, ObjectKey, ObjectKind};
use serde_json::{Value, json};

use super::{Setup, list, objects};
use crate::support::faults::{Fault, body};

/// Where a body belongs.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A page of applications.
    Applications,
    /// A page of service principals.
    Principals,
    /// One object.
    Object(ObjectKind),
    /// One entry of `passwordCredentials`.
    Password,
    /// One entry of `keyCredentials`.
    Key,
    /// The owners of an application.
    Owners,
    /// The answer to a batch.
    Batch,
    /// An error, with the status it came with.
    Refusal(u16),
    /// The token endpoint, with the status it came with.
    Token(u16),
}

use ObjectKind::{Application, ServicePrincipal};
use Place::{Applications, Batch, Key, Object, Owners, Password, Principals, Refusal, Token};

#[rustfmt::skip]
const TABLE: &[(&str, Place, &str)] = &[
    ("appCredentialSignInActivities-filter-keyId-beta.json", Applications, "no page"),
    ("appCredentialSignInActivities-list-beta.json", Applications, "odnmnduyotytzmi4zi00ywfhlwezotktywm1mta4nguwmmi3fgfwcgxpy2f0aw9u: no passwordCredentials; ogezn2nmzwmtyjbhms00y2ixlwfjmdgtyzuyyjazodm0zjrhfhnlcnzpy2vqcmluy2lwyww=: no passwordCredentials"),
    ("application-addKey-response.json", Key, "x (y), key unidentified-80a76a18acf8cb64 (-) - - ?..?"),
    ("application-addPassword-response.json", Password, "x (y), password f0b0b335-1d71-4883-8f98-567911bfdca6 (Password friendly name) 2019-09-09T19:50:29Z..2021-09-09T19:50:29Z"),
    ("application-get.json", Object(Application), "03ef14b0-ca33-4840-8f4f-d6e91916010e (Display name)"),
    ("application-list-owners-doc-stub.json", Owners, "a owned by id-value (Other, limited, mail -); a federated 0; b owners could not be read; b federated credentials could not be read"),
    ("applications-delta-nextLink.json", Applications, "?: it has no id; foreign link to https://graph.microsoft.com"),
    ("applications-list-filter-count.json", Applications, "?: it has no id"),
    ("applications-list-search-count.json", Applications, "?: it has no id"),
    ("applications-list.json", Applications, "?: it has no id"),
    ("batch-response-mixed.json", Batch, "a federated 1; a owners could not be read; b owners could not be read; b federated credentials could not be read"),
    ("delta-directoryObjects-default.json", Applications, "01754bb5-89de-4003-be72-9106a9fb16f2: no passwordCredentials; cf33844a-b6f8-4d4d-84f4-54e8d45094f0: no passwordCredentials; 8f301319-4b4e-493f-8067-bce1dec76e7a: no passwordCredentials; foreign link to https://graph.microsoft.com"),
    ("delta-directoryObjects-return-minimal.json", Applications, "01754bb5-89de-4003-be72-9106a9fb16f2: no passwordCredentials; cf33844a-b6f8-4d4d-84f4-54e8d45094f0: no passwordCredentials; 8f301319-4b4e-493f-8067-bce1dec76e7a: no passwordCredentials; foreign link to https://graph.microsoft.com"),
    ("delta-users-1-initial-nextLink.json", Applications, "ffff7b1a-13b6-477b-8c0c-380905cd99f7: no passwordCredentials; 605d1257-ffff-40b6-8e6f-528a53f5dc55: no passwordCredentials; foreign link to https://graph.microsoft.com"),
    ("delta-users-2-nextLink.json", Applications, "d8c37826-ffff-4cae-b348-e2725b1e814b: no passwordCredentials; 8b1ee412-cd8f-4d59-ffff-24010edb9f1f: no passwordCredentials; foreign link to https://graph.microsoft.com"),
    ("delta-users-3-deltaLink.json", Applications, "25dcffff-959e-4ece-9973-e5d9b800e8cc: no passwordCredentials; f6ede700-27d0-4c42-bfb9-4dffff43c74a: no passwordCredentials"),
    ("delta-users-4-deltaLink-empty.json", Applications, "nothing"),
    ("delta-users-5-deltaLink-removed.json", Applications, "25dcffff-959e-4ece-9973-e5d9b800e8cc: no passwordCredentials; 8ffff70c-1c63-4860-b963-e34ec660931d: no passwordCredentials"),
    ("directoryObjects-limited-information.json", Owners, "a owned by 69d035a3-29c9-469f-809d-d21a4ae69e65 (User, mail -); a owned by c43a7cc9-2d95-44b6-bf6a-6392e41949b4 (Other, mail -); a owned by d282309e-f91d-43b6-badb-9e68aa4b4fc8 (Other, limited, mail -); a federated 0; b owners could not be read; b federated credentials could not be read"),
    ("error-400-count-without-ConsistencyLevel.json", Refusal(400), "status 400 (Request_BadRequest, request-id d9bbd4d8-bb2d-44e6-99a1-71a9516da744)"),
    ("error-400-search-without-ConsistencyLevel.json", Refusal(400), "status 400 (Request_UnsupportedQuery, request-id 9b600954-ba11-4899-8ce9-6abad341f299)"),
    ("error-403-Authorization_RequestDenied.json", Refusal(403), "denied (Authorization_RequestDenied, request-id 93b6f17e-c05d-4f45-ad2a-6665c708d8a0)"),
    ("error-429-sample-doc.json", Refusal(429), "throttled (TooManyRequests, request-id 94fb3b52-452a-4535-a601-69e0a90e3aa2)"),
    ("error-501-NotImplemented-property-not-tracked.json", Refusal(501), "status 501 (NotImplemented, request-id ...)"),
    ("error-resyncRequired-onedrive.json", Refusal(410), "resync (resyncRequired, request-id 4066dbff-4e0c-48a0-bf94-31934a1aaea4)"),
    ("error-shape-doc.json", Refusal(416), "status 416 (invalidRange, request-id request-id)"),
    ("real-application-addPassword.json", Password, "x (y), password 73c912d2-fd2d-42a0-b3ae-2e45d006b8bc (key1) 2022-05-07T06:52:43Z..2024-05-07T06:52:43Z"),
    ("real-application-owners.json", Owners, "a owned by 6d97229a-391f-473a-893f-f0608b592d7b (User, mail -); a federated 0; b owners could not be read; b federated credentials could not be read"),
    ("real-applications-list-with-secret.json", Applications, "765eb0e3-acb3-475d-9a98-ee6892f081c8 (azure-cli-test000001), password 73c912d2-fd2d-42a0-b3ae-2e45d006b8bc (key1) 2022-05-07T06:52:43Z..2024-05-07T06:52:43Z"),
    ("real-error-404-Request_ResourceNotFound.json", Refusal(404), "status 404 (Request_ResourceNotFound, request-id d5934374-336c-468d-a04d-0e951ef175b2)"),
    ("real-error-410-SyncStateNotFound-outlook.json", Refusal(410), "resync (SyncStateNotFound, request-id 1137f277-eab4-4b9b-bb13-2ceb880bffcb)"),
    ("recommendation-applicationCredentialExpiry-beta.json", Applications, "no page"),
    ("saml-addTokenSigningCertificate-response.json", Key, "x (y), key 70883316-50be-4016-ba80-19d9fbad873d (CN=AWSContoso) Verify A7D3C4626B8A84FDA868CCC67D274D402FFD0A10 2021-05-10T20:35:37Z..2024-01-25T00:00:00Z"),
    ("sendMail-request.json", Applications, "no page"),
    ("servicePrincipal-addPassword-response.json", Password, "x (y), password f0b0b335-1d71-4883-8f98-567911bfdca6 (Password friendly name) 2019-09-09T19:50:29Z..2021-09-09T19:50:29Z"),
    ("servicePrincipal-addTokenSigningCertificate-response-beta2021.json", Key, "x (y), key 93bc223f-7235-4b9c-beea-d66847531c49 (CN=customDisplayName) Verify DA20FCA696C4F83E8A9AED59BE33368ED421F3C1 2021-05-05T18:38:51Z..2024-01-25T00:00:00Z"),
    ("servicePrincipal-get.json", Object(ServicePrincipal), "00af5dfb-85da-4b41-a677-0c6b86dd34f8 (My app instance in tenant)"),
    ("servicePrincipalSignInActivities-list-beta.json", Applications, "odnmnduyotytzmi4zi00ywfhlwezotktywm1mta4nguwmmi3: no passwordCredentials"),
    ("servicePrincipals-delta-nextLink.json", Principals, "?: it has no id; foreign link to https://graph.microsoft.com"),
    ("servicePrincipals-list-docs-contrib.json", Principals, "59e617e5-e447-4adc-8b88-00af644d7c92 (foo)"),
    ("servicePrincipals-list-filter-count.json", Principals, "?: it has no id"),
    ("servicePrincipals-list.json", Principals, "?: it has no id"),
    ("token-error-7000215-invalid-secret.json", Token(401), "AADSTS7000215"),
    ("token-error-7000222-expired-secret.json", Token(401), "AADSTS7000222"),
    ("token-error-70011.json", Token(400), "AADSTS70011"),
    ("token-error-90002-tenant-not-found.json", Token(400), "invalid_request"),
    ("token-success.json", Token(200), "token eyJ0eXAiOi…"),
    ("constructed/applications-delta-empty.json", Applications, "nothing"),
    ("constructed/applications-delta-last-page-deltaLink.json", Applications, "765eb0e3-acb3-475d-9a98-ee6892f081c8 (azure-cli-test000001), password 73c912d2-fd2d-42a0-b3ae-2e45d006b8bc (key1) 2022-05-07T06:52:43Z..2024-05-07T06:52:43Z"),
    ("constructed/applications-delta-removed-changed-and-deleted.json", Applications, "8ffff70c-1c63-4860-b963-e34ec660931d: no passwordCredentials; 9ffff70c-1c63-4860-b963-e34ec660931e: no passwordCredentials"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/graph")
}

#[test]
fn every_example_has_a_row() {
    let mut files = BTreeSet::new();
    for (folder, prefix) in [(folder(), ""), (folder().join("constructed"), "constructed/")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
                files.insert(format!("{prefix}{name}"));
            }
        }
    }
    let rows: BTreeSet<String> = TABLE.iter().map(|(file, ..)| (*file).to_owned()).collect();
    assert_eq!(rows.len(), TABLE.len(), "a file has two rows");
    assert_eq!(files, rows);
}

#[tokio::test]
async fn every_example_yields_what_stands_beside_it() {
    let mut wrong = String::new();
    for (file, place, expected) in TABLE {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        let found = yielded(*place, &text).await;
        if found != *expected {
            writeln!(wrong, "    (\"{file}\", {place:?}, \"{found}\"),").unwrap();
        }
    }
    assert!(wrong.is_empty(), "these yield something else than their rows say:\n{wrong}");
}

/// What the client makes of a body in its place, in few words.
async fn yielded(place: Place, text: &str) -> String {
    let setup = Setup::new().await;
    match place {
        Applications => listed(&setup, Application, body(text)).await,
        Principals => listed(&setup, ServicePrincipal, body(text)).await,
        Refusal(status) => listed(&setup, Application, Fault::Answer(status, Vec::new(), text.to_owned())).await,
        Token(status) => {
            setup.faults.next("/token", usize::MAX, Fault::Answer(status, Vec::new(), text.to_owned()));
            match setup.client.tokens().get("https://graph.microsoft.com/.default").await {
                Ok(token) => format!("token {}…", token.expose().get(..10).unwrap_or_default()),
                Err(error) => refused(&error),
            }
        }
        Object(kind) => {
            decode_object(kind, text).map_or_else(|refused| format!("undecodable: {refused}"), |object| told(&object))
        }
        Password | Key => {
            let entry: Value = serde_json::from_str(text).unwrap();
            let arrays = if matches!(place, Password) { (json!([entry]), json!([])) } else { (json!([]), json!([entry])) };
            let object = json!({"id": "x", "displayName": "y", "passwordCredentials": arrays.0, "keyCredentials": arrays.1});
            told(&decode_object(ServicePrincipal, &object.to_string()).unwrap())
        }
        Owners => {
            let owners: Value = serde_json::from_str(text).unwrap();
            let batch = json!({"responses": [{"id": "0", "status": 200, "body": owners}, {"id": "1", "status": 200, "body": {"value": []}}]});
            read(&setup, &batch.to_string()).await
        }
        Batch => read(&setup, text).await,
    }
}

async fn listed(setup: &Setup, kind: ObjectKind, fault: Fault) -> String {
    let path = if kind == Application { "/applications" } else { "/servicePrincipals" };
    setup.faults.next(path, usize::MAX, fault);
    let listing = list(&setup.client, kind).await;
    let mut parts: Vec<String> = objects(&listing).into_iter().map(told).collect();
    let undecodable = listing.undecodable.iter().map(|(id, why)| format!("{}: {why}", id.as_deref().unwrap_or("?")));
    parts.extend(
        undecodable.map(|text| text.replace("its passwordCredentials were asked for and did not come", "no passwordCredentials")),
    );
    parts.extend(listing.error.as_ref().map(refused));
    if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
}

/// Reads owners and federated credentials of two applications: items 0 to 3.
async fn read(setup: &Setup, batch: &str) -> String {
    setup.faults.next("/$batch", usize::MAX, body(batch));
    let want = |id: &str| Want {
        key: ObjectKey { kind: Application, id: id.to_owned() },
        credentials: false,
        owners: true,
        thumbprints: false,
    };
    let mut parts = Vec::new();
    for (key, reading) in setup.client.read(&[want("a"), want("b")]).await {
        let reading = reading.unwrap();
        for owner in reading.detail.owners.iter().flatten() {
            let limited = if owner.limited { ", limited" } else { "" };
            parts.push(format!(
                "{} owned by {} ({:?}{limited}, mail {})",
                key.id,
                owner.id,
                owner.kind,
                owner.mail.as_deref().unwrap_or("-")
            ));
        }
        parts.extend(reading.detail.federated.map(|count| format!("{} federated {count}", key.id)));
        parts.extend(
            reading.problems.iter().map(|problem| format!("{} {}", key.id, problem.split(':').next().unwrap_or_default())),
        );
    }
    parts.join("; ")
}

/// An object and its credentials.
fn told(object: &DirectoryObject) -> String {
    let at =
        |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or("?".to_owned(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
    let mut text = format!("{} ({})", object.key.id, object.display_name);
    for password in &object.passwords {
        let name = password.display_name.as_deref().unwrap_or("-");
        write!(text, ", password {} ({name}) {}..{}", password.key_id, at(password.start), at(password.end)).unwrap();
    }
    for key in &object.keys {
        let name = key.display_name.as_deref().unwrap_or("-");
        let usage = key.usage.as_deref().unwrap_or("-");
        let thumbprint = key.thumbprint.as_deref().unwrap_or("-");
        write!(text, ", key {} ({name}) {usage} {thumbprint} {}..{}", key.key_id, at(key.start), at(key.end)).unwrap();
    }
    text
}

fn refused(error: &Error) -> String {
    match error {
        Error::SignIn(refused) => refused.code.map_or_else(|| refused.error.clone(), |code| format!("AADSTS{code}")),
        Error::Denied { trace, .. } => format!("denied{trace}"),
        Error::Throttled { trace, .. } => format!("throttled{trace}"),
        Error::ResyncRequired(trace) => format!("resync{trace}"),
        Error::Status { status, trace, .. } => format!("status {status}{trace}"),
        Error::Undecodable { .. } => "no page".to_owned(),
        Error::ForeignLink { found, .. } => format!("foreign link to {found}"),
        other => format!("{other:?}"),
    }
}
