//! The simulated directory itself: what exists, and how tests and the demo change it.
//!
//! A [`Directory`] is a handle; clones share the directory. Objects are named by the [`ObjectId`] that made them known; an id of
//! another directory changes nothing. Nothing here knows of HTTP.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::change::{Change, Changed};
use super::record::{Collection, Disabled, ObjectId, Record, User};
use crate::clock::{Clock, UtcTime};

/// One simulated tenant.
#[derive(Clone)]
pub struct Directory {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("tenant", &self.tenant_id()).finish_non_exhaustive()
    }
}

/// A new app registration with its service principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application {
    /// Object id of the app registration.
    pub id: ObjectId,
    /// Client id.
    pub app_id: Uuid,
    /// Object id of the service principal.
    pub principal: ObjectId,
}

/// The application a watcher signs in as.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// The application.
    pub application: Application,
    /// Key id of its secret.
    pub key_id: Uuid,
    /// The secret.
    pub secret: secrecy::SecretString,
}

/// Everything behind the lock.
pub(super) struct State {
    pub(super) tenant: Uuid,
    pub(super) domain: String,
    pub(super) applications: BTreeMap<ObjectId, Record>,
    pub(super) principals: BTreeMap<ObjectId, Record>,
    pub(super) users: BTreeMap<ObjectId, User>,
    pub(super) by_app_id: HashMap<Uuid, Registered>,
    pub(super) changes: Vec<Change>,
    /// Tokens of a generation below these are refused.
    pub(super) expired_before: u64,
    pub(super) revoked_before: u64,
    pub(super) generation: u64,
    pub(super) rng: fastrand::Rng,
}

/// Which objects of this tenant share an app id.
#[derive(Default, Clone, Copy)]
pub(super) struct Registered {
    pub(super) application: Option<ObjectId>,
    pub(super) principal: Option<ObjectId>,
}

impl State {
    pub(super) fn collection(&self, collection: Collection) -> &BTreeMap<ObjectId, Record> {
        match collection {
            Collection::Applications => &self.applications,
            Collection::ServicePrincipals => &self.principals,
        }
    }

    /// An application or a service principal, deleted ones too.
    pub(super) fn record_mut(&mut self, id: ObjectId) -> Option<&mut Record> {
        self.applications.get_mut(&id).or_else(|| self.principals.get_mut(&id))
    }

    /// The application or service principal with this app id that still lives.
    pub(super) fn registered(&self, collection: Collection, app_id: Uuid) -> Option<&Record> {
        let registered = self.by_app_id.get(&app_id)?;
        let id = match collection {
            Collection::Applications => registered.application,
            Collection::ServicePrincipals => registered.principal,
        }?;
        self.collection(collection).get(&id).filter(|record| record.is_living())
    }

    pub(super) fn new_id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }

    /// `length` letters and digits.
    pub(super) fn new_text(&mut self, length: usize) -> String {
        (0..length).map(|_| self.rng.alphanumeric()).collect()
    }

    fn add(&mut self, record: Record, now: UtcTime) -> ObjectId {
        let (id, collection) = (record.id, record.collection);
        let registered = self.by_app_id.entry(record.app_id).or_default();
        match collection {
            Collection::Applications => {
                registered.application = Some(id);
                self.applications.insert(id, record);
            }
            Collection::ServicePrincipals => {
                registered.principal = Some(id);
                self.principals.insert(id, record);
            }
        }
        self.changes.push(Change { at: now, collection, object: id, what: Changed::Appeared });
        id
    }
}

