//! The simulated directory itself: what exists, and how tests and the demo change it.
//!
//! A [`Directory`] is a handle; clones share the directory. Objects are named by the [`ObjectId`] that made them known; an id of
//! another directory changes nothing. Nothing here knows of HTTP.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::change::{Change, Changed};
use super::delta::DeltaMode;
use super::mailbox::Mailboxes;
use super::record::{Collection, ObjectId, Record, User};
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
    pub(super) delta: DeltaMode,
    pub(super) mailboxes: Mailboxes,
    /// Certificates whose keys other identity providers sign with, by issuer.
    pub(super) issuers: HashMap<String, Vec<u8>>,
    /// Ids of assertions that were used.
    pub(super) used_assertions: HashSet<String>,
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

    /// The living application and service principal with this app id.
    pub(super) fn all_registered(&self, app_id: Uuid) -> impl Iterator<Item = &Record> {
        let kinds = [Collection::Applications, Collection::ServicePrincipals];
        kinds.into_iter().filter_map(move |kind| self.registered(kind, app_id))
    }

    pub(super) fn new_id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }

    /// `length` letters and digits.
    pub(super) fn new_text(&mut self, length: usize) -> String {
        (0..length).map(|_| self.rng.alphanumeric()).collect()
    }

    pub(super) fn add(&mut self, record: Record, now: UtcTime) -> ObjectId {
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
            delta: DeltaMode::default(),
            mailboxes: Mailboxes::default(),
            issuers: HashMap::new(),
            used_assertions: HashSet::new(),
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
}
