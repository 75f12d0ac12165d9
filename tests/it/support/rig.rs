//! The whole program by steps: a simulated tenant over HTTP, a store, a mailer that remembers, a clock in the test's hand.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, TokioSleeper, UtcTime};
use entrawatch::graph;
use entrawatch::mail::render::Renderer;
use entrawatch::mail::{Envelope, Fate, Mailer, SendError};
use entrawatch::metrics::Metrics;
use entrawatch::outbox::deliver::{Delivery, DeliveryParts};
use entrawatch::outbox::status::DeliveryStatus;
use entrawatch::policy::{Rules, TransportKind};
use entrawatch::progress::Progress;
use entrawatch::snapshot::{Snapshot, Snapshots, TenantLabel};
use entrawatch::store::Store;
use entrawatch::tenant::{MailSetup, Shared, Tenant};
use entrawatch::watcher::{Watcher, WatcherParts};
use mail_parser::MessageParser;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::graph::Tenant as Simulated;

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at: UtcTime,
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Sent {
    fn parse(at: UtcTime, to: &str, message: &[u8]) -> Self {
        let parsed = MessageParser::default().parse(message).unwrap();
        Self {
            at,
            to: to.to_owned(),
            subject: parsed.subject().unwrap().to_owned(),
            text: parsed.body_text(0).unwrap().into_owned(),
        }
    }
}

/// A mail server in memory.
#[derive(Debug)]
pub struct Recorder {
    kind: Mutex<TransportKind>,
    sent: Mutex<Vec<Sent>>,
    /// What every attempt is answered; `None`: accepted.
    pub fault: Mutex<Option<SendError>>,
    /// A real way out, where a test wants one: what it takes is remembered too.
    pub through: Mutex<Option<Arc<dyn Mailer>>>,
    /// Recipients that are refused for good.
    refused: Mutex<BTreeSet<String>>,
    clock: Mutex<Option<Arc<ManualClock>>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            kind: Mutex::new(TransportKind::Smtp),
            sent: Mutex::default(),
            fault: Mutex::default(),
            through: Mutex::default(),
            refused: Mutex::default(),
            clock: Mutex::default(),
        }
    }
}

impl Mailer for Recorder {
    fn kind(&self) -> TransportKind {
        *self.kind.lock().unwrap()
    }

    fn send<'a>(&'a self, envelope: Envelope<'a>) -> Pin<Box<dyn Future<Output = Result<String, SendError>> + Send + 'a>> {
        Box::pin(async move {
            if let Some(fault) = self.fault.lock().unwrap().clone() {
                return Err(fault);
            }
            if self.refused.lock().unwrap().contains(&envelope.to.to_string()) {
                return Err(SendError { fate: Fate::Permanent, answer: "550 5.1.1 no such user".to_owned(), after_data: false });
            }
            let through = self.through.lock().unwrap().clone();
            let answer = match through {
                Some(mailer) => mailer.send(envelope).await?,
                None => "250 OK".to_owned(),
            };
            let at = self.clock.lock().unwrap().as_ref().unwrap().now();
            self.sent.lock().unwrap().push(Sent::parse(at, envelope.to.as_ref(), envelope.message));
            Ok(answer)
        })
    }
}

impl Recorder {
    /// Takes what was accepted since the last call.
    pub fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }

    /// From now on this recipient is refused for good, or not any more.
    pub fn refuse(&self, recipient: &str, refused: bool) {
        let mut list = self.refused.lock().unwrap();
        list.retain(|known| known != recipient);
        list.extend(refused.then(|| recipient.to_owned()));
    }

    /// From now on nothing gets as far as DATA.
    pub fn go_away(&self) {
        let answer = "connection refused".to_owned();
        *self.fault.lock().unwrap() = Some(SendError { fate: Fate::Transient, answer, after_data: false });
    }

    /// Everything is accepted again.
    pub fn come_back(&self) {
        *self.fault.lock().unwrap() = None;
    }
}

/// The program.
pub struct Rig {
    pub simulated: Simulated,
    pub clock: Arc<ManualClock>,
    pub store: Store,
    pub mailer: Arc<Recorder>,
    pub snapshots: Snapshots,
    pub tenant: Tenant,
    pub delivery: Delivery,
    pub status: DeliveryStatus,
    pub metrics: Arc<Metrics>,
    pub watcher: Watcher,
    rules: Rules,
    url: SecretString,
    /// Holds the store's file.
    directory: TempDir,
}

