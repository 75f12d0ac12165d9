//! A simulated tenant on a loopback port of its own, with a clock in the test's hand and a log of every request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::serve::Listener;
use chrono::TimeDelta;
use entrawatch::clock::{ManualClock, UtcTime};
use entrawatch::config::{AuthConfig, Cloud, DeltaConfig, DeltaMode, TenantConfig};
use entrawatch::demo::{self, Directory, Watcher};
use entrawatch::secret::SecretSource;
use rustls::ServerConfig;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use url::Url;

use super::tls::TlsListener;

/// What a watcher is consented to unless a test says otherwise.
pub const ROLES: &[&str] = &["Application.Read.All", "User.ReadBasic.All"];

/// When tests begin: a Sunday.
pub const BEGIN: &str = "2026-11-22T12:00:00Z";

/// A simulated tenant that is being served. Dropping it stops the server.
pub struct Tenant {
    pub clock: Arc<ManualClock>,
    pub directory: Directory,
    pub watcher: Watcher,
    pub base: Url,
    pub requests: Requests,
    /// How the daemon asks for changes.
    pub delta: DeltaConfig,
    _server: DropGuard,
}

impl Tenant {
    /// Contoso at [`BEGIN`], empty but for the watcher.
    pub async fn start() -> Self {
        Self::start_at(super::at(BEGIN)).await
    }

    /// Contoso at `now`.
    pub async fn start_at(now: UtcTime) -> Self {
        Self::start_layered(Arc::new(ManualClock::new(now)), |router| router).await
    }

    /// Another tenant, by its domain, at `now`.
    pub async fn start_as(domain: &str, now: UtcTime) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let directory = Directory::new(domain, clock.clone());
        let watcher = directory.add_watcher(ROLES);
        Self::serve(clock, directory, watcher, |router| router).await
    }

    /// Contoso with faults round it. The log sees what the caller sends, the layers what the log lets through.
    pub async fn start_layered(clock: Arc<ManualClock>, layers: impl FnOnce(Router) -> Router) -> Self {
        let directory = Directory::new("contoso.onmicrosoft.com", clock.clone());
        let watcher = directory.add_watcher(ROLES);
        Self::serve(clock, directory, watcher, layers).await
    }

    /// Contoso over TLS, at `https://localhost`.
    pub async fn start_tls(clock: Arc<ManualClock>, config: Arc<ServerConfig>) -> Self {
        let directory = Directory::new("contoso.onmicrosoft.com", clock.clone());
        let watcher = directory.add_watcher(ROLES);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("https://localhost:{}", listener.local_addr().unwrap().port())).unwrap();
        Self::run(TlsListener::new(listener, config), base, (clock, directory, watcher), |router| router)
    }

    /// Contoso over TLS under a name that no name server knows, and where it really listens.
    pub async fn start_hidden(name: &str, clock: Arc<ManualClock>, config: Arc<ServerConfig>) -> (Self, SocketAddr) {
        let directory = Directory::new("contoso.onmicrosoft.com", clock.clone());
        let watcher = directory.add_watcher(ROLES);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = Url::parse(&format!("https://{name}")).unwrap();
        (Self::run(TlsListener::new(listener, config), base, (clock, directory, watcher), |router| router), address)
    }

    /// A directory that the test has made.
    pub async fn serve(
        clock: Arc<ManualClock>,
        directory: Directory,
        watcher: Watcher,
        layers: impl FnOnce(Router) -> Router,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        Self::run(listener, base, (clock, directory, watcher), layers)
    }

    fn run<L: Listener<Addr: std::fmt::Debug>>(
        listener: L,
        base: Url,
        (clock, directory, watcher): (Arc<ManualClock>, Directory, Watcher),
        layers: impl FnOnce(Router) -> Router,
    ) -> Self {
        let requests = Requests::default();
        let router = layers(demo::router(&base, [directory.clone()])).layer(from_fn_with_state(requests.clone(), log));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap() });
        let delta = DeltaConfig { mode: DeltaMode::Never, full_every: TimeDelta::hours(6) };
        Self { clock, directory, watcher, base, requests, delta, _server: stop.drop_guard() }
    }

    /// The tenant's configuration, as the daemon would have it.
    pub fn config(&self) -> TenantConfig {
        TenantConfig {
            tenant_id: self.directory.tenant_id().to_string(),
            client_id: self.watcher.application.app_id.to_string(),
            auth: AuthConfig::Secret(SecretSource::Inline(self.watcher.secret.clone())),
            delta: self.delta,
            ..config_at(&self.base)
        }
    }

    /// The `[[tenant]]` of a configuration file.
    pub fn toml(&self, name: &str) -> String {
        format!(
            "[[tenant]]\nname = \"{name}\"\ntenant_id = \"{}\"\nclient_id = \"{}\"\nauth = {{ kind = \"secret\", secret = \"{}\" }}\n\
             login_url = \"{base}\"\ngraph_url = \"{base}\"\n",
            self.directory.tenant_id(),
            self.watcher.application.app_id,
            self.watcher.secret.expose_secret(),
            base = self.base,
        )
    }

    /// Asks for a token as the watcher does.
    pub async fn token(&self) -> String {
        let (status, body) = self.sign_in(&[]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Posts the watcher's token request with some fields changed; an empty value leaves the field out.
    pub async fn sign_in(&self, changes: &[(&str, &str)]) -> (StatusCode, Value) {
        let tenant = self.directory.tenant_id().to_string();
        let client = self.watcher.application.app_id.to_string();
        let scope = format!("{}.default", self.base);
        let mut form = vec![
            ("tenant", tenant.as_str()),
            ("grant_type", "client_credentials"),
            ("client_id", &client),
            ("client_secret", self.watcher.secret.expose_secret()),
            ("scope", &scope),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, value));
        }
        form.retain(|(_, value)| !value.is_empty());
        let tenant = form.iter().find(|(name, _)| *name == "tenant").unwrap().1.to_owned();
        form.retain(|(name, _)| *name != "tenant");
        let url = format!("{}{tenant}/oauth2/v2.0/token", self.base);
        answer(reqwest::Client::new().post(url).form(&form)).await
    }

    /// Gets a path below `/v1.0/`, or an address, with a fresh token.
    pub async fn get(&self, target: &str) -> (StatusCode, Value) {
        let token = self.token().await;
        self.get_with(&token, target).await
    }

    /// The same with a given token.
    pub async fn get_with(&self, token: &str, target: &str) -> (StatusCode, Value) {
        let url = if target.starts_with("http") { target.to_owned() } else { format!("{}v1.0/{target}", self.base) };
        answer(reqwest::Client::new().get(url).bearer_auth(token)).await
    }

    /// Posts a batch with a fresh token.
    pub async fn batch(&self, body: &Value) -> (StatusCode, Value) {
        let token = self.token().await;
        answer(reqwest::Client::new().post(format!("{}v1.0/$batch", self.base)).bearer_auth(token).json(body)).await
    }
}

