//! What exists: directory objects, the credentials on them, how each stands among the others. Pure.
//!
//! [`Inventory`] is the model itself, as the store keeps it; [`judge`] turns it into one [`Standing`] a credential.

mod classify;
mod credential;
mod diff;
mod excluded;
mod matcher;
mod object;
mod rotation;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use classify::{PLATFORM_RENEWED, credentials_of};
pub use credential::{Credential, CredentialKind, Exclusion, Posture, Severity, State};
pub use diff::{Difference, absorb, difference, is_landslide, learn, missing_from, without_old_tombstones};
pub use excluded::excluded_objects;
pub use matcher::{Matcher, Pattern, Subject, Watch};
pub use object::{
    Detail, DirectoryObject, GoneCredential, KeyCredential, ObjectKey, ObjectKind, Owner, OwnerKind, PasswordCredential,
};
pub use standing::{Judging, SamlStanding, Standing, judge};

use crate::clock::UtcTime;

/// An object and what the store knows about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The object.
    pub object: DirectoryObject,
    /// Hash of the raw JSON it was decoded from; an equal one is not decoded again.
    pub hash: String,
    /// Since when complete listings lack it.
    pub missing_since: Option<UtcTime>,
    /// When it was found to be gone. A gone object stays for `store.keep`.
    pub gone_at: Option<UtcTime>,
}

/// Every object of a tenant. Cloning shares the objects.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    objects: BTreeMap<ObjectKey, Arc<Tracked>>,
}

impl Inventory {
    /// Collects what the store loaded.
    #[must_use]
    pub fn new(objects: impl IntoIterator<Item = Tracked>) -> Self {
        Self { objects: objects.into_iter().map(|tracked| (tracked.object.key.clone(), Arc::new(tracked))).collect() }
    }

    /// One object, gone ones too.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Tracked>> {
        self.objects.get(key)
    }

    /// Puts an object in, in place of the one with the same key.
    pub fn put(&mut self, tracked: Tracked) {
        self.objects.insert(tracked.object.key.clone(), Arc::new(tracked));
    }

    /// Forgets an object for good.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// Every object, gone ones too, in order of kind and id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Tracked>> {
        self.objects.values()
    }

    /// Every object that still exists.
    pub fn living(&self) -> impl Iterator<Item = &Arc<Tracked>> {
        self.objects.values().filter(|tracked| tracked.gone_at.is_none())
    }
}