impl Rig {
    /// A program that has not taken a step yet.
    pub async fn new(simulated: Simulated, rules: Rules) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = SecretString::from(format!("sqlite:{}", directory.path().join("store.db").display()));
        let mailer = Arc::new(Recorder::default());
        Self::assemble(simulated, rules, url, directory, mailer).await
    }

    async fn assemble(simulated: Simulated, rules: Rules, url: SecretString, directory: TempDir, mailer: Arc<Recorder>) -> Self {
        let clock = Arc::clone(&simulated.clock);
        *mailer.clock.lock().unwrap() = Some(Arc::clone(&clock));
        let store = Store::open_exclusive(&url).await.unwrap();
        let config = simulated.config();
        let metrics = Arc::new(Metrics::new().unwrap());
        let snapshots = Snapshots::new([Snapshot::unseen(TenantLabel::of(&config), config.blind_after)]);
        let from: lettre::message::Mailbox = "EntraWatch <entrawatch@example.com>".parse().unwrap();
        let setup = Arc::new(MailSetup {
            renderer: Renderer::new(from.clone(), rules.digest.timezone, None),
            transport: mailer.kind(),
            max_per_hour: 500,
        });
        let shared_rules = Arc::new(rules.clone());
        let shared = Shared {
            store: store.clone(),
            clock: clock.clone(),
            sleeper: Arc::new(TokioSleeper),
            metrics: Arc::clone(&metrics),
            progress: Progress::default(),
            snapshots: snapshots.clone(),
            rules: Arc::clone(&shared_rules),
            mail: Some(Arc::clone(&setup)),
            keep: TimeDelta::days(400),
            turns: entrawatch::turns::Turns::default(),
        };
        let context = graph::Context {
            clock: clock.clone(),
            sleeper: Arc::new(TokioSleeper),
            metrics: Arc::clone(&metrics),
            progress: Progress::default(),
            http: graph::http_client(&[]).unwrap(),
        };
        let client =
            graph::Client::with_limits(&config, context, graph::Limits { keys_per_minute: None, ..graph::Limits::default() });
        let watcher = Watcher::new(WatcherParts {
            store: store.clone(),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            progress: Progress::default(),
            snapshots: snapshots.clone(),
            rules: shared_rules,
            mail: setup,
            tenants: vec![config.clone()],
        });
        let tenant = Tenant::new(shared, 0, config, client);
        let status = DeliveryStatus::default();
        let delivery = Delivery::new(DeliveryParts {
            store: store.clone(),
            mailer: mailer.clone(),
            from: from.email,
            give_up_after: TimeDelta::days(3),
            clock: clock.clone(),
            metrics: Arc::clone(&metrics),
            status: status.clone(),
            progress: Progress::default(),
        });
        Self { simulated, clock, store, mailer, snapshots, tenant, delivery, status, metrics, watcher, rules, url, directory }
    }

    /// The process ends and another begins on the same store.
    pub async fn restart(self) -> Self {
        let (rules, kind) = (self.rules.clone(), self.mailer.kind());
        self.restart_with(rules, kind).await
    }

    /// The same with another configuration.
    pub async fn restart_with(self, rules: Rules, kind: TransportKind) -> Self {
        let Self { simulated, store, mailer, url, directory, tenant, delivery, watcher, .. } = self;
        drop((tenant, delivery, watcher));
        store.close().await;
        drop(store);
        *mailer.kind.lock().unwrap() = kind;
        Self::assemble(simulated, rules, url, directory, mailer).await
    }

    /// The process ends, its store is lost, and another begins on an empty one.
    pub async fn lose_store(self) -> Self {
        let Self { simulated, store, mailer, rules, tenant, delivery, watcher, .. } = self;
        drop((tenant, delivery, watcher));
        store.close().await;
        let directory = tempfile::tempdir().unwrap();
        let url = SecretString::from(format!("sqlite:{}", directory.path().join("store.db").display()));
        Self::assemble(simulated, rules, url, directory, mailer).await
    }

    /// One step of the tenant, one of the watcher, one of the delivery; what was accepted.
    pub async fn step(&mut self) -> Vec<Sent> {
        self.tenant.step().await;
        self.watcher.watch_once().await.unwrap();
        self.delivery.deliver_once(&CancellationToken::new()).await.unwrap();
        self.mailer.take()
    }

    /// Steps every three hours until `end`.
    pub async fn live(&mut self, end: UtcTime) -> Vec<Sent> {
        let mut sent = Vec::new();
        while self.clock.now() < end {
            sent.extend(self.step().await);
            self.clock.advance(TimeDelta::hours(3));
        }
        sent
    }

    /// The page's view of the tenant.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.all()[0])
    }
}
