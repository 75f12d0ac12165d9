//! Making objects: applications, service principals, people.

use uuid::Uuid;

use super::record::{Collection, ObjectId, Record, User};
use super::tenant::{Application, Directory, State};
use crate::clock::UtcTime;

impl Directory {
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

    /// A service principal that was never backed by an application.
    pub fn add_legacy_principal(&self, name: &str) -> ObjectId {
        let now = self.now();
        let mut state = self.lock();
        let app_id = state.new_id();
        state.add_principal(name, app_id, "Legacy", now)
    }

    /// An agent's blueprint: an application of a derived type.
    pub fn add_agent_blueprint(&self, name: &str) -> Application {
        let application = self.add_application(name);
        self.edit_silently(application.id, |record| record.derived = Some("microsoft.graph.agentIdentityBlueprint"));
        self.edit_silently(application.principal, |record| {
            record.derived = Some("microsoft.graph.agentIdentityBlueprintPrincipal");
        });
        application
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
