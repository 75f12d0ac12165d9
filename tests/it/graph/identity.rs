//! The ways to sign in besides a secret, and what each of them sends.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Json;
use axum::routing::{get, post};
use axum::{Router, extract::State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrawatch::clock::ManualClock;
use entrawatch::config::{AuthConfig, IdentityEndpoint, ManagedIdentity, TenantConfig};
use entrawatch::graph::{Client, Context, Error};
use entrawatch::inventory::ObjectKind;
use entrawatch::secret::SecretSource;
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{Setup, list};
use crate::support::days;
use crate::support::faults::{Faults, status, throttled};

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// Grants every token that is asked for, and remembers how it was asked.
#[derive(Clone, Default)]
struct Issuer {
    asked: Arc<Mutex<Vec<HashMap<String, String>>>>,
    faults: Faults,
}

impl Issuer {
    async fn start() -> (Self, Url) {
        let issuer = Self::default();
        let router = Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(Self::grant))
            .route("/metadata/identity/oauth2/token", get(Self::grant_to_machine))
            .route("/msi/token", get(Self::grant_to_machine))
            .with_state(issuer.clone());
        let router = issuer.faults.layer(router);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });
        (issuer, base)
    }

    #[expect(clippy::unused_async, reason = "axum takes async handlers only")]
    async fn grant(State(issuer): State<Self>, form: String) -> Json<Value> {
        issuer.asked.lock().unwrap().push(url::form_urlencoded::parse(form.as_bytes()).into_owned().collect());
        Json(json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": "granted"}))
    }

    #[expect(clippy::unused_async, reason = "axum takes async handlers only")]
    async fn grant_to_machine(State(issuer): State<Self>, headers: HeaderMap, RawQuery(query): RawQuery) -> Json<Value> {
        let query = query.unwrap_or_default();
        let mut asked: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        for name in ["metadata", "x-identity-header"] {
            asked.extend(headers.get(name).map(|value| (name.to_owned(), value.to_str().unwrap().to_owned())));
        }
        issuer.asked.lock().unwrap().push(asked);
        Json(json!({"token_type": "Bearer", "expires_on": "1795352400", "access_token": "granted"}))
    }

    fn asked(&self) -> Vec<HashMap<String, String>> {
        self.asked.lock().unwrap().clone()
    }
}

/// A client of a tenant that signs in as `auth` says, at `login`.
fn client(setup: &Setup, login: &Url, auth: AuthConfig) -> Client {
    let config = TenantConfig { login_url: login.clone(), auth, ..setup.tenant.config() };
    Client::new(&config, setup.context())
}

async fn token(client: &Client) -> Result<String, Error> {
    client.tokens().get(SCOPE).await.map(|token| token.expose().to_owned())
}

