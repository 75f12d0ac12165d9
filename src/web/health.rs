//! Whether the watcher can see and tell: what is wrong, since when, and why. Pure.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::Serialize;

use super::words::instant;
use crate::clock::UtcTime;
use crate::outbox::status::DeliveryState;
use crate::snapshot::Snapshot;

/// Attempts that fail for this long without a mail being accepted are a problem, not a hiccup.
pub const MAIL_FAILING_AFTER: TimeDelta = TimeDelta::minutes(15);

/// The answer of `/api/v1/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether there is no problem.
    pub status: Status,
    /// Policy time of the answer.
    pub time: UtcTime,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every tenant is seen and mails leave.
    Ok,
    /// Something may go unnoticed.
    Failing,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What, as a word to branch on.
    pub what: What,
    /// In which tenant, where it is about one.
    pub tenant: Option<String>,
    /// Since when, where that is known.
    pub since: Option<UtcTime>,
    /// Why and what it means, in plain words.
    pub why: String,
    /// The same in one clause, for where the rest is said beside it.
    #[serde(skip)]
    pub headline: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// No poll ever saw the whole tenant.
    TenantNeverSeen,
    /// No poll saw the whole tenant for `blind_after`.
    TenantNotSeen,
    /// Attempts to send have failed for a while.
    MailFailing,
    /// The mail server refuses until somebody mends the set-up.
    MailMisconfigured,
}

/// Judges the tenants and the delivery of mails.
#[must_use]
pub fn judge(tenants: &[Arc<Snapshot>], delivery: &DeliveryState, now: UtcTime) -> Health {
    let mut problems: Vec<_> = tenants.iter().filter_map(|tenant| blind(tenant, now)).collect();
    problems.extend(mail(delivery, now));
    let status = if problems.is_empty() { Status::Ok } else { Status::Failing };
    Health { status, time: now, problems }
}

/// Why a tenant counts as not seen, if it does.
#[must_use]
pub fn blind(tenant: &Snapshot, now: UtcTime) -> Option<Problem> {
    let polls = &tenant.state.polls;
    let (what, since, seen) = match polls.last_complete {
        Some(at) if now - at <= tenant.blind_after => return None,
        Some(at) => (What::TenantNotSeen, Some(at), format!("has not been seen completely since {}", instant(at))),
        None => (What::TenantNeverSeen, polls.watched_since, "has never been seen completely".to_owned()),
    };
    let why = format!("the tenant {seen}, so new credentials and changes there may be missing; {}", cause(tenant));
    Some(Problem { what, tenant: Some(tenant.tenant.name.clone()), since, why, headline: seen })
}

/// Why the last poll did not see everything.
#[must_use]
pub fn cause(tenant: &Snapshot) -> String {
    let polls = &tenant.state.polls;
    match (&polls.error, polls.last_attempt) {
        (Some(error), _) => format!("the last poll was not complete: {error}"),
        (None, None) => "no poll has ended yet".to_owned(),
        (None, Some(_)) => "no poll has ended since".to_owned(),
    }
}

fn mail(delivery: &DeliveryState, now: UtcTime) -> Option<Problem> {
    if let Some(reason) = &delivery.misconfigured {
        let headline = "no mail will leave until the set-up is mended".to_owned();
        let why = format!("{headline}: {reason}");
        return Some(Problem { what: What::MailMisconfigured, tenant: None, since: delivery.failing_since, why, headline });
    }
    let since = delivery.failing_since.filter(|since| now - *since >= MAIL_FAILING_AFTER)?;
    let answer = delivery.last_error.as_deref().unwrap_or("the mail server gave no reason");
    let headline = format!("no mail has been accepted since {}", instant(since));
    let why = format!("attempts to send fail, and {headline}; the last answer: {answer}");
    Some(Problem { what: What::MailFailing, tenant: None, since: Some(since), why, headline })
}
