//! HTTP: the status page, the API, the metrics and the health of the daemon. Read only.
//!
//! Credentials and tenants are written from the immutable snapshots, so that no page and no scrape ever waits for a poll. [`router`] says what is where, [`serve()`] puts it on a socket.

mod answer;
mod api;
mod assets;
mod auth;
mod csv;
mod cursor;
mod filter;
mod headers;
pub mod health;
mod mail_query;
mod pages;
mod places;
mod probes;
mod problem;
mod row;
mod scrape;
mod select;
mod serve;
mod templates;
mod tls;
mod words;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

pub use serve::serve;

use crate::clock::{Clock, UtcTime};
use crate::config::Config;
use crate::metrics::{Exposition, Metrics};
use crate::outbox::status::DeliveryStatus;
use crate::progress::Progress;
use crate::snapshot::{Snapshot, Snapshots};
use crate::store::Store;
use auth::Guard;
use templates::Templates;
use tls::Tls;

/// Longer than any answer takes, the exposition of a very large tenant included.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Nothing here reads a body.
const LARGEST_BODY: usize = 1024;

/// What the pages are written from. A new configuration brings new parts.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The tenants.
    pub snapshots: Snapshots,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// How delivery goes.
    pub delivery: DeliveryStatus,
    /// Which tasks live.
    pub progress: Progress,
    /// Policy time.
    pub clock: Arc<dyn Clock>,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// What was told, and whether the store can be reached.
    pub store: Store,
}

/// What every handler is given. Clones are the same.
#[derive(Clone, Debug)]
pub struct WebState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: ArcSwap<Parts>,
    exposition: Exposition,
    templates: Templates,
    guard: Guard,
    tls: Tls,
}

impl WebState {
    /// Prepares the templates.
    ///
    /// # Errors
    /// When a template is not one, a mistake that a test finds; when the system has no random numbers.
    pub fn new(parts: Parts) -> anyhow::Result<Self> {
        let shared = Shared {
            parts: ArcSwap::from_pointee(parts),
            exposition: Exposition::default(),
            templates: Templates::new().context("the page's templates")?,
            guard: Guard::new().context("the system gives no random numbers")?,
            tls: Tls::default(),
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Puts new parts in place of the old ones, without closing a connection.
    pub fn replace(&self, parts: Parts) {
        self.0.parts.store(Arc::new(parts));
    }

    fn parts(&self) -> Arc<Parts> {
        self.0.parts.load_full()
    }

    fn exposition(&self) -> &Exposition {
        &self.0.exposition
    }

    fn templates(&self) -> &Templates {
        &self.0.templates
    }

    fn guard(&self) -> &Guard {
        &self.0.guard
    }

    fn tls(&self) -> &Tls {
        &self.0.tls
    }
}

impl Parts {
    fn now(&self) -> UtcTime {
        self.clock.now()
    }

    fn tenants(&self) -> Vec<Arc<Snapshot>> {
        self.snapshots.all()
    }
}

/// Everything that is served, with its limits.
fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(pages::status::show))
        .route("/apps/{tenant}/{object_id}", get(pages::app::show))
        .route("/notifications", get(pages::notifications::list))
        .route("/notifications/{id}", get(pages::notifications::show))
        .route("/notifications/{id}/mail", get(pages::notifications::body))
        .route("/silences", get(pages::silences::show))
        .route("/about", get(pages::about::show))
        .route("/metrics", get(scrape::metrics))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/api/v1/health", get(probes::health))
        .route("/api/v1/credentials", get(api::credentials))
        .route("/api/v1/tenants", get(api::tenants))
        .route("/api/v1/notifications", get(api::notifications))
        .route("/assets/{name}", get(assets::serve))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .with_state(state.clone())
        .layer(from_fn_with_state(state.clone(), auth::guard))
        .layer(from_fn(answer::conditional))
        .layer(CompressionLayer::new())
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, ANSWER_WITHIN))
        .layer(from_fn_with_state(state, problem::dress))
        .layer(map_response(headers::protect))
}
