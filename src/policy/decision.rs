//! What is decided about a credential, recipient by recipient.

use std::fmt;

use chrono::TimeDelta;

use super::{CredentialKey, Notice, Reason};
use crate::inventory::{Severity, Standing, State};

/// What is decided about one credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which one.
    pub credential: CredentialKey,
    /// Where it is in its life.
    pub state: State,
    /// How much it matters now.
    pub severity: Severity,
    /// What is told in the window it lies in; `None`: nothing.
    pub notice: Option<Notice>,
    /// The threshold of that window.
    pub threshold: Option<TimeDelta>,
    /// Why it is told, or not: the strongest of its tellings' reasons.
    pub reason: Reason,
    /// Recipient by recipient; those for whom no threshold is crossed are left out.
    pub tellings: Vec<Telling>,
}

impl Decision {
    /// Takes reason, notice and threshold from the tellings, where there are any.
    pub(super) fn summarise(&mut self) {
        if let Some(reason) = self.tellings.iter().map(|telling| telling.reason).min() {
            self.reason = reason;
        }
        if let Some(narrowest) = self.tellings.iter().min_by_key(|telling| telling.threshold) {
            (self.notice, self.threshold) = (Some(narrowest.notice), Some(narrowest.threshold));
        }
    }
}

/// What is decided about one credential and one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// Lower-cased address.
    pub recipient: String,
    /// How the recipient came to be one.
    pub via: Via,
    /// The application whose mails are kept apart for this recipient (`batch = "app"`), by app id or object id.
    pub batch: Option<String>,
    /// `Expiring` or `Expired`.
    pub notice: Notice,
    /// The window's threshold for this recipient.
    pub threshold: TimeDelta,
    /// How much it matters at the crossing.
    pub severity: Severity,
    /// `Due`, or why not.
    pub reason: Reason,
}

impl Telling {
    /// The series of mails it belongs to.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(&self.recipient, self.batch.as_deref())
    }
}

/// How a recipient came to be one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// The route with this number, from 0.
    Route(usize),
    /// An owner of the object.
    Owner,
    /// An owner of the application whose service principal this is.
    ApplicationOwner,
    /// The line in the application's notes.
    Notes,
    /// Nobody else is known.
    Fallback,
    /// The first digest of a tenant goes to fallback whoever else is concerned.
    Baseline,
    /// The date is near.
    Escalation,
    /// A mail to this address could not be delivered.
    Undeliverable(String),
}

/// Mails that follow each other: one tenant's to one recipient, or (`batch = "app"`) about one application. At most one of a series waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// Lower-cased address.
    pub recipient: String,
    /// `digest`, or `app:` and the application's id.
    pub batch: String,
}

impl Series {
    const DIGEST: &str = "digest";

    /// `batch` as in [`Telling::batch`].
    #[must_use]
    pub fn of(recipient: &str, batch: Option<&str>) -> Self {
        let batch = batch.map_or_else(|| Self::DIGEST.to_owned(), |app| format!("app:{app}"));
        Self { recipient: recipient.to_owned(), batch }
    }

    /// Whether it is one application's.
    #[must_use]
    pub fn is_own_batch(&self) -> bool {
        self.batch != Self::DIGEST
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.recipient, self.batch)
    }
}

/// A credential that somebody was told about and that is gone.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// How it stood; the object may be gone as a whole.
    pub standing: Standing,
    /// To whom.
    pub recipient: String,
    /// As in [`Telling::batch`].
    pub batch: Option<String>,
    /// Whether it is told now: it leads a mail, or another leaves anyway.
    pub due: bool,
}

impl Resolved {
    /// The series of mails it belongs to.
    #[must_use]
    pub fn series(&self) -> Series {
        Series::of(&self.recipient, self.batch.as_deref())
    }
}
