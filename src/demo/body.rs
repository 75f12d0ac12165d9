//! Entities as Graph writes them: one property at a time, so that `$select` leaves out exactly what was not asked for.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::record::{Collection, Record, User};
use crate::clock::UtcTime;

/// What the body of an object may draw on besides its own record.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// The tenant's first domain.
    pub(super) domain: &'a str,
    /// The application behind a service principal, where it lives here.
    pub(super) application: Option<&'a Record>,
}

/// A date and time the way the directory writes it: always UTC, with 0, 1, 3 or 7 digits of a second, which `seed` decides.
pub(super) fn instant(at: UtcTime, seed: Uuid) -> String {
    let bytes = seed.as_bytes();
    let whole = at.format("%Y-%m-%dT%H:%M:%S");
    let digits = u32::from_be_bytes([0, bytes[1], bytes[2], bytes[3]]) % 10_000_000;
    match bytes[0] % 4 {
        0 => format!("{whole}Z"),
        1 => format!("{whole}.{}Z", digits % 9 + 1),
        2 => format!("{whole}.{:03}Z", digits % 1_000),
        _ => format!("{whole}.{digits:07}Z"),
    }
}

/// One property of an application or a service principal; `None`: it has no such property.
pub(super) fn property(record: &Record, around: Surroundings<'_>, name: &str, with_key: bool) -> Option<Value> {
    if let Some(value) = record.overlay.get(name) {
        return Some(value.clone());
    }
    common(record, around, name, with_key).or_else(|| match record.collection {
        Collection::Applications => application(record, around, name),
        Collection::ServicePrincipals => service_principal(record, around, name),
    })
}

fn common(record: &Record, around: Surroundings<'_>, name: &str, with_key: bool) -> Option<Value> {
    Some(match name {
        "id" => json!(record.id.0),
        "appId" => json!(record.app_id),
        "displayName" => json!(record.name),
        "createdDateTime" => json!(record.created.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        "deletedDateTime" => json!(record.deleted.map(|at| instant(at, record.id.0))),
        "disabledByMicrosoftStatus" => json!(record.disabled_by_microsoft.then_some("DisabledDueToViolationOfServicesAgreement")),
        "isDisabled" => json!(record.deactivated.then_some(true)),
        "notes" => json!(record.notes),
        "signInAudience" => json!(record.audience),
        "tags" => json!(tags(record, around)),
        "tokenEncryptionKeyId" => json!(record.token_encryption_key),
        "keyCredentials" => record.keys.iter().map(|key| key.json(with_key)).collect(),
        "passwordCredentials" => record.passwords.iter().map(super::credential::Password::json).collect(),
        "applicationTemplateId" | "createdByAppId" | "description" => Value::Null,
        "addIns" | "appRoles" => json!([]),
        "info" => json!({
            "logoUrl": null,
            "marketingUrl": null,
            "privacyStatementUrl": null,
            "supportUrl": null,
            "termsOfServiceUrl": null,
        }),
        "verifiedPublisher" => json!({ "displayName": null, "verifiedPublisherId": null, "addedDateTime": null }),
        _ => return None,
    })
}

/// A service principal shows its application's tags too.
fn tags<'a>(record: &'a Record, around: Surroundings<'a>) -> Vec<&'a str> {
    let mut tags: Vec<&str> = record.tags.iter().map(String::as_str).collect();
    for tag in around.application.iter().flat_map(|application| &application.tags) {
        if !tags.contains(&tag.as_str()) {
            tags.push(tag);
        }
    }
    tags
}

fn application(record: &Record, around: Surroundings<'_>, name: &str) -> Option<Value> {
    Some(match name {
        "publisherDomain" => json!(around.domain),
        "serviceManagementReference" => json!(record.service_reference),
        "identifierUris" | "requiredResourceAccess" => json!([]),
        "groupMembershipClaims"
        | "isDeviceOnlyAuthSupported"
        | "isFallbackPublicClient"
        | "nativeAuthenticationApisEnabled"
        | "uniqueName"
        | "samlMetadataUrl"
        | "defaultRedirectUri"
        | "certification"
        | "optionalClaims"
        | "requestSignatureVerification"
        | "servicePrincipalLockConfiguration" => Value::Null,
        "api" => json!({
            "acceptMappedClaims": null,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": null,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        }),
        "parentalControlSettings" => json!({ "countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow" }),
        "publicClient" | "spa" => json!({ "redirectUris": [] }),
        "web" => json!({
            "homePageUrl": null,
            "logoutUrl": null,
            "redirectUris": [],
            "implicitGrantSettings": { "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false },
        }),
        _ => return None,
    })
}

fn service_principal(record: &Record, around: Surroundings<'_>, name: &str) -> Option<Value> {
    let principal = &record.principal;
    Some(match name {
        "accountEnabled" => json!(!principal.account_disabled),
        "alternativeNames" => json!(principal.alternative_names),
        "appDisplayName" => json!(around.application.map_or(&record.name, |application| &application.name)),
        "appOwnerOrganizationId" => json!(principal.owner_tenant),
        "appRoleAssignmentRequired" => json!(false),
        "notificationEmailAddresses" => json!(principal.notification_addresses),
        "preferredSingleSignOnMode" => json!(principal.sso_mode),
        "preferredTokenSigningKeyThumbprint" => json!(principal.active_thumbprint),
        "servicePrincipalNames" => json!([record.app_id]),
        "servicePrincipalType" => json!(principal.kind),
        "replyUrls" | "oauth2PermissionScopes" | "resourceSpecificApplicationPermissions" => json!([]),
        "appDescription" | "homepage" | "loginUrl" | "logoutUrl" | "samlSingleSignOnSettings" => Value::Null,
        _ => return None,
    })
}

/// How much of a user the caller may read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Type and id only.
    Limited,
    /// What `User.ReadBasic.All` gives.
    Basic,
    /// Everything.
    Full,
}

/// One property of a user; `None`: it has no such property.
pub(super) fn user_property(user: &User, name: &str, sight: Sight) -> Option<Value> {
    let value = match name {
        "id" => return Some(json!(user.id.0)),
        "displayName" => json!(user.name),
        "givenName" => json!(user.name.split_once(' ').map(|(given, _)| given)),
        "surname" => json!(user.name.split_once(' ').map(|(_, surname)| surname)),
        "mail" => json!(user.mail),
        "userPrincipalName" => json!(user.upn),
        "businessPhones" | "otherMails" if sight == Sight::Full => json!([]),
        "accountEnabled" if sight == Sight::Full => json!(true),
        "userType" if sight == Sight::Full => json!(if user.upn.contains("#EXT#") { "Guest" } else { "Member" }),
        "businessPhones" | "jobTitle" | "mobilePhone" | "officeLocation" | "preferredLanguage" | "accountEnabled"
        | "userType" | "createdDateTime" | "deletedDateTime" | "otherMails" => Value::Null,
        _ => return None,
    };
    Some(if sight == Sight::Limited { Value::Null } else { value })
}

/// Collects `names` into an object, those that exist.
pub(super) fn object(kind: Option<&str>, names: &[&str], property: impl Fn(&str) -> Option<Value>) -> Map<String, Value> {
    let kind = kind.map(|kind| ("@odata.type".to_owned(), Value::from(format!("#{kind}"))));
    let properties = names.iter().filter_map(|name| Some(((*name).to_owned(), property(name)?)));
    kind.into_iter().chain(properties).collect()
}
