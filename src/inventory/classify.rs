//! Which credentials an object has: from the entries Graph shows to the credentials people speak of.

use std::collections::BTreeMap;

use super::{Credential, CredentialKind, DirectoryObject, Exclusion, KeyCredential, Watch};
use crate::inventory::{ObjectKind, Subject};

/// Secrets that a Microsoft service adds and renews by itself, by display name. `CWAP_AuthSecret` is Application Proxy's.
pub const PLATFORM_RENEWED: &[&str] = &["CWAP_AuthSecret"];

/// Applications whose credential the server behind them should renew, by the start of the display name: Entra Connect Sync.
const SELF_RENEWING: &str = "ConnectSyncProvisioning_";

/// The tag that leaves an object out where `watch.ignore_tag` allows it.
const IGNORE_TAG: &str = "entrawatch:ignore";

/// The credentials of an object. SAML signing entries come as one, under the key id of the entry that signs.
#[must_use]
pub fn credentials_of(object: &DirectoryObject) -> Vec<Credential> {
    let groups = saml_groups(object);
    let in_group = |identifier: Option<&str>| identifier.is_some_and(|identifier| groups.contains_key(identifier));
    let signing_ids: Vec<&str> = groups.values().map(|sign| sign.key_id.as_str()).collect();

    let secrets = object.passwords.iter().filter(|password| {
        !in_group(password.custom_key_identifier.as_deref()) && !signing_ids.contains(&password.key_id.as_str())
    });
    let secrets = secrets.map(|password| Credential {
        key_id: password.key_id.clone(),
        kind: CredentialKind::Secret,
        name: password.display_name.clone(),
        not_before: password.start,
        not_after: password.end,
        thumbprint: None,
        first_seen: password.first_seen,
    });

    let keys = object.keys.iter().filter_map(|key| {
        let kind = if encrypts_tokens(object, key) {
            CredentialKind::TokenEncryption
        } else if in_group(key.custom_key_identifier.as_deref()) {
            if !signing_ids.contains(&key.key_id.as_str()) {
                return None;
            }
            CredentialKind::SamlSigning
        } else {
            CredentialKind::Certificate
        };
        Some(Credential {
            key_id: key.key_id.clone(),
            kind,
            name: key.display_name.clone(),
            not_before: key.start,
            not_after: key.end,
            thumbprint: thumbprint(object, key),
            first_seen: key.first_seen,
        })
    });
    secrets.chain(keys).collect()
}

/// The groups of a token signing certificate by their custom key identifier, each with the entry that signs. A group is one only with
/// a second entry, a public key or the password of the private one (FACTS 9); a null identifier groups nothing.
fn saml_groups(object: &DirectoryObject) -> BTreeMap<&str, &KeyCredential> {
    let mut groups: BTreeMap<&str, &KeyCredential> = BTreeMap::new();
    for sign in object.keys.iter().filter(|key| has_usage(key, "Sign")) {
        let Some(identifier) = sign.custom_key_identifier.as_deref() else { continue };
        let has_public =
            object.keys.iter().any(|key| has_usage(key, "Verify") && key.custom_key_identifier.as_deref() == Some(identifier));
        let has_password = object
            .passwords
            .iter()
            .any(|password| password.custom_key_identifier.as_deref() == Some(identifier) || password.key_id == sign.key_id);
        if has_public || has_password {
            groups.entry(identifier).and_modify(|known| *known = latest(known, sign)).or_insert(sign);
        }
    }
    groups
}

fn latest<'a>(a: &'a KeyCredential, b: &'a KeyCredential) -> &'a KeyCredential {
    let rank = |key: &KeyCredential| (key.end.is_none(), key.end, key.key_id.clone());
    if rank(b) > rank(a) { b } else { a }
}

fn has_usage(key: &KeyCredential, usage: &str) -> bool {
    key.usage.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(usage))
}

fn encrypts_tokens(object: &DirectoryObject, key: &KeyCredential) -> bool {
    has_usage(key, "Encrypt") || object.token_encryption_key_id.as_ref() == Some(&key.key_id)
}

/// From the certificate itself where it was read, of the public twin where that one has it.
fn thumbprint(object: &DirectoryObject, key: &KeyCredential) -> Option<String> {
    let own = |key: &KeyCredential| object.detail.thumbprints.get(&key.key_id).or(key.thumbprint.as_ref()).cloned();
    own(key).or_else(|| {
        let identifier = key.custom_key_identifier.as_ref()?;
        object.keys.iter().filter(|other| other.custom_key_identifier.as_ref() == Some(identifier)).find_map(own)
    })
}

/// Whether the object's credentials are renewed by the server behind it.
#[must_use]
pub fn is_self_renewing(object: &DirectoryObject) -> bool {
    object.key.kind == ObjectKind::Application && object.display_name.starts_with(SELF_RENEWING)
}

/// Whether nobody can sign in as this object, whatever its credentials.
#[must_use]
pub fn is_disabled(object: &DirectoryObject) -> bool {
    let by_microsoft = object.disabled_by_microsoft.as_deref().is_some_and(|status| !status.eq_ignore_ascii_case("NotDisabled"));
    object.account_enabled == Some(false) || object.is_disabled || by_microsoft
}

/// Why a credential is not watched, if so. `own_principal` is the service principal an application signs in as.
#[must_use]
pub fn exclusion(
    watch: &Watch,
    subject: Subject<'_>,
    credential: &Credential,
    own_principal: Option<&DirectoryObject>,
) -> Option<Exclusion> {
    let platform = || is_platform_renewed(credential).then_some(Exclusion::ExcludedPlatform);
    object_exclusion(watch, subject, own_principal).or_else(platform)
}

/// Why nothing on an object is watched, if so.
#[must_use]
pub fn object_exclusion(watch: &Watch, subject: Subject<'_>, own_principal: Option<&DirectoryObject>) -> Option<Exclusion> {
    let object = subject.object;
    let is_managed = object.service_principal_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("ManagedIdentity"));
    // An application of several tenants still signs in elsewhere when its principal here is disabled.
    let is_single_tenant = object.sign_in_audience.as_deref().is_none_or(|audience| audience == "AzureADMyOrg");
    let principal_disabled =
        object.key.kind == ObjectKind::Application && is_single_tenant && own_principal.is_some_and(is_disabled);
    let is_tagged = watch.ignore_tag && object.tags.iter().any(|tag| tag.eq_ignore_ascii_case(IGNORE_TAG));

    if is_managed && !watch.managed_identities {
        Some(Exclusion::ExcludedManagedIdentity)
    } else if (is_disabled(object) || principal_disabled) && !watch.disabled {
        Some(Exclusion::ExcludedDisabled)
    } else if is_tagged || watch.ignore.iter().any(|matcher| matcher.matches(subject)) {
        Some(Exclusion::ExcludedIgnored)
    } else {
        None
    }
}

/// Whether a Microsoft service renews this credential.
#[must_use]
pub fn is_platform_renewed(credential: &Credential) -> bool {
    credential.kind == CredentialKind::Secret && credential.name.as_deref().is_some_and(|name| PLATFORM_RENEWED.contains(&name))
}
