//! `/api/v1/credentials`, `/api/v1/tenants`, `/api/v1/notifications`: the lists, for programs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use serde::Serialize;
use uuid::Uuid;

use super::filter::{Format, PAGE, Query};
use super::mail_query::MailQuery;
use super::problem::Problem;
use super::row::Row;
use super::select::Selection;
use super::{WebState, answer, csv, health};
use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, ObjectKind, Posture, Severity, State as Life};
use crate::policy::{Notice, Reason};
use crate::snapshot::Snapshot;
use crate::state::PollOutcome;
use crate::store::Error;

/// A credential, in JSON and CSV.
#[derive(Debug, Serialize)]
pub(super) struct Item<'a> {
    tenant: &'a str,
    object_kind: ObjectKind,
    object_id: &'a str,
    app_id: Option<&'a str>,
    app_name: &'a str,
    kind: CredentialKind,
    key_id: &'a str,
    name: Option<&'a str>,
    not_before: Option<UtcTime>,
    not_after: Option<UtcTime>,
    state: Life,
    posture: Posture,
    last_one: bool,
    severity: Severity,
    notice: Option<Notice>,
    reason: Reason,
}

impl<'a> Item<'a> {
    pub(super) fn of(row: &Row<'a>) -> Self {
        let (object, credential) = (row.object(), row.credential());
        Self {
            tenant: &row.tenant.name,
            object_kind: object.key.kind,
            object_id: &object.key.id,
            app_id: object.app_id.as_deref(),
            app_name: &object.display_name,
            kind: credential.kind,
            key_id: &credential.key_id,
            name: credential.name.as_deref(),
            not_before: credential.not_before,
            not_after: credential.not_after,
            state: row.state,
            posture: row.standing.posture,
            last_one: row.standing.last_one,
            severity: row.severity,
            notice: row.decision.notice,
            reason: row.decision.reason,
        }
    }
}

/// `/api/v1/credentials`
pub(super) async fn credentials(State(state): State<WebState>, RawQuery(raw): RawQuery) -> Response {
    let parts = state.parts();
    let tenants = parts.tenants();
    let names: Vec<_> = tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
    let query = match Query::parse(raw.as_deref(), &names) {
        Ok(query) => query,
        Err(complaints) => return Problem::parameters(complaints).into_response(),
    };
    let as_of = query.as_of(parts.now());
    let list = Selection { config: Arc::clone(&parts.config), tenants, query, as_of };
    match list.query.format {
        Format::Json => {
            let page = list.page(list.query.after(), list.query.limit.unwrap_or(PAGE));
            let next = page.next.map(|after| list.query.cursor_after(as_of, Some(after)).encode());
            answer::list(page.rows.iter().map(Item::of), next)
        }
        Format::Csv => csv::answer(list),
    }
}

impl Item<'_> {
    /// The cells of its line in a table, in the order of the fields.
    pub(super) fn cells(&self) -> [Cow<'_, str>; 16] {
        let time = |at: Option<UtcTime>| at.map_or(Cow::Borrowed(""), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true).into());
        [
            self.tenant.into(),
            <&str>::from(self.object_kind).into(),
            self.object_id.into(),
            self.app_id.unwrap_or_default().into(),
            self.app_name.into(),
            <&str>::from(self.kind).into(),
            self.key_id.into(),
            self.name.unwrap_or_default().into(),
            time(self.not_before),
            time(self.not_after),
            <&str>::from(self.state).into(),
            <&str>::from(self.posture).into(),
            self.last_one.to_string().into(),
            <&str>::from(self.severity).into(),
            self.notice.map_or("", Into::into).into(),
            <&str>::from(self.reason).into(),
        ]
    }
}

