//! The only wiring: from a checked configuration to running parts, and from one configuration to the next.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::{Clock, Sleeper, UtcTime};
use crate::config::{Config, TenantConfig};
use crate::duty::{self, Duty, Roster};
use crate::graph;
use crate::heartbeat;
use crate::mail::Mailer;
use crate::mail::render::Renderer;
use crate::metrics::Metrics;
use crate::outbox::deliver::{Delivery, DeliveryParts};
use crate::outbox::status::DeliveryStatus;
use crate::progress::Progress;
use crate::shutdown::{Shutdown, Tasks, reload_signals, stop_signals};
use crate::snapshot::{Snapshot, Snapshots, TenantLabel};
use crate::store::Store;
use crate::systemd;
use crate::tenant::{MailSetup, Shared, Tenant};
use crate::turns::Turns;
use crate::watcher::{Watcher, WatcherParts};
use crate::web::{self, WebState};

/// How often what is older than `store.keep` is removed.
const PRUNE_EVERY: TimeDelta = TimeDelta::hours(24);

/// Reads the configuration again, with its warnings; what is wrong with it comes as text for people.
pub type Reload = Box<dyn Fn() -> Result<Config, String> + Send + Sync>;

/// What the daemon is started with.
pub struct Start {
    /// What to do.
    pub config: Config,
    /// Policy time.
    pub clock: Arc<dyn Clock>,
    /// Machine sleeps.
    pub sleeper: Arc<dyn Sleeper>,
    /// What Graph may be asked; only a simulated one may be asked without limit.
    pub limits: graph::Limits,
    /// For SIGHUP.
    pub reload: Reload,
    /// Called once when everything runs, with the address of the page.
    pub ready: Box<dyn FnOnce(SocketAddr) + Send>,
    /// Stopped with the rest.
    pub shutdown: Shutdown,
}

/// What stays from one configuration to the next.
#[derive(Debug, Clone)]
struct Common {
    store: Store,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
    metrics: Arc<Metrics>,
    progress: Progress,
    delivery: DeliveryStatus,
    limits: graph::Limits,
    /// The name of this process among those that share the store.
    replica: Uuid,
}

/// Runs the daemon until a signal.
///
/// # Errors
/// What kept it from starting, or the task that ended by itself.
pub async fn run(start: Start) -> anyhow::Result<()> {
    let Start { config, clock, sleeper, limits, reload, ready, shutdown } = start;
    let signals = stop_signals().context("signals cannot be caught")?;
    let store = Store::open_exclusive(&config.store.url).await?;
    if store.is_empty().await? {
        tracing::warn!(
            "the store is empty: each tenant gets a first digest; a store that was lost is not made up for by anything else"
        );
    }
    let listen = config.http.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("http.listen: {listen} cannot be bound; another program (another EntraWatch?) may hold the port")
    })?;
    let address = listener.local_addr().context("http.listen")?;
    let common = Common {
        store: store.clone(),
        clock,
        sleeper,
        metrics: Arc::new(Metrics::new().context("metrics")?),
        progress: Progress::default(),
        delivery: DeliveryStatus::default(),
        limits,
        replica: Uuid::new_v4(),
    };

    let replica = common.replica;
    let (generation, parts) = Generation::start(&common, &shutdown, config)?;
    let state = WebState::new(parts)?;
    let process = shutdown.tasks();
    process.spawn("web", web::serve(listener, state.clone(), process.stop().clone()));
    process.spawn("prune", prune(common.clone(), generation.keep, process.stop().clone()));
    process.spawn("reload", follow_signals(common.clone(), shutdown.clone(), generation, state, reload, process.stop().clone()));
    process.spawn("watchdog", watch(common.clone(), process.stop().clone()));
    ready(address);
    systemd::ready();
    let ended = shutdown.wait(signals).await;
    duty::give_up(&store, replica).await;
    store.close().await;
    Ok(ended?)
}

/// What one configuration runs.
struct Generation {
    tasks: Tasks,
    keep: TimeDelta,
    config: Arc<Config>,
}

