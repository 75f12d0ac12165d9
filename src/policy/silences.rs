//! Silences: what somebody asked not to be told about, until when, and why.

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;
use crate::inventory::{Pattern, Subject};

/// What a silence covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "scope", content = "value", rename_all = "snake_case")]
pub enum SilenceScope {
    /// An application, by app id or object id, with its service principal.
    App(String),
    /// One credential, by key id.
    Credential(String),
    /// Every application whose display name matches a glob.
    Name(String),
}

/// A silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// A short id to remove it by.
    pub id: String,
    /// In this tenant (GUID) only; `None`: in every one.
    pub tenant: Option<String>,
    /// What it covers.
    pub scope: SilenceScope,
    /// When it ends by itself.
    pub until: UtcTime,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub author: String,
    /// Since when.
    pub created_at: UtcTime,
}

impl Silence {
    /// Whether it covers this credential at `now`.
    #[must_use]
    pub fn covers(&self, subject: Subject<'_>, key_id: &str, now: UtcTime) -> bool {
        now < self.until
            && self.tenant.as_deref().is_none_or(|tenant| tenant == subject.tenant_id)
            && match &self.scope {
                SilenceScope::App(id) => subject.object.key.id == *id || subject.object.app_id.as_ref() == Some(id),
                SilenceScope::Credential(id) => key_id == id,
                SilenceScope::Name(glob) => Pattern::new(glob).is_ok_and(|glob| glob.matches(&subject.object.display_name)),
            }
    }
}
