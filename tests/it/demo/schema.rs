//! Bodies of the simulated tenant are held to the types of Microsoft Graph.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::StatusCode;
use entrawatch::clock::ManualClock;
use entrawatch::demo::{Contoso, contoso};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::at;
use crate::support::graph::{BEGIN, Tenant};

const SCHEMA: &str = include_str!("../../fixtures/graph-schema.json");

/// A property that recorded bodies have and the schema lacks.
const BEYOND: &[&str] = &["createdDateTime"];

/// The types of Graph, as JSON Schema.
struct Schema(Value);

impl Schema {
    fn load() -> Self {
        let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut named = BTreeSet::new();
        translate(&mut schema, &mut named);
        let types = schema["components"]["schemas"].as_object_mut().unwrap();
        for missing in named {
            // What the subset refers to and leaves out may be any object.
            types.entry(missing).or_insert(json!({ "type": "object" }));
        }
        Self(schema)
    }

    fn validator(&self, name: &str) -> Validator {
        let mut root = self.0.clone();
        root["$ref"] = json!(format!("#/components/schemas/{name}"));
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }

    /// The properties of a type and of what it extends.
    fn properties(&self, name: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut open = vec![self.0["components"]["schemas"][name].clone()];
        while let Some(part) = open.pop() {
            names.extend(part["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
            open.extend(part["allOf"].as_array().into_iter().flatten().map(|part| match part["$ref"].as_str() {
                Some(reference) => self.0["components"]["schemas"][reference.rsplit('/').next().unwrap()].clone(),
                None => part.clone(),
            }));
        }
        names
    }
}

/// `OpenAPI` says `nullable`, JSON Schema says `null`; `base64url` is said of what is plain base64. Collects the names that are referred to.
fn translate(node: &mut Value, named: &mut BTreeSet<String>) {
    if let Some(map) = node.as_object_mut() {
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            named.extend(reference.rsplit('/').next().map(str::to_owned));
        }
        if map.remove("nullable") == Some(json!(true)) {
            let kind = map["type"].clone();
            map.insert("type".to_owned(), json!([kind, "null"]));
        }
        if map.get("format") == Some(&json!("base64url")) {
            map.remove("format");
        }
        for value in map.values_mut() {
            translate(value, named);
        }
    } else if let Some(items) = node.as_array_mut() {
        for item in items {
            translate(item, named);
        }
    }
}

/// The demo's tenant, served.
async fn served() -> Tenant {
    let clock = Arc::new(ManualClock::new(at(BEGIN)));
    let Contoso { directory, watcher, .. } = contoso(clock.clone());
    Tenant::serve(clock, directory, watcher, |router| router).await
}

#[tokio::test]
async fn every_object_of_contoso_is_of_its_type() {
    let tenant = served().await;
    let schema = Schema::load();
    for (target, name) in [
        ("applications?$top=999", "microsoft.graph.application"),
        ("servicePrincipals?$top=999", "microsoft.graph.servicePrincipal"),
    ] {
        let (status, page) = tenant.get(target).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.get("@odata.nextLink").is_none(), "contoso fits on a page");
        let (validator, known) = (schema.validator(name), schema.properties(name));
        let objects = page["value"].as_array().unwrap();
        assert!(objects.len() > 50, "{}", objects.len());
        for object in objects {
            let errors: Vec<String> =
                validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{object}: {errors:#?}");
            for property in object.as_object().unwrap().keys() {
                let allowed = known.contains(property) || BEYOND.contains(&property.as_str());
                assert!(allowed, "{name} has no property {property}");
            }
        }
    }
}

#[tokio::test]
async fn the_check_can_fail() {
    let schema = Schema::load();
    let validator = schema.validator("microsoft.graph.application");
    assert!(validator.is_valid(&json!({ "id": "x", "passwordCredentials": [{ "endDateTime": null }] })));
    for wrong in [
        json!({ "id": null }),
        json!({ "passwordCredentials": null }),
        json!({ "passwordCredentials": [{ "keyId": "not a guid" }] }),
        json!({ "keyCredentials": [{ "endDateTime": "tomorrow" }] }),
        json!({ "web": [] }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[tokio::test]
async fn single_objects_owners_federated_credentials_and_errors_are_of_their_types() {
    let tenant = Tenant::start().await;
    let schema = Schema::load();
    let app = tenant.directory.add_application("Payroll API");
    tenant.directory.add_certificate(app.id, "CN=payroll", at("2026-01-01"), at("2027-01-01"));
    tenant.directory.add_federated(app.id, "main", "https://token.example", "repo:contoso/payroll");
    let anna = tenant.directory.add_user("Anna Berg", None);
    tenant.directory.add_owner(app.id, anna);
    tenant.directory.add_owner(app.id, tenant.watcher.application.principal);
    let base = format!("applications/{}", app.id);
    for (target, name, list) in [
        (format!("{base}?$select=id,keyCredentials"), "microsoft.graph.application", false),
        (format!("{base}/owners"), "microsoft.graph.directoryObject", true),
        (format!("{base}/federatedIdentityCredentials"), "microsoft.graph.federatedIdentityCredential", true),
        (format!("{base}/nothing"), "microsoft.graph.ODataErrors.ODataError", false),
    ] {
        let (_, body) = tenant.get(&target).await;
        let validator = schema.validator(name);
        let objects = if list { body["value"].as_array().unwrap().clone() } else { vec![body] };
        assert!(!objects.is_empty());
        for object in objects {
            let errors: Vec<String> = validator.iter_errors(&object).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{target}: {object}: {errors:#?}");
        }
    }
}

#[tokio::test]
async fn what_delta_rounds_and_batches_bring_is_of_its_types() {
    let tenant = served().await;
    let schema = Schema::load();
    for (collection, name) in
        [("applications", "microsoft.graph.application"), ("servicePrincipals", "microsoft.graph.servicePrincipal")]
    {
        let validator = schema.validator(name);
        let hold = |object: &Value| {
            let errors: Vec<String> = validator.iter_errors(object).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{object}: {errors:#?}");
        };
        let mut target = format!("{collection}/delta?$select=id,appId,displayName,passwordCredentials,keyCredentials");
        let mut ids = Vec::new();
        loop {
            let (status, page) = tenant.get(&target).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            for object in page["value"].as_array().unwrap() {
                hold(object);
                ids.push(object["id"].as_str().unwrap().to_owned());
            }
            match page["@odata.nextLink"].as_str() {
                Some(next) => next.clone_into(&mut target),
                None => break assert!(page["@odata.deltaLink"].is_string(), "{page}"),
            }
        }
        assert!(ids.len() > 50, "{}", ids.len());
        let request =
            |(n, id): (usize, &String)| json!({ "id": n.to_string(), "method": "GET", "url": format!("/{collection}/{id}") });
        let requests: Vec<Value> = ids.iter().take(20).enumerate().map(request).collect();
        let (status, body) = tenant.batch(&json!({ "requests": requests })).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let answers = body["responses"].as_array().unwrap();
        assert_eq!(answers.len(), 20);
        for answer in answers {
            hold(&answer["body"]);
        }
    }
}
