//! One application or service principal.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{self, SHA256};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::credentials::{self, Certificate, Password, lower, present};
use super::fields;
use crate::inventory::{Detail, DirectoryObject, ObjectKey, ObjectKind};

/// Part of each hash; raised when the same JSON is decoded into something else, so that nothing old is taken for known.
const DECODER: &str = "1:";

/// Why an object could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Undecodable {
    /// Its id, where one could be read.
    pub id: Option<String>,
    /// What is wrong with it.
    pub why: String,
}

/// Decodes one object of a collection from its JSON, of any bytes that a body may hold.
pub fn decode_object(kind: ObjectKind, raw: &str) -> Result<DirectoryObject, Undecodable> {
    decode(kind, &super::repair(raw.as_bytes()))
}

/// The hash of an object's raw JSON.
pub(in crate::graph) fn object_hash(raw: &str) -> String {
    let mut hash = fields::hex(&digest::digest(&SHA256, raw.as_bytes()).as_ref()[..16]).to_ascii_lowercase();
    hash.insert_str(0, DECODER);
    hash
}

/// Decodes one object from repaired JSON.
pub(in crate::graph) fn decode(kind: ObjectKind, raw: &str) -> Result<DirectoryObject, Undecodable> {
    let because = |why: String| Undecodable { id: super::object_id(raw), why };
    let wire: Object = serde_json::from_str(raw).map_err(|error| because(super::printable(&error.to_string())))?;
    let id = lower(wire.id.clone()).ok_or_else(|| because("it has no id".to_owned()))?;
    wire.require_credentials().map_err(because)?;
    let mut object = DirectoryObject::blank(ObjectKey { kind, id });
    wire.write_to(&mut object).map_err(because)?;
    Ok(object)
}

/// Decodes what a delta query told of an object on top of what is known of it: what was not sent stays. `None`: nothing is known of it,
/// and what was sent is not all of it.
pub(in crate::graph) fn merge(
    key: ObjectKey,
    sent: Map<String, Value>,
    known: Option<&DirectoryObject>,
) -> Result<Option<DirectoryObject>, String> {
    let wire: Object = serde_json::from_value(Value::Object(sent)).map_err(|error| super::printable(&error.to_string()))?;
    let mut object = match known {
        Some(known) => DirectoryObject { detail: Detail::default(), gone: Vec::new(), ..known.clone() },
        None if wire.is_whole() => DirectoryObject::blank(key),
        None => return Ok(None),
    };
    wire.write_to(&mut object)?;
    Ok(Some(object))
}

/// The thumbprints of an object's certificates, by key id, as far as they can be known.
pub(in crate::graph) fn thumbprints(raw: &str) -> Result<BTreeMap<String, String>, String> {
    let wire: Object = serde_json::from_str(raw).map_err(|error| super::printable(&error.to_string()))?;
    let keys = credentials::keys(wire.key_credentials.flatten().ok_or(NO_KEYS)?)?;
    Ok(keys.into_iter().filter_map(|key| Some((key.key_id, key.thumbprint?))).collect())
}

/// The first characters of an object's secrets, by key id, where Graph shows them.
pub(in crate::graph) fn hints(raw: &str) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Hinted {
        password_credentials: Vec<Hint>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Hint {
        key_id: Option<String>,
        hint: Option<String>,
    }
    let entries = serde_json::from_str(raw).map(|hinted: Hinted| hinted.password_credentials).unwrap_or_default();
    entries.into_iter().filter_map(|entry| Some((lower(entry.key_id)?, present(entry.hint)?))).collect()
}

const NO_PASSWORDS: &str = "its passwordCredentials were asked for and did not come";
const NO_KEYS: &str = "its keyCredentials were asked for and did not come";

/// A property: `None` was not sent, `Some(None)` is null.
type Sent<T> = Option<Option<T>>;

fn sent<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Sent<T>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    id: Option<String>,
    #[serde(default, deserialize_with = "sent")]
    app_id: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    display_name: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    service_principal_type: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    account_enabled: Sent<bool>,
    #[serde(default, deserialize_with = "sent")]
    is_disabled: Sent<bool>,
    #[serde(default, deserialize_with = "sent")]
    disabled_by_microsoft_status: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    sign_in_audience: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    app_owner_organization_id: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    tags: Sent<Vec<Option<String>>>,
    #[serde(default, deserialize_with = "sent")]
    notes: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    created_date_time: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    token_encryption_key_id: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    preferred_token_signing_key_thumbprint: Sent<String>,
    #[serde(default, deserialize_with = "sent")]
    password_credentials: Sent<Vec<Password>>,
    #[serde(default, deserialize_with = "sent")]
    key_credentials: Sent<Vec<Certificate>>,
}

