//! Giving: credentials, permissions, trust. The part of [`Directory`] that adds and removes them.

use secrecy::SecretString;
use uuid::Uuid;

use super::certificate::Certificate;
use super::change::Changed;
use super::credential::{Federated, Identifier, Key, Password, SamlCertificate};
use super::record::{Collection, ObjectId};
use super::tenant::{Directory, Watcher};
use crate::clock::UtcTime;

/// The longest life the portal gives a secret.
const SECRET_DAYS: i64 = 730;

impl Directory {
    /// Registers the application a watcher signs in as, with a secret and its permissions.
    pub fn add_watcher(&self, roles: &[&str]) -> Watcher {
        let application = self.add_application("EntraWatch");
        let value = self.lock().new_text(40);
        let end = self.now() + chrono::TimeDelta::days(SECRET_DAYS);
        let key_id = self.add_secret_with_value(application.id, "watcher", &value, self.now(), end);
        self.set_roles(application.app_id, roles);
        Watcher { application, key_id, secret: SecretString::from(value) }
    }

    /// Consents to exactly these application permissions. Tokens that were issued keep theirs until they end.
    pub fn set_roles(&self, app_id: Uuid, roles: &[&str]) {
        let mut state = self.lock();
        if let Some(id) = state.registered(Collection::ServicePrincipals, app_id).map(|record| record.id)
            && let Some(record) = state.record_mut(id)
        {
            record.principal.roles = roles.iter().map(|&role| role.to_owned()).collect();
        }
    }

    /// Ends the life of every token issued so far.
    pub fn expire_tokens(&self) {
        let mut state = self.lock();
        state.generation += 1;
        state.expired_before = state.generation;
    }

    /// Revokes every token issued so far, as continuous access evaluation does.
    pub fn revoke_tokens(&self) {
        let mut state = self.lock();
        state.generation += 1;
        state.revoked_before = state.generation;
    }

    /// Adds a client secret that nobody knows. Returns its key id.
    pub fn add_secret(&self, id: ObjectId, name: &str, start: UtcTime, end: impl Into<Option<UtcTime>>) -> Uuid {
        self.add_password(id, Some(name), None, start, end.into())
    }

    /// Adds a client secret that can be signed in with.
    pub fn add_secret_with_value(&self, id: ObjectId, name: &str, value: &str, start: UtcTime, end: UtcTime) -> Uuid {
        self.add_password(id, Some(name), Some(value), start, Some(end))
    }

    /// Adds a secret as they were made before 2018: no hint, and the name in `customKeyIdentifier` as UTF-16.
    pub fn add_legacy_secret(&self, id: ObjectId, name: &str, start: UtcTime, end: UtcTime) -> Uuid {
        let key_id = self.add_password(id, None, None, start, Some(end));
        self.edit(id, Changed::Passwords, |record| {
            for password in record.passwords.iter_mut().filter(|password| password.key_id == key_id) {
                password.identifier = Some(name.encode_utf16().flat_map(u16::to_le_bytes).collect());
                password.hint = None;
            }
        });
        key_id
    }

    /// Adds a certificate the application signs in with. Returns its key id.
    pub fn add_certificate(&self, id: ObjectId, name: &str, start: UtcTime, end: UtcTime) -> Uuid {
        self.add_key(id, name, "Verify", start, end)
    }

    /// Adds a given certificate, in DER, that can be signed in with. Returns its key id.
    pub fn add_given_certificate(&self, id: ObjectId, name: &str, der: &[u8], start: UtcTime, end: UtcTime) -> Uuid {
        let key_id = self.lock().new_id();
        let certificate = Certificate::Given(der.into());
        self.edit(id, Changed::Keys, |record| record.keys.push(verify_key(key_id, name, certificate, start, end)));
        key_id
    }

    /// Adds a certificate for encrypting tokens and puts it to use. Returns its key id.
    pub fn add_token_encryption(&self, id: ObjectId, name: &str, start: UtcTime, end: UtcTime) -> Uuid {
        let key_id = self.add_key(id, name, "Encrypt", start, end);
        self.edit(id, Changed::Properties, |record| record.token_encryption_key = Some(key_id));
        key_id
    }

    /// Adds a symmetric key. Returns its key id.
    pub fn add_symmetric_key(&self, id: ObjectId, name: &str, start: UtcTime, end: UtcTime) -> Uuid {
        let key_id = self.lock().new_id();
        let key = Key {
            key_id,
            group: None,
            name: Some(name.to_owned()),
            kind: "Symmetric",
            usage: "Verify",
            identifier: None,
            certificate: None,
            start: Some(start),
            end: Some(end),
        };
        self.edit(id, Changed::Keys, |record| record.keys.push(key));
        key_id
    }

