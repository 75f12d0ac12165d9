//! How each credential stands among the others: excluded, rotated, inactive, the last one.

use std::sync::Arc;

use super::{Credential, Exclusion, Posture, Tracked};
use crate::clock::UtcTime;

/// A credential, the object it is on, and how it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The object.
    pub object: Arc<Tracked>,
    /// The credential.
    pub credential: Credential,
    /// Why it is not watched; `None`: it is.
    pub excluded: Option<Exclusion>,
    /// Whether something replaces it.
    pub posture: Posture,
    /// What replaces it, where `posture` is `Rotated`.
    pub replaced_by: Option<Credential>,
    /// The next credential of this kind starts only then, after this one has ended.
    pub gap_until: Option<UtcTime>,
    /// When it ends nobody can sign in as this application (for `SamlSigning`: nobody can sign in to it).
    pub last_one: bool,
    /// Of `SamlSigning` only.
    pub saml: Option<SamlStanding>,
    /// A Microsoft service should renew it by itself (Entra Connect Sync): told late, and in other words.
    pub self_renewing: bool,
}

/// Which of several SAML certificates is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlStanding {
    /// Entra signs with this one.
    pub active: bool,
    /// A newer one exists that Entra does not sign with yet.
    pub newer_inactive: Option<Credential>,
}
