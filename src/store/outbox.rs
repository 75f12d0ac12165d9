//! The outbox as delivery sees it: a mail is claimed, sent, settled.
//!
//! A mail waits (`pending`), is being sent (`claimed`), and was accepted (`sent`) or given up (`dead`). It may be withdrawn only while it
//! waits and no attempt can have got as far as DATA (`maybe_taken_at`). Claims are kept in database time: a living process renews
//! its own, and one that was not renewed for [`CLAIM_ENDS_AFTER`] belongs to a dead process, which may have got as far as DATA.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe};
use uuid::Uuid;

use super::dialect::Dialect;
use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, Store};
use crate::clock::UtcTime;
use crate::inventory::Severity;
use crate::policy::TransportKind;

/// A claim that nobody renewed for this long is free again.
pub const CLAIM_ENDS_AFTER: Duration = Duration::from_mins(1);

/// No try is ever put off for longer. A next try further away than this was set before the clock was set back, and is due.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(18);

/// A mail that this process is to send.
#[derive(Debug, Clone)]
pub struct ClaimedMail {
    /// Its id, also in its Message-ID.
    pub id: Uuid,
    /// Which tenant it is about.
    pub tenant: String,
    /// Lower-cased address.
    pub recipient: String,
    /// Of its worst item.
    pub severity: Severity,
    /// The whole message.
    pub message: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it, or the first mail it stands for, was decided; never later than the claim.
    pub first_decided_at: UtcTime,
    /// Who claimed it.
    pub claimant: Uuid,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Accepted.
    Sent {
        /// What the server said.
        answer: String,
        /// What kind of transport took it; its notices learn it too.
        transport: TransportKind,
    },
    /// Not accepted, and to be tried again.
    Retry {
        /// When.
        at: UtcTime,
        /// What the server said.
        answer: String,
        /// The server may have taken it although we do not know.
        after_data: bool,
    },
    /// The set-up refuses every mail: put off, without counting as an attempt at this one.
    PutOff {
        /// Until when.
        at: UtcTime,
        /// What the server said.
        answer: String,
        /// As in `Retry`.
        after_data: bool,
    },
    /// Given up.
    Dead {
        /// What the server said last.
        answer: String,
    },
    /// Returned as it was: the process stops.
    Released {
        /// The attempt was cut off and may have got as far as DATA.
        after_data: bool,
    },
}

/// How much is left to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Mails that wait or are being sent.
    pub count: i64,
    /// The first decision of the oldest of them.
    pub oldest: Option<UtcTime>,
    /// The next try of the one that is due first, among those that wait.
    pub next_attempt: Option<UtcTime>,
}

impl Store {
    /// Claims up to `limit` mails that are due at `now`, critical ones first. No mail is ever claimed by two. What the index `mail_due`
    /// needs to be used (its condition, and the order in its words) costs nothing and saves reading the whole outbox.
    pub async fn claim(&self, claimant: Uuid, limit: i64, now: UtcTime) -> Result<Vec<ClaimedMail>, Error> {
        let epoch = self.dialect.epoch();
        // On PostgreSQL two statements may choose the same rows; the one that comes second sees in the outer WHERE, after it has
        // waited for the first, that they are not free any more.
        let free = format!(
            "((state = 'pending' AND (next_attempt_at <= $2 OR next_attempt_at > $3)) \
             OR (state = 'claimed' AND claimed_at < {epoch} - {}))",
            CLAIM_ENDS_AFTER.as_secs()
        );
        let sql = format!(
            "UPDATE mail SET state = 'claimed', claimant = $1, claimed_at = {epoch}, \
             attempts = CASE WHEN state = 'claimed' THEN attempts + 1 ELSE attempts END, \
             maybe_taken_at = CASE WHEN state = 'claimed' AND maybe_taken_at IS NULL THEN $2 ELSE maybe_taken_at END, \
             first_decided_at = CASE WHEN first_decided_at > $2 THEN $2 ELSE first_decided_at END \
             WHERE {free} AND id IN (SELECT id FROM mail WHERE state IN ('pending', 'claimed') AND {free} \
             ORDER BY CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, next_attempt_at, id LIMIT $4) \
             RETURNING id, tenant, recipient, severity, message, attempts, first_decided_at"
        );
        let rows = sqlx::query::<Any>(AssertSqlSafe(sql))
            .bind(claimant.to_string())
            .bind(now.timestamp())
            .bind((now + LONGEST_WAIT).timestamp())
            .bind(limit)
            .fetch_all(&self.writer)
            .await
            .doing("claim mails");
        let rows = match rows {
            // Whom we stood in the way of has them now.
            Err(error) if error.is_collision() => return Ok(Vec::new()),
            rows => rows?,
        };
        rows.iter().map(|row| claimed(row, claimant)).collect()
    }