/// The configuration of a tenant at `base`, whoever answers there.
pub fn config_at(base: &Url) -> TenantConfig {
    TenantConfig {
        name: "contoso".to_owned(),
        tenant_id: "11111111-2222-4333-8444-555555555555".to_owned(),
        client_id: "66666666-7777-4888-9999-000000000000".to_owned(),
        cloud: Cloud::Global,
        auth: AuthConfig::Secret(SecretSource::Inline("a secret".into())),
        login_url: base.clone(),
        graph_url: base.clone(),
        portal_url: Url::parse("https://entra.microsoft.com").unwrap(),
        poll_interval: TimeDelta::minutes(15),
        blind_after: TimeDelta::hours(2),
        delta: DeltaConfig { mode: DeltaMode::Never, full_every: TimeDelta::hours(6) },
        recipients: None,
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A request as it was logged.
#[derive(Debug, Clone)]
pub struct Logged {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: axum::http::HeaderMap,
    pub status: StatusCode,
}

/// Every request so far, in the order of their answers.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Vec<Logged>>>);

impl Requests {
    /// Logs what comes to a router.
    pub fn layer(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), log))
    }

    /// All of them.
    pub fn all(&self) -> Vec<Logged> {
        self.0.lock().unwrap().clone()
    }

    /// How many had a path that ends in `end`.
    pub fn count(&self, end: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|request| request.path.ends_with(end)).count()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

async fn log(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let response = next.run(request).await;
    requests.0.lock().unwrap().push(Logged { method, path, query, headers, status: response.status() });
    response
}
