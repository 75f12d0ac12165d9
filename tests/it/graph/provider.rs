//! A certified OIDC provider takes our assertion for what it says, and nobody else's.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use chrono::TimeDelta;
use entrawatch::clock::{Clock, ManualClock, SystemClock};
use entrawatch::config::{AuthConfig, TenantConfig};
use entrawatch::graph::{Client, Context, Error};
use entrawatch::secret::SecretSource;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use url::Url;

use super::Setup;
use super::identity::write_certificate;
use crate::support::graph::config_at;
use crate::support::node::serve;

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// Passes token requests on to `provider`, so that they arrive there under an address that is not its own.
async fn relay(provider: Url) -> Url {
    let pass = move |Path(tenant): Path<String>, body: String| {
        let url = provider.join(&format!("{tenant}/oauth2/v2.0/token")).unwrap();
        async move {
            let request = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
            let response = request.send().await.unwrap();
            (StatusCode::from_u16(response.status().as_u16()).unwrap(), response.text().await.unwrap())
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let router = Router::new().route("/{tenant}/oauth2/v2.0/token", post(pass));
    TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

#[tokio::test]
async fn an_assertion_is_accepted_but_not_for_another_audience_not_when_old_and_not_by_another_key() {
    let setup = Setup::new().await;
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_certificate(folder.path());
    write_certificate(other.path());
    let certificate = std::fs::read_to_string(folder.path().join("cert.pem")).unwrap();
    let anywhere = config_at(&setup.tenant.base);
    let given = json!({"tenant": anywhere.tenant_id, "client": anywhere.client_id, "scope": SCOPE, "certificate": certificate});
    let Some(provider) = serve("oidc_provider.js", &given).await else { return };
    let base = Url::parse(&format!("http://127.0.0.1:{}", provider.port)).unwrap();

    let outcome = async |login: &Url, folder: &std::path::Path, late: TimeDelta| {
        let auth = AuthConfig::Certificate {
            certificate_file: folder.join("cert.pem"),
            private_key: SecretSource::File(folder.join("key.pem")),
        };
        let context = Context { clock: Arc::new(ManualClock::new(SystemClock.now() + late)), ..setup.context() };
        let client = Client::new(&TenantConfig { auth, ..config_at(login) }, context);
        client.tokens().get(SCOPE).await.map(|token| !token.expose().is_empty())
    };
    let refused =
        |outcome: Result<bool, Error>| matches!(outcome, Err(Error::SignIn(refused)) if refused.error == "invalid_client");
    let now = TimeDelta::zero();
    assert_eq!(outcome(&base, folder.path(), now).await, Ok(true));
    assert_eq!(outcome(&base, folder.path(), now).await, Ok(true), "a second one is not a replay");
    assert!(refused(outcome(&relay(base.clone()).await, folder.path(), now).await), "made for another audience");
    assert!(refused(outcome(&base, folder.path(), TimeDelta::hours(-1)).await), "an old one");
    assert!(refused(outcome(&base, other.path(), now).await), "signed by another key");
}
