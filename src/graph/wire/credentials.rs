//! The entries of the two credential arrays.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::fields;
use crate::clock::UtcTime;
use crate::inventory::{KeyCredential, PasswordCredential};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Password {
    key_id: Option<String>,
    display_name: Option<String>,
    custom_key_identifier: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Certificate {
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

/// `passwordCredentials`, as far as they can be read; the error says which entry cannot.
pub(super) fn passwords(wire: Vec<Password>) -> Result<Vec<PasswordCredential>, String> {
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
            first_seen: None,
        });
    }
    tell_twins_apart(passwords.iter_mut().map(|password| &mut password.key_id));
    Ok(passwords)
}

/// `keyCredentials`, as far as they can be read; the error says which entry cannot.
pub(super) fn keys(wire: Vec<Certificate>) -> Result<Vec<KeyCredential>, String> {
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
            first_seen: None,
        });
    }
    tell_twins_apart(keys.iter_mut().map(|key| &mut key.key_id));
    Ok(keys)
}

/// A start that cannot be read is unknown, which only makes more thresholds apply.
fn start(text: Option<&str>) -> Option<UtcTime> {
    text.and_then(fields::date)
}

/// An end that cannot be read must not pass for "never ends".
fn end(text: Option<&str>, array: &str, index: usize) -> Result<Option<UtcTime>, String> {
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

/// Text that says something.
pub(super) fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// An id, lower-cased.
pub(super) fn lower(text: Option<String>) -> Option<String> {
    present(text).map(|text| text.trim().to_ascii_lowercase())
}