impl Generation {
    fn start(common: &Common, shutdown: &Shutdown, config: Config) -> anyhow::Result<(Self, web::Parts)> {
        let config = Arc::new(config);
        let clients = clients(common, &config)?;
        let mailer = mailer(&config, &clients)?;
        let setup = mail_setup(&config, mailer.as_deref());
        let (tenants, snapshots) = tenants(common, &config, &clients, setup.clone());
        let tasks = shutdown.tasks();
        if let (Some(mail), Some(mailer)) = (&config.mail, mailer) {
            let delivery = Delivery::new(DeliveryParts {
                store: common.store.clone(),
                mailer,
                from: mail.from.email.clone(),
                give_up_after: mail.give_up_after,
                clock: Arc::clone(&common.clock),
                metrics: Arc::clone(&common.metrics),
                status: common.delivery.clone(),
                progress: common.progress.clone(),
            });
            tasks.spawn("delivery", delivery.run(Arc::clone(&common.sleeper), tasks.stop().clone()));
        } else {
            tracing::warn!("there is no [mail]: nobody is told anything; the page and the metrics are all there is");
        }
        if let Some(setup) = setup {
            let watcher = Watcher::new(WatcherParts {
                store: common.store.clone(),
                clock: Arc::clone(&common.clock),
                metrics: Arc::clone(&common.metrics),
                progress: common.progress.clone(),
                snapshots: snapshots.clone(),
                rules: Arc::new(config.policy.clone()),
                mail: setup,
                tenants: config.tenants.clone(),
            });
            tasks.spawn("watcher", watcher.run(Arc::clone(&common.sleeper), tasks.stop().clone()));
        }
        let mut roster = common.store.is_shared().then(|| Roster::new(common.store.clone(), common.replica));
        for (tenant, task) in config.tenants.iter().zip(tenants) {
            common.metrics.announce_tenant(&tenant.name);
            let duty = roster.as_mut().map_or_else(Duty::always, |roster| roster.duty(&tenant.tenant_id.to_lowercase()));
            tasks.spawn(format!("tenant {}", tenant.name), task.run(duty, tasks.stop().clone()));
        }
        if let Some(roster) = roster {
            let (sleeper, stop) = (Arc::clone(&common.sleeper), tasks.stop().clone());
            tasks.spawn("leases", async move { roster.run(&*sleeper, stop).await });
        }
        if let Some(url) = config.heartbeat.clone() {
            let (http, sleeper, stop) =
                (graph::http_client(&config.authorities)?, Arc::clone(&common.sleeper), tasks.stop().clone());
            let snapshots = snapshots.clone();
            tasks.spawn("heartbeat", async move { heartbeat::run(url, snapshots, http, &*sleeper, stop).await });
        }
        let parts = web::Parts {
            snapshots,
            metrics: Arc::clone(&common.metrics),
            delivery: common.delivery.clone(),
            progress: common.progress.clone(),
            clock: Arc::clone(&common.clock),
            config: Arc::clone(&config),
            store: common.store.clone(),
        };
        Ok((Self { tasks, keep: config.store.keep, config }, parts))
    }
}

/// The tenants of a configuration, to be asked by a command beside the daemon: nothing polls, nothing is sent.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub fn tenants_beside(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
    sleeper: Arc<dyn Sleeper>,
) -> anyhow::Result<Vec<Tenant>> {
    let common = Common {
        store,
        clock,
        sleeper,
        metrics: Arc::new(Metrics::new().context("metrics")?),
        progress: Progress::default(),
        delivery: DeliveryStatus::default(),
        limits: graph::Limits::default(),
        replica: Uuid::new_v4(),
    };
    let clients = clients(&common, config)?;
    let setup = mail_setup(config, mailer(config, &clients)?.as_deref());
    Ok(tenants(&common, config, &clients, setup).0)
}

/// One client a tenant: whoever asks as its application shares its tokens.
fn clients(common: &Common, config: &Config) -> anyhow::Result<Vec<graph::Client>> {
    let context = graph::Context {
        clock: Arc::clone(&common.clock),
        sleeper: Arc::clone(&common.sleeper),
        metrics: Arc::clone(&common.metrics),
        progress: common.progress.clone(),
        http: graph::http_client(&config.authorities)?,
    };
    let client = |tenant: &TenantConfig| graph::Client::with_limits(tenant, context.clone(), common.limits);
    Ok(config.tenants.iter().map(client).collect())
}

