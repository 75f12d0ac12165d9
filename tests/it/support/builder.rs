//! Directory objects for tests, said in few words.

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::inventory::{DirectoryObject, Inventory, KeyCredential, ObjectKind, PasswordCredential, Tracked};

/// 2026-03-02 10:00 UTC, a Monday.
pub fn start() -> UtcTime {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

/// `days` after `start()`, fractions too.
pub fn day(days: f64) -> UtcTime {
    #[expect(clippy::cast_possible_truncation, reason = "test values are small")]
    let seconds = (days * 86400.0) as i64;
    start() + TimeDelta::seconds(seconds)
}

fn object(kind: ObjectKind, id: &str, name: &str) -> DirectoryObject {
    serde_json::from_value(serde_json::json!({
        "key": { "kind": kind, "id": id }, "app_id": format!("app-{id}"), "display_name": name,
        "sign_in_audience": "AzureADMyOrg",
    }))
    .unwrap()
}

pub fn application(id: &str, name: &str) -> DirectoryObject {
    object(ObjectKind::Application, id, name)
}

pub fn service_principal(id: &str, name: &str) -> DirectoryObject {
    object(ObjectKind::ServicePrincipal, id, name)
}

pub trait With: Sized {
    fn secret(self, key_id: &str, from: f64, to: f64) -> Self;
    fn endless_secret(self, key_id: &str) -> Self;
    fn key(self, key_id: &str, usage: &str, identifier: Option<&str>, from: f64, to: f64) -> Self;
    fn saml(self, key_id: &str, thumbprint: &str, from: f64, to: f64) -> Self;
    fn app_id(self, id: &str) -> Self;
}

impl With for DirectoryObject {
    fn secret(mut self, key_id: &str, from: f64, to: f64) -> Self {
        self.passwords.push(PasswordCredential {
            key_id: key_id.into(),
            display_name: Some(format!("secret {key_id}")),
            custom_key_identifier: None,
            start: Some(day(from)),
            end: Some(day(to)),
            ..PasswordCredential::default()
        });
        self
    }

    fn endless_secret(mut self, key_id: &str) -> Self {
        self.passwords.push(PasswordCredential { key_id: key_id.into(), start: Some(day(-400.0)), ..Default::default() });
        self
    }

    fn key(mut self, key_id: &str, usage: &str, identifier: Option<&str>, from: f64, to: f64) -> Self {
        self.keys.push(KeyCredential {
            key_id: key_id.into(),
            usage: Some(usage.into()),
            key_type: Some("AsymmetricX509Cert".into()),
            custom_key_identifier: identifier.map(Into::into),
            start: Some(day(from)),
            end: Some(day(to)),
            ..Default::default()
        });
        self
    }

    /// The three entries that `addTokenSigningCertificate` makes.
    fn saml(self, key_id: &str, thumbprint: &str, from: f64, to: f64) -> Self {
        let mut object = self.key(key_id, "Sign", Some(thumbprint), from, to);
        object = object.key(&format!("{key_id}-public"), "Verify", Some(thumbprint), from, to).secret(key_id, from, to);
        object.passwords.last_mut().unwrap().custom_key_identifier = Some(thumbprint.into());
        object.keys.iter_mut().rev().take(2).for_each(|key| key.thumbprint = Some(thumbprint.into()));
        object
    }

    fn app_id(mut self, id: &str) -> Self {
        self.app_id = Some(id.into());
        self
    }
}

pub fn inventory(objects: impl IntoIterator<Item = DirectoryObject>) -> Inventory {
    Inventory::new(objects.into_iter().map(|object| Tracked { object, hash: String::new(), missing_since: None, gone_at: None }))
}

/// An owner with a mail address.
pub fn user(mail: &str) -> entrawatch::inventory::Owner {
    entrawatch::inventory::Owner {
        id: mail.into(),
        kind: entrawatch::inventory::OwnerKind::User,
        name: None,
        mail: Some(mail.into()),
        limited: false,
    }
}
