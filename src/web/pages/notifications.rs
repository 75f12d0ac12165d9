//! `/notifications`: what was told and what waits; and each mail as it left.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use axum::response::{Html, IntoResponse as _, Response};
use mail_parser::MessageParser;
use serde::Serialize;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::filters::{Choosable, choices};
use super::{Moment, render};
use crate::clock::UtcTime;
use crate::snapshot::Snapshot;
use crate::store::{Error, MailState, Notification};
use crate::web::mail_query::MailQuery;
use crate::web::problem::Problem;
use crate::web::{Parts, WebState, words};

/// A mail may be looked at and do nothing: no script, no form, no request to anywhere, in an origin of its own.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'";

#[derive(Debug, Serialize)]
struct Page {
    now: Moment,
    form: Form,
    lines: Vec<Line>,
    next: Option<String>,
    beginning: Option<String>,
}

/// The form over the list, filled in as the address says.
#[derive(Debug, Serialize)]
struct Form {
    q: String,
    tenants: Vec<Choosable>,
    states: Vec<Choosable>,
    /// What the form does not show and must not lose.
    limit: String,
    active: bool,
    json: String,
}

impl Form {
    fn of(query: &MailQuery, tenants: &[&str]) -> Self {
        let states = MailState::iter().map(|state| (<&str>::from(state), words::mail_state(state)));
        let tenants = tenants.iter().filter(|_| tenants.len() > 1).map(|name| (*name, *name));
        Self {
            q: query.given("q").to_owned(),
            tenants: choices(query.given("tenant"), "All", tenants),
            states: choices(query.given("state"), "Any", states),
            limit: query.given("limit").to_owned(),
            active: query.is_narrow(),
            json: format!("/api/v1/notifications{}", query.address(&[("cursor", "")])),
        }
    }
}

/// One mail.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    tenant: String,
    recipient: String,
    subject: String,
    severity: &'static str,
    severity_class: &'static str,
    items: i64,
    state: &'static str,
    state_class: &'static str,
    decided: Moment,
    settled: Option<Moment>,
    next_attempt: Option<Moment>,
    attempts: i64,
    answer: Option<String>,
    transport: Option<&'static str>,
}

impl Line {
    fn of(mail: &Notification, tenants: &[Arc<Snapshot>], now: UtcTime) -> Self {
        let tenant = tenants.iter().find(|tenant| tenant.tenant.id == mail.tenant);
        Self {
            id: mail.id.to_string(),
            tenant: tenant.map_or_else(|| mail.tenant.clone(), |tenant| tenant.tenant.name.clone()),
            recipient: mail.recipient.clone(),
            subject: mail.subject.clone(),
            severity: words::severity(mail.severity),
            severity_class: mail.severity.into(),
            items: mail.items,
            state: words::mail_state(mail.state),
            state_class: mail.state.into(),
            decided: Moment::of(mail.created_at, now),
            settled: mail.settled_at.map(|at| Moment::of(at, now)),
            next_attempt: mail.next_attempt_at.map(|at| Moment::of(at, now)),
            attempts: mail.attempts,
            answer: mail.answer.clone(),
            transport: mail.transport.map(Into::into),
        }
    }
}

/// The list.
pub(in crate::web) async fn list(State(state): State<WebState>, RawQuery(raw): RawQuery) -> Response {
    let parts = state.parts();
    let (tenants, now) = (parts.tenants(), parts.now());
    let names: Vec<_> = tenants.iter().map(|tenant| tenant.tenant.name.as_str()).collect();
    let query = match MailQuery::parse(raw.as_deref(), &names) {
        Ok(query) => query,
        Err(complaints) => return Problem::parameters(complaints).page(&state),
    };
    let found = match parts.store.notifications_like(&query.filter(&tenants), query.cursor.as_deref(), query.limit()).await {
        Ok(found) => found,
        Err(Error::Cursor) => return Problem::parameters(vec![MailQuery::wrong_cursor()]).page(&state),
        Err(error) => return Problem::internal(&error).page(&state),
    };
    let page = Page {
        now: Moment::of(now, now),
        lines: found.items.iter().map(|mail| Line::of(mail, &tenants, now)).collect(),
        next: found.next.map(|cursor| query.address(&[("cursor", &cursor)])),
        beginning: query.cursor.as_ref().map(|_| format!("/notifications{}", query.address(&[("cursor", "")]))),
        form: Form::of(&query, &names),
    };
    render(&state, "notifications.html", page)
}

