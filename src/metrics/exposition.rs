//! The body of `/metrics`.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use prometheus::TextEncoder;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::Metrics;
use super::counts::{Counts, push_decisions};
use super::deflate::{Piece, gzip};
use super::family::{
    BUILD_INFO, CREDENTIALS, DECISIONS, ENDING, LAST_SUCCESS, LEASE_HELD, OBJECTS, OBJECTS_EXCLUDED, OUTBOX_OLDEST,
    OUTBOX_PENDING, OWN_CREDENTIAL,
};
use super::series::{FAMILIES, Series};
use super::text::{Line, push_header};
use crate::clock::UtcTime;
use crate::config::Config;
use crate::outbox::status::DeliveryState;
use crate::own::{Home, OwnApplication};
use crate::snapshot::Snapshot;

/// More series than this are worth a warning: most Prometheus servers feel them.
const MANY_SERIES: usize = 50_000;

/// Writes the exposition, and keeps what is dear to write.
#[derive(Default)]
pub struct Exposition {
    // An async lock: scrapes that come while the series are written wait for them without holding a thread. Nobody else takes it.
    kept: Mutex<Vec<Kept>>,
}

/// What is kept of one tenant.
struct Kept {
    snapshot: Arc<Snapshot>,
    counts: Arc<Counts>,
    series: Arc<Series>,
}

/// What a scrape is written from.
#[derive(Debug, Clone)]
pub struct Sources<'a> {
    /// The tenants.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// The counters.
    pub metrics: &'a Metrics,
    /// How delivery goes.
    pub delivery: Arc<DeliveryState>,
    /// The configuration: `metrics.credentials`, and the thresholds that make a credential expiring.
    pub config: &'a Arc<Config>,
    /// The time of the scrape.
    pub now: UtcTime,
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

impl Exposition {
    /// Writes everything as of now.
    ///
    /// # Errors
    /// When the registry or the compressor refuses, which a bug alone can bring about.
    pub async fn render(&self, sources: Sources<'_>) -> io::Result<Rendered> {
        let mut kept = self.kept.lock().await;
        kept.truncate(sources.snapshots.len());
        for (index, snapshot) in sources.snapshots.iter().enumerate() {
            let old = kept.get(index);
            let series = old.filter(|old| old.series.is_current(snapshot, sources.config.metrics.credentials, sources.now));
            if series.is_some_and(|old| Arc::ptr_eq(&old.snapshot, snapshot)) {
                continue;
            }
            let series = series.map(|old| Arc::clone(&old.series));
            let fresh = refresh(Arc::clone(snapshot), series, Arc::clone(sources.config), sources.now).await?;
            warn_of_many(kept.get(index), &fresh);
            match kept.get_mut(index) {
                Some(old) => *old = fresh,
                None => kept.push(fresh),
            }
        }
        let tenants: Vec<_> = kept.iter().map(|kept| (Arc::clone(&kept.counts), Arc::clone(&kept.series))).collect();
        drop(kept);
        assemble(&sources, &tenants)
    }
}

