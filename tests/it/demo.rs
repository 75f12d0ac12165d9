//! The simulated tenant is no friendlier than the real one.

mod assertions;
mod cases;
mod clients;
mod delta;
mod mailbox;
mod sample;
mod schema;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::graph::Tenant;
use crate::support::{at, days};

fn ids(page: &Value) -> Vec<&str> {
    page["value"].as_array().unwrap().iter().map(|object| object["id"].as_str().unwrap()).collect()
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn the_right_secret_gets_a_token_with_the_consented_roles() {
    let tenant = Tenant::start().await;
    let (status, body) = tenant.sign_in(&[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["token_type"], "Bearer");
    assert!(body["expires_in"].as_u64().unwrap() >= 3_599);
    let token = body["access_token"].as_str().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["roles"], json!(["Application.Read.All", "User.ReadBasic.All"]));
    assert_eq!(claims["appid"], json!(tenant.watcher.application.app_id));
    assert_eq!(claims["oid"], json!(tenant.watcher.application.principal.0));
    assert_eq!(claims["tid"], json!(tenant.directory.tenant_id()));
}

#[tokio::test]
async fn each_wrong_sign_in_has_its_code_and_status() {
    let tenant = Tenant::start().await;
    let scope = format!("{}Directory.Read", tenant.base);
    let nobody = "11111111-2222-4333-8444-555555555555";
    for (changes, status, error, number) in [
        (("client_secret", "wrong"), 401, "invalid_client", 7_000_215),
        (("client_secret", ""), 401, "invalid_client", 7_000_218),
        (("client_id", nobody), 400, "unauthorized_client", 700_016),
        (("client_id", "not a guid"), 400, "unauthorized_client", 700_016),
        (("tenant", nobody), 400, "invalid_request", 90_002),
        (("tenant", "fabrikam.onmicrosoft.com"), 400, "invalid_request", 90_002),
        (("tenant", "contoso"), 400, "invalid_request", 900_023),
        (("scope", scope.as_str()), 400, "invalid_scope", 70_011),
        (("scope", "https://graph.microsoft.com/.default"), 400, "invalid_resource", 500_011),
        (("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        (("grant_type", ""), 400, "invalid_request", 900_144),
    ] {
        let (got, body) = tenant.sign_in(&[changes]).await;
        assert_eq!(got.as_u16(), status, "{changes:?}: {body}");
        assert_eq!(body["error"], error, "{changes:?}");
        assert_eq!(body["error_codes"], json!([number]), "{changes:?}");
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
        assert!(text.contains("\r\nTrace ID: ") && text.contains("\r\nTimestamp: 2026-11-22 12:00:00Z"), "{text}");
        assert_eq!(body["timestamp"], "2026-11-22 12:00:00Z");
    }
}

#[tokio::test]
async fn an_expired_secret_is_told_from_a_wrong_one() {
    let tenant = Tenant::start().await;
    tenant.clock.advance(days(731));
    let (status, body) = tenant.sign_in(&[]).await;
    assert_eq!((status.as_u16(), &body["error_codes"]), (401, &json!([7_000_222])));
}

#[tokio::test]
async fn a_disabled_application_gets_no_token() {
    let tenant = Tenant::start().await;
    tenant.directory.set_disabled(tenant.watcher.application.principal, entrawatch::demo::Disabled::Account, true);
    let (status, body) = tenant.sign_in(&[]).await;
    assert_eq!((status.as_u16(), &body["error_codes"]), (400, &json!([7_000_112])));
}

#[tokio::test]
async fn a_domain_signs_in_like_the_tenant_id() {
    let tenant = Tenant::start().await;
    let (status, _) = tenant.sign_in(&[("tenant", "contoso.onmicrosoft.com")]).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn pages_have_a_hundred_objects_unless_asked_and_links_lead_to_the_end() {
    let tenant = Tenant::start().await;
    for number in 0..249 {
        tenant.directory.add_application(&format!("App {number}"));
    }
    let (_, first) = tenant.get("applications").await;
    assert_eq!(ids(&first).len(), 100);
    let (mut seen, mut next) = (Vec::new(), Some("applications?$top=99&$select=id".to_owned()));
    let mut pages = 0;
    while let Some(target) = next {
        let (status, page) = tenant.get(&target).await;
        assert_eq!(status, StatusCode::OK);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
        assert!(next.iter().all(|link| link.starts_with(tenant.base.as_str())));
        pages += 1;
    }
    seen.sort();
    seen.dedup();
    assert_eq!((pages, seen.len()), (3, 250));
}

#[tokio::test]
async fn what_goes_while_pages_are_read_shifts_the_rest() {
    let tenant = Tenant::start().await;
    let apps: Vec<_> = (0..9).map(|number| tenant.directory.add_application(&format!("App {number}"))).collect();
    let (_, first) = tenant.get("applications?$top=5&$select=id").await;
    let gone = apps.iter().find(|app| ids(&first).contains(&app.id.to_string().as_str())).unwrap();
    tenant.directory.delete(gone.id);
    let (_, second) = tenant.get(first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(ids(&second).len(), 4, "one of the remaining five has moved to the page that was read already");
}

#[tokio::test]
async fn select_shows_exactly_what_was_asked_for() {
    let tenant = Tenant::start().await;
    let (_, page) = tenant.get("servicePrincipals?$select=id,appId").await;
    assert_eq!(page["@odata.context"], format!("{}v1.0/$metadata#servicePrincipals(id,appId)", tenant.base));
    let object = page["value"][0].as_object().unwrap();
    assert_eq!(object.keys().collect::<Vec<_>>(), ["appId", "id"]);
    let (status, body) = tenant.get("applications?$select=id,preferredTokenSigningKeyEndDateTime").await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "BadRequest"));
}

#[tokio::test]
async fn a_certificate_comes_only_when_one_object_is_asked_for_it() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    tenant.directory.add_certificate(app.id, "CN=payroll", at("2026-01-01"), at("2027-01-01"));
    let key = |object: &Value| object["keyCredentials"][0]["key"].clone();
    let (_, page) = tenant.get("applications?$select=id,keyCredentials&$filter=displayName eq 'Payroll API'").await;
    assert_eq!(key(&page["value"][0]), Value::Null);
    let (_, plain) = tenant.get(&format!("applications/{}", app.id)).await;
    assert_eq!(key(&plain), Value::Null);
    let (_, asked) = tenant.get(&format!("applications/{}?$select=keyCredentials", app.id)).await;
    assert!(key(&asked).as_str().unwrap().starts_with("MIID"));
    let (_, by_app_id) = tenant.get(&format!("applications(appId='{}')?$select=keyCredentials", app.app_id)).await;
    assert_eq!(key(&by_app_id), key(&asked));
}

#[tokio::test]
async fn a_saml_certificate_is_three_entries_that_share_an_identifier() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Salesforce SSO");
    let saml = tenant.directory.add_saml_certificate(app.principal, "CN=Salesforce", at("2026-01-01"), at("2029-01-01"));
    let (_, object) =
        tenant.get(&format!("servicePrincipals/{}?$select=keyCredentials,passwordCredentials", app.principal)).await;
    let (keys, passwords) = (object["keyCredentials"].as_array().unwrap(), object["passwordCredentials"].as_array().unwrap());
    assert_eq!((keys.len(), passwords.len()), (2, 1));
    let sign = keys.iter().find(|key| key["usage"] == "Sign").unwrap();
    let verify = keys.iter().find(|key| key["usage"] == "Verify").unwrap();
    assert_eq!(sign["customKeyIdentifier"], verify["customKeyIdentifier"]);
    assert_eq!(sign["customKeyIdentifier"], passwords[0]["customKeyIdentifier"]);
    assert_eq!(sign["keyId"], passwords[0]["keyId"]);
    assert_eq!(sign["keyId"], json!(saml.key_id));
    assert_ne!(verify["keyId"], sign["keyId"]);
    assert_eq!(sign["key"], Value::Null, "private keys are never shown");
    assert!(verify["key"].is_string());
    tenant.directory.remove_credential(app.principal, saml.key_id);
    let (_, object) = tenant.get(&format!("servicePrincipals/{}", app.principal)).await;
    assert_eq!((&object["keyCredentials"], &object["passwordCredentials"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn owners_are_type_and_id_without_the_permission_to_read_users() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    let anna = tenant.directory.add_user("Anna Berg", Some("anna.berg@contoso.example"));
    tenant.directory.add_owner(app.id, anna);
    let target = format!("applications/{}/owners?$select=id,displayName,mail,userPrincipalName", app.id);
    let (_, page) = tenant.get(&target).await;
    assert_eq!(page["value"][0]["mail"], "anna.berg@contoso.example");
    tenant.directory.set_roles(tenant.watcher.application.app_id, &["Application.Read.All"]);
    let (_, page) = tenant.get(&target).await;
    let expected = json!({
        "@odata.type": "#microsoft.graph.user", "id": anna.0, "displayName": null, "mail": null, "userPrincipalName": null,
    });
    assert_eq!(page["value"], json!([expected]));
}

#[tokio::test]
async fn a_batch_answers_each_item_on_its_own_and_in_any_order() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    let good =
        (0..18).map(|id| json!({ "id": id.to_string(), "method": "GET", "url": format!("/applications/{}?$select=id", app.id) }));
    let bad = [
        json!({ "id": "gone", "method": "GET", "url": format!("/applications/{}", tenant.directory.tenant_id()) }),
        json!({ "id": "write", "method": "DELETE", "url": format!("/applications/{}", app.id) }),
    ];
    let requests: Vec<Value> = good.chain(bad).collect();
    let (status, body) = tenant.batch(&json!({ "requests": requests })).await;
    assert_eq!(status, StatusCode::OK);
    let responses = body["responses"].as_array().unwrap();
    let of = |id: &str| responses.iter().find(|response| response["id"] == id).unwrap();
    assert_eq!(of("3")["body"]["id"], json!(app.id.0));
    assert_eq!((of("gone")["status"].clone(), code(&of("gone")["body"])), (json!(404), "Request_ResourceNotFound"));
    assert_eq!((of("write")["status"].clone(), code(&of("write")["body"])), (json!(403), "Authorization_RequestDenied"));
    let order: Vec<&str> = responses.iter().map(|response| response["id"].as_str().unwrap()).collect();
    let asked: Vec<&str> = requests.iter().map(|request| request["id"].as_str().unwrap()).collect();
    assert_ne!(order, asked);

    let many: Vec<Value> = (0..21).map(|id| json!({ "id": id.to_string(), "method": "GET", "url": "/applications" })).collect();
    let (status, body) = tenant.batch(&json!({ "requests": many })).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "MaximumValueExceeded"));
}

#[tokio::test]
async fn a_token_must_be_there_and_hold() {
    let tenant = Tenant::start().await;
    let token = tenant.token().await;
    let refused = |answer: (StatusCode, Value)| (answer.0.as_u16(), code(&answer.1).to_owned());
    let expected = (401, "InvalidAuthenticationToken".to_owned());
    assert_eq!(refused(tenant.get_with("", "applications").await), expected);
    assert_eq!(refused(tenant.get_with("a.b.c", "applications").await), expected);
    assert_eq!(tenant.get_with(&token, "applications").await.0, StatusCode::OK);
    tenant.directory.expire_tokens();
    assert_eq!(refused(tenant.get_with(&token, "applications").await), expected);
    let token = tenant.token().await;
    tenant.directory.revoke_tokens();
    let url = format!("{}v1.0/applications", tenant.base);
    let response = reqwest::Client::new().get(url).bearer_auth(&token).send().await.unwrap();
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("error=\"insufficient_claims\", claims=\""), "{challenge}");
}

