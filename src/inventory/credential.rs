//! A credential in the sense of this product, and what can be said of it.

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;

/// What a credential is for.
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
pub enum CredentialKind {
    /// A client secret.
    Secret,
    /// A certificate (or symmetric key) that the application signs in with.
    Certificate,
    /// The certificate with which Entra signs SAML tokens for the application: one for the two or three entries Graph shows.
    SamlSigning,
    /// The certificate with which Entra encrypts SAML tokens for the application.
    TokenEncryption,
}

impl CredentialKind {
    /// Whether the application signs in with it.
    #[must_use]
    pub fn is_sign_in(self) -> bool {
        matches!(self, Self::Secret | Self::Certificate)
    }
}

/// One credential of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Unique within the object.
    pub key_id: String,
    /// What it is for.
    pub kind: CredentialKind,
    /// Its display name, where it has one. Hostile text.
    pub name: Option<String>,
    /// Start; `None`: unknown.
    pub not_before: Option<UtcTime>,
    /// End; `None`: it never ends.
    pub not_after: Option<UtcTime>,
    /// SHA-1 thumbprint in upper-case hex, of certificates where known.
    #[serde(default)]
    pub thumbprint: Option<String>,
    /// When a poll first brought it; `None`: before that was remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<UtcTime>,
}

/// Where a credential is in its life.
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
    strum::IntoStaticStr,
    strum::EnumString,
    strum::EnumIter,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Usable, with nothing to do yet.
    Valid,
    /// Usable, and inside the widest threshold that applies to it.
    Expiring,
    /// Ended.
    Expired,
    /// Starts later.
    NotYetValid,
}

/// How a credential stands among the others of its object.
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
pub enum Posture {
    /// Nothing replaces it.
    Sole,
    /// A newer one replaces it.
    Rotated,
    /// A SAML certificate that Entra does not sign with.
    Inactive,
}

/// How much it matters.
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
pub enum Severity {
    /// For information.
    Info,
    /// Something is to be done.
    Warning,
    /// Sign-in stops, or has stopped.
    Critical,
}

/// Why a credential is not watched.
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
pub enum Exclusion {
    /// A managed identity: the platform renews it.
    ExcludedManagedIdentity,
    /// The object, or the service principal it signs in as, is disabled.
    ExcludedDisabled,
    /// An `[[ignore]]` rule, or the tag `entrawatch:ignore`.
    ExcludedIgnored,
    /// A known credential that a Microsoft service renews by itself.
    ExcludedPlatform,
}
