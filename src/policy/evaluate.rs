//! The decision itself.

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
    /// What would be told in the window it lies in; `None`: nothing.
    pub notice: Option<Notice>,
    /// The threshold of that window.
    pub threshold: Option<TimeDelta>,
    /// Why it is told, or not: the strongest of its tellings' reasons.
    pub reason: Reason,
    /// Recipient by recipient.
    pub tellings: Vec<Telling>,
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

/// A credential that somebody was told about and that is gone.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// How it stood; the object may be gone as a whole.
    pub standing: Standing,
    /// To whom.
    pub recipient: String,
    /// As in [`Telling::batch`].
    pub batch: Option<String>,
    /// Whether it may cause a mail by itself: `critical` or `expired` had been told.
    pub leads: bool,
}
