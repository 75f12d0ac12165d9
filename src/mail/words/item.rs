//! What is said about one credential.

use super::time::{instant, relative, short};
use crate::clock::UtcTime;
use crate::inventory::{Credential, CredentialKind, ObjectKind, Severity};
use crate::mail::situation::{Situation, Task, ended};
use crate::mail::text::clean;
use crate::outbox::digest::Item;
use crate::policy::Notice;

/// Names are cut after this many characters as a reader counts them.
const NAME: usize = 80;

/// In a subject, names are cut earlier.
const SUBJECT_NAME: usize = 48;

/// Labels of facts.
pub const ENDS: &str = "Ends";
/// See [`ENDS`].
pub const ENDED: &str = "Ended";
/// See [`ENDS`].
pub const CLIENT_ID: &str = "Application (client) ID";
/// See [`ENDS`].
pub const OBJECT_ID: &str = "Object ID";
/// See [`ENDS`].
pub const SECRET_ID: &str = "Secret ID";
/// See [`ENDS`].
pub const CERTIFICATE_ID: &str = "Certificate ID";
/// See [`ENDS`].
pub const THUMBPRINT: &str = "Thumbprint";
/// See [`ENDS`].
pub const SILENCE: &str = "Not your concern, or dealt with? This silences it";
/// See [`ENDS`].
pub const STATUS_PAGE: &str = "See it on the status page";

/// What a credential is on, where that is not the app registration.
pub const ENTERPRISE: &str = "enterprise application";

/// Said on a page, never in a mail: nobody is told about these.
pub const INACTIVE: &str = "Entra does not sign with this certificate, so nothing depends on its end.";
/// See [`INACTIVE`].
pub const ENDLESS: &str = "It has no end date. What never ends is never changed, and whoever copied it keeps it for ever: \
                           better is one that ends, and best is none (a managed identity or a federated credential).";

/// The application's name.
#[must_use]
pub fn application(item: &Item) -> String {
    name(&item.standing.object.object.display_name, NAME).unwrap_or_else(|| item.standing.object.object.key.id.clone())
}

/// What a credential is called by its kind.
#[must_use]
pub fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Secret => "client secret",
        CredentialKind::Certificate => "certificate",
        CredentialKind::SamlSigning => "SAML signing certificate",
        CredentialKind::TokenEncryption => "token encryption certificate",
    }
}

/// `Client secret “prod”`.
#[must_use]
pub fn credential(credential: &Credential) -> String {
    let kind = capital(kind(credential.kind));
    match credential.name.as_deref().and_then(|raw| name(raw, NAME)) {
        Some(name) => format!("{kind} “{name}”"),
        None => format!("{kind} without a name"),
    }
}

/// Which credential, and what it is on.
#[must_use]
pub fn subtitle(item: &Item) -> String {
    let place = match item.standing.object.object.key.kind {
        ObjectKind::Application => "on the app registration",
        ObjectKind::ServicePrincipal => "on the enterprise application",
    };
    format!("{}, {place}", credential(&item.standing.credential))
}

/// `ends in 3 days`, `ended 2 hours ago`, `is gone`.
#[must_use]
pub fn fate(item: &Item, at: UtcTime) -> String {
    match (item.notice, item.standing.credential.not_after) {
        (Notice::Resolved, _) => "is gone".to_owned(),
        (_, None) => "never ends".to_owned(),
        (_, Some(end)) if end <= at => format!("ended {}", relative(end, at)),
        (_, Some(end)) => format!("ends {}", relative(end, at)),
    }
}

/// `Critical · ends in 3 days`.
#[must_use]
pub fn label(item: &Item, at: UtcTime) -> String {
    let severity = match (item.notice, item.severity) {
        (Notice::Resolved, _) => "Resolved",
        (_, Severity::Critical) => "Critical",
        (_, Severity::Warning) => "Warning",
        (_, Severity::Info) => "For information",
    };
    format!("{severity} · {}", fate(item, at))
}

