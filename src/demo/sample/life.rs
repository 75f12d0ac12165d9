//! What happens at Contoso as policy time passes: people rotate, add, forget, remove and delete.
//!
//! A fixed list of events, some of which lead to others, so that each run of the demo tells the same story.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use uuid::Uuid;

use crate::clock::UtcTime;
use crate::demo::record::{Disabled, ObjectId};
use crate::demo::tenant::Directory;

/// How long a secret lives that a careful team makes, and how long before its end they make the next, in days.
const LIFE: i64 = 180;
const EARLY: i64 = 70;

/// How long the old secret stays beside the new one, in days.
const OVERLAP: i64 = 14;

/// The platform's certificate of a managed identity lives and is replaced after so many days.
const IDENTITY_LIFE: i64 = 90;
const IDENTITY_ROLL: i64 = 45;

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// A new secret of this name and life in days beside the others.
    AddSecret(ObjectId, String, i64),
    /// A credential is removed.
    Remove(ObjectId, Uuid),
    /// An application is deleted.
    Delete(ObjectId),
    /// A SAML certificate is put to use.
    Activate(ObjectId, String),
    /// Somebody switches an object on again.
    Enable(ObjectId, Disabled),
    /// A new application with a secret.
    Register(&'static str),
    /// A job replaces its secret of a week, and will do so again.
    Weekly(ObjectId, Uuid),
    /// A careful team makes the next secret, removes the old one a little later, and will do so again.
    Renew(ObjectId, Uuid),
    /// The platform replaces the certificate of a managed identity, and will do so again.
    Roll(ObjectId, Uuid),
}

/// The future of the tenant.
#[derive(Debug)]
pub struct Life {
    directory: Directory,
    /// By time, and in the order of their making.
    events: BTreeMap<(UtcTime, u32), Event>,
    made: u32,
}

impl Life {
    pub(super) fn new(directory: Directory) -> Self {
        Self { directory, events: BTreeMap::new(), made: 0 }
    }

    pub(super) fn at(&mut self, time: UtcTime, event: Event) {
        self.made += 1;
        self.events.insert((time, self.made), event);
    }

    /// A new secret at `add`, the old one removed at `remove`.
    pub(super) fn rotate(&mut self, add: UtcTime, remove: UtcTime, id: ObjectId, old: Uuid, name: &str, days: i64) {
        self.at(add, Event::AddSecret(id, name.to_owned(), days));
        self.at(remove, Event::Remove(id, old));
    }

    /// Lets everything happen that is due by `now`. Returns when the next thing will.
    pub fn live_until(&mut self, now: UtcTime) -> Option<UtcTime> {
        while let Some(entry) = self.events.first_entry() {
            let (time, _) = *entry.key();
            if time > now {
                return Some(time);
            }
            let event = entry.remove();
            self.happen(time, event);
        }
        None
    }

    fn happen(&mut self, now: UtcTime, event: Event) {
        let day = |days: i64| now + TimeDelta::days(days);
        let directory = self.directory.clone();
        match event {
            Event::AddSecret(id, name, days) => drop(directory.add_secret(id, &name, now, day(days))),
            Event::Remove(id, key) => directory.remove_credential(id, key),
            Event::Delete(id) => directory.delete(id),
            Event::Activate(id, thumbprint) => directory.set_active_thumbprint(id, Some(&thumbprint)),
            Event::Enable(id, way) => directory.set_disabled(id, way, false),
            Event::Register(name) => {
                let app = directory.add_application(name);
                let key = directory.add_secret(app.id, "first", now, day(LIFE));
                self.at(day(LIFE - EARLY), Event::Renew(app.id, key));
            }
            Event::Weekly(id, old) => {
                let key = directory.add_secret(id, "week", now, day(7));
                directory.remove_credential(id, old);
                self.at(now + TimeDelta::hours(156), Event::Weekly(id, key));
            }
            Event::Renew(id, old) => {
                let key = directory.add_secret(id, "renewed in time", now, day(LIFE));
                self.at(day(OVERLAP), Event::Remove(id, old));
                self.at(day(LIFE - EARLY), Event::Renew(id, key));
            }
            Event::Roll(id, old) => {
                let key = directory.add_certificate(id, "CN=managed identity", now, day(IDENTITY_LIFE));
                directory.remove_credential(id, old);
                self.at(day(IDENTITY_ROLL), Event::Roll(id, key));
            }
        }
    }
}
