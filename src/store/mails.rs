//! The outbox as evaluation sees it: what may be decided afresh, what is on its way, what arrived, what did not.

use sqlx::Any;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::Doing as _;
use super::sql::{Columns as _, text};
use super::{Error, MailState, Store};
use crate::clock::UtcTime;
use crate::policy::NoticeRow;

/// The mails of a tenant that matter to its next evaluation.
#[derive(Debug, Clone, Default)]
pub struct Mails {
    /// Mails that wait and that nobody can have received: withdraw them with [`super::Commit::withdraw`] and decide afresh.
    pub withdrawable: Vec<WaitingMail>,
    /// Mails that are being sent, or that wait although the server may have taken them: they leave as they are.
    pub leaving: Vec<WaitingMail>,
    /// Mails accepted since the instant that was asked for.
    pub accepted: Vec<AcceptedMail>,
    /// Mails that were given up and whose items nobody has passed on yet.
    pub dead: Vec<DeadMail>,
}

/// A mail that has not left yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMail {
    /// Its id.
    pub id: Uuid,
    /// Lower-cased address.
    pub recipient: String,
    /// Its series.
    pub batch: String,
    /// The slot it settles once accepted.
    pub slot: Option<UtcTime>,
    /// Hash of what it says.
    pub fingerprint: String,
    /// When it was decided.
    pub created_at: UtcTime,
    /// When its first predecessor was decided.
    pub first_decided_at: UtcTime,
    /// Attempts so far.
    pub attempts: i64,
    /// Not before.
    pub next_attempt_at: UtcTime,
}

/// A mail that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedMail {
    /// Its id.
    pub id: Uuid,
    /// Lower-cased address.
    pub recipient: String,
    /// Its series.
    pub batch: String,
    /// The slot it settled.
    pub slot: Option<UtcTime>,
    /// When it was decided.
    pub created_at: UtcTime,
    /// When the server took it.
    pub accepted_at: UtcTime,
}

/// A mail that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMail {
    /// Its id: name it in [`super::Commit::handled`] once its items have been passed on.
    pub id: Uuid,
    /// Lower-cased address.
    pub recipient: String,
    /// Its series.
    pub batch: String,
    /// The slot it would have settled.
    pub slot: Option<UtcTime>,
    /// When it was given up.
    pub died_at: UtcTime,
    /// What the server said last.
    pub answer: String,
    /// What it told.
    pub notices: Vec<NoticeRow>,
}

impl Store {
    /// The mails of a tenant that matter to its next evaluation, accepted ones since `since`.
    pub async fn mails(&self, tenant: &str, since: UtcTime) -> Result<Mails, Error> {
        let rows = sqlx::query::<Any>(
            "SELECT id, recipient, batch, slot, fingerprint, state, created_at, first_decided_at, attempts, next_attempt_at, \
             maybe_taken_at, settled_at, answer FROM mail WHERE tenant = $1 AND (state IN ('pending', 'claimed') \
             OR (state = 'sent' AND settled_at >= $2) OR (state = 'dead' AND handled_at IS NULL)) ORDER BY created_at, id",
        )
        .bind(text(tenant))
        .bind(since.timestamp())
        .fetch_all(&self.pool)
        .await
        .doing("read the mails of a tenant")?;
        let mut mails = Mails::default();
        for row in &rows {
            match row.one_of("state")? {
                MailState::Pending if row.number_or_null("maybe_taken_at")?.is_none() => mails.withdrawable.push(waiting(row)?),
                MailState::Pending | MailState::Claimed => mails.leaving.push(waiting(row)?),
                MailState::Sent => mails.accepted.push(accepted(row)?),
                MailState::Dead => mails.dead.push(self.dead(row).await?),
            }
        }
        Ok(mails)
    }

    /// How many mails, of all tenants, were decided since `since` and not taken back: what the breaker counts.
    pub async fn mails_decided_since(&self, since: UtcTime) -> Result<i64, Error> {
        let row = sqlx::query::<Any>("SELECT COUNT(*) AS number FROM mail WHERE created_at >= $1")
            .bind(since.timestamp())
            .fetch_one(&self.pool)
            .await
            .doing("count the mails of the last hour")?;
        row.number("number")
    }

    async fn dead(&self, row: &AnyRow) -> Result<DeadMail, Error> {
        let id = row.uuid("id")?;
        Ok(DeadMail {
            id,
            recipient: row.text("recipient")?,
            batch: row.text("batch")?,
            slot: row.time_or_null("slot")?,
            died_at: row.time("settled_at")?,
            answer: row.text_or_null("answer")?.unwrap_or_default(),
            notices: self.notices_of(id).await?,
        })
    }
}

fn waiting(row: &AnyRow) -> Result<WaitingMail, Error> {
    Ok(WaitingMail {
        id: row.uuid("id")?,
        recipient: row.text("recipient")?,
        batch: row.text("batch")?,
        slot: row.time_or_null("slot")?,
        fingerprint: row.text("fingerprint")?,
        created_at: row.time("created_at")?,
        first_decided_at: row.time("first_decided_at")?,
        attempts: row.number("attempts")?,
        next_attempt_at: row.time("next_attempt_at")?,
    })
}

fn accepted(row: &AnyRow) -> Result<AcceptedMail, Error> {
    Ok(AcceptedMail {
        id: row.uuid("id")?,
        recipient: row.text("recipient")?,
        batch: row.text("batch")?,
        slot: row.time_or_null("slot")?,
        created_at: row.time("created_at")?,
        accepted_at: row.time("settled_at")?,
    })
}