/// One task a tenant, and the place its snapshots are put.
fn tenants(
    common: &Common,
    config: &Config,
    clients: &[graph::Client],
    mail: Option<Arc<MailSetup>>,
) -> (Vec<Tenant>, Snapshots) {
    let snapshots =
        Snapshots::new(config.tenants.iter().map(|tenant| Snapshot::unseen(TenantLabel::of(tenant), tenant.blind_after)));
    let shared = Shared {
        store: common.store.clone(),
        clock: Arc::clone(&common.clock),
        sleeper: Arc::clone(&common.sleeper),
        metrics: Arc::clone(&common.metrics),
        progress: common.progress.clone(),
        snapshots: snapshots.clone(),
        rules: Arc::new(config.policy.clone()),
        mail,
        keep: config.store.keep,
        turns: Turns::default(),
    };
    let task = |(index, (tenant, client)): (usize, (&TenantConfig, &graph::Client))| {
        Tenant::new(shared.clone(), index, tenant.clone(), client.clone())
    };
    (config.tenants.iter().zip(clients).enumerate().map(task).collect(), snapshots)
}

/// What takes the mails, where there is a `[mail]`.
fn mailer(config: &Config, clients: &[graph::Client]) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let identity = |name: &str| clients.iter().find(|client| client.label() == name).map(graph::Client::for_mails);
    config.mail.as_ref().map(|mail| crate::mail::mailer(&mail.transport, identity)).transpose()
}

/// What words the mails, where there is a `[mail]`.
fn mail_setup(config: &Config, mailer: Option<&dyn Mailer>) -> Option<Arc<MailSetup>> {
    let (mail, mailer) = (config.mail.as_ref()?, mailer?);
    Some(Arc::new(MailSetup {
        renderer: Renderer::new(mail.from.clone(), config.policy.digest.timezone, config.http.public_url.clone()),
        transport: mailer.kind(),
        max_per_hour: mail.max_per_hour,
    }))
}

/// SIGHUP: validate, drain, rebuild, swap. A bad new configuration is reported, and the old one stays in force.
async fn follow_signals(
    common: Common,
    shutdown: Shutdown,
    mut generation: Generation,
    state: WebState,
    reload: Reload,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut signals = reload_signals().context("signals cannot be caught")?;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            Some(_) = signals.next() => {}
        }
        let config = match reload() {
            Ok(config) => config,
            Err(problems) => {
                tracing::error!("the new configuration cannot be used, and the old one stays in force:\n{problems}");
                continue;
            }
        };
        warn_of_restart(&generation.config, &config);
        generation.tasks.end().await;
        match Generation::start(&common, &shutdown, config) {
            Ok((next, parts)) => {
                state.replace(parts);
                generation = next;
                tracing::info!("the new configuration is in force");
            }
            Err(error) => {
                let (next, parts) = Generation::start(&common, &shutdown, (*generation.config).clone())?;
                state.replace(parts);
                generation = next;
                tracing::error!(
                    error = format!("{error:#}"),
                    "the new configuration cannot be used, and the old one stays in force"
                );
            }
        }
    }
}

/// Three things are made once in the life of the process.
fn warn_of_restart(old: &Config, new: &Config) {
    use secrecy::ExposeSecret as _;
    let changed = [
        ("store.url", old.store.url.expose_secret() != new.store.url.expose_secret()),
        ("http.listen", old.http.listen != new.http.listen),
        ("log", old.log != new.log),
    ];
    for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
        tracing::warn!("{key} has changed and needs a restart; the old value stays in force");
    }
}

/// Keeps systemd's watchdog content, and says when the end begins.
async fn watch(common: Common, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => systemd::stopping(),
        () = systemd::watchdog(common.progress, &*common.sleeper) => {}
    }
}

/// Removes what is older than `store.keep`, at start and once a day.
async fn prune(common: Common, keep: TimeDelta, stop: CancellationToken) {
    let mut next: UtcTime = common.clock.now();
    while !stop.is_cancelled() {
        let now = common.clock.now();
        next = next.min(now + PRUNE_EVERY);
        if next <= now {
            if let Err(error) = common.store.prune(now, keep).await {
                tracing::warn!(%error, "old history could not be removed");
            }
            next = now + PRUNE_EVERY;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = common.sleeper.sleep(common.clock.wait_for(next)) => {}
        }
    }
}
