//! What was told, for the page and the API; and how long it is kept.

use std::fmt::Write as _;

use chrono::TimeDelta;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe};
use uuid::Uuid;

use super::error::Doing as _;
use super::sql::Columns as _;
use super::{Error, MailState, Store};
use crate::clock::UtcTime;
use crate::inventory::Severity;
use crate::policy::TransportKind;

const COLUMNS: &str = "id, tenant, recipient, subject, severity, items, state, created_at, attempts, next_attempt_at, settled_at, \
                       answer, transport";

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Ask with this for the next page; `None`: there is none.
    pub next: Option<String>,
}

/// A mail and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The mail's id.
    pub id: Uuid,
    /// The tenant (GUID).
    pub tenant: String,
    /// Lower-cased address.
    pub recipient: String,
    /// Its subject. Hostile text.
    pub subject: String,
    /// Of its worst item.
    pub severity: Severity,
    /// How many items it tells.
    pub items: i64,
    /// Where it is in its life.
    pub state: MailState,
    /// When it was decided.
    pub created_at: UtcTime,
    /// Attempts so far.
    pub attempts: i64,
    /// When it is tried next, where it waits.
    pub next_attempt_at: Option<UtcTime>,
    /// When it was accepted or given up.
    pub settled_at: Option<UtcTime>,
    /// What the server said last. Hostile text.
    pub answer: Option<String>,
    /// What kind of transport took it.
    pub transport: Option<TransportKind>,
}

/// Which mails are asked for. What is empty asks for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailFilter {
    /// Of these tenants (GUIDs).
    pub tenants: Vec<String>,
    /// In one of these states.
    pub states: Vec<MailState>,
    /// With this in their recipient or subject, in any case.
    pub text: Option<String>,
}

impl MailFilter {
    /// The conditions after those of the cursor, whose parameters are `$1` to `$3`, and the values of their own parameters.
    fn conditions(&self) -> (String, Vec<String>) {
        let mut values: Vec<String> = Vec::new();
        let mut sql = String::new();
        let states = self.states.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (column, wanted) in [("tenant", &self.tenants), ("state", &states)] {
            if !wanted.is_empty() {
                let places: Vec<_> = (1..=wanted.len()).map(|number| format!("${}", 3 + values.len() + number)).collect();
                let _ = write!(sql, " AND {column} IN ({})", places.join(", "));
                values.extend(wanted.iter().cloned());
            }
        }
        if let Some(text) = &self.text {
            // SQLite knows the small letters of ASCII only, so the text is looked for as it was written, too.
            let (lower, written) = (4 + values.len(), 5 + values.len());
            let _ = write!(
                sql,
                " AND (recipient LIKE ${lower} ESCAPE '!' OR LOWER(subject) LIKE ${lower} ESCAPE '!' OR subject LIKE ${written} ESCAPE '!')"
            );
            let pattern = |text: &str| format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"));
            values.extend([pattern(&text.to_lowercase()), pattern(text)]);
        }
        (sql, values)
    }
}

impl Store {
    /// Mails of all tenants, newest first.
    ///
    /// # Errors
    /// [`Error::Cursor`] where the cursor is not one of ours.
    pub async fn notifications(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Notification>, Error> {
        self.notifications_like(&MailFilter::default(), cursor, limit).await
    }

    /// Those that a filter lets through, newest first.
    ///
    /// # Errors
    /// [`Error::Cursor`] where the cursor is not one of ours.
    pub async fn notifications_like(
        &self,
        filter: &MailFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notification>, Error> {
        let (before, id) = match cursor {
            None => (i64::MAX, String::new()),
            Some(cursor) => read_cursor(cursor).ok_or(Error::Cursor)?,
        };
        let (conditions, values) = filter.conditions();
        let sql = format!(
            "SELECT {COLUMNS} FROM mail WHERE (created_at < $1 OR (created_at = $1 AND id < $2)){conditions} \
             ORDER BY created_at DESC, id DESC LIMIT $3"
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(sql))
            .bind(before)
            .bind(id)
            .bind(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX));
        for value in values {
            query = query.bind(value);
        }
        let rows = query.fetch_all(&self.pool).await.doing("read the notifications")?;
        let mut items = rows.iter().map(notification).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| format!("{}.{}", last.created_at.timestamp(), last.id));
        Ok(Page { items, next })
    }

    /// One mail.
    pub async fn notification(&self, id: Uuid) -> Result<Option<Notification>, Error> {
        let row = sqlx::query::<Any>(AssertSqlSafe(format!("SELECT {COLUMNS} FROM mail WHERE id = $1")))
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .doing("read a mail")?;
        row.as_ref().map(notification).transpose()
    }

    /// A mail's whole message, as it left or is to leave.
    pub async fn mail_body(&self, id: Uuid) -> Result<Option<String>, Error> {
        let row = sqlx::query::<Any>("SELECT message FROM mail WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .doing("read a mail")?;
        row.map(|row| row.text("message")).transpose()
    }

    /// Forgets mails that were settled, notices of credentials that ended, and silences that were over longer than `keep` ago.
    /// A notice is kept as long as its credential lives: it must not be told a second time.
    ///
    /// Nothing is forgotten where that would be all there is up to yesterday: a machine that starts with its clock years ahead must
    /// not lose its memory before the clock is set right.
    pub async fn prune(&self, now: UtcTime, keep: TimeDelta) -> Result<u64, Error> {
        let before = now.checked_sub_signed(keep).unwrap_or(UtcTime::MIN_UTC).timestamp();
        let newest = sqlx::query::<Any>(
            "SELECT MAX(at) AS at FROM (SELECT MAX(at) AS at FROM notice WHERE at < $1 \
             UNION ALL SELECT MAX(created_at) AS at FROM mail WHERE created_at < $1) AS newest",
        )
        .bind((now - TimeDelta::days(1)).timestamp())
        .fetch_one(&self.pool)
        .await
        .doing("see how old its memory is")?;
        if newest.number_or_null("at")?.is_some_and(|newest| newest < before) {
            tracing::warn!("nothing was told for longer than store.keep, so nothing is forgotten yet: is the clock right?");
            return Ok(0);
        }
        let mut forgotten = 0;
        for sql in [
            "DELETE FROM mail WHERE settled_at < $1 AND (state = 'sent' OR (state = 'dead' AND handled_at IS NOT NULL))",
            "DELETE FROM notice WHERE at < $1 AND COALESCE(not_after, at) < $1",
            "DELETE FROM silence WHERE until < $1",
        ] {
            let done = sqlx::query::<Any>(sql).bind(before).execute(&self.writer).await.doing("forget what is old")?;
            forgotten += done.rows_affected();
        }
        Ok(forgotten)
    }
}

fn read_cursor(cursor: &str) -> Option<(i64, String)> {
    let (at, id) = cursor.split_once('.')?;
    Some((at.parse().ok()?, Uuid::parse_str(id).ok()?.to_string()))
}

fn notification(row: &AnyRow) -> Result<Notification, Error> {
    let state = row.one_of("state")?;
    Ok(Notification {
        id: row.uuid("id")?,
        tenant: row.text("tenant")?,
        recipient: row.text("recipient")?,
        subject: row.text("subject")?,
        severity: row.one_of("severity")?,
        items: row.number("items")?,
        state,
        created_at: row.time("created_at")?,
        attempts: row.number("attempts")?,
        next_attempt_at: if state == MailState::Pending { Some(row.time("next_attempt_at")?) } else { None },
        settled_at: row.time_or_null("settled_at")?,
        answer: row.text_or_null("answer")?,
        transport: row.one_of_or_null("transport")?,
    })
}