fn part(assertion: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(assertion.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

/// Writes a new certificate with its key into a folder, and returns its SHA-256 as in `x5t#S256`.
pub fn write_certificate(folder: &Path) -> String {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let certificate = CertificateParams::new(["entrawatch".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der()))
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_and_a_rotated_one_is_picked_up() {
    let setup = Setup::new().await;
    let (issuer, login) = Issuer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let auth = AuthConfig::Certificate {
        certificate_file: folder.path().join("cert.pem"),
        private_key: SecretSource::File(folder.path().join("key.pem")),
    };
    let client = client(&setup, &login, auth);
    let error = token(&client).await.unwrap_err();
    assert!(matches!(&error, Error::Identity(text) if text.contains("cert.pem cannot be read")), "{error}");

    let first = write_certificate(folder.path());
    assert_eq!(token(&client).await.unwrap(), "granted");
    let config = setup.tenant.config();
    let asked = &issuer.asked()[0];
    assert_eq!(asked["grant_type"], "client_credentials");
    assert_eq!((asked["client_id"].as_str(), asked["scope"].as_str()), (config.client_id.as_str(), SCOPE));
    assert_eq!(asked["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    assert!(!asked.contains_key("client_secret"));
    let (header, claims) = (part(&asked["client_assertion"], 0), part(&asked["client_assertion"], 1));
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": first}));
    let audience = format!("{}{}/oauth2/v2.0/token", login, config.tenant_id);
    assert_eq!((claims["aud"].as_str().unwrap(), &claims["iss"]), (audience.as_str(), &json!(config.client_id)));
    let begin = crate::support::at(crate::support::graph::BEGIN).timestamp();
    assert_eq!((&claims["nbf"], &claims["exp"]), (&json!(begin), &json!(begin + 600)), "by the clock that is given");

    let second = write_certificate(folder.path());
    assert_eq!(client.tokens().get("https://outlook.office365.com/.default").await.unwrap().expose(), "granted");
    assert_eq!(part(&issuer.asked()[1]["client_assertion"], 0)["x5t#S256"], second);
}

#[tokio::test]
async fn a_token_file_is_read_again_at_each_sign_in() {
    let setup = Setup::new().await;
    let (issuer, login) = Issuer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    let client = client(&setup, &login, AuthConfig::WorkloadIdentity { token_file: token_file.clone() });
    for (scope, content) in [(SCOPE, "e30.e30.first\n"), ("https://outlook.office365.com/.default", "e30.e30.second")] {
        std::fs::write(&token_file, content).unwrap();
        client.tokens().get(scope).await.unwrap();
        assert_eq!(issuer.asked().last().unwrap()["client_assertion"], content.trim());
    }
}

#[tokio::test]
async fn a_machine_gets_its_token_from_the_metadata_service() {
    let setup = Setup::new().await;
    let (issuer, base) = Issuer::start().await;
    for client_id in [None, Some("11111111-2222-4333-8444-555555555555")] {
        let endpoint = IdentityEndpoint::Metadata(base.clone());
        let identity = ManagedIdentity { client_id: client_id.map(str::to_owned), endpoint };
        let client = client(&setup, &base, AuthConfig::ManagedIdentity(identity));
        issuer.faults.next("/token", 1, status(404, "not yet"));
        issuer.faults.next("/token", 1, status(410, "in service"));
        issuer.faults.next("/token", 1, throttled(429, "2"));
        assert_eq!(token(&client).await.unwrap(), "granted");
        let asked = issuer.asked().pop().unwrap();
        assert_eq!((asked["metadata"].as_str(), asked["api-version"].as_str()), ("true", "2018-02-01"));
        assert_eq!(asked["resource"], "https://graph.microsoft.com", "a resource, not a scope");
        assert_eq!(asked.get("client_id").map(String::as_str), client_id);
    }
    assert_eq!(setup.waits.all().len(), 6);
}

#[tokio::test]
async fn an_app_service_shows_its_header() {
    let setup = Setup::new().await;
    let (issuer, base) = Issuer::start().await;
    let url = base.join("/msi/token").unwrap();
    let endpoint = IdentityEndpoint::AppService { url, header: SecretString::from("proof") };
    let client = client(&setup, &base, AuthConfig::ManagedIdentity(ManagedIdentity { client_id: None, endpoint }));
    assert_eq!(token(&client).await.unwrap(), "granted");
    let asked = issuer.asked().pop().unwrap();
    assert_eq!((asked["x-identity-header"].as_str(), asked["api-version"].as_str()), ("proof", "2019-08-01"));
    assert!(!asked.contains_key("metadata"));
}

#[tokio::test]
async fn a_machine_without_the_identity_is_told_what_to_do() {
    let setup = Setup::new().await;
    let (issuer, base) = Issuer::start().await;
    let managed = |base: &Url| {
        AuthConfig::ManagedIdentity(ManagedIdentity { client_id: None, endpoint: IdentityEndpoint::Metadata(base.clone()) })
    };
    let refusal = r#"{"error":"invalid_request","error_description":"Identity not found"}"#.to_owned();
    issuer.faults.next("/token", 1, crate::support::faults::Fault::Answer(400, Vec::new(), refusal));
    let error = token(&client(&setup, &base, managed(&base))).await.unwrap_err();
    assert!(error.to_string().contains("no such managed identity (Identity not found); assign one"), "{error}");
    assert!(setup.waits.all().is_empty(), "an identity that is not there is not waited for");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = token(&client(&setup, &base, managed(&free))).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(error.to_string().contains("virtual machines, AKS nodes, App Service and Container Apps only"), "{error}");
    assert!(setup.waits.sum() < Duration::from_mins(2));
}

#[tokio::test]
async fn one_fetch_serves_all_who_come_meanwhile_and_each_audience_has_its_own_token() {
    let setup = Setup::new().await;
    let (issuer, login) = Issuer::start().await;
    let client = client(&setup, &login, setup.tenant.config().auth);
    let many = futures_util::future::join_all((0..50).map(|_| token(&client))).await;
    assert!(many.into_iter().all(|token| token.unwrap() == "granted"));
    assert_eq!(issuer.asked().len(), 1);
    client.tokens().get("https://outlook.office365.com/.default").await.unwrap();
    assert_eq!(issuer.asked().len(), 2);
}

#[tokio::test]
async fn entra_lets_in_whom_it_knows_and_says_why_it_refuses_the_others() {
    let setup = Setup::new().await;
    let (directory, app) = (&setup.tenant.directory, setup.tenant.watcher.application);
    let begin = crate::support::at(crate::support::graph::BEGIN);
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let auth = AuthConfig::Certificate {
        certificate_file: folder.path().join("cert.pem"),
        private_key: SecretSource::File(folder.path().join("key.pem")),
    };
    let base = setup.tenant.base.clone();
    let error = list(&client(&setup, &base, auth.clone()), ObjectKind::Application).await.error.unwrap();
    assert!(error.to_string().contains("not registered on the application"), "{error}");
    assert!(error.to_string().contains("AADSTS700027"), "{error}");

    let pem = std::fs::read(folder.path().join("cert.pem")).unwrap();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap();
    directory.add_given_certificate(app.id, "CN=entrawatch", &der, begin - days(1), begin + days(90));
    let good = client(&setup, &base, auth.clone());
    assert_eq!(list(&good, ObjectKind::Application).await.error, None);
    directory.revoke_tokens();
    assert_eq!(list(&good, ObjectKind::Application).await.error, None, "each assertion is a new one");

    let late = Context { clock: Arc::new(ManualClock::new(begin + chrono::TimeDelta::hours(1))), ..setup.context() };
    let config = TenantConfig { auth, ..setup.tenant.config() };
    let error = list(&Client::new(&config, late), ObjectKind::Application).await.error.unwrap();
    assert!(error.to_string().contains("the clock of this machine is wrong"), "{error}");

    let token_file = folder.path().join("token");
    let stranger = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let claims = json!({"iss": "https://oidc.example/cluster", "sub": "x", "aud": "api://AzureADTokenExchange", "exp": begin.timestamp() + 600});
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(stranger.serialize_pem().as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    std::fs::write(&token_file, jsonwebtoken::encode(&header, &claims, &key).unwrap()).unwrap();
    let federated = client(&setup, &base, AuthConfig::WorkloadIdentity { token_file });
    let error = list(&federated, ObjectKind::Application).await.error.unwrap();
    assert!(error.to_string().contains("compare its issuer, subject and audience"), "{error}");
    assert!(setup.waits.all().is_empty(), "what is refused is not tried again");
}
