//! What is remembered of a tenant besides its objects: how the last polls went, which digests are settled.
//!
//! Stored as JSON in the tenant's row; a field is only ever added, with a serde default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;
use crate::inventory::{ObjectKey, ObjectKind};
use crate::own::OwnApplication;
use crate::policy::{ReportState, TransportKind};

/// The memory of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantState {
    /// How the polls went.
    pub polls: PollState,
    /// The first digest of this tenant; `None`: not decided yet.
    pub baseline: Option<Baseline>,
    /// Which digest slots are settled.
    pub slots: SlotState,
    /// The application that EntraWatch signs in as, as last read; `None`: never read yet.
    pub own: Option<OwnApplication>,
    /// How far the delta queries are.
    pub delta: DeltaState,
    /// Credentials that are due and that nobody is known to be told of, as of the last evaluation.
    pub untellable: usize,
    /// Last credentials that end within days, or have just ended, and that a silence keeps from being told, as of the last evaluation.
    pub muted: Vec<Muted>,
    /// The last regular report.
    pub report: ReportState,
    /// The domain by which the tenant was configured, in lower case, where it was.
    pub domain: Option<String>,
}

/// How the polls of a tenant went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// Begin of the last poll that saw everything: the stored state is as of then.
    pub last_complete: Option<UtcTime>,
    /// Begin of the last complete listing: the same, unless polls between listings ask for changes only.
    pub last_full: Option<UtcTime>,
    /// How many requests that listing needed.
    pub full_requests: Option<u32>,
    /// Begin of the last poll of any outcome.
    pub last_attempt: Option<UtcTime>,
    /// Outcome of the last poll.
    pub outcome: Option<PollOutcome>,
    /// Why it was not complete, in plain words with what to do; `None` when it was.
    pub error: Option<String>,
    /// Objects that could not be decoded and keep their last state: what Graph called them, and why (at most 20).
    pub undecodable: Vec<String>,
    /// Since when the tenant has been watched; what it is blind since, before a first complete poll.
    pub watched_since: Option<UtcTime>,
    /// Since when polls fail because Microsoft refuses what EntraWatch asks: the sign-in, the permission.
    pub refused_since: Option<UtcTime>,
    /// Since when so many objects are missing at once that the listing is not believed.
    pub vanished_since: Option<UtcTime>,
}

/// How far the delta queries of a tenant are. Empty where everything is listed at each poll.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeltaState {
    /// Where the next round of each collection begins; stored together with what the round before brought.
    pub links: BTreeMap<ObjectKind, DeltaLink>,
    /// What the last listing showed otherwise than the delta queries had told; the rounds of the next hour decide about it.
    pub suspects: Vec<Suspect>,
    /// Why they are not used any more in this tenant.
    pub off: Option<DeltaOff>,
}

/// The link from which a delta query goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaLink {
    /// As Graph sent it.
    pub url: String,
    /// When; Graph keeps the state behind it for seven days.
    pub taken_at: UtcTime,
}

/// An object of which a listing showed something that the delta queries had not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// Which.
    pub key: ObjectKey,
    /// When the listing began.
    pub since: UtcTime,
    /// It is about a credential.
    pub credentials: bool,
    /// The round just before the listing had spoken of the object: the listing may be the one that lags, and nothing was missed.
    pub told: bool,
}

/// Delta queries are not used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaOff {
    /// Since when.
    pub since: UtcTime,
    /// Why.
    pub why: DeltaOffWhy,
}

/// Why delta queries are not used any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaOffWhy {
    /// The tenant does not answer them. They are tried again after a week.
    Refused,
    /// They did not tell of a credential of this object. They are not used before `poll.delta` was `never` once: a `watcher` notice.
    Missed(ObjectKey),
}

impl DeltaState {
    /// The object of whose credential the delta queries did not tell, so that they were switched off, and since when.
    #[must_use]
    pub fn missed(&self) -> Option<(&ObjectKey, UtcTime)> {
        match self.off.as_ref()? {
            DeltaOff { since, why: DeltaOffWhy::Missed(key) } => Some((key, *since)),
            DeltaOff { why: DeltaOffWhy::Refused, .. } => None,
        }
    }
}

/// How a poll ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
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
pub enum PollOutcome {
    /// Everything was seen.
    Complete,
    /// Something was seen, not everything.
    Partial,
    /// Nothing was seen.
    Failed,
}

/// The first digest of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// When it was decided.
    pub at: UtcTime,
    /// The kind of transport then; one by `folder`, or without `[mail]`, does not count once there is another.
    pub transport: Option<TransportKind>,
    /// The fallback recipients whose mail of it was not accepted yet.
    pub open: Vec<String>,
}

/// A last credential that a silence keeps from being told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// The silence.
    pub silence: String,
    /// Who asked for it. Hostile text.
    pub author: String,
    /// Why. Hostile text.
    pub reason: String,
    /// When it ends by itself.
    pub until: UtcTime,
    /// The application. Hostile text.
    pub app_name: String,
    /// The credential.
    pub key_id: String,
    /// When that ends.
    pub not_after: UtcTime,
}

/// Which digest slots are settled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SlotState {
    /// The last slot that was evaluated.
    pub last: Option<UtcTime>,
    /// Recipients (and batches) for whom a slot stays open, because no mail of it was accepted yet.
    pub open: BTreeMap<String, UtcTime>,
}
