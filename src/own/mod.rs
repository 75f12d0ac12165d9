//! What EntraWatch knows of itself: the application that it signs in as, when that one's credentials end, what it may do. Pure.
//!
//! `graph` reads it (an application may read itself without any permission), the tenant's task keeps it in the tenant's state, and
//! the `watcher` notice, `/about` and `doctor` show it.

mod permissions;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use permissions::{GRAPH_APP_ID, Held, Missing, Needs, Permissions, Superfluous, permissions};

use crate::clock::UtcTime;
use crate::inventory::DirectoryObject;

/// The application that EntraWatch signs in as in one tenant, as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnApplication {
    /// When it was read.
    pub read_at: UtcTime,
    /// `client_id` then.
    pub client_id: String,
    /// Its display name, where it could be seen.
    pub name: Option<String>,
    /// How it signed in.
    pub sign_in: SignIn,
    /// Where its app registration is.
    pub home: Home,
    /// Its credentials, those of the app registration and those of the service principal here, earliest end first.
    pub credentials: Vec<OwnCredential>,
    /// What it may do; `None`: its token does not say.
    pub permissions: Option<Permissions>,
}

/// How EntraWatch signs in, without what proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, strum::Display)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum SignIn {
    #[strum(serialize = "client secret")]
    Secret,
    #[strum(serialize = "certificate")]
    Certificate,
    #[strum(serialize = "workload identity")]
    WorkloadIdentity,
    #[strum(serialize = "managed identity")]
    ManagedIdentity,
}

/// Where the app registration is, which holds the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// In this tenant.
    Here,
    /// In another tenant, whose GUID is known or not: only there its credentials can be seen.
    Elsewhere(Option<String>),
    /// Nowhere: a managed identity, whose credentials Azure renews.
    Platform,
}

/// One credential of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCredential {
    /// Key id.
    pub key_id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// A client secret; else a certificate.
    pub is_secret: bool,
    /// When it ends; `None`: never.
    pub not_after: Option<UtcTime>,
    /// Whether it is the one that EntraWatch signs in with.
    pub in_use: InUse,
}

/// Whether a credential is the one that EntraWatch signs in with. Entra does not say; the first letters of a secret and the thumbprint of a
/// certificate do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum InUse {
    Yes,
    Maybe,
    No,
}

/// What is known here of the credential that is signed in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A client secret that begins with these characters.
    Secret {
        /// The first three, as Graph shows them of each secret.
        hint: String,
    },
    /// A certificate.
    Certificate {
        /// SHA-1 thumbprint in upper-case hex.
        thumbprint: String,
    },
    /// None that could end.
    None,
}

impl OwnApplication {
    /// The credential whose end would lock EntraWatch out, as far as can be known: of those that may be in use, the one that ends first.
    /// `None` where nothing that could end is in use, or where it cannot be seen from this tenant.
    #[must_use]
    pub fn in_use(&self) -> Option<&OwnCredential> {
        self.credentials.iter().filter(|credential| credential.in_use != InUse::No).min_by_key(|credential| ends(credential))
    }

    /// Whether its credentials can end and are to be seen from another tenant only.
    #[must_use]
    pub fn is_homeless(&self) -> bool {
        matches!(self.home, Home::Elsewhere(_)) && matches!(self.sign_in, SignIn::Secret | SignIn::Certificate)
    }
}

/// The client ids whose app registration lies in no tenant that is watched, each with the home tenant's GUID where it is known: when their
/// credentials end cannot be seen.
pub fn without_home<'a>(known: impl IntoIterator<Item = &'a OwnApplication>) -> BTreeMap<&'a str, Option<&'a str>> {
    let mut at_home = Vec::new();
    let mut homeless = BTreeMap::new();
    for own in known {
        match &own.home {
            Home::Here => at_home.push(own.client_id.as_str()),
            Home::Elsewhere(home) if own.is_homeless() => {
                let place = homeless.entry(own.client_id.as_str()).or_insert(None);
                *place = place.or(home.as_deref());
            }
            Home::Elsewhere(_) | Home::Platform => {}
        }
    }
    homeless.retain(|client_id, _| !at_home.contains(client_id));
    homeless
}