#[tokio::test]
async fn without_the_role_only_its_own_objects_can_be_read() {
    let tenant = Tenant::start().await;
    let other = tenant.directory.add_application("Payroll API");
    let own = tenant.watcher.application;
    tenant.directory.set_roles(own.app_id, &[]);
    for target in ["applications".to_owned(), "servicePrincipals".to_owned(), format!("applications/{}", other.id)] {
        let (status, body) = tenant.get(&target).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "Authorization_RequestDenied"), "{target}");
    }
    let (status, body) = tenant.get(&format!("applications(appId='{}')", own.app_id)).await;
    assert_eq!((status, &body["id"]), (StatusCode::OK, &json!(own.id.0)));
    let (status, _) = tenant.get(&format!("servicePrincipals/{}", own.principal)).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn what_does_not_exist_is_said_as_graph_says_it() {
    let tenant = Tenant::start().await;
    let nobody = "11111111-2222-4333-8444-555555555555";
    for (target, status, code) in [
        (format!("applications/{nobody}"), 404, "Request_ResourceNotFound"),
        (format!("applications(appId='{nobody}')"), 404, "Request_ResourceNotFound"),
        (format!("servicePrincipals/{nobody}/owners"), 404, "Request_ResourceNotFound"),
        ("applications/mine".to_owned(), 400, "Request_BadRequest"),
        ("groups".to_owned(), 400, "BadRequest"),
        ("applications?$fitler=x".to_owned(), 400, "BadRequest"),
        ("applications?$top=1000".to_owned(), 400, "Request_UnsupportedQuery"),
    ] {
        let (got, body) = tenant.get(&target).await;
        assert_eq!((got.as_u16(), self::code(&body)), (status, code), "{target}");
        let inner = body["error"]["innerError"].as_object().unwrap();
        assert_eq!(inner["date"], "2026-11-22T12:00:00", "{target}");
        assert!(inner["request-id"].is_string() && inner["client-request-id"].is_string());
    }
}