impl Directory {
    /// An empty tenant, whose ids follow from its domain.
    #[must_use]
    pub fn new(domain: &str, clock: Arc<dyn Clock>) -> Self {
        let seed =
            domain.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = fastrand::Rng::with_seed(seed);
        let tenant = uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid();
        let state = State {
            tenant,
            domain: domain.to_owned(),
            applications: BTreeMap::new(),
            principals: BTreeMap::new(),
            users: BTreeMap::new(),
            by_app_id: HashMap::new(),
            changes: Vec::new(),
            expired_before: 0,
            revoked_before: 0,
            generation: 0,
            rng,
        };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    /// The tenant's GUID.
    #[must_use]
    pub fn tenant_id(&self) -> Uuid {
        self.lock().tenant
    }

    /// The tenant's first domain, by which it can be signed in to as well.
    #[must_use]
    pub fn domain(&self) -> String {
        self.lock().domain.clone()
    }

    /// The time in this tenant.
    #[must_use]
    pub fn now(&self) -> UtcTime {
        self.clock.now()
    }

    /// How many applications and service principals are listed.
    #[must_use]
    pub fn count(&self, collection: Collection) -> usize {
        self.lock().collection(collection).values().filter(|record| record.is_living()).count()
    }

    /// Every change so far, oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.lock().changes.clone()
    }

    /// Registers an application and gives it a service principal, as the portal does.
    pub fn add_application(&self, name: &str) -> Application {
        let now = self.now();
        let mut state = self.lock();
        let (id, app_id) = (ObjectId(state.new_id()), state.new_id());
        state.add(Record::new(Collection::Applications, id, app_id, name, now), now);
        let principal = state.add_principal(name, app_id, "Application", now);
        let tenant = state.tenant;
        if let Some(record) = state.record_mut(principal) {
            record.principal.owner_tenant = Some(tenant);
        }
        Application { id, app_id, principal }
    }

    /// A service principal without an application in this tenant: a vendor's, or one of Microsoft's.
    pub fn add_service_principal(&self, name: &str, app_id: Uuid, owner_tenant: Uuid) -> ObjectId {
        let now = self.now();
        let mut state = self.lock();
        let id = state.add_principal(name, app_id, "Application", now);
        if let Some(record) = state.record_mut(id) {
            record.principal.owner_tenant = Some(owner_tenant);
            record.audience = "AzureADMultipleOrgs";
        }
        id
    }

    /// The service principal of a managed identity.
    pub fn add_managed_identity(&self, name: &str, resource: &str) -> ObjectId {
        let now = self.now();
        let mut state = self.lock();
        let app_id = state.new_id();
        let id = state.add_principal(name, app_id, "ManagedIdentity", now);
        if let Some(record) = state.record_mut(id) {
            record.principal.alternative_names = vec!["isExplicit=False".to_owned(), resource.to_owned()];
        }
        id
    }

    /// A member of this tenant. Without `mail` there is no mailbox.
    pub fn add_user(&self, name: &str, mail: Option<&str>) -> ObjectId {
        let mut state = self.lock();
        let upn = format!("{}@{}", name.to_lowercase().replace(' ', "."), state.domain);
        state.add_user(name, upn, mail)
    }

    /// A guest from elsewhere.
    pub fn add_guest(&self, name: &str, mail: &str) -> ObjectId {
        let mut state = self.lock();
        let upn = format!("{}#EXT#@{}", mail.replace('@', "_"), state.domain);
        state.add_user(name, upn, Some(mail))
    }

    /// Deletes an application with its service principal, a service principal alone, or a user. All but users can be restored.
    pub fn delete(&self, id: ObjectId) {
        self.lock().users.remove(&id);
        self.each_of_pair(id, Changed::Deleted, |record, now| record.deleted = Some(now));
    }

    /// Takes an application with its service principal, or a service principal alone, out of the deleted items.
    pub fn restore(&self, id: ObjectId) {
        self.each_of_pair(id, Changed::Appeared, |record, _| {
            if !record.purged {
                record.deleted = None;
            }
        });
    }

    /// Deletes for good.
    pub fn purge(&self, id: ObjectId) {
        self.each_of_pair(id, Changed::Purged, |record, now| {
            record.deleted.get_or_insert(now);
            record.purged = true;
        });
    }

    /// Gives an object another name.
    pub fn rename(&self, id: ObjectId, name: &str) {
        self.edit(id, Changed::Properties, |record| name.clone_into(&mut record.name));
    }

