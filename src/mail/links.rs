//! Where to do something about a credential: pages of the portal of the right cloud, pages of our own, command lines.

use url::Url;

use super::situation::Task;
use super::text::clean;
use crate::inventory::{CredentialKind, ObjectKind};
use crate::outbox::digest::Item;
use crate::snapshot::TenantLabel;

/// The ids that commands name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// Client id.
    pub app: String,
    /// Object id.
    pub object: String,
    /// Key id.
    pub key: String,
}

impl Ids {
    /// Of one item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let object = &item.standing.object.object;
        Self {
            app: word(object.app_id.as_deref().unwrap_or(&object.key.id)),
            object: word(&object.key.id),
            key: word(&item.standing.credential.key_id),
        }
    }

    /// Where a command is meant for more than one item.
    #[must_use]
    pub fn placeholders() -> Self {
        let [app, object, key] = super::words::item::PLACEHOLDERS.map(ToOwned::to_owned);
        Self { app, object, key }
    }
}

/// The page of the portal where the item's task is done, if there is one.
#[must_use]
pub fn portal(item: &Item, tenant: &TenantLabel) -> Option<String> {
    let object = &item.standing.object.object;
    let app_id = segment(object.app_id.as_deref()?);
    let object_id = segment(&object.key.id);
    let enterprise = |page: &str| format!("Microsoft_AAD_IAM/ManagedAppMenuBlade/~/{page}/objectId/{object_id}/appId/{app_id}");
    let view = match (item.standing.credential.kind, object.key.kind) {
        (_, ObjectKind::Application) => format!("Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId/{app_id}"),
        (CredentialKind::SamlSigning, ObjectKind::ServicePrincipal) => enterprise("SignOn"),
        (CredentialKind::TokenEncryption, ObjectKind::ServicePrincipal) => enterprise("Overview"),
        (_, ObjectKind::ServicePrincipal) => return None,
    };
    Some(format!("{}/#view/{view}", tenant.portal.as_str().trim_end_matches('/')))
}

/// What the portal's page is called.
#[must_use]
pub fn portal_label(item: &Item) -> &'static str {
    super::words::item::portal_page(Task::of(item), item.standing.credential.kind)
}

/// The application's page on our own status page.
#[must_use]
pub fn status_page(item: &Item, tenant: &TenantLabel, base: &Url) -> String {
    let base = base.as_str().trim_end_matches('/');
    format!("{base}/apps/{}/{}", segment(&tenant.name), segment(&item.standing.object.object.key.id))
}

/// The command line that silences one credential for four weeks from `at`.
#[must_use]
pub fn silence(item: &Item, tenant: &TenantLabel, at: crate::clock::UtcTime) -> String {
    let until = (at + chrono::TimeDelta::weeks(4)).format("%Y-%m-%d");
    format!(
        "entrawatch silence add --tenant {} --credential {} --until {until} --reason \"…\"",
        shell(&tenant.name),
        shell(&item.standing.credential.key_id)
    )
}

/// An id as it may stand in a command line: ids are GUIDs, and what is not one must not become a command of its own.
fn word(id: &str) -> String {
    clean(id, 100).chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

/// A word of a command line, quoted where it needs to be.
fn shell(raw: &str) -> String {
    let raw = clean(raw, 100);
    let plain = !raw.is_empty() && raw.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if plain { raw } else { format!("'{}'", raw.replace('\'', "")) }
}

/// One segment of a path.
fn segment(raw: &str) -> String {
    url::form_urlencoded::byte_serialize(raw.as_bytes()).collect::<String>().replace('+', "%20")
}