    /// Adds a SAML signing certificate to a service principal: a private key to sign with, a public one to verify with and a password,
    /// which share `customKeyIdentifier`. It is not active before [`Self::set_active_thumbprint`].
    pub fn add_saml_certificate(&self, id: ObjectId, name: &str, start: UtcTime, end: UtcTime) -> SamlCertificate {
        let (key_id, verify_id) = {
            let mut state = self.lock();
            (state.new_id(), state.new_id())
        };
        let certificate = Certificate::Made { serial: key_id, start, end };
        let thumbprint = certificate.thumbprint();
        let password = Password {
            key_id,
            group: Some(key_id),
            name: Some(name.to_owned()),
            identifier: Some(certificate.sha1()),
            hint: None,
            value: None,
            start: Some(start),
            end: Some(end),
        };
        let mut verify = verify_key(verify_id, name, certificate.clone(), start, end);
        (verify.group, verify.identifier) = (Some(key_id), Some(Identifier::Sha1));
        let mut sign = verify_key(key_id, name, certificate, start, end);
        (sign.group, sign.identifier) = (Some(key_id), Some(Identifier::Sha1));
        (sign.kind, sign.usage) = ("X509CertAndPassword", "Sign");
        self.edit(id, Changed::Keys, |record| {
            record.principal.sso_mode = Some("saml");
            record.keys.extend([sign, verify]);
        });
        self.edit(id, Changed::Passwords, |record| record.passwords.push(password));
        SamlCertificate { key_id, thumbprint }
    }

    /// Writes `customKeyIdentifier` of a SAML certificate the way older guides did: 32 bytes, which are no SHA-1 thumbprint.
    pub fn use_long_identifier(&self, id: ObjectId, saml: &SamlCertificate) {
        self.edit(id, Changed::Keys, |record| {
            let mut identifier = None;
            for key in record.keys.iter_mut().filter(|key| key.group == Some(saml.key_id)) {
                key.identifier = Some(Identifier::Sha256);
                identifier = key.certificate.as_ref().map(Certificate::sha256);
            }
            for password in record.passwords.iter_mut().filter(|password| password.group == Some(saml.key_id)) {
                password.identifier.clone_from(&identifier);
            }
        });
    }

    /// Says which SAML certificate Entra signs with.
    pub fn set_active_thumbprint(&self, id: ObjectId, thumbprint: Option<&str>) {
        self.edit(id, Changed::Properties, |record| record.principal.active_thumbprint = thumbprint.map(str::to_owned));
    }

    /// Removes a credential; all entries of a SAML certificate together.
    pub fn remove_credential(&self, id: ObjectId, key_id: Uuid) {
        self.edit(id, Changed::Passwords, |record| {
            record.passwords.retain(|password| password.key_id != key_id && password.group != Some(key_id));
        });
        self.edit(id, Changed::Keys, |record| {
            record.keys.retain(|key| key.key_id != key_id && key.group != Some(key_id));
        });
    }

    /// Trusts another identity provider to sign in as the application.
    pub fn add_federated(&self, id: ObjectId, name: &str, issuer: &str, subject: &str) -> Uuid {
        let federated_id = self.lock().new_id();
        let federated =
            Federated { id: federated_id, name: name.to_owned(), issuer: issuer.to_owned(), subject: subject.to_owned() };
        self.edit_silently(id, |record| record.federated.push(federated));
        federated_id
    }

    /// Makes known the certificate, in DER, whose key an identity provider signs with. Entra fetches it from the issuer.
    pub fn set_issuer_certificate(&self, issuer: &str, der: &[u8]) {
        self.lock().issuers.insert(issuer.to_owned(), der.to_vec());
    }

    /// Takes that trust away.
    pub fn remove_federated(&self, id: ObjectId, federated_id: Uuid) {
        self.edit_silently(id, |record| record.federated.retain(|federated| federated.id != federated_id));
    }

    fn add_password(&self, id: ObjectId, name: Option<&str>, value: Option<&str>, start: UtcTime, end: Option<UtcTime>) -> Uuid {
        let (key_id, made_up) = {
            let mut state = self.lock();
            (state.new_id(), state.new_text(3))
        };
        let hint = value.map_or(made_up, |value| value.chars().take(3).collect());
        self.edit(id, Changed::Passwords, |record| {
            record.passwords.push(Password {
                key_id,
                group: None,
                name: name.map(str::to_owned),
                identifier: None,
                // Service principals do not show hints.
                hint: (record.collection == Collection::Applications).then_some(hint),
                value: value.map(str::to_owned),
                start: Some(start),
                end,
            });
        });
        key_id
    }

    fn add_key(&self, id: ObjectId, name: &str, usage: &'static str, start: UtcTime, end: UtcTime) -> Uuid {
        let key_id = self.lock().new_id();
        let mut key = verify_key(key_id, name, Certificate::Made { serial: key_id, start, end }, start, end);
        key.usage = usage;
        self.edit(id, Changed::Keys, |record| record.keys.push(key));
        key_id
    }
}

fn verify_key(key_id: Uuid, name: &str, certificate: Certificate, start: UtcTime, end: UtcTime) -> Key {
    Key {
        key_id,
        group: None,
        name: Some(name.to_owned()),
        kind: "AsymmetricX509Cert",
        usage: "Verify",
        identifier: Some(Identifier::Hex),
        certificate: Some(certificate),
        start: Some(start),
        end: Some(end),
    }
}
