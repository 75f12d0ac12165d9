//! What the simulated directory keeps of an object.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::credential::{Federated, Key, Password};
use crate::clock::UtcTime;

/// Object id of an application, a service principal or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub Uuid);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The two collections that hold credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collection {
    /// App registrations.
    Applications,
    /// Enterprise applications.
    ServicePrincipals,
}

impl Collection {
    /// As it is called in a path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Applications => "applications",
            Self::ServicePrincipals => "servicePrincipals",
        }
    }

    /// The type of its entities.
    pub(super) fn entity(self) -> &'static str {
        match self {
            Self::Applications => "microsoft.graph.application",
            Self::ServicePrincipals => "microsoft.graph.servicePrincipal",
        }
    }
}

/// The ways in which an object can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabled {
    /// `accountEnabled` of a service principal is false.
    Account,
    /// `isDisabled`: deactivated by an administrator.
    Deactivated,
    /// `disabledByMicrosoftStatus` names a violation.
    ByMicrosoft,
}

/// An application or a service principal.
pub(super) struct Record {
    pub(super) collection: Collection,
    pub(super) id: ObjectId,
    pub(super) app_id: Uuid,
    /// `@odata.type` of a derived type, such as an agent identity.
    pub(super) derived: Option<&'static str>,
    pub(super) name: String,
    pub(super) created: UtcTime,
    pub(super) deleted: Option<UtcTime>,
    pub(super) purged: bool,
    pub(super) notes: Option<String>,
    pub(super) service_reference: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) audience: &'static str,
    pub(super) deactivated: bool,
    pub(super) disabled_by_microsoft: bool,
    pub(super) token_encryption_key: Option<Uuid>,
    pub(super) passwords: Vec<Password>,
    pub(super) keys: Vec<Key>,
    pub(super) owners: Vec<ObjectId>,
    pub(super) federated: Vec<Federated>,
    /// What only service principals have.
    pub(super) principal: Principal,
    /// Properties that replace what this record would show.
    pub(super) overlay: Map<String, Value>,
    /// Bytes that are served in place of the whole object, whatever was selected.
    pub(super) raw: Option<Vec<u8>>,
}

/// What only service principals have.
#[derive(Default)]
pub(super) struct Principal {
    pub(super) account_disabled: bool,
    pub(super) kind: &'static str,
    pub(super) owner_tenant: Option<Uuid>,
    pub(super) alternative_names: Vec<String>,
    pub(super) sso_mode: Option<&'static str>,
    pub(super) active_thumbprint: Option<String>,
    pub(super) notification_addresses: Vec<String>,
    /// Application permissions that were consented to.
    pub(super) roles: Vec<String>,
}

impl Record {
    pub(super) fn new(collection: Collection, id: ObjectId, app_id: Uuid, name: &str, created: UtcTime) -> Self {
        Self {
            collection,
            id,
            app_id,
            derived: None,
            name: name.to_owned(),
            created,
            deleted: None,
            purged: false,
            notes: None,
            service_reference: None,
            tags: Vec::new(),
            audience: "AzureADMyOrg",
            deactivated: false,
            disabled_by_microsoft: false,
            token_encryption_key: None,
            passwords: Vec::new(),
            keys: Vec::new(),
            owners: Vec::new(),
            federated: Vec::new(),
            principal: Principal::default(),
            overlay: Map::new(),
            raw: None,
        }
    }

    /// Whether listings show it.
    pub(super) fn is_living(&self) -> bool {
        self.deleted.is_none()
    }

    /// Whether no token is issued for it.
    pub(super) fn is_off(&self) -> bool {
        self.principal.account_disabled || self.deactivated || self.disabled_by_microsoft
    }
}

/// A user, who can own applications.
pub(super) struct User {
    pub(super) id: ObjectId,
    pub(super) name: String,
    pub(super) upn: String,
    pub(super) mail: Option<String>,
}