    /// Writes down what became of an attempt. `false`: the claim was lost meanwhile, and what others made of the mail stands; an
    /// acceptance is written down all the same.
    pub async fn settle(&self, mail: &ClaimedMail, settlement: &Settlement, now: UtcTime) -> Result<bool, Error> {
        const WAITS: &str =
            "state = 'pending', claimant = NULL, claimed_at = NULL, maybe_taken_at = COALESCE(maybe_taken_at, $3)";
        const OURS: &str = "WHERE id = $1 AND claimant = $2 AND state = 'claimed'";
        let query = |sql: String, third: Option<UtcTime>| {
            sqlx::query::<Any>(AssertSqlSafe(sql))
                .bind(mail.id.to_string())
                .bind(mail.claimant.to_string())
                .bind(third.map(|at| at.timestamp()))
        };
        let done = match settlement {
            Settlement::Sent { answer, transport } => return self.settle_sent(mail, answer, *transport, now).await,
            Settlement::Retry { at, answer, after_data } => query(
                format!("UPDATE mail SET {WAITS}, attempts = attempts + 1, next_attempt_at = $4, answer = $5 {OURS}"),
                after_data.then_some(now),
            )
            .bind(at.timestamp())
            .bind(text(answer)),
            Settlement::PutOff { at, answer, after_data } => query(
                format!("UPDATE mail SET {WAITS}, next_attempt_at = $4, answer = $5 {OURS}"),
                after_data.then_some(now),
            )
            .bind(at.timestamp())
            .bind(text(answer)),
            Settlement::Dead { answer } => query(
                format!(
                    "UPDATE mail SET state = 'dead', claimant = NULL, claimed_at = NULL, settled_at = $3,                      attempts = attempts + 1, answer = $4 {OURS}"
                ),
                Some(now),
            )
            .bind(text(answer)),
            Settlement::Released { after_data } => {
                query(format!("UPDATE mail SET {WAITS} {OURS}"), after_data.then_some(now))
            }
        };
        let done = done.execute(&self.writer).await.doing("settle a mail")?;
        Ok(done.rows_affected() == 1)
    }

    async fn settle_sent(&self, mail: &ClaimedMail, answer: &str, transport: TransportKind, now: UtcTime) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let ours = sqlx::query::<Any>("SELECT state, claimant FROM mail WHERE id = $1")
            .bind(mail.id.to_string())
            .fetch_optional(&mut *tx)
            .await
            .doing("settle a mail")?;
        let ours = match ours {
            Some(row) => row.text_or_null("claimant")?.is_some_and(|claimant| claimant == mail.claimant.to_string()),
            None => false,
        };
        sqlx::query::<Any>(
            "UPDATE mail SET state = 'sent', claimant = NULL, claimed_at = NULL, settled_at = $2, attempts = attempts + 1, \
             answer = $3, transport = $4 WHERE id = $1 AND state <> 'sent'",
        )
        .bind(mail.id.to_string())
        .bind(now.timestamp())
        .bind(text(answer))
        .bind(<&str>::from(transport))
        .execute(&mut *tx)
        .await
        .doing("settle a mail")?;
        sqlx::query::<Any>("UPDATE notice SET transport = $2 WHERE mail = $1 AND transport <> $2")
            .bind(mail.id.to_string())
            .bind(<&str>::from(transport))
            .execute(&mut *tx)
            .await
            .doing("note which transport took a mail")?;
        tx.commit().await.doing("settle a mail")?;
        Ok(ours)
    }

    /// Says that the process which made these claims still lives.
    pub async fn renew_claims(&self, claimant: Uuid) -> Result<(), Error> {
        let sql = format!("UPDATE mail SET claimed_at = {} WHERE state = 'claimed' AND claimant = $1", self.dialect.epoch());
        sqlx::query::<Any>(AssertSqlSafe(sql))
            .bind(claimant.to_string())
            .execute(&self.writer)
            .await
            .doing("renew the claims of mails")
            .map(drop)
    }

    /// How much is left to send.
    pub async fn waiting(&self) -> Result<Waiting, Error> {
        let row = sqlx::query::<Any>(
            "SELECT COUNT(*) AS count, MIN(first_decided_at) AS oldest, \
             MIN(CASE WHEN state = 'pending' THEN next_attempt_at END) AS next_attempt \
             FROM mail WHERE state IN ('pending', 'claimed')",
        )
        .fetch_one(&self.pool)
        .await
        .doing("count the mails that wait")?;
        Ok(Waiting {
            count: row.number("count")?,
            oldest: row.time_or_null("oldest")?,
            next_attempt: row.time_or_null("next_attempt")?,
        })
    }

    /// When a mail was last accepted.
    pub async fn last_accepted(&self) -> Result<Option<UtcTime>, Error> {
        let row = sqlx::query::<Any>("SELECT MAX(settled_at) AS at FROM mail WHERE state = 'sent'")
            .fetch_one(&self.pool)
            .await
            .doing("see when a mail was last accepted")?;
        row.time_or_null("at")
    }

    /// Frees what dead processes had claimed: on SQLite, whose lock a daemon holds alone, every claim; on PostgreSQL those that
    /// nobody renewed.
    pub(super) async fn free_claims_of_the_dead(&self) -> Result<(), Error> {
        let ended = match self.dialect {
            Dialect::Sqlite => String::new(),
            Dialect::Postgres => format!("AND claimed_at < {} - {}", self.dialect.epoch(), CLAIM_ENDS_AFTER.as_secs()),
        };
        let sql = format!(
            "UPDATE mail SET state = 'pending', maybe_taken_at = COALESCE(maybe_taken_at, claimed_at), attempts = attempts + 1, \
             claimant = NULL, claimed_at = NULL WHERE state = 'claimed' {ended}"
        );
        sqlx::query::<Any>(AssertSqlSafe(sql)).execute(&self.writer).await.doing("free the claims of a dead process").map(drop)
    }
}

fn claimed(row: &AnyRow, claimant: Uuid) -> Result<ClaimedMail, Error> {
    Ok(ClaimedMail {
        id: row.uuid("id")?,
        tenant: row.text("tenant")?,
        recipient: row.text("recipient")?,
        severity: row.one_of("severity")?,
        message: row.text("message")?,
        attempts: row.number("attempts")?,
        first_decided_at: row.time("first_decided_at")?,
        claimant,
    })
}
