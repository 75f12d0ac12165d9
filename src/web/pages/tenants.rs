//! Whether the watcher sees everything: one line a tenant, and one for the mails.

use serde::Serialize;
use strum::IntoEnumIterator as _;

use super::Moment;
use crate::clock::UtcTime;
use crate::inventory::{Exclusion, ObjectKind};
use crate::outbox::status::DeliveryState;
use crate::snapshot::Snapshot;
use crate::web::filter::Query;
use crate::web::health::{self, Health};
use crate::web::words;

/// One tenant.
#[derive(Debug, Serialize)]
pub(super) struct Tenant {
    name: String,
    id: String,
    /// Whether a complete poll is recent enough.
    pub(super) seen: bool,
    /// Why it is not seen, or the trouble of the last poll.
    trouble: Option<String>,
    last_complete: Option<Moment>,
    next: Option<Moment>,
    applications: usize,
    service_principals: usize,
    watched: usize,
    left_out: Vec<LeftOut>,
    undecodable: Vec<String>,
    address: String,
}

/// How many credentials are left out for one reason.
#[derive(Debug, Serialize)]
struct LeftOut {
    number: usize,
    reason: &'static str,
    address: String,
}

impl Tenant {
    pub(super) fn of(snapshot: &Snapshot, now: UtcTime) -> Self {
        let polls = &snapshot.state.polls;
        let blind = health::blind(snapshot, now);
        let objects = |kind| snapshot.inventory.living().filter(|tracked| tracked.object.key.kind == kind).count();
        let name = &snapshot.tenant.name;
        let left_out: Vec<_> = Exclusion::iter()
            .map(|exclusion| {
                let number = snapshot.standings.iter().filter(|standing| standing.excluded == Some(exclusion)).count();
                let changes = [("tenant", name.as_str()), ("excluded", "true"), ("reason", exclusion.into())];
                LeftOut { number, reason: words::excluded(exclusion), address: Query::default().address(&changes) }
            })
            .filter(|left_out| left_out.number > 0)
            .collect();
        Self {
            name: name.clone(),
            id: snapshot.tenant.id.clone(),
            seen: blind.is_none(),
            trouble: match blind {
                Some(_) => Some(health::cause(snapshot)),
                None => polls.error.as_ref().map(|_| health::cause(snapshot)),
            },
            last_complete: polls.last_complete.map(|at| Moment::of(at, now)),
            next: snapshot.next_poll.map(|at| Moment::of(at, now)),
            applications: objects(ObjectKind::Application),
            service_principals: objects(ObjectKind::ServicePrincipal),
            watched: snapshot.standings.len() - left_out.iter().map(|left_out| left_out.number).sum::<usize>(),
            left_out,
            undecodable: polls.undecodable.clone(),
            address: Query::default().address(&[("tenant", name)]),
        }
    }
}

/// How mails leave.
#[derive(Debug, Serialize)]
pub(super) struct Mail {
    configured: bool,
    trouble: Option<String>,
    last_accepted: Option<Moment>,
    pending: i64,
    oldest: Option<Moment>,
}

impl Mail {
    pub(super) fn of(delivery: &DeliveryState, health: &Health, now: UtcTime) -> Self {
        let trouble = health.problems.iter().find(|problem| problem.tenant.is_none()).map(|problem| problem.why.clone());
        Self {
            configured: delivery.configured,
            trouble: trouble.or_else(|| delivery.failing_since.and(delivery.last_error.clone())),
            last_accepted: delivery.last_accepted.map(|at| Moment::of(at, now)),
            pending: delivery.pending,
            oldest: delivery.oldest.map(|at| Moment::of(at, now)),
        }
    }
}