#[tokio::test]
async fn a_deleted_application_takes_its_principal_along_and_comes_back_with_it() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    let targets = [format!("applications/{}", app.id), format!("servicePrincipals/{}", app.principal)];
    tenant.directory.delete(app.id);
    for target in &targets {
        assert_eq!(tenant.get(target).await.0, StatusCode::NOT_FOUND);
    }
    tenant.directory.restore(app.id);
    for target in &targets {
        assert_eq!(tenant.get(target).await.0, StatusCode::OK);
    }
    tenant.directory.purge(app.id);
    tenant.directory.restore(app.id);
    assert_eq!(tenant.get(&targets[0]).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_hostile_object_is_served_as_it_was_given() {
    let tenant = Tenant::start().await;
    let app = tenant.directory.add_application("Payroll API");
    tenant.directory.set_raw(app.id, format!(r#"{{"id":"{}","displayName":"\ud800"}}"#, app.id));
    let token = tenant.token().await;
    let url = format!("{}v1.0/applications?$select=id", tenant.base);
    let body = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().text().await.unwrap();
    assert!(body.contains(r#""displayName":"\ud800""#), "{body}");
}

#[tokio::test]
async fn every_answer_is_marked_and_every_request_logged() {
    let tenant = Tenant::start().await;
    let config = tenant.config();
    let token = tenant.token().await;
    tenant.requests.clear();
    let url = config.graph_url.join("v1.0/applications?$top=5").unwrap();
    let request = reqwest::Client::new().get(url).bearer_auth(&token).header("client-request-id", "mine");
    let response = request.send().await.unwrap();
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("client-request-id"), "mine");
    assert_eq!(header("request-id").len(), 36);
    assert_eq!(header("x-ms-resource-unit"), "1");
    assert_eq!(header("date"), "Sun, 22 Nov 2026 12:00:00 GMT", "the directory's clock, not the machine's");
    assert!(header("content-type").starts_with("application/json;odata.metadata=minimal"));

    assert_eq!(tenant.requests.count("/v1.0/applications"), 1);
    let all = tenant.requests.all();
    let logged = &all[0];
    assert_eq!((logged.method.as_str(), logged.path.as_str(), logged.query.as_str()), ("GET", "/v1.0/applications", "$top=5"));
    assert_eq!((logged.status, &logged.headers["client-request-id"]), (StatusCode::OK, &"mine".parse().unwrap()));
}