/// `Payroll API: client secret ends in 3 days`.
#[must_use]
pub fn headline(item: &Item, at: UtcTime, zone: chrono_tz::Tz) -> String {
    let application = name(&item.standing.object.object.display_name, SUBJECT_NAME).unwrap_or_else(|| application(item));
    let kind = kind(item.standing.credential.kind);
    let fate = fate(item, at);
    let said = match Situation::of(item) {
        Situation::Resolved => format!("{kind} is gone, nothing left to do"),
        Situation::SelfRenewing => format!("{kind} should have renewed itself, {fate}"),
        Situation::Rotated => format!("old {kind} {fate}, a newer one exists"),
        Situation::Gap(until) if item.standing.last_one => match item.standing.credential.not_after {
            Some(end) => format!("no valid {kind} from {} to {}", short(end, zone), short(until, zone)),
            None => format!("{kind} {fate}"),
        },
        Situation::Gap(_) | Situation::Sole => format!("{kind} {fate}"),
    };
    format!("{application}: {said}")
}

/// Application, object and key, where a command is meant for more than one item.
pub const PLACEHOLDERS: [&str; 3] = ["<client ID>", "<object ID>", "<secret or certificate ID>"];

/// When it ends, in full. How far away that is stands in the label above it, but for what is gone.
#[must_use]
pub fn end(item: &Item, at: UtcTime, zone: chrono_tz::Tz) -> Option<(&'static str, String)> {
    let end = item.standing.credential.not_after?;
    let label = if ended(item, at) { ENDED } else { ENDS };
    let instant = instant(end, zone);
    let said = if item.notice == Notice::Resolved { format!("{instant}, {}", relative(end, at)) } else { instant };
    Some((label, said))
}

/// What depends on it and what is to be known about it, a sentence each.
#[must_use]
pub fn sentences(item: &Item, at: UtcTime, zone: chrono_tz::Tz) -> Vec<String> {
    let standing = &item.standing;
    let over = ended(item, at);
    let mut said = match Situation::of(item) {
        Situation::Resolved => vec![resolved(item)],
        Situation::Rotated => vec![rotated(item, zone)],
        Situation::SelfRenewing => vec![self_renewing(over)],
        Situation::Gap(until) => vec![gap(item, until, zone), consequence(item, over)],
        Situation::Sole => vec![consequence(item, over)],
    };
    if let Some(newer) = standing.saml.as_ref().and_then(|saml| saml.newer_inactive.as_ref())
        && item.notice != Notice::Resolved
    {
        said.push(newer_inactive(newer, over, zone));
    }
    said.retain(|sentence| !sentence.is_empty());
    said
}

fn resolved(item: &Item) -> String {
    let what = kind(item.standing.credential.kind);
    match item.standing.object.gone_at {
        Some(_) => format!(
            "The application was deleted, and this {what} with it. You were told about it before; nothing \
            is left to do."
        ),
        None => format!("This {what} was removed or replaced. You were told about it before; nothing is left to do."),
    }
}

fn rotated(item: &Item, zone: chrono_tz::Tz) -> String {
    let Some(newer) = &item.standing.replaced_by else {
        return "A newer one exists. Make sure that the application uses it, then remove this one.".to_owned();
    };
    format!(
        "A newer one exists: {}{}. Make sure that the application uses it, then remove this one.",
        lower(&credential(newer)),
        validity(newer, zone)
    )
}

fn self_renewing(over: bool) -> String {
    let then = if over {
        "Synchronisation has stopped if nothing else took its place."
    } else {
        "When it ends, \
        synchronisation stops."
    };
    format!("Microsoft Entra Connect Sync renews this certificate by itself, and should have renewed itself by now. {then}")
}

fn gap(item: &Item, until: UtcTime, zone: chrono_tz::Tz) -> String {
    let kind = kind(item.standing.credential.kind);
    let until = instant(until, zone);
    match (item.standing.credential.not_after, item.standing.last_one) {
        (Some(end), true) => format!(
            "No valid credential from {} until {until}: the next {kind} exists already, but starts only then. Create one \
             that starts at once.",
            instant(end, zone)
        ),
        _ => format!(
            "The next {kind} exists already, but starts only on {until}, after this one has ended. Create one \
            that starts at once."
        ),
    }
}