/// The credentials of the application and of its service principal. `hints` are the first characters of secrets by key id; what signs in at
/// `now` must hold then.
#[must_use]
pub fn credentials(
    objects: &[DirectoryObject],
    hints: &BTreeMap<String, String>,
    mark: &Mark,
    now: UtcTime,
) -> Vec<OwnCredential> {
    // A clock that is a little behind Entra's must not hide what was made just now.
    let latest = now + TimeDelta::days(1);
    let holds = |start: Option<UtcTime>, end: Option<UtcTime>| {
        start.is_none_or(|start| start <= latest) && end.is_none_or(|end| end > now)
    };
    let mut known = Vec::new();
    for object in objects {
        known.extend(object.passwords.iter().map(|password| {
            let may = match mark {
                Mark::Secret { hint } => hints.get(&password.key_id).map(|known| known == hint),
                Mark::Certificate { .. } | Mark::None => Some(false),
            };
            let credential = OwnCredential {
                key_id: password.key_id.clone(),
                name: password.display_name.clone(),
                is_secret: true,
                not_after: password.end,
                in_use: InUse::No,
            };
            (credential, if holds(password.start, password.end) { may } else { Some(false) })
        }));
        // A private part is never shown; what verifies is what was uploaded.
        known.extend(object.keys.iter().filter(|key| key.usage.as_deref() != Some("Encrypt")).map(|key| {
            let may = match mark {
                Mark::Certificate { thumbprint } => key.thumbprint.as_ref().map(|known| known == thumbprint),
                Mark::Secret { .. } | Mark::None => Some(false),
            };
            let credential = OwnCredential {
                key_id: key.key_id.clone(),
                name: key.display_name.clone(),
                is_secret: false,
                not_after: key.end,
                in_use: InUse::No,
            };
            (credential, if holds(key.start, key.end) { may } else { Some(false) })
        }));
    }
    choose(known)
}

/// One that fits alone is the one; several that fit, or none that fits and some of which nothing is known, may be.
fn choose(known: Vec<(OwnCredential, Option<bool>)>) -> Vec<OwnCredential> {
    let fitting = known.iter().filter(|(_, may)| *may == Some(true)).count();
    let unknown = known.iter().filter(|(_, may)| may.is_none()).count();
    let mut chosen: Vec<OwnCredential> = known
        .into_iter()
        .map(|(credential, may)| {
            let in_use = match (may, fitting, unknown) {
                (Some(true), 1, _) | (None, 0, 1) => InUse::Yes,
                (Some(true), ..) | (None, 0, _) => InUse::Maybe,
                _ => InUse::No,
            };
            OwnCredential { in_use, ..credential }
        })
        .collect();
    chosen.sort_by_key(ends);
    chosen
}

