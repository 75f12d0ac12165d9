//! Things to store, said in few words.

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::inventory::{DirectoryObject, ObjectKey, ObjectKind, Posture, Severity, Tracked};
use entrawatch::policy::{CredentialKey, Notice, NoticeRow, Silence, SilenceScope, TransportKind};
use entrawatch::store::{Commit, NewMail, Store, TenantRecord};
use uuid::Uuid;

use crate::support::builder::{With as _, application, start};

/// The tenant that most tests are about.
pub const TENANT: &str = "11111111-1111-1111-1111-111111111111";

pub async fn load(store: &Store) -> TenantRecord {
    store.tenant(TENANT, "contoso").await.unwrap()
}

/// Commits to [`TENANT`] at its present version.
pub async fn commit(store: &Store, change: Commit) -> i64 {
    let version = load(store).await.version;
    store.commit(TENANT, version, change).await.unwrap()
}

pub fn tracked(object: DirectoryObject) -> Tracked {
    let hash = format!("hash of {}", object.display_name.escape_default());
    Tracked { object, hash, missing_since: None, gone_at: None }
}

pub fn app(id: &str, name: &str) -> Tracked {
    tracked(application(id, name).secret("key", 0.0, 90.0))
}

/// A mail that is due at once.
pub fn mail(recipient: &str) -> NewMail {
    NewMail {
        id: Uuid::new_v4(),
        recipient: recipient.to_owned(),
        batch: "digest".to_owned(),
        slot: None,
        severity: Severity::Warning,
        items: 1,
        subject: "Payroll API: client secret ends in 3 days".to_owned(),
        message: "From: a@example.com\r\n\r\nBody\r\n".to_owned(),
        fingerprint: "f".to_owned(),
        created_at: start(),
        first_decided_at: start(),
        attempts: 0,
        next_attempt_at: start(),
    }
}

pub fn notice(mail: &NewMail, key_id: &str) -> NoticeRow {
    NoticeRow {
        credential: CredentialKey {
            object: ObjectKey { kind: ObjectKind::Application, id: "app".to_owned() },
            key_id: key_id.to_owned(),
        },
        not_after: Some(start() + TimeDelta::days(3)),
        posture: Posture::Sole,
        notice: Notice::Expiring,
        threshold: 3 * 86400,
        recipient: mail.recipient.clone(),
        severity: mail.severity,
        transport: TransportKind::Folder,
        at: start(),
        mail: mail.id,
    }
}

pub fn silence(id: &str, tenant: Option<&str>, until: UtcTime) -> Silence {
    Silence {
        id: id.to_owned(),
        tenant: tenant.map(str::to_owned),
        scope: SilenceScope::Name("legacy-*".to_owned()),
        until,
        reason: "moves in spring".to_owned(),
        author: "ops".to_owned(),
        created_at: start(),
    }
}
