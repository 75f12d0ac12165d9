//! Credentials as the directory keeps them, and as Graph shows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::instant;
use super::certificate::Certificate;
use crate::clock::UtcTime;

/// One entry of `passwordCredentials`.
pub(super) struct Password {
    pub(super) key_id: Uuid,
    /// What it was made together with, as one SAML certificate.
    pub(super) group: Option<Uuid>,
    pub(super) name: Option<String>,
    pub(super) identifier: Option<Vec<u8>>,
    pub(super) hint: Option<String>,
    /// The value, where somebody signs in with it.
    pub(super) value: Option<String>,
    pub(super) start: Option<UtcTime>,
    pub(super) end: Option<UtcTime>,
}

impl Password {
    pub(super) fn json(&self) -> Value {
        json!({
            "customKeyIdentifier": self.identifier.as_ref().map(|bytes| STANDARD.encode(bytes)),
            "displayName": self.name,
            "endDateTime": self.end.map(|end| instant(end, self.key_id)),
            "hint": self.hint,
            "keyId": self.key_id,
            "secretText": null,
            "startDateTime": self.start.map(|start| instant(start, self.key_id)),
        })
    }
}

/// How `customKeyIdentifier` of a key is written. The directory itself has used all of these.
#[derive(Clone, Copy)]
pub(super) enum Identifier {
    /// 40 upper-case hex digits: the SHA-1 thumbprint.
    Hex,
    /// Base64 of the 20 bytes of the thumbprint.
    Sha1,
    /// Base64 of the 32 bytes of the SHA-256 thumbprint.
    Sha256,
}

/// One entry of `keyCredentials`.
#[expect(clippy::struct_field_names, reason = "keyId is Graph's name")]
pub(super) struct Key {
    pub(super) key_id: Uuid,
    /// What it was made together with, as one SAML certificate.
    pub(super) group: Option<Uuid>,
    pub(super) name: Option<String>,
    pub(super) kind: &'static str,
    pub(super) usage: &'static str,
    pub(super) identifier: Option<Identifier>,
    /// `None` for a symmetric key.
    pub(super) certificate: Option<Certificate>,
    pub(super) start: Option<UtcTime>,
    pub(super) end: Option<UtcTime>,
}

impl Key {
    /// `with_key`: a single object was asked for with `$select=keyCredentials`. Private keys are never shown.
    pub(super) fn json(&self, with_key: bool) -> Value {
        let key = self.certificate.as_ref().filter(|_| with_key && self.kind == "AsymmetricX509Cert");
        json!({
            "customKeyIdentifier": self.identifier(),
            "displayName": self.name,
            "endDateTime": self.end.map(|end| instant(end, self.key_id)),
            "key": key.map(|certificate| STANDARD.encode(certificate.der())),
            "keyId": self.key_id,
            "startDateTime": self.start.map(|start| instant(start, self.key_id)),
            "type": self.kind,
            "usage": self.usage,
        })
    }

    fn identifier(&self) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        Some(match self.identifier? {
            Identifier::Hex => certificate.thumbprint(),
            Identifier::Sha1 => STANDARD.encode(certificate.sha1()),
            Identifier::Sha256 => STANDARD.encode(certificate.sha256()),
        })
    }
}

/// Whom an assertion of another identity provider is for.
pub(super) const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// One federated identity credential.
pub(super) struct Federated {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) subject: String,
}

impl Federated {
    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "issuer": self.issuer,
            "subject": self.subject,
            "description": null,
            "audiences": [EXCHANGE_AUDIENCE],
        })
    }
}

/// What was made for a new SAML signing certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlCertificate {
    /// Key id of the `Sign` entry, which the password shares.
    pub key_id: Uuid,
    /// SHA-1 thumbprint in upper-case hex, for [`super::Directory::set_active_thumbprint`].
    pub thumbprint: String,
}