/// How a tenant is seen.
#[derive(Debug, Serialize)]
struct Sight<'a> {
    tenant: &'a str,
    tenant_id: &'a str,
    cloud: &'static str,
    seen: bool,
    why: Option<String>,
    last_complete_poll: Option<UtcTime>,
    last_poll: Option<UtcTime>,
    last_outcome: Option<PollOutcome>,
    error: Option<&'a str>,
    next_poll: Option<UtcTime>,
    blind_after_seconds: i64,
    objects: BTreeMap<&'static str, usize>,
    credentials: usize,
    excluded: BTreeMap<&'static str, usize>,
    undecodable: &'a [String],
}

impl<'a> Sight<'a> {
    fn of(snapshot: &'a Snapshot, now: UtcTime) -> Self {
        let blind = health::blind(snapshot, now);
        let polls = &snapshot.state.polls;
        let mut objects = BTreeMap::new();
        for tracked in snapshot.inventory.living() {
            *objects.entry(tracked.object.key.kind.into()).or_default() += 1;
        }
        let mut excluded = BTreeMap::new();
        for exclusion in snapshot.standings.iter().filter_map(|standing| standing.excluded) {
            *excluded.entry(<&str>::from(exclusion)).or_default() += 1;
        }
        let left_out: usize = excluded.values().sum();
        Self {
            tenant: &snapshot.tenant.name,
            tenant_id: &snapshot.tenant.id,
            cloud: snapshot.tenant.cloud.into(),
            seen: blind.is_none(),
            why: blind.map(|problem| problem.why),
            last_complete_poll: polls.last_complete,
            last_poll: polls.last_attempt,
            last_outcome: polls.outcome,
            error: polls.error.as_deref(),
            next_poll: snapshot.next_poll,
            blind_after_seconds: snapshot.blind_after.num_seconds(),
            objects,
            credentials: snapshot.standings.len() - left_out,
            excluded,
            undecodable: &polls.undecodable,
        }
    }
}

/// `/api/v1/tenants`
pub(super) async fn tenants(State(state): State<WebState>) -> Response {
    let parts = state.parts();
    let (tenants, now) = (parts.tenants(), parts.now());
    answer::list(tenants.iter().map(|tenant| Sight::of(tenant, now)), None)
}

/// A mail and what became of it.
#[derive(Debug, Serialize)]
struct Mail<'a> {
    id: Uuid,
    tenant: &'a str,
    recipient: &'a str,
    subject: &'a str,
    severity: Severity,
    items: i64,
    state: &'static str,
    created_at: UtcTime,
    attempts: i64,
    next_attempt_at: Option<UtcTime>,
    settled_at: Option<UtcTime>,
    answer: Option<&'a str>,
    transport: Option<&'static str>,
}

/// `/api/v1/notifications`
pub(super) async fn notifications(State(state): State<WebState>, RawQuery(raw): RawQuery) -> Response {
    let parts = state.parts();
    let tenants = parts.tenants();
    let names: Vec<_> = tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
    let query = match MailQuery::parse(raw.as_deref(), &names) {
        Ok(query) => query,
        Err(complaints) => return Problem::parameters(complaints).into_response(),
    };
    let found = match parts.store.notifications_like(&query.filter(&tenants), query.cursor.as_deref(), query.limit()).await {
        Ok(found) => found,
        Err(Error::Cursor) => return Problem::parameters(vec![MailQuery::wrong_cursor()]).into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let items = found.items.iter().map(|mail| Mail {
        id: mail.id,
        tenant: tenants.iter().find(|one| one.tenant.id == mail.tenant).map_or(&mail.tenant, |one| &one.tenant.name),
        recipient: &mail.recipient,
        subject: &mail.subject,
        severity: mail.severity,
        items: mail.items,
        state: mail.state.into(),
        created_at: mail.created_at,
        attempts: mail.attempts,
        next_attempt_at: mail.next_attempt_at,
        settled_at: mail.settled_at,
        answer: mail.answer.as_deref(),
        transport: mail.transport.map(Into::into),
    });
    answer::list(items, found.next)
}