fn ends(credential: &OwnCredential) -> (bool, Option<UtcTime>) {
    (credential.not_after.is_none(), credential.not_after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{KeyCredential, ObjectKey, ObjectKind, PasswordCredential};

    fn now() -> UtcTime {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn object(passwords: &[(&str, i64)], keys: &[(&str, Option<&str>)]) -> DirectoryObject {
        let password = |(key_id, days): &(&str, i64)| PasswordCredential {
            key_id: (*key_id).to_owned(),
            end: Some(now() + TimeDelta::days(*days)),
            ..PasswordCredential::default()
        };
        let key = |(key_id, thumbprint): &(&str, Option<&str>)| KeyCredential {
            key_id: (*key_id).to_owned(),
            thumbprint: thumbprint.map(str::to_owned),
            ..KeyCredential::default()
        };
        DirectoryObject {
            display_name: "EntraWatch".into(),
            passwords: passwords.iter().map(password).collect(),
            keys: keys.iter().map(key).collect(),
            ..DirectoryObject::blank(ObjectKey { kind: ObjectKind::Application, id: "a".into() })
        }
    }

    fn in_use(object: DirectoryObject, hints: &[(&str, &str)], mark: &Mark) -> Vec<(String, InUse)> {
        let hints = hints.iter().map(|(key_id, hint)| ((*key_id).to_owned(), (*hint).to_owned())).collect();
        let known = credentials(&[object], &hints, mark, now());
        known.into_iter().map(|credential| (credential.key_id, credential.in_use)).collect()
    }

    fn secret(hint: &str) -> Mark {
        Mark::Secret { hint: hint.to_owned() }
    }

    #[test]
    fn a_secret_is_known_by_its_first_characters() {
        let two = || object(&[("new", 90), ("old", 10)], &[("cert", Some("AA"))]);
        let expected = |old, new| vec![("old".to_owned(), old), ("new".to_owned(), new), ("cert".to_owned(), InUse::No)];
        let hints = [("old", "abc"), ("new", "xyz")];
        assert_eq!(in_use(two(), &hints, &secret("abc")), expected(InUse::Yes, InUse::No));
        assert_eq!(in_use(two(), &[("old", "abc"), ("new", "abc")], &secret("abc")), expected(InUse::Maybe, InUse::Maybe));
        assert_eq!(in_use(two(), &[], &secret("abc")), expected(InUse::Maybe, InUse::Maybe), "hints of old secrets are null");
        assert_eq!(in_use(two(), &[("new", "xyz")], &secret("abc")), expected(InUse::Yes, InUse::No), "no other is left");
        assert_eq!(in_use(two(), &hints, &secret("qqq")), expected(InUse::No, InUse::No));
    }

    #[test]
    fn what_has_ended_is_not_what_just_signed_in() {
        let hints = [("old", "abc"), ("new", "abc")];
        let known = in_use(object(&[("new", 90), ("old", -1)], &[]), &hints, &secret("abc"));
        assert_eq!(known, [("old".to_owned(), InUse::No), ("new".to_owned(), InUse::Yes)]);
    }

    #[test]
    fn a_certificate_is_known_by_its_thumbprint() {
        let mark = Mark::Certificate { thumbprint: "AA".into() };
        let known = in_use(object(&[("s", 1)], &[("one", Some("BB")), ("two", Some("AA")), ("three", None)]), &[], &mark);
        let yes: Vec<_> = known.iter().filter(|(_, in_use)| *in_use == InUse::Yes).map(|(key_id, _)| key_id.as_str()).collect();
        assert_eq!(yes, ["two"]);
        assert!(known.iter().all(|(_, in_use)| *in_use != InUse::Maybe), "{known:?}");
    }

    fn own(client_id: &str, sign_in: SignIn, home: Home) -> OwnApplication {
        let (client_id, credentials) = (client_id.to_owned(), Vec::new());
        OwnApplication { read_at: now(), client_id, name: None, sign_in, home, credentials, permissions: None }
    }

    #[test]
    fn of_several_that_may_be_in_use_the_first_end_counts() {
        let credentials =
            credentials(&[object(&[("later", 90), ("sooner", 10), ("ended", -1)], &[])], &BTreeMap::new(), &secret("abc"), now());
        let known = OwnApplication { credentials, ..own("a", SignIn::Secret, Home::Here) };
        assert_eq!(known.in_use().map(|credential| credential.key_id.as_str()), Some("sooner"));
        assert_eq!(own("a", SignIn::ManagedIdentity, Home::Platform).in_use(), None);
    }

    #[test]
    fn an_application_that_is_at_home_in_one_tenant_is_watched_for_all_of_them() {
        let elsewhere = || Home::Elsewhere(Some("home".to_owned()));
        let known = [
            own("here", SignIn::Secret, elsewhere()),
            own("here", SignIn::Secret, Home::Here),
            own("lost", SignIn::Certificate, Home::Elsewhere(None)),
            own("lost", SignIn::Certificate, elsewhere()),
            own("federated", SignIn::WorkloadIdentity, elsewhere()),
            own("managed", SignIn::ManagedIdentity, Home::Platform),
        ];
        assert_eq!(without_home(&known), BTreeMap::from([("lost", Some("home"))]));
    }
}