async fn refresh(snapshot: Arc<Snapshot>, series: Option<Arc<Series>>, config: Arc<Config>, now: UtcTime) -> io::Result<Kept> {
    let work = move || {
        let counts = Arc::new(Counts::of(&snapshot, &config));
        let series = match series {
            Some(series) => series,
            None => Arc::new(Series::write(&snapshot, config.metrics.credentials, &config.policy.alerts, now)?),
        };
        Ok(Kept { snapshot, counts, series })
    };
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Said when it begins, not at each change.
fn warn_of_many(old: Option<&Kept>, fresh: &Kept) {
    if fresh.series.count > MANY_SERIES && old.is_none_or(|old| old.series.count <= MANY_SERIES) {
        tracing::warn!(
            tenant = %fresh.snapshot.tenant.name,
            series = fresh.series.count,
            bytes = fresh.series.size(),
            "the credentials of this tenant make {} series in /metrics; metrics.credentials = \"expiring\" makes fewer, \"none\" leaves the counts only",
            fresh.series.count
        );
    }
}

fn assemble(sources: &Sources<'_>, tenants: &[(Arc<Counts>, Arc<Series>)]) -> io::Result<Rendered> {
    let mut parts = Vec::new();
    for (index, family) in FAMILIES.iter().enumerate() {
        let mut head = String::new();
        push_header(&mut head, family);
        parts.push(Part::Fresh(Piece::of(&head)?));
        parts.extend(tenants.iter().map(|(_, series)| Part::Kept(Arc::clone(series), index)));
    }
    let mut text = String::new();
    push_small_families(&mut text, sources, tenants);
    push_registry(&mut text, sources.metrics)?;
    parts.push(Part::Fresh(Piece::of(&text)?));
    Ok(Rendered { parts })
}

/// What is written anew at each scrape.
fn push_small_families(out: &mut String, sources: &Sources<'_>, tenants: &[(Arc<Counts>, Arc<Series>)]) {
    for family in [&CREDENTIALS, &ENDING, &OBJECTS, &OBJECTS_EXCLUDED] {
        push_header(out, family);
        for (snapshot, (counts, _)) in sources.snapshots.iter().zip(tenants) {
            counts.push(out, family, &snapshot.tenant.name, sources.now);
        }
    }
    push_header(out, &LAST_SUCCESS);
    for snapshot in &sources.snapshots {
        if let Some(at) = snapshot.state.polls.last_complete {
            Line::new(out, &LAST_SUCCESS.name).label("tenant", &snapshot.tenant.name).value(at.timestamp());
        }
    }
    push_header(out, &LEASE_HELD);
    for snapshot in &sources.snapshots {
        let held = i64::from(snapshot.is_on_duty);
        Line::new(out, &LEASE_HELD.name).label("tenant", &snapshot.tenant.name).value(held);
    }
    push_header(out, &OWN_CREDENTIAL);
    for snapshot in &sources.snapshots {
        if let Some(end) = own_end(snapshot, &sources.snapshots) {
            Line::new(out, &OWN_CREDENTIAL.name).label("tenant", &snapshot.tenant.name).value(end.timestamp());
        }
    }
    push_header(out, &DECISIONS);
    push_decisions(out, &tenants.iter().map(|(counts, _)| counts.as_ref()).collect::<Vec<_>>());
    push_header(out, &OUTBOX_PENDING);
    Line::new(out, &OUTBOX_PENDING.name).value(sources.delivery.pending);
    push_header(out, &OUTBOX_OLDEST);
    if let Some(at) = sources.delivery.oldest {
        Line::new(out, &OUTBOX_OLDEST.name).value(at.timestamp());
    }
    push_header(out, &BUILD_INFO);
    Line::new(out, &BUILD_INFO.name).label("version", crate::VERSION).label("commit", crate::COMMIT).value(1);
}

/// When the credential ends that the watcher signs in to a tenant with, as far as it can be told from others. Where its application is
/// registered in another tenant that is watched, it is seen there.
fn own_end(snapshot: &Snapshot, all: &[Arc<Snapshot>]) -> Option<UtcTime> {
    let own = snapshot.state.own.as_ref()?;
    let home = |other: &&OwnApplication| other.home == Home::Here && other.client_id == own.client_id;
    let seen = if own.is_homeless() { all.iter().filter_map(|other| other.state.own.as_ref()).find(home)? } else { own };
    seen.in_use()?.not_after
}

/// The counters, and the headers of those that have no series yet.
fn push_registry(out: &mut String, metrics: &Metrics) -> io::Result<()> {
    let gathered = metrics.gather();
    TextEncoder::new().encode_utf8(&gathered, out).map_err(io::Error::other)?;
    for family in metrics.families().iter().filter(|family| gathered.iter().all(|one| one.name() != family.name)) {
        push_header(out, family);
    }
    Ok(())
}

/// A body, ready to be sent compressed or plain.
#[derive(Debug)]
pub struct Rendered {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Fresh(Piece),
    Kept(Arc<Series>, usize),
}

impl Part {
    fn piece(&self) -> Option<&Piece> {
        match self {
            Self::Fresh(piece) => Some(piece),
            Self::Kept(series, index) => series.pieces.get(*index),
        }
    }
}

impl Rendered {
    /// One gzip stream, in blocks.
    #[must_use]
    pub fn gzip(&self) -> Vec<Bytes> {
        gzip(self.parts.iter().filter_map(Part::piece))
    }

    /// The text, in blocks.
    pub fn text(self) -> impl Iterator<Item = io::Result<Bytes>> + Send {
        self.parts.into_iter().flat_map(|part| part.piece().map(Piece::inflate).into_iter().flatten())
    }
}
