//! `/apps/{tenant}/{object_id}`: everything about one application, and what to do.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use strum::IntoEnumIterator as _;

use super::credential::Credential;
use super::{Moment, render};
use crate::clock::UtcTime;
use crate::inventory::{DirectoryObject, ObjectKey, ObjectKind, Owner, OwnerKind, Tracked};
use crate::policy::NoticeRow;
use crate::snapshot::Snapshot;
use crate::web::problem::Problem;
use crate::web::row::{Sort, rows};
use crate::web::{Parts, WebState, words};

#[derive(Debug, Serialize)]
struct Page {
    now: Moment,
    tenant: String,
    name: String,
    kind: &'static str,
    object_id: String,
    app_id: Option<String>,
    created: Option<Moment>,
    gone: Option<Moment>,
    remarks: Vec<&'static str>,
    notes: Option<String>,
    tags: Vec<String>,
    /// The other half: the service principal of an application, the application of a service principal.
    others: Vec<Other>,
    credentials: Vec<Credential>,
    past: Vec<Past>,
    owners: Owners,
    federated: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Other {
    kind: &'static str,
    name: String,
    address: String,
}

/// A credential that was there once.
#[derive(Debug, Serialize)]
struct Past {
    kind: &'static str,
    name: Option<String>,
    key_id: String,
    ended: Option<Moment>,
    gone: Moment,
}

/// Who owns it, as last read.
#[derive(Debug, Serialize)]
struct Owners {
    read: Option<Moment>,
    known: bool,
    list: Vec<OwnerLine>,
}

#[derive(Debug, Serialize)]
struct OwnerLine {
    name: String,
    kind: &'static str,
    mail: Option<String>,
    limited: bool,
}

/// Writes the page.
pub(in crate::web) async fn show(State(state): State<WebState>, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    let Ok(Path((tenant, id))) = path else { return Problem::not_text().page(&state) };
    let parts = state.parts();
    let tenants = parts.tenants();
    let Some(snapshot) = tenants.iter().find(|one| one.tenant.name == tenant || one.tenant.id == tenant) else {
        return Problem::missing(format!("no tenant is named {tenant:?}")).page(&state);
    };
    let id = id.to_lowercase();
    let found = ObjectKind::iter().find_map(|kind| snapshot.inventory.get(&ObjectKey { kind, id: id.clone() }));
    let Some(tracked) = found else {
        let why = format!("no application or service principal with the object id {id:?} has been seen in {tenant:?}");
        return Problem::missing(why).page(&state);
    };
    let told = match parts.store.notices_about(&snapshot.tenant.id, &tracked.object.key).await {
        Ok(told) => told,
        Err(error) => return Problem::internal(&error).page(&state),
    };
    let page = Page::of(&parts, snapshot, tracked, &told, parts.now());
    render(&state, "app.html", page)
}

impl Page {
    fn of(parts: &Parts, snapshot: &Snapshot, tracked: &Tracked, told: &[NoticeRow], now: UtcTime) -> Self {
        let object = &tracked.object;
        let rules = &parts.config.policy;
        let mut own: Vec<_> =
            rows(snapshot, &rules.alerts, now).filter(|row| row.standing.object.object.key == object.key).collect();
        own.sort_by_cached_key(|row| row.position(Sort::Urgency).into_owned());
        let zone = rules.digest.timezone;
        Self {
            now: Moment::of(now, now),
            tenant: snapshot.tenant.name.clone(),
            name: object.display_name.clone(),
            kind: words::object_kind(object.key.kind),
            object_id: object.key.id.clone(),
            app_id: object.app_id.clone(),
            created: object.created.map(|at| Moment::of(at, now)),
            gone: tracked.gone_at.map(|at| Moment::of(at, now)),
            remarks: remarks(object),
            notes: object.notes.clone().filter(|notes| !notes.trim().is_empty()),
            tags: object.tags.clone(),
            others: others(snapshot, object),
            credentials: own.iter().map(|row| Credential::of(row, snapshot, told, zone, now)).collect(),
            past: past(object, now),
            owners: owners(object, now),
            federated: object.detail.federated,
        }
    }
}

/// What is unusual about the object.
fn remarks(object: &DirectoryObject) -> Vec<&'static str> {
    let managed = object.service_principal_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("ManagedIdentity"));
    let by_microsoft = object.disabled_by_microsoft.as_deref().is_some_and(|status| !status.eq_ignore_ascii_case("NotDisabled"));
    [
        (managed, "It is a managed identity: Azure renews its credentials."),
        (object.account_enabled == Some(false), "Sign-in is switched off for it in this tenant."),
        (object.is_disabled, "An administrator has deactivated it."),
        (by_microsoft, "Microsoft has disabled it."),
    ]
    .into_iter()
    .filter_map(|(holds, remark)| holds.then_some(remark))
    .collect()
}

fn others(snapshot: &Snapshot, object: &DirectoryObject) -> Vec<Other> {
    let Some(app_id) = &object.app_id else { return Vec::new() };
    let same = |other: &&Arc<Tracked>| other.object.app_id.as_ref() == Some(app_id) && other.object.key != object.key;
    let view = |other: &Arc<Tracked>| Other {
        kind: words::object_kind(other.object.key.kind),
        name: other.object.display_name.clone(),
        address: super::app_address(&snapshot.tenant.name, &other.object.key.id),
    };
    snapshot.inventory.living().filter(same).map(view).collect()
}

fn past(object: &DirectoryObject, now: UtcTime) -> Vec<Past> {
    let mut past: Vec<_> = object.gone.iter().collect();
    past.sort_by_key(|gone| std::cmp::Reverse(gone.gone_at));
    let view = |gone: &crate::inventory::GoneCredential| Past {
        kind: words::kind(gone.credential.kind),
        name: gone.credential.name.clone(),
        key_id: gone.credential.key_id.clone(),
        ended: gone.credential.not_after.map(|at| Moment::of(at, now)),
        gone: Moment::of(gone.gone_at, now),
    };
    past.into_iter().map(view).collect()
}

fn owners(object: &DirectoryObject, now: UtcTime) -> Owners {
    let line = |owner: &Owner| OwnerLine {
        name: owner.name.clone().unwrap_or_else(|| owner.id.clone()),
        kind: match owner.kind {
            OwnerKind::User => "user",
            OwnerKind::Guest => "guest",
            OwnerKind::ServicePrincipal => "application",
            OwnerKind::Other => "neither user nor application",
        },
        mail: owner.mail.clone(),
        limited: owner.limited,
    };
    Owners {
        read: object.detail.owners_read_at.map(|at| Moment::of(at, now)),
        known: object.detail.owners.is_some(),
        list: object.detail.owners.iter().flatten().map(line).collect(),
    }
}