    /// Writes the notes of an object.
    pub fn set_notes(&self, id: ObjectId, notes: Option<&str>) {
        self.edit(id, Changed::Properties, |record| record.notes = notes.map(str::to_owned));
    }

    /// Sets the tags of an object.
    pub fn set_tags(&self, id: ObjectId, tags: &[&str]) {
        self.edit(id, Changed::Properties, |record| record.tags = tags.iter().map(|&tag| tag.to_owned()).collect());
    }

    /// Sets who can sign in to it, such as `AzureADMultipleOrgs`.
    pub fn set_audience(&self, id: ObjectId, audience: &'static str) {
        self.edit(id, Changed::Properties, |record| record.audience = audience);
    }

    /// Switches an object off in one way, or on again.
    pub fn set_disabled(&self, id: ObjectId, way: Disabled, disabled: bool) {
        self.edit(id, Changed::Properties, |record| match way {
            Disabled::Account => record.principal.account_disabled = disabled,
            Disabled::Deactivated => record.deactivated = disabled,
            Disabled::ByMicrosoft => record.disabled_by_microsoft = disabled,
        });
    }

    /// Makes a user or a service principal an owner.
    pub fn add_owner(&self, id: ObjectId, owner: ObjectId) {
        self.edit_silently(id, |record| record.owners.push(owner));
    }

    /// Takes an owner away.
    pub fn remove_owner(&self, id: ObjectId, owner: ObjectId) {
        self.edit_silently(id, |record| record.owners.retain(|known| *known != owner));
    }

    /// Shows `properties` in place of what the object has: dates that no tenant should have, null where an array is expected.
    pub fn patch(&self, id: ObjectId, properties: &Map<String, Value>) {
        self.edit(id, Changed::Properties, |record| record.overlay.extend(properties.clone()));
    }

    /// Serves `bytes` in place of the object, whatever is selected. They need not be valid JSON.
    pub fn set_raw(&self, id: ObjectId, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.edit(id, Changed::Properties, |record| record.raw = Some(bytes));
    }

    /// Undoes [`Self::patch`] and [`Self::set_raw`].
    pub fn unset_raw(&self, id: ObjectId) {
        self.edit(id, Changed::Properties, |record| {
            record.raw = None;
            record.overlay.clear();
        });
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes an object and remembers that it changed.
    pub(super) fn edit(&self, id: ObjectId, what: Changed, change: impl FnOnce(&mut Record)) {
        let at = self.now();
        let mut state = self.lock();
        if let Some(record) = state.record_mut(id) {
            change(record);
            let collection = record.collection;
            state.changes.push(Change { at, collection, object: id, what });
        }
    }

    /// Changes what no delta query tracks.
    pub(super) fn edit_silently(&self, id: ObjectId, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.lock().record_mut(id) {
            change(record);
        }
    }

    /// Changes an object and, where it is an application, its service principal.
    fn each_of_pair(&self, id: ObjectId, what: Changed, change: impl Fn(&mut Record, UtcTime)) {
        let principal = {
            let state = self.lock();
            state.applications.get(&id).and_then(|record| state.by_app_id.get(&record.app_id)).and_then(|both| both.principal)
        };
        let now = self.now();
        for id in [Some(id), principal].into_iter().flatten() {
            self.edit(id, what, |record| change(record, now));
        }
    }
}

impl State {
    fn add_principal(&mut self, name: &str, app_id: Uuid, kind: &'static str, now: UtcTime) -> ObjectId {
        let id = ObjectId(self.new_id());
        let mut record = Record::new(Collection::ServicePrincipals, id, app_id, name, now);
        record.principal.kind = kind;
        self.add(record, now)
    }

    fn add_user(&mut self, name: &str, upn: String, mail: Option<&str>) -> ObjectId {
        let id = ObjectId(self.new_id());
        self.users.insert(id, User { id, name: name.to_owned(), upn, mail: mail.map(str::to_owned) });
        id
    }
}
