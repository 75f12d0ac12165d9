//! `/`: does the watcher see everything, and what ends next.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;

use super::chart::Chart;
use super::filters::Form;
use super::list::{List, Tally};
use super::tenants::{Mail, Tenant};
use super::{Moment, render};
use crate::web::filter::Query;
use crate::web::health;
use crate::web::problem::Problem;
use crate::web::select::Selection;
use crate::web::{WebState, words};

/// More tenants than this are folded away when all is well with them.
const FEW_TENANTS: usize = 8;

#[derive(Debug, Serialize)]
struct Page {
    now: Moment,
    troubles: Vec<Trouble>,
    tenants: Vec<Tenant>,
    folded: usize,
    mail: Mail,
    tally: Tally,
    form: Form,
    chart: Option<Chart>,
    list: List,
}

/// What keeps the watcher from seeing or telling.
#[derive(Debug, Serialize)]
struct Trouble {
    tenant: Option<String>,
    text: String,
}

impl Trouble {
    fn of(problem: &health::Problem) -> Self {
        let text = if problem.tenant.is_some() { format!("{}.", problem.headline) } else { words::sentence(&problem.headline) };
        Self { tenant: problem.tenant.clone(), text }
    }
}

/// Writes the page.
pub(in crate::web) async fn show(State(state): State<WebState>, RawQuery(raw): RawQuery) -> Response {
    let parts = state.parts();
    let (tenants, now) = (parts.tenants(), parts.now());
    let names: Vec<_> = tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
    let query = match Query::parse(raw.as_deref(), &names) {
        Ok(query) => query,
        Err(complaints) => return Problem::parameters(complaints).page(&state),
    };
    let delivery = parts.delivery.get();
    let health = health::judge(&tenants, &delivery, now);
    let mut views: Vec<_> = tenants.iter().map(|tenant| Tenant::of(tenant, now)).collect();
    views.sort_by_key(|tenant| tenant.seen);
    let folded = if views.len() > FEW_TENANTS { views.iter().filter(|tenant| tenant.seen).count() } else { 0 };
    let form = Form::of(&query, &names);
    let as_of = query.as_of(now);
    let everything =
        Selection { config: Arc::clone(&parts.config), tenants: tenants.clone(), query: Query::default(), as_of: now };
    let tally = Tally::of(&everything, &query);
    let selection = Selection { config: Arc::clone(&parts.config), tenants: tenants.clone(), query, as_of };
    let page = Page {
        now: Moment { iso: now.to_rfc3339(), text: words::instant(now), distance: String::new() },
        mail: Mail::of(&delivery, &health, now),
        troubles: health.problems.iter().map(Trouble::of).collect(),
        tenants: views,
        folded,
        tally,
        form,
        chart: Chart::of(selection.rows(), now),
        list: List::of(&selection, now),
    };
    render(&state, "status.html", page)
}
