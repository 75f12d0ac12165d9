//! One tenant's task, and with it the product on a page: poll, evaluate, confirm, tell.
//!
//! Each `*_once` is a step that ends; [`Tenant::run`] is steps and sleeps and nothing else, and tests call the steps themselves. Memory
//! ([`Model`]) is replaced only after a commit; a commit that meets somebody else's is a conflict: reload, decide again.

mod confirm;
mod delta;
mod drift;
mod evaluate;
mod explain;
mod foresee;
mod identity;
mod mode;
mod own;
mod poll;
mod report;
mod standby;
mod survey;
mod tell;

pub use explain::{Explained, Explanation};
pub use foresee::{Foreseen, Foresight};

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Sleeper, UtcTime};
use crate::config::TenantConfig;
use crate::duty::Duty;
use crate::graph;
use crate::inventory::Inventory;
use crate::mail::render::Renderer;
use crate::metrics::Metrics;
use crate::policy::{Rules, TransportKind};
use crate::progress::{Progress, tenant_task};
use crate::schedule::{Agenda, Due};
use crate::snapshot::{Snapshots, TenantLabel};
use crate::state::TenantState;
use crate::store::{self, Store};
use crate::turns::Turns;

/// How often a step that met somebody else's commit is decided again before it is left for the next time.
const CONFLICTS: u32 = 5;

/// What every tenant's task shares.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The truth.
    pub store: Store,
    /// Policy time.
    pub clock: Arc<dyn Clock>,
    /// Machine sleeps.
    pub sleeper: Arc<dyn Sleeper>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Signs of life.
    pub progress: Progress,
    /// What pages and metrics read.
    pub snapshots: Snapshots,
    /// Who is told what when.
    pub rules: Arc<Rules>,
    /// How mails are worded and what kind of transport takes them; `None` without `[mail]`.
    pub mail: Option<Arc<MailSetup>>,
    /// How long tombstones and history are kept.
    pub keep: chrono::TimeDelta,
    /// How many tenants are polled at once.
    pub turns: Turns,
}

/// What an evaluation needs to know of `[mail]`.
#[derive(Debug)]
pub struct MailSetup {
    /// Words and looks.
    pub renderer: Renderer,
    /// What takes the mails.
    pub transport: TransportKind,
    /// The breaker.
    pub max_per_hour: u32,
}

/// A tenant as stored.
#[derive(Debug)]
struct Model {
    version: i64,
    state: TenantState,
    inventory: Inventory,
}

/// The task of one tenant.
#[derive(Debug)]
pub struct Tenant {
    shared: Shared,
    /// Its place among the snapshots.
    index: usize,
    config: TenantConfig,
    fallback: Vec<String>,
    label: Arc<TenantLabel>,
    graph: graph::Client,
    model: Option<Model>,
    agenda: Agenda,
    /// When EntraWatch's own application is read again; `None`: as soon as possible.
    next_own: Option<UtcTime>,
    /// Whether another process works on the tenant, and this one only shows it.
    stands_by: bool,
}

impl Tenant {
    /// A tenant that has not been loaded yet.
    #[must_use]
    pub fn new(shared: Shared, index: usize, config: TenantConfig, graph: graph::Client) -> Self {
        let fallback = config.recipients.clone().unwrap_or_else(|| shared.rules.recipients.fallback.clone());
        let label = Arc::new(TenantLabel::of(&config));
        let agenda = Agenda::new(shared.clock.now(), config.poll_interval);
        Self { shared, index, config, fallback, label, graph, model: None, agenda, next_own: None, stands_by: false }
    }

    /// Steps and sleeps, until `stop`; where the tenant is another process's duty, it stands by. A step may be cut off anywhere: what the store has is
    /// whole.
    pub async fn run(mut self, mut duty: Duty, stop: CancellationToken) {
        let task = tenant_task(&self.label.name);
        self.stands_by = !duty.is_on();
        while !stop.is_cancelled() {
            self.shared.progress.beat(&task);
            self.take_turn(!duty.is_on());
            tokio::select! {
                () = stop.cancelled() => {}
                () = duty.changed() => {}
                () = self.step_and_sleep() => {}
            }
        }
        self.shared.progress.retire(&task);
    }

    /// Works from now on, or stands by. Whoever begins to work polls at once: how far the other came is not known.
    fn take_turn(&mut self, stands_by: bool) {
        if self.stands_by != stands_by {
            self.stands_by = stands_by;
            self.agenda = Agenda::new(self.shared.clock.now(), self.config.poll_interval);
            tracing::info!(tenant = %self.label.name, "{}", if stands_by { "another process works on the tenant" } else { "working on the tenant" });
        }
    }

    async fn step_and_sleep(&mut self) {
        let at = if self.stands_by { self.stand_by_once().await } else { self.step().await };
        let wait = self.shared.clock.wait_for(at);
        self.shared.sleeper.sleep(wait).await;
    }

    /// Does what is due; when to look again.
    pub async fn step(&mut self) -> UtcTime {
        if self.has_changed_outside().await {
            self.agenda.evaluate_now(self.shared.clock.now());
        }
        match self.agenda.due(self.shared.clock.now()) {
            Due::Poll => {
                self.poll_once().await;
                self.evaluate_once().await;
                self.report_once().await;
            }
            Due::Evaluation => {
                self.evaluate_once().await;
                self.report_once().await;
            }
            Due::Nothing(_) => {}
        }
        match self.agenda.due(self.shared.clock.now()) {
            Due::Nothing(at) => at,
            Due::Poll | Due::Evaluation => self.shared.clock.now(),
        }
    }

    /// Whether somebody else (a `silence` command) has written since the last commit of ours.
    async fn has_changed_outside(&self) -> bool {
        let Some(model) = &self.model else { return false };
        self.shared.store.version(&self.label.id).await.is_ok_and(|version| version != model.version)
    }

    /// Loads the stored tenant, where that has not been done, or anew after a conflict.
    async fn load(&mut self) -> Result<(), store::Error> {
        let record = self.shared.store.tenant(&self.label.id, &self.label.name).await?;
        self.model = Some(Model { version: record.version, state: record.state, inventory: Inventory::new(record.objects) });
        Ok(())
    }
}
