//! One application or service principal.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use aws_lc_rs::digest::{self, SHA256};
use serde::Deserialize;

use super::fields;
use crate::inventory::{DirectoryObject, KeyCredential, ObjectKey, ObjectKind, PasswordCredential};

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
    let key = ObjectKey { kind, id: lower(wire.id).ok_or_else(|| because("it has no id".to_owned()))? };
    let passwords = passwords(wire.password_credentials).map_err(because)?;
    let keys = keys(wire.key_credentials).map_err(because)?;
    Ok(DirectoryObject {
        display_name: present(wire.display_name).unwrap_or_else(|| key.id.clone()),
        app_id: lower(wire.app_id),
        service_principal_type: wire.service_principal_type,
        account_enabled: wire.account_enabled,
        is_disabled: wire.is_disabled.unwrap_or(false),
        disabled_by_microsoft: wire.disabled_by_microsoft_status,
        sign_in_audience: wire.sign_in_audience,
        owner_tenant: lower(wire.app_owner_organization_id),
        tags: wire.tags.unwrap_or_default().into_iter().flatten().collect(),
        notes: wire.notes,
        created: wire.created_date_time.as_deref().and_then(fields::date),
        token_encryption_key_id: lower(wire.token_encryption_key_id),
        preferred_thumbprint: present(wire.preferred_token_signing_key_thumbprint).map(|text| text.to_ascii_uppercase()),
        passwords,
        keys,
        key,
        detail: crate::inventory::Detail::default(),
        gone: Vec::new(),
    })
}

/// The thumbprints of an object's certificates, by key id, as far as they can be known.
pub(in crate::graph) fn thumbprints(raw: &str) -> Result<BTreeMap<String, String>, String> {
    let wire: Object = serde_json::from_str(raw).map_err(|error| super::printable(&error.to_string()))?;
    Ok(keys(wire.key_credentials)?.into_iter().filter_map(|key| Some((key.key_id, key.thumbprint?))).collect())
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    id: Option<String>,
    app_id: Option<String>,
    display_name: Option<String>,
    service_principal_type: Option<String>,
    account_enabled: Option<bool>,
    is_disabled: Option<bool>,
    disabled_by_microsoft_status: Option<String>,
    sign_in_audience: Option<String>,
    app_owner_organization_id: Option<String>,
    tags: Option<Vec<Option<String>>>,
    notes: Option<String>,
    created_date_time: Option<String>,
    token_encryption_key_id: Option<String>,
    preferred_token_signing_key_thumbprint: Option<String>,
    password_credentials: Option<Vec<Password>>,
    key_credentials: Option<Vec<Certificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    key_id: Option<String>,
    display_name: Option<String>,
    custom_key_identifier: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    key_id: Option<String>,
    display_name: Option<String>,
    #[serde(rename = "type")]
    key_type: Option<String>,
    usage: Option<String>,
    key: Option<String>,
    custom_key_identifier: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
}

fn passwords(wire: Option<Vec<Password>>) -> Result<Vec<PasswordCredential>, String> {
    let wire = wire.ok_or("its passwordCredentials were asked for and did not come")?;
    let mut passwords = Vec::with_capacity(wire.len());
    for (index, entry) in wire.into_iter().enumerate() {
        let identifier = present(entry.custom_key_identifier);
        let name = present(entry.display_name);
        let parts = [&name, &identifier, &entry.start_date_time, &entry.end_date_time];
        let key_id = lower(entry.key_id).unwrap_or_else(|| fields::stand_in(&parts.map(Option::as_deref)));
        passwords.push(PasswordCredential {
            key_id,
            display_name: name.or_else(|| identifier.as_deref().and_then(fields::name_of_identifier)),
            start: start(entry.start_date_time.as_deref()),
            end: end(entry.end_date_time.as_deref(), "passwordCredentials", index)?,
            custom_key_identifier: identifier,
        });
    }
    tell_twins_apart(passwords.iter_mut().map(|password| &mut password.key_id));
    Ok(passwords)
}

fn keys(wire: Option<Vec<Certificate>>) -> Result<Vec<KeyCredential>, String> {
    let wire = wire.ok_or("its keyCredentials were asked for and did not come")?;
    let mut keys = Vec::with_capacity(wire.len());
    for (index, entry) in wire.into_iter().enumerate() {
        let identifier = present(entry.custom_key_identifier);
        let name = present(entry.display_name);
        let parts = [&name, &identifier, &entry.start_date_time, &entry.end_date_time, &entry.key_type, &entry.usage];
        let key_id = lower(entry.key_id).unwrap_or_else(|| fields::stand_in(&parts.map(Option::as_deref)));
        // Only this type holds a certificate in `key`; the others hold a private key or a password, if anything.
        let key = entry.key.filter(|_| entry.key_type.as_deref() == Some("AsymmetricX509Cert"));
        let thumbprint = key
            .as_deref()
            .and_then(fields::thumbprint_of_key)
            .or_else(|| identifier.as_deref().and_then(fields::thumbprint_of_identifier));
        keys.push(KeyCredential {
            key_id,
            display_name: name,
            key_type: entry.key_type,
            usage: entry.usage,
            thumbprint,
            start: start(entry.start_date_time.as_deref()),
            end: end(entry.end_date_time.as_deref(), "keyCredentials", index)?,
            custom_key_identifier: identifier,
        });
    }
    tell_twins_apart(keys.iter_mut().map(|key| &mut key.key_id));
    Ok(keys)
}

/// A start that cannot be read is unknown, which only makes more thresholds apply.
fn start(text: Option<&str>) -> Option<crate::clock::UtcTime> {
    text.and_then(fields::date)
}

/// An end that cannot be read must not pass for "never ends".
fn end(text: Option<&str>, array: &str, index: usize) -> Result<Option<crate::clock::UtcTime>, String> {
    let Some(text) = text else { return Ok(None) };
    fields::date(text).map(Some).ok_or_else(|| format!("{array}[{index}].endDateTime is no date: {:?}", super::printable(text)))
}

/// Entries without a key id that say the same get stand-ins of their own, in the order they came.
fn tell_twins_apart<'a>(ids: impl Iterator<Item = &'a mut String>) {
    let mut seen = HashMap::<String, u32>::new();
    for id in ids.filter(|id| id.starts_with("unidentified-")) {
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let _ = write!(id, "-{count}");
        }
    }
}

fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn lower(text: Option<String>) -> Option<String> {
    present(text).map(|text| text.trim().to_ascii_lowercase())
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