fn newer_inactive(newer: &Credential, over: bool, zone: chrono_tz::Tz) -> String {
    let which = match &newer.thumbprint {
        Some(thumbprint) => format!("with the thumbprint {thumbprint}{}", validity(newer, zone)),
        None => format!("with the ID {}{}", newer.key_id, validity(newer, zone)),
    };
    let switch = if over {
        "Entra switches to it by itself now that the active one has ended"
    } else {
        "Entra switches to it by itself when the active one ends"
    };
    format!("A newer certificate, {which}, exists but is not active. {switch}, whether or not the application knows it.")
}

fn consequence(item: &Item, over: bool) -> String {
    let standing = &item.standing;
    let federated = standing.object.object.detail.federated.unwrap_or(0) > 0;
    match (standing.credential.kind, standing.last_one, over) {
        (CredentialKind::SamlSigning, true, false) => {
            "Entra signs with it when people sign in to this application. After that, an application that checks the \
             date turns everybody away."
                .to_owned()
        }
        (CredentialKind::SamlSigning, true, true) => {
            "Entra signed with it when people signed in to this application. An application that checks the date turns \
             everybody away now."
                .to_owned()
        }
        (CredentialKind::SamlSigning, false, _) => {
            "Entra signs with it when people sign in to this application. Another certificate is still valid after that."
                .to_owned()
        }
        (CredentialKind::TokenEncryption, ..) => {
            "Entra encrypts with it what it tells this application about the people who sign in. An application that \
             refuses an ended certificate turns everybody away."
                .to_owned()
        }
        (_, true, false) => "No other credential can sign in as this application after that: it stops working.".to_owned(),
        (_, true, true) => "No credential that can sign in as this application is left: it does not work any more.".to_owned(),
        (_, false, over) if federated => format!(
            "The application can also sign in by a federated credential, which needs no secret. Whatever signs in with \
             this one {}.",
            stops(over)
        ),
        (_, false, over) => format!(
            "Another credential of the application is still valid after that. Whatever still signs in with it {}.",
            stops(over)
        ),
    }
}

fn stops(over: bool) -> &'static str {
    if over { "has stopped" } else { "stops then" }
}

/// `, valid from … until …`.
fn validity(credential: &Credential, zone: chrono_tz::Tz) -> String {
    match (credential.not_before, credential.not_after) {
        (Some(from), Some(until)) => format!(", valid from {} until {}", short(from, zone), short(until, zone)),
        (None, Some(until)) => format!(", valid until {}", short(until, zone)),
        _ => String::new(),
    }
}

/// What the portal's page is called.
#[must_use]
pub fn portal_page(task: Option<Task>, kind: CredentialKind) -> &'static str {
    match (task, kind) {
        (Some(Task::RenewSaml | Task::ActivateSaml), _) => "Open Single sign-on in the portal",
        (_, CredentialKind::TokenEncryption | CredentialKind::SamlSigning) => "Open the application in the portal",
        _ => "Open Certificates & secrets in the portal",
    }
}

/// The state of a credential that a table shows beside its end.
#[must_use]
pub fn remark(item: &Item) -> Option<&'static str> {
    match Situation::of(item) {
        Situation::Resolved => Some("gone"),
        Situation::Rotated => Some("a newer one exists"),
        Situation::SelfRenewing => Some("should have renewed itself"),
        Situation::Gap(_) => Some("the next one starts too late"),
        Situation::Sole if item.standing.last_one => Some("the last credential"),
        Situation::Sole => None,
    }
}

fn name(raw: &str, limit: usize) -> Option<String> {
    Some(clean(raw, limit)).filter(|name| !name.is_empty())
}

/// The first letter in upper case.
fn capital(words: &str) -> String {
    let mut rest = words.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// The first letter in lower case, unless it begins an abbreviation.
fn lower(words: &str) -> String {
    let mut rest = words.chars();
    match (rest.next(), rest.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(rest).collect(),
        _ => words.to_owned(),
    }
}
