//! `/silences`: what somebody asked not to be told about.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::{Moment, render};
use crate::clock::UtcTime;
use crate::inventory::Subject;
use crate::policy::{Silence, SilenceScope};
use crate::snapshot::Snapshot;
use crate::web::WebState;
use crate::web::problem::Problem;

#[derive(Debug, Serialize)]
struct Page {
    now: Moment,
    lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: String,
    tenant: Option<String>,
    scope: &'static str,
    value: String,
    until: Moment,
    created: Moment,
    reason: String,
    author: String,
    /// Watched credentials that it covers now.
    covers: usize,
}

impl Line {
    fn of(silence: &Silence, tenants: &[Arc<Snapshot>], now: UtcTime) -> Self {
        let (scope, value) = match &silence.scope {
            SilenceScope::App(id) => ("application", id),
            SilenceScope::Credential(id) => ("credential", id),
            SilenceScope::Name(glob) => ("applications named", glob),
        };
        let known = |id: &String| tenants.iter().find(|tenant| tenant.tenant.id == *id).map(|tenant| tenant.tenant.name.clone());
        Self {
            id: silence.id.clone(),
            tenant: silence.tenant.as_ref().map(|id| known(id).unwrap_or_else(|| id.clone())),
            scope,
            value: value.clone(),
            until: Moment::of(silence.until, now),
            created: Moment::of(silence.created_at, now),
            reason: silence.reason.clone(),
            author: silence.author.clone(),
            covers: tenants.iter().map(|tenant| covered(silence, tenant, now)).sum(),
        }
    }
}

fn covered(silence: &Silence, snapshot: &Snapshot, now: UtcTime) -> usize {
    let watched = snapshot.standings.iter().filter(|standing| standing.excluded.is_none());
    watched
        .filter(|standing| {
            let subject = Subject {
                tenant: &snapshot.tenant.name,
                tenant_id: &snapshot.tenant.id,
                object: &standing.object.object,
                kind: Some(standing.credential.kind),
            };
            silence.covers(subject, &standing.credential.key_id, now)
        })
        .count()
}

/// Writes the page.
pub(in crate::web) async fn show(State(state): State<WebState>) -> Response {
    let parts = state.parts();
    let (tenants, now) = (parts.tenants(), parts.now());
    match parts.store.silences(now).await {
        Ok(silences) => {
            let lines = silences.iter().map(|silence| Line::of(silence, &tenants, now)).collect();
            render(&state, "silences.html", Page { now: Moment::of(now, now), lines })
        }
        Err(error) => Problem::internal(&error).page(&state),
    }
}
