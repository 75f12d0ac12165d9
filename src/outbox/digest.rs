//! What one mail says, before anybody words it. Pure.

use std::sync::Arc;

use crate::clock::UtcTime;
use crate::inventory::{Severity, Standing};
use crate::policy::{Notice, Via};
use crate::snapshot::TenantLabel;

/// One mail to one recipient about one tenant.
#[derive(Debug, Clone)]
pub struct Digest {
    /// The tenant.
    pub tenant: Arc<TenantLabel>,
    /// Lower-cased address.
    pub recipient: String,
    /// What sort of mail it is.
    pub kind: DigestKind,
    /// Most urgent first: severity, then end.
    pub items: Vec<Item>,
    /// When it was decided.
    pub at: UtcTime,
    /// The state it was decided from is as of then; `None`: Graph confirmed it just now.
    pub as_of: Option<UtcTime>,
}

/// What sort of mail a digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestKind {
    /// What is due.
    Regular,
    /// The first one of a tenant, to fallback.
    Baseline(Coverage),
}

/// What the first digest says about a tenant as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Applications seen.
    pub applications: usize,
    /// Service principals seen.
    pub service_principals: usize,
    /// Credentials watched.
    pub watched: usize,
    /// Of those: ending within 90 days, unrotated.
    pub ending_90d: usize,
    /// Of those: ended already, unrotated.
    pub ended: usize,
    /// Credentials left out, by reason.
    pub excluded: Vec<(crate::inventory::Exclusion, usize)>,
    /// Whether owners are told (`recipients.owners`); if not, the mail says how.
    pub owners: bool,
}

/// What a mail says about one credential.
#[derive(Debug, Clone)]
pub struct Item {
    /// Expiring, expired or resolved.
    pub notice: Notice,
    /// How much it matters.
    pub severity: Severity,
    /// How the recipient came to be one.
    pub via: Via,
    /// The credential, and how it stands.
    pub standing: Standing,
}
