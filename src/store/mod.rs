//! The database is the truth. One struct over sqlx `Any`; the URL is the seam between SQLite and PostgreSQL.

use uuid::Uuid;

use crate::clock::UtcTime;
use crate::inventory::{ObjectKey, Severity, Tracked};
use crate::policy::NoticeRow;
use crate::state::TenantState;

/// A tenant as stored.
#[derive(Debug, Clone)]
pub struct TenantRecord {
    /// The version every commit must name.
    pub version: i64,
    /// Polls and digests.
    pub state: TenantState,
    /// Every object, gone ones too.
    pub objects: Vec<Tracked>,
}

/// What one step changes, in one transaction.
#[derive(Debug, Default)]
pub struct Commit {
    /// The tenant's new state.
    pub state: TenantState,
    /// Objects to write whole.
    pub put: Vec<Tracked>,
    /// Objects to forget: tombstones older than `store.keep`.
    pub forget: Vec<ObjectKey>,
    /// Mails to take back, with their notice rows. One that was claimed meanwhile makes the commit a conflict.
    pub withdraw: Vec<Uuid>,
    /// Notice rows to add.
    pub notices: Vec<NoticeRow>,
    /// Mails to add.
    pub mails: Vec<NewMail>,
    /// Dead mails whose items have been passed on to fallback.
    pub handled: Vec<Uuid>,
}

/// A mail to be put into the outbox.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its id, also in its Message-ID.
    pub id: Uuid,
    /// Lower-cased address.
    pub recipient: String,
    /// Which series of mails it belongs to: at most one withdrawable mail per (tenant, recipient, batch).
    pub batch: String,
    /// The digest slot (or baseline) it settles once accepted.
    pub slot: Option<UtcTime>,
    /// Of its worst item.
    pub severity: Severity,
    /// How many items it tells.
    pub items: i64,
    /// Its subject, for the page.
    pub subject: String,
    /// The whole message, RFC 5322 (7-bit).
    pub message: String,
    /// Hash of what it says: an equal one need not replace it.
    pub fingerprint: String,
    /// When it was decided.
    pub created_at: UtcTime,
    /// When its first predecessor was decided.
    pub first_decided_at: UtcTime,
    /// Attempts so far, predecessors' included.
    pub attempts: i64,
    /// Not before.
    pub next_attempt_at: UtcTime,
}

/// Where a mail is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum MailState {
    /// Waits to be sent.
    Pending,
    /// A process is sending it.
    Claimed,
    /// Accepted.
    Sent,
    /// Given up.
    Dead,
}
