//! What the watcher's own step reads, over all tenants, and its memory, which is a row among the tenants under a name that no GUID has:
//! so that its mails, versions and withdrawals are those of any tenant.

use std::collections::HashMap;

use sqlx::Any;

use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, Store};
use crate::clock::UtcTime;
use crate::policy::WatcherState;
use crate::state::TenantState;

/// In place of a tenant's GUID.
pub const WATCHER: &str = "watcher";

/// The last mail to a recipient that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The tenant (GUID) it was about.
    pub tenant: String,
    /// Lower-cased address.
    pub recipient: String,
    /// When it was given up.
    pub at: UtcTime,
    /// What the server said last. Hostile text.
    pub answer: String,
    /// Another mail to this recipient has been accepted since.
    pub recovered: bool,
}

impl Store {
    /// The watcher's version and memory; its row is made if absent.
    pub async fn watcher(&self) -> Result<(i64, WatcherState), Error> {
        let damaged = |error: serde_json::Error| Error::Damaged(format!("the state of the watcher: {error}"));
        let empty = serde_json::to_string(&WatcherState::default()).map_err(damaged)?;
        sqlx::query::<Any>("INSERT INTO tenant (id, name, version, state) VALUES ($1, $1, 0, $2) ON CONFLICT (id) DO NOTHING")
            .bind(WATCHER)
            .bind(empty)
            .execute(&self.writer)
            .await
            .doing("enter the watcher")?;
        let row = sqlx::query::<Any>("SELECT version, state FROM tenant WHERE id = $1")
            .bind(WATCHER)
            .fetch_one(&self.pool)
            .await
            .doing("read the watcher's memory")?;
        Ok((row.number("version")?, serde_json::from_str(&row.text("state")?).map_err(damaged)?))
    }

    /// How each tenant that was ever watched stands, by GUID.
    pub async fn tenant_states(&self) -> Result<HashMap<String, TenantState>, Error> {
        let rows = sqlx::query::<Any>("SELECT id, state FROM tenant WHERE id <> $1")
            .bind(WATCHER)
            .fetch_all(&self.pool)
            .await
            .doing("read how the tenants stand")?;
        let state = |row: &sqlx::any::AnyRow| {
            let id = row.text("id")?;
            let state = serde_json::from_str(&row.text("state")?)
                .map_err(|error| Error::Damaged(format!("the state of tenant {id}: {error}")))?;
            Ok((id, state))
        };
        rows.iter().map(state).collect()
    }

    /// For each recipient to whom a mail was given up since `since`: the last one, and whether mails have arrived there again.
    pub async fn undelivered(&self, since: UtcTime) -> Result<Vec<Undelivered>, Error> {
        let rows = sqlx::query::<Any>(
            "SELECT tenant, recipient, settled_at, answer, CASE WHEN EXISTS (SELECT 1 FROM mail AS later \
             WHERE later.recipient = mail.recipient AND later.state = 'sent' AND later.settled_at > mail.settled_at) \
             THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS arrived FROM mail WHERE state = 'dead' AND settled_at >= $1 AND tenant <> $2 ORDER BY settled_at DESC, id",
        )
        .bind(since.timestamp())
        .bind(text(WATCHER))
        .fetch_all(&self.pool)
        .await
        .doing("read which mails were given up")?;
        let mut last: Vec<Undelivered> = Vec::new();
        for row in &rows {
            let recipient = row.text("recipient")?;
            if last.iter().all(|known| known.recipient != recipient) {
                last.push(Undelivered {
                    tenant: row.text("tenant")?,
                    recipient,
                    at: row.time("settled_at")?,
                    answer: row.text_or_null("answer")?.unwrap_or_default(),
                    recovered: row.number("arrived")? > 0,
                });
            }
        }
        Ok(last)
    }
}
