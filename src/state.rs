//! What is remembered of a tenant besides its objects: how the last polls went, which digests are settled.
//!
//! Stored as JSON in the tenant's row; a field is only ever added, with a serde default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;
use crate::own::OwnApplication;
use crate::policy::TransportKind;

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
}

/// How the polls of a tenant went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// Begin of the last poll that saw everything: the stored state is as of then.
    pub last_complete: Option<UtcTime>,
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

/// Which digest slots are settled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SlotState {
    /// The last slot that was evaluated.
    pub last: Option<UtcTime>,
    /// Recipients (and batches) for whom a slot stays open, because no mail of it was accepted yet.
    pub open: BTreeMap<String, UtcTime>,
}
