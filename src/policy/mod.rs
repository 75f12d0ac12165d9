//! Who is told what, now, and why. Pure: values in, decisions out.

mod decision;
mod evaluate;
mod history;
mod recipients;
mod report;
mod resolved;
mod routes;
mod schedule;
mod silences;
mod timing;
mod urgency;
mod watcher;
mod windows;

use std::fmt;

use chrono::{NaiveTime, TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

pub use decision::{Decision, Resolved, Series, Telling, Via};
pub use evaluate::{Evaluation, Input, Outbox, evaluate};
pub use report::{Finding, Findings, Named, ReportEvery, ReportRules, ReportState};
pub use routes::{Route, RouteBatch};
pub use schedule::Slots;
pub use silences::{Silence, SilenceScope};
pub use urgency::{severity, state, windows};
pub use watcher::{Condition, Matter, Remark, Told as WatcherTold, Trouble, WatcherInput, WatcherState, WatcherVerdict, watch};
pub use windows::Windows;

use crate::clock::UtcTime;
use crate::inventory::{ObjectKey, Posture, Severity, Standing, Watch};

/// Everything of the configuration that decides who is told what.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `[watch]` and `[[ignore]]`
    pub watch: Watch,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[recipients]`
    pub recipients: Recipients,
    /// `[[route]]`, in order; the first match wins.
    pub routes: Vec<Route>,
    /// `[digest]`
    pub digest: Digest,
    /// `[report]`
    pub report: ReportRules,
}

/// `[alerts]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Widest first.
    pub thresholds: Windows,
    /// For what a newer one replaces.
    pub rotated_thresholds: Windows,
    /// How long before the old one's end a replacement may start.
    pub rotation_lead: TimeDelta,
    /// For how long after its end an expired one is still told.
    pub expired_grace: TimeDelta,
    /// Longer lives are findings of the report.
    pub max_lifetime: TimeDelta,
}

/// `[recipients]`; addresses are checked and lower-cased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipients {
    /// Told where nobody else is known.
    pub fallback: Vec<String>,
    /// Told of every unrotated item inside `escalate_within`, whoever else is.
    pub escalate: Vec<String>,
    /// See `escalate`.
    pub escalate_within: TimeDelta,
    /// Owners are told.
    pub owners: bool,
    /// Guests among the owners too.
    pub guests: bool,
    /// The line `notify: a@example.com` in an application's notes names recipients.
    pub notes: bool,
    /// Owners, guests and notes are told only at these domains; empty: at any.
    pub allowed_domains: Vec<String>,
}

/// `[digest]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Daily or immediate.
    pub mode: DigestMode,
    /// Local time of the slot.
    pub at: NaiveTime,
    /// Zone of `at` and `days`, and of the times in mails.
    pub timezone: chrono_tz::Tz,
    /// Days with a slot.
    pub days: Vec<Weekday>,
    /// What ends within this leaves at once.
    pub urgent_within: TimeDelta,
}

/// When mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum DigestMode {
    /// At the slot of the day, urgent things at once.
    Daily,
    /// After each evaluation.
    Immediate,
}

/// Identity of a credential within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialKey {
    /// The object it is on.
    pub object: ObjectKey,
    /// Its key id.
    pub key_id: String,
}

impl CredentialKey {
    /// The identity of a standing's credential.
    #[must_use]
    pub fn of(standing: &Standing) -> Self {
        Self { object: standing.object.object.key.clone(), key_id: standing.credential.key_id.clone() }
    }
}

impl fmt::Display for CredentialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.object, self.key_id)
    }
}

/// What is told about a credential.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::EnumIter,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Notice {
    /// It ends soon.
    Expiring,
    /// It has ended.
    Expired,
    /// What somebody was told about is gone.
    Resolved,
    /// About EntraWatch itself.
    Watcher,
    /// The regular report.
    Report,
}

/// Why a credential is told about, or not. A closed set: the metric label, the log field, the page's words, the tests' expectation.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::EnumIter,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// Somebody is told now.
    Due,
    /// Due, and leaves with the next digest.
    HeldForDigest,
    /// Due, and waits because too many mails left in the last hour.
    HeldByBreaker,
    /// Due, and a silence covers it.
    Silenced,
    /// Due, and nobody is known to tell.
    NoRecipient,
    /// Everybody concerned has been told for this window.
    AlreadyTold,
    /// No threshold is crossed yet.
    NotYet,
    /// A newer one replaces it, and none of the rotated thresholds is crossed.
    Rotated,
    /// A SAML certificate that Entra does not sign with.
    Inactive,
    /// Made to live under 14 days, and another credential signs in too.
    ShortLived,
    /// Ended longer ago than `expired_grace`.
    ExpiredBefore,
    /// A managed identity.
    ExcludedManagedIdentity,
    /// Disabled.
    ExcludedDisabled,
    /// Ignored by rule or tag.
    ExcludedIgnored,
    /// Renewed by a Microsoft service.
    ExcludedPlatform,
}

impl Reason {
    /// What it means, for people: in pages, mails and on the command line.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Due => "being told now",
            Self::HeldForDigest => "leaves with the next digest",
            Self::HeldByBreaker => "waits: too many mails left in the last hour",
            Self::Silenced => "silenced",
            Self::NoRecipient => "nobody to tell",
            Self::AlreadyTold => "everybody concerned has been told",
            Self::NotYet => "no threshold is crossed yet",
            Self::Rotated => "a newer one replaces it",
            Self::Inactive => "not the certificate in use",
            Self::ShortLived => "made to live for days only, and not the last one",
            Self::ExpiredBefore => "ended too long ago to tell anybody",
            Self::ExcludedManagedIdentity => "not watched: a managed identity, which Azure renews",
            Self::ExcludedDisabled => "not watched: the application is disabled",
            Self::ExcludedIgnored => "not watched: ignored by a rule or a tag",
            Self::ExcludedPlatform => "not watched: a Microsoft service renews it",
        }
    }
}

/// A notice that was given: the memory that keeps a recipient from hearing the same twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// About which credential.
    pub credential: CredentialKey,
    /// Its end as it was then; `None`: it never ended.
    pub not_after: Option<UtcTime>,
    /// `Sole` or `Rotated`.
    pub posture: Posture,
    /// What was told.
    pub notice: Notice,
    /// The threshold that was crossed, in seconds before the end.
    pub threshold: i64,
    /// To whom, lower-cased.
    pub recipient: String,
    /// How bad it was.
    pub severity: Severity,
    /// What kind of transport took it, or is to take it.
    pub transport: TransportKind,
    /// When it was decided.
    pub at: UtcTime,
    /// The mail that carries it.
    pub mail: uuid::Uuid,
}

/// The kind of a mail transport. What a `Folder` took does not count as told once there is another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TransportKind {
    /// SMTP.
    Smtp,
    /// Graph sendMail.
    Graph,
    /// Files.
    Folder,
}