impl Object {
    /// Both arrays came: a missing one, or null, is not an empty one.
    fn require_credentials(&self) -> Result<(), String> {
        match (&self.password_credentials, &self.key_credentials) {
            (Some(Some(_)), Some(Some(_))) => Ok(()),
            (Some(Some(_)), _) => Err(NO_KEYS.to_owned()),
            _ => Err(NO_PASSWORDS.to_owned()),
        }
    }

    /// Enough came to know an object by it that was not known.
    fn is_whole(&self) -> bool {
        self.require_credentials().is_ok() && self.display_name.is_some() && self.app_id.is_some()
    }

    /// Writes what was sent; the rest stays.
    fn write_to(self, object: &mut DirectoryObject) -> Result<(), String> {
        fn put<T, U>(place: &mut U, sent: Sent<T>, read: impl FnOnce(Option<T>) -> U) {
            if let Some(value) = sent {
                *place = read(value);
            }
        }
        let id = object.key.id.clone();
        put(&mut object.display_name, self.display_name, |name| present(name).unwrap_or(id));
        put(&mut object.app_id, self.app_id, lower);
        put(&mut object.service_principal_type, self.service_principal_type, |text| text);
        put(&mut object.account_enabled, self.account_enabled, |flag| flag);
        put(&mut object.is_disabled, self.is_disabled, |flag| flag.unwrap_or(false));
        put(&mut object.disabled_by_microsoft, self.disabled_by_microsoft_status, |text| text);
        put(&mut object.sign_in_audience, self.sign_in_audience, |text| text);
        put(&mut object.owner_tenant, self.app_owner_organization_id, lower);
        put(&mut object.tags, self.tags, |tags| tags.unwrap_or_default().into_iter().flatten().collect());
        put(&mut object.notes, self.notes, |text| text);
        put(&mut object.created, self.created_date_time, |text| text.as_deref().and_then(fields::date));
        put(&mut object.token_encryption_key_id, self.token_encryption_key_id, lower);
        put(&mut object.preferred_thumbprint, self.preferred_token_signing_key_thumbprint, |text| {
            present(text).map(|text| text.to_ascii_uppercase())
        });
        if let Some(passwords) = self.password_credentials {
            object.passwords = credentials::passwords(passwords.ok_or(NO_PASSWORDS)?)?;
        }
        if let Some(keys) = self.key_credentials {
            object.keys = credentials::keys(keys.ok_or(NO_KEYS)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_application(credentials: &str) -> Result<DirectoryObject, Undecodable> {
        decode_object(ObjectKind::Application, &format!(r#"{{"id":"A-1","displayName":"x",{credentials}}}"#))
    }

    #[test]
    fn an_array_that_did_not_come_is_not_an_empty_one() {
        for (credentials, missing) in [
            (r#""passwordCredentials":[]"#, "keyCredentials"),
            (r#""keyCredentials":[]"#, "passwordCredentials"),
            (r#""passwordCredentials":null,"keyCredentials":[]"#, "passwordCredentials"),
        ] {
            let refused = decode_application(credentials).unwrap_err();
            assert_eq!(refused.id.as_deref(), Some("a-1"));
            assert!(refused.why.contains(missing), "{refused}");
        }
    }

    #[test]
    fn an_end_that_is_no_date_is_not_never() {
        let refused =
            decode_application(r#""keyCredentials":[],"passwordCredentials":[{"keyId":"k","endDateTime":"datetime-value"}]"#);
        assert_eq!(refused.unwrap_err().why, r#"passwordCredentials[0].endDateTime is no date: "datetime-value""#);
    }

    #[test]
    fn entries_without_a_key_id_get_stable_stand_ins_that_differ() {
        let entries = r#"{"displayName":"a"},{"displayName":"a"},{"displayName":"b"},{"keyId":"K"}"#;
        let once = decode_application(&format!(r#""keyCredentials":[],"passwordCredentials":[{entries}]"#)).unwrap();
        let again = decode_application(&format!(r#""keyCredentials":[],"passwordCredentials":[{entries}]"#)).unwrap();
        assert_eq!(once, again);
        let mut ids: Vec<_> = once.passwords.iter().map(|password| password.key_id.clone()).collect();
        assert_eq!(ids.pop().as_deref(), Some("k"));
        assert!(ids.iter().all(|id| id.starts_with("unidentified-")));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn only_a_certificate_gives_its_thumbprint_from_key() {
        let certificate = rcgen::generate_simple_self_signed(vec!["contoso".to_owned()]).unwrap();
        let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, certificate.cert.der());
        let keys = |key_type: &str| {
            let keys = format!(r#"[{{"keyId":"k","type":"{key_type}","key":"{der}","customKeyIdentifier":"text"}}]"#);
            decode_application(&format!(r#""passwordCredentials":[],"keyCredentials":{keys}"#)).unwrap().keys
        };
        assert!(keys("AsymmetricX509Cert")[0].thumbprint.is_some());
        assert!(keys("X509CertAndPassword")[0].thumbprint.is_none());
        assert!(keys("Symmetric")[0].thumbprint.is_none());
    }
}