/// One mail, with what it tells.
#[derive(Debug, Serialize)]
struct MailPage {
    now: Moment,
    line: Line,
    text: String,
    has_html: bool,
    about: Vec<About>,
}

/// A credential that the mail is about.
#[derive(Debug, Serialize)]
struct About {
    name: String,
    address: String,
    notice: &'static str,
    window: String,
}

/// The page of one mail.
pub(in crate::web) async fn show(State(state): State<WebState>, id: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(id)) = id else { return Problem::not_text().page(&state) };
    let parts = state.parts();
    let Some(id) = id.parse::<Uuid>().ok() else { return unknown(&id).page(&state) };
    match mail_page(&parts, id).await {
        Ok(Some(page)) => render(&state, "notification.html", page),
        Ok(None) => unknown(&id.to_string()).page(&state),
        Err(error) => Problem::internal(&error).page(&state),
    }
}

async fn mail_page(parts: &Parts, id: Uuid) -> Result<Option<MailPage>, Error> {
    let (Some(mail), Some(message)) = (parts.store.notification(id).await?, parts.store.mail_body(id).await?) else {
        return Ok(None);
    };
    let (tenants, now) = (parts.tenants(), parts.now());
    let snapshot = tenants.iter().find(|tenant| tenant.tenant.id == mail.tenant);
    let mut notices = parts.store.notices_of(id).await?;
    notices.sort_by(|a, b| (a.threshold, &a.credential).cmp(&(b.threshold, &b.credential)));
    let about = notices.into_iter().map(|notice| {
        let object = &notice.credential.object;
        let known = snapshot.and_then(|snapshot| snapshot.inventory.get(object));
        let page = super::app_address(snapshot.map_or(mail.tenant.as_str(), |snapshot| &snapshot.tenant.name), &object.id);
        About {
            name: known.map_or_else(|| object.id.clone(), |known| known.object.display_name.clone()),
            address: format!("{page}#{}", notice.credential.key_id),
            notice: words::notice(notice.notice),
            window: words::window(chrono::TimeDelta::seconds(notice.threshold)),
        }
    });
    let parsed = MessageParser::default().parse(message.as_bytes());
    let text = parsed.as_ref().and_then(|parsed| parsed.body_text(0)).unwrap_or_default().into_owned();
    Ok(Some(MailPage {
        now: Moment::of(now, now),
        about: about.collect(),
        line: Line::of(&mail, &tenants, now),
        text,
        has_html: parsed.is_some_and(|parsed| parsed.html_body_count() > 0),
    }))
}

/// The HTML part of a mail, for the frame on its page.
pub(in crate::web) async fn body(State(state): State<WebState>, id: Result<Path<String>, PathRejection>) -> Response {
    let Ok(Path(id)) = id else { return Problem::not_text().page(&state) };
    let Some(known) = id.parse::<Uuid>().ok() else { return unknown(&id).page(&state) };
    let message = match state.parts().store.mail_body(known).await {
        Ok(Some(message)) => message,
        Ok(None) => return unknown(&id).page(&state),
        Err(error) => return Problem::internal(&error).page(&state),
    };
    let parsed = MessageParser::default().parse(message.as_bytes());
    let Some(html) = parsed.as_ref().and_then(|parsed| parsed.body_html(0)) else { return unknown(&id).page(&state) };
    let mut response = Html(html.into_owned()).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

fn unknown(id: &str) -> Problem {
    Problem::missing(format!("no mail has the id {id:?}, or it is older than store.keep"))
}
