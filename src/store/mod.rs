//! The database is the truth. One struct over sqlx `Any`; the URL is the seam between SQLite and PostgreSQL.
//!
//! Memory is replaced only after a commit, and every commit of a tenant names the version it was decided from: when somebody else
//! wrote meanwhile it changes nothing and says [`Error::Conflict`]. The outbox is part of the same transactions; what delivery does
//! with a mail ([`Store::claim`], [`Store::settle`]) needs no version, because a mail that was claimed cannot be withdrawn.
//!
//! Instants are kept in whole seconds. Compare a [`NoticeRow::not_after`] with a credential's end by its seconds.

mod commit;
mod dialect;
mod error;
pub mod fleeting;
mod history;
mod lease;
mod mails;
mod migrate;
mod notices;
mod objects;
mod open;
mod outbox;
mod place;
mod share;
mod silences;
mod sql;
mod tenants;
mod watcher;

use std::fs::File;
use std::sync::Arc;

use sqlx::{Any, AnyPool, Transaction};
use tokio::sync::Notify;
use uuid::Uuid;

pub use error::Error;
pub use history::{MailFilter, Notification, Page};
pub use lease::{LEASE, Leases};
pub use mails::{AcceptedMail, DeadMail, Mails, WaitingMail};
pub use outbox::{CLAIM_ENDS_AFTER, ClaimedMail, LONGEST_WAIT, Settlement, Waiting};
pub use watcher::{Undelivered, WATCHER};

use dialect::Dialect;
use error::Doing as _;

use crate::clock::UtcTime;
use crate::inventory::{ObjectKey, Severity, Tracked};
use crate::policy::NoticeRow;
use crate::state::TenantState;

/// The store. Clones share one pool of connections, and on SQLite the lock of a daemon.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    /// SQLite has one writer: here those of this process wait for each other in order, where the database would let them starve.
    writer: AnyPool,
    dialect: Dialect,
    #[expect(dead_code, reason = "held, not read: the lock lives as long as the file is open")]
    lock: Option<Arc<File>>,
    outbox_filled: Arc<Notify>,
}

impl Store {
    /// Wakes up when a commit of this process put a mail into the outbox.
    pub async fn outbox_filled(&self) {
        self.outbox_filled.notified().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        self.writer.begin_with(self.dialect.begin()).await.doing("begin a transaction")
    }
}

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
#[derive(Debug, Clone, Default)]
pub struct Commit<S = TenantState> {
    /// The tenant's new state (or the watcher's).
    pub state: S,
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
    /// Attempts so far. What the commit withdraws of the same recipient and batch passes its attempts, its age and its next try on.
    pub attempts: i64,
    /// Not before.
    pub next_attempt_at: UtcTime,
}

/// Where a mail is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
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
