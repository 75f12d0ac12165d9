//! One step of a tenant, in one transaction: all of it, or nothing.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{Any, AnyConnection, AssertSqlSafe};
use uuid::Uuid;

use super::error::Doing as _;
use super::sql::{Columns as _, ROWS_A_STATEMENT, placeholders, text};
use super::{Commit, Error, NewMail, Store, WATCHER, notices, objects};
use crate::clock::UtcTime;
use crate::policy::WatcherState;

impl Store {
    /// Writes what a step decided from the tenant's `version`; the new version.
    ///
    /// # Errors
    /// [`Error::Conflict`] when somebody else wrote meanwhile, or a mail to be withdrawn has been claimed: nothing is changed.
    pub async fn commit(&self, tenant: &str, version: i64, change: Commit) -> Result<i64, Error> {
        self.commit_any(tenant, version, change).await
    }

    /// The same for the watcher's own step.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn commit_watcher(&self, version: i64, change: Commit<WatcherState>) -> Result<i64, Error> {
        self.commit_any(WATCHER, version, change).await
    }

    async fn commit_any<S: Serialize>(&self, tenant: &str, version: i64, change: Commit<S>) -> Result<i64, Error> {
        let mails = !change.mails.is_empty();
        match self.try_commit(tenant, version, change).await {
            Ok(version) => {
                if mails {
                    self.outbox_filled.notify_one();
                }
                Ok(version)
            }
            Err(error) if error.is_collision() => Err(Error::Conflict),
            Err(error) => Err(error),
        }
    }

    async fn try_commit<S: Serialize>(&self, tenant: &str, version: i64, change: Commit<S>) -> Result<i64, Error> {
        let Commit { state, put, forget, withdraw, notices, mut mails, handled } = change;
        let state = serde_json::to_string(&state).map_err(|error| Error::Damaged(format!("the state of {tenant}: {error}")))?;

        let mut tx = self.begin().await?;
        let raised = sqlx::query::<Any>("UPDATE tenant SET version = version + 1, state = $3 WHERE id = $1 AND version = $2")
            .bind(text(tenant))
            .bind(version)
            .bind(state)
            .execute(&mut *tx)
            .await
            .doing("raise the version of a tenant")?;
        if raised.rows_affected() == 0 {
            tx.rollback().await.doing("take a commit back")?;
            return Err(Error::Conflict);
        }
        objects::put(&mut tx, tenant, version + 1, put).await?;
        objects::forget(&mut tx, tenant, &forget).await?;
        let Some(histories) = take_back(&mut tx, tenant, withdraw).await? else {
            tx.rollback().await.doing("take a commit back")?;
            return Err(Error::Conflict);
        };
        for mail in &mut mails {
            if let Some(history) = histories.get(&(mail.recipient.clone(), mail.batch.clone())) {
                history.pass_on(mail);
            }
        }
        add_mails(&mut tx, tenant, &mails).await?;
        notices::add(&mut tx, tenant, &notices).await?;
        for id in handled {
            let sql = format!("UPDATE mail SET handled_at = {} WHERE id = $1 AND tenant = $2", self.dialect.epoch());
            sqlx::query::<Any>(AssertSqlSafe(sql))
                .bind(id.to_string())
                .bind(text(tenant))
                .execute(&mut *tx)
                .await
                .doing("note that a dead mail was handled")?;
        }
        tx.commit().await.doing("commit")?;
        Ok(version + 1)
    }
}

/// What a withdrawn mail leaves to the one that takes its place.
struct History {
    attempts: i64,
    first_decided_at: UtcTime,
    next_attempt_at: UtcTime,
}

impl History {
    fn pass_on(&self, mail: &mut NewMail) {
        mail.attempts = mail.attempts.max(self.attempts);
        mail.first_decided_at = mail.first_decided_at.min(self.first_decided_at);
        if self.attempts > 0 {
            mail.next_attempt_at = mail.next_attempt_at.max(self.next_attempt_at);
        }
    }
}

/// Deletes mails with their notices, and tells what they leave behind by recipient and batch; `None`: one of them cannot be
/// withdrawn any more.
async fn take_back(
    connection: &mut AnyConnection,
    tenant: &str,
    mut mails: Vec<Uuid>,
) -> Result<Option<HashMap<(String, String), History>>, Error> {
    let mut histories = HashMap::new();
    mails.sort_unstable();
    mails.dedup();
    for id in mails {
        let rows = sqlx::query::<Any>(
            "DELETE FROM mail WHERE id = $1 AND tenant = $2 AND state = 'pending' AND maybe_taken_at IS NULL \
             RETURNING recipient, batch, attempts, first_decided_at, next_attempt_at",
        )
        .bind(id.to_string())
        .bind(text(tenant))
        .fetch_all(&mut *connection)
        .await
        .doing("withdraw a mail")?;
        let Some(row) = rows.first() else { return Ok(None) };
        sqlx::query::<Any>("DELETE FROM notice WHERE mail = $1")
            .bind(id.to_string())
            .execute(&mut *connection)
            .await
            .doing("withdraw the notices of a mail")?;
        let one = History {
            attempts: row.number("attempts")?,
            first_decided_at: row.time("first_decided_at")?,
            next_attempt_at: row.time("next_attempt_at")?,
        };
        histories
            .entry((row.text("recipient")?, row.text("batch")?))
            .and_modify(|all: &mut History| {
                all.attempts = all.attempts.max(one.attempts);
                all.first_decided_at = all.first_decided_at.min(one.first_decided_at);
                all.next_attempt_at = all.next_attempt_at.max(one.next_attempt_at);
            })
            .or_insert(one);
    }
    Ok(Some(histories))
}

async fn add_mails(connection: &mut AnyConnection, tenant: &str, mails: &[NewMail]) -> Result<(), Error> {
    for chunk in mails.chunks(ROWS_A_STATEMENT / 2) {
        let sql = format!(
            "INSERT INTO mail (tenant, state, id, recipient, batch, slot, severity, items, subject, message, fingerprint, \
             created_at, first_decided_at, attempts, next_attempt_at) VALUES {}",
            placeholders(2, 13, chunk.len())
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(sql)).persistent(false).bind(text(tenant)).bind("pending");
        for mail in chunk {
            query = query
                .bind(mail.id.to_string())
                .bind(text(&mail.recipient))
                .bind(text(&mail.batch))
                .bind(mail.slot.map(|at| at.timestamp()))
                .bind(<&str>::from(mail.severity))
                .bind(mail.items)
                .bind(text(&mail.subject))
                .bind(text(&mail.message))
                .bind(text(&mail.fingerprint))
                .bind(mail.created_at.timestamp())
                .bind(mail.first_decided_at.timestamp())
                .bind(mail.attempts)
                .bind(mail.next_attempt_at.timestamp());
        }
        query.execute(&mut *connection).await.doing("write mails")?;
    }
    Ok(())
}
