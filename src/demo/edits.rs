//! Changing objects: what an administrator does to them, and what tests do that no administrator can.

use serde_json::{Map, Value};

use super::change::Changed;
use super::record::{Disabled, ObjectId, Record};
use super::tenant::Directory;
use crate::clock::UtcTime;

impl Directory {
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

    /// Names the entry of a service catalogue that an application belongs to.
    pub fn set_service_reference(&self, id: ObjectId, reference: &str) {
        self.edit(id, Changed::Properties, |record| record.service_reference = Some(reference.to_owned()));
    }

    /// Names who Entra itself mails about the SAML certificates of a service principal.
    pub fn set_notification_addresses(&self, id: ObjectId, addresses: &[&str]) {
        self.edit(id, Changed::Properties, |record| {
            record.principal.notification_addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        });
    }

    /// Says since when an object exists.
    pub fn set_created(&self, id: ObjectId, created: UtcTime) {
        self.edit_silently(id, |record| record.created = created);
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

    /// Answers no delta queries, as some tenants do, or answers them again.
    pub fn refuse_delta(&self, refused: bool) {
        self.lock().delta.refused = refused;
    }

    /// Does not tell in delta queries that credentials changed. Whether Graph does is written nowhere.
    pub fn hide_credentials_from_delta(&self, hidden: bool) {
        self.lock().delta.blind_to_credentials = hidden;
    }

    /// Keeps the newest `count` changes from delta queries until later: they lag.
    pub fn hold_back_changes(&self, count: usize) {
        self.lock().delta.lag = count;
    }

    /// Shows so many entries a page in delta queries.
    pub fn cut_delta_pages(&self, size: usize) {
        self.lock().delta.page = Some(size.max(1));
    }

    /// Refuses tokens that are not known any more with this status and no `Location`; `None`: 410 with one.
    pub fn refuse_forgotten_tokens_with(&self, status: Option<u16>) {
        self.lock().delta.curt = status.and_then(|status| axum::http::StatusCode::from_u16(status).ok());
    }

    /// Makes everybody who follows changes begin again.
    pub fn require_resync(&self) {
        self.lock().delta.epoch += 1;
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
