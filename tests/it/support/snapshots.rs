//! Snapshots made from a few objects by the real judgement and evaluation, and a site that serves them on a loopback port.

use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta, Weekday};
use entrawatch::clock::{Clock as _, ManualClock, UtcTime};
use entrawatch::config::{
    AuthConfig, Cloud, Config, CredentialSeries, DeltaConfig, DeltaMode, HttpConfig, LogConfig, LogFormat, MetricsConfig,
    StoreConfig, TenantConfig,
};
use entrawatch::inventory::{DirectoryObject, Judging, Watch, judge};
use entrawatch::metrics::Metrics;
use entrawatch::outbox::status::DeliveryStatus;
use entrawatch::policy::{
    Alerts, Digest, DigestMode, Input, Outbox, Recipients, ReportEvery, ReportRules, Rules, Windows, evaluate,
};
use entrawatch::progress::Progress;
use entrawatch::secret::SecretSource;
use entrawatch::snapshot::{Snapshot, Snapshots, TenantLabel};
use entrawatch::state::{PollOutcome, PollState, TenantState};
use entrawatch::web::{Parts, WebState, serve};
use reqwest::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::builder::{inventory, start};
use super::database::Database;

/// The defaults, with a fallback.
pub fn config() -> Config {
    let windows = |list: &[i64]| Windows::new(list.iter().map(|days| TimeDelta::days(*days)));
    Config {
        authorities: Vec::new(),
        store: StoreConfig { url: "sqlite:entrawatch.db".into(), keep: TimeDelta::days(400) },
        http: HttpConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), public_url: None, tls: None, auth: None },
        tenants: Vec::new(),
        policy: Rules {
            watch: Watch::default(),
            alerts: Alerts {
                thresholds: windows(&[60, 30, 14, 7, 3, 1, 0]),
                rotated_thresholds: windows(&[14, 1]),
                rotation_lead: TimeDelta::days(90),
                expired_grace: TimeDelta::days(30),
                max_lifetime: TimeDelta::days(730),
            },
            recipients: Recipients {
                fallback: vec!["ops@example.com".into()],
                escalate: vec!["ops@example.com".into()],
                escalate_within: TimeDelta::days(7),
                ..Recipients::default()
            },
            routes: Vec::new(),
            digest: Digest {
                mode: DigestMode::Daily,
                at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
                timezone: chrono_tz::UTC,
                days: vec![Weekday::Mon],
                urgent_within: TimeDelta::days(1),
            },
            report: ReportRules { every: ReportEvery::Week, day: Weekday::Mon },
        },
        heartbeat: None,
        mail: None,
        metrics: MetricsConfig { credentials: CredentialSeries::All },
        log: LogConfig { format: LogFormat::Text, level: "info".into() },
    }
}

/// A tenant of the configuration, signed in to as an application with a client secret.
pub fn tenant_config(name: &str, client_id: &str) -> TenantConfig {
    let url = |text: &str| text.parse().unwrap();
    TenantConfig {
        name: name.to_owned(),
        tenant_id: format!("{name}.example.com"),
        client_id: client_id.to_owned(),
        cloud: Cloud::Global,
        auth: AuthConfig::Secret(SecretSource::Inline("secret".into())),
        login_url: url("https://login.microsoftonline.com"),
        graph_url: url("https://graph.microsoft.com"),
        portal_url: url("https://entra.microsoft.com"),
        poll_interval: TimeDelta::minutes(15),
        blind_after: TimeDelta::hours(2),
        delta: DeltaConfig { mode: DeltaMode::Never, full_every: TimeDelta::hours(6) },
        recipients: None,
    }
}

/// A tenant that was polled completely at `now`.
pub fn snapshot(name: &str, objects: impl IntoIterator<Item = DirectoryObject>, config: &Config, now: UtcTime) -> Snapshot {
    let tenant = TenantLabel {
        id: format!("00000000-0000-0000-0000-{:012x}", name.len()),
        name: name.to_owned(),
        cloud: Cloud::Global,
        portal: "https://entra.microsoft.com".parse().unwrap(),
    };
    let rules = &config.policy;
    let inventory = inventory(objects);
    let judging = Judging { tenant: name, tenant_id: &tenant.id, watch: &rules.watch, rotation_lead: rules.alerts.rotation_lead };
    let standings = judge(&inventory, judging, now);
    let state = TenantState {
        polls: PollState {
            last_complete: Some(now),
            last_attempt: Some(now),
            outcome: Some(PollOutcome::Complete),
            watched_since: Some(now),
            ..PollState::default()
        },
        ..TenantState::default()
    };
    let evaluation = evaluate(&Input {
        now,
        tenant: name,
        tenant_id: &tenant.id,
        inventory: &inventory,
        standings: &standings,
        notices: &[],
        silences: &[],
        rules,
        fallback: &rules.recipients.fallback,
        transport: None,
        baseline: None,
        slots: &state.slots,
        outbox: &Outbox { budget: 100, ..Outbox::default() },
    });
    Snapshot {
        is_on_duty: true,
        tenant: Arc::new(tenant),
        version: 1,
        state,
        next_poll: Some(now + TimeDelta::minutes(15)),
        blind_after: TimeDelta::hours(2),
        inventory,
        standings: standings.into(),
        decisions: evaluation.decisions.into(),
        silences: Arc::new([]),
    }
}

/// Pages and metrics, served.
pub struct Site {
    pub address: SocketAddr,
    pub state: WebState,
    pub snapshots: Snapshots,
    pub parts: Parts,
    pub clock: Arc<ManualClock>,
    client: reqwest::Client,
    _database: Database,
    _stop: DropGuard,
}

impl Site {
    /// Serves the tenants as of `start()`.
    pub async fn of(tenants: impl IntoIterator<Item = Snapshot>, config: Config) -> Self {
        let snapshots = Snapshots::new(tenants);
        let metrics = Metrics::new().unwrap();
        snapshots.all().iter().for_each(|tenant| metrics.announce_tenant(&tenant.tenant.name));
        let database = Database::sqlite();
        let clock = Arc::new(ManualClock::new(start()));
        let parts = Parts {
            snapshots: snapshots.clone(),
            metrics: Arc::new(metrics),
            delivery: DeliveryStatus::default(),
            progress: Progress::default(),
            clock: Arc::clone(&clock) as _,
            config: Arc::new(config),
            store: database.open().await,
        };
        parts.delivery.update(|state| state.configured = true);
        let state = WebState::new(parts.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(serve(listener, state.clone(), stop.clone()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, state, snapshots, parts, clock, client, _database: database, _stop: stop.drop_guard() }
    }

    /// One tenant named contoso with the defaults.
    pub async fn contoso(objects: impl IntoIterator<Item = DirectoryObject>) -> Self {
        let config = config();
        Self::of([snapshot("contoso", objects, &config, start())], config).await
    }

    /// Serves `tenant` with other objects, as of now.
    pub fn publish(&self, index: usize, name: &str, objects: impl IntoIterator<Item = DirectoryObject>) {
        self.snapshots.publish(index, snapshot(name, objects, &self.parts.config, self.clock.now()));
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Status and body.
    pub async fn text(&self, path: &str) -> (u16, String) {
        let response = self.get(path).await;
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Status and body as JSON.
    pub async fn json(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.text(path).await;
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")))
    }
}
