//! A directory object as Graph described it, reduced to what decides about credentials.
//!
//! These types are stored as the body of an object's row, so a field is only ever added, with a serde default.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;

/// Which Graph collection an object belongs to.
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
pub enum ObjectKind {
    /// An app registration: `/applications`.
    Application,
    /// An enterprise application: `/servicePrincipals`.
    ServicePrincipal,
}

/// Identity of an object within its tenant. Names are never identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The collection.
    pub kind: ObjectKind,
    /// The object id, as Graph spells it, lower-cased.
    pub id: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// One entry of `passwordCredentials`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PasswordCredential {
    /// `keyId`, lower-cased; where Graph sent none, a stable stand-in made from the entry's other fields (`unidentified-…`).
    pub key_id: String,
    /// `displayName`, else the name that old secrets keep in `customKeyIdentifier`.
    pub display_name: Option<String>,
    /// `customKeyIdentifier`, as sent (base64).
    pub custom_key_identifier: Option<String>,
    /// `startDateTime`.
    pub start: Option<UtcTime>,
    /// `endDateTime`; `None` is "never ends".
    pub end: Option<UtcTime>,
    /// When a poll first brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<UtcTime>,
}

/// One entry of `keyCredentials`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyCredential {
    /// `keyId`, lower-cased, or a stand-in as for [`PasswordCredential::key_id`].
    pub key_id: String,
    /// `displayName`, usually the subject.
    pub display_name: Option<String>,
    /// `type`: `AsymmetricX509Cert`, `X509CertAndPassword`, `Symmetric`, an open set.
    pub key_type: Option<String>,
    /// `usage`: `Verify`, `Sign`, `Encrypt`, an open set.
    pub usage: Option<String>,
    /// `customKeyIdentifier`, as sent (hex or base64, see FACTS 1.7).
    pub custom_key_identifier: Option<String>,
    /// SHA-1 thumbprint in upper-case hex: computed from `key` where Graph sent it, else read from the custom key identifier
    /// where that is one.
    pub thumbprint: Option<String>,
    /// `startDateTime`.
    pub start: Option<UtcTime>,
    /// `endDateTime`; `None` is "never ends".
    pub end: Option<UtcTime>,
    /// When a poll first brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<UtcTime>,
}

/// A credential that was on the object once and is not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneCredential {
    /// What it was, as classified when it was last seen.
    pub credential: super::Credential,
    /// When it was found missing.
    pub gone_at: UtcTime,
}

/// What kind of directory object owns an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// A user of this tenant.
    User,
    /// A user from elsewhere, known by `#EXT#` in the user principal name.
    Guest,
    /// Another application.
    ServicePrincipal,
    /// A group, a device, or a type this version does not know.
    Other,
}

/// An owner as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Object id.
    pub id: String,
    /// What it is.
    pub kind: OwnerKind,
    /// `displayName`.
    pub name: Option<String>,
    /// `mail`; `None` also when the permission to read it is missing.
    pub mail: Option<String>,
    /// Only type and id came back: the permission to read users is missing (`User.ReadBasic.All`).
    #[serde(default)]
    pub limited: bool,
}

/// What listings do not bring and the confirm step reads for the few objects with something due.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// Owners as last read; `None`: never read. Unreadable is not none.
    pub owners: Option<Vec<Owner>>,
    /// When the owners were read.
    pub owners_read_at: Option<UtcTime>,
    /// How many federated identity credentials the object has; `None`: never read.
    pub federated: Option<u32>,
    /// Thumbprints by key id, from certificates read one object at a time.
    pub thumbprints: BTreeMap<String, String>,
}

/// An application or a service principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryObject {
    /// Identity within the tenant.
    pub key: ObjectKey,
    /// `appId`, the client id, lower-cased.
    #[serde(default)]
    pub app_id: Option<String>,
    /// `displayName`, or the object id where there is none. Hostile text.
    pub display_name: String,
    /// `servicePrincipalType`, an open set.
    #[serde(default)]
    pub service_principal_type: Option<String>,
    /// `accountEnabled` of a service principal.
    #[serde(default)]
    pub account_enabled: Option<bool>,
    /// `isDisabled`: deactivated by an administrator.
    #[serde(default)]
    pub is_disabled: bool,
    /// `disabledByMicrosoftStatus`.
    #[serde(default)]
    pub disabled_by_microsoft: Option<String>,
    /// `signInAudience`.
    #[serde(default)]
    pub sign_in_audience: Option<String>,
    /// `appOwnerOrganizationId` of a service principal.
    #[serde(default)]
    pub owner_tenant: Option<String>,
    /// `tags`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// `notes`.
    #[serde(default)]
    pub notes: Option<String>,
    /// `createdDateTime`.
    #[serde(default)]
    pub created: Option<UtcTime>,
    /// `tokenEncryptionKeyId`, lower-cased.
    #[serde(default)]
    pub token_encryption_key_id: Option<String>,
    /// `preferredTokenSigningKeyThumbprint`, upper-case hex.
    #[serde(default)]
    pub preferred_thumbprint: Option<String>,
    /// `passwordCredentials`.
    #[serde(default)]
    pub passwords: Vec<PasswordCredential>,
    /// `keyCredentials`.
    #[serde(default)]
    pub keys: Vec<KeyCredential>,
    /// Read by the confirm step; a listing leaves it as it is.
    #[serde(default)]
    pub detail: Detail,
    /// Credentials that were here once, kept for `store.keep`.
    #[serde(default)]
    pub gone: Vec<GoneCredential>,
}

impl DirectoryObject {
    /// An object of which nothing but the id is known.
    #[must_use]
    pub fn blank(key: ObjectKey) -> Self {
        Self {
            display_name: key.id.clone(),
            app_id: None,
            service_principal_type: None,
            account_enabled: None,
            is_disabled: false,
            disabled_by_microsoft: None,
            sign_in_audience: None,
            owner_tenant: None,
            tags: Vec::new(),
            notes: None,
            created: None,
            token_encryption_key_id: None,
            preferred_thumbprint: None,
            passwords: Vec::new(),
            keys: Vec::new(),
            key,
            detail: Detail::default(),
            gone: Vec::new(),
        }
    }
}
