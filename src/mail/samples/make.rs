//! Makes the items of the samples.

use std::sync::Arc;

use chrono::{TimeDelta, TimeZone as _, Utc};
use url::Url;

use crate::clock::UtcTime;
use crate::config::Cloud;
use crate::inventory::{
    Credential, CredentialKind, Detail, DirectoryObject, Exclusion, ObjectKey, ObjectKind, Posture, SamlStanding, Severity,
    Standing, Tracked,
};
use crate::outbox::digest::{Coverage, Digest, DigestKind, Item};
use crate::policy::{Notice, Via};
use crate::snapshot::TenantLabel;

/// When the samples are set: 22 November 2026, 09:00 UTC.
pub(super) fn now() -> UtcTime {
    Utc.timestamp_opt(1_795_338_000, 0).single().unwrap_or_default()
}

/// A regular digest to an owner.
pub(super) fn digest(items: Vec<Item>) -> Digest {
    Digest {
        tenant: Arc::new(TenantLabel {
            id: "8f14e45f-ceea-467f-9575-2d1b3c4a5e6f".to_owned(),
            name: "contoso".to_owned(),
            cloud: Cloud::Global,
            portal: Url::parse("https://entra.microsoft.com").expect("a constant URL"),
        }),
        recipient: "payroll-team@example.com".to_owned(),
        kind: DigestKind::Regular,
        items,
        at: now(),
        as_of: None,
    }
}

/// The numbers of a first digest.
pub(super) fn coverage(owners: bool) -> Coverage {
    Coverage {
        applications: 214,
        service_principals: 1_038,
        watched: 371,
        ending_90d: 23,
        ended: 58,
        excluded: vec![(Exclusion::ExcludedManagedIdentity, 96), (Exclusion::ExcludedDisabled, 12)],
        owners,
    }
}

/// An item in the making. The setters read as what makes the situation.
#[derive(Debug, Clone)]
pub(super) struct Make {
    object: DirectoryObject,
    detail: Detail,
    item: Item,
}

impl Make {
    fn new(kind: CredentialKind, name: &str, start_days: i64, end_days: i64) -> Self {
        let key = ObjectKey { kind: ObjectKind::Application, id: id("0b1c", "payroll") };
        let object = DirectoryObject {
            app_id: Some(id("a11d", "payroll")),
            display_name: "Payroll API".to_owned(),
            ..DirectoryObject::blank(key)
        };
        let credential = Credential {
            key_id: id("c4ed", name),
            kind,
            name: Some(name.to_owned()),
            not_before: Some(now() - TimeDelta::days(start_days)),
            not_after: Some(now() + TimeDelta::days(end_days) + TimeDelta::minutes(90)),
            thumbprint: (kind != CredentialKind::Secret).then(|| "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B".to_owned()),
            first_seen: None,
        };
        let standing = Standing {
            object: Arc::new(Tracked { object: object.clone(), hash: String::new(), missing_since: None, gone_at: None }),
            credential,
            excluded: None,
            posture: Posture::Sole,
            replaced_by: None,
            gap_until: None,
            last_one: false,
            saml: None,
            self_renewing: false,
        };
        let item = Item { notice: Notice::Expiring, severity: Severity::Info, via: Via::Owner, standing };
        Self { object, detail: Detail::default(), item }
    }

    pub(super) fn secret() -> Self {
        Self::new(CredentialKind::Secret, "prod 2025", 362, 3)
    }

    pub(super) fn certificate() -> Self {
        Self::new(CredentialKind::Certificate, "CN=payroll.example.com", 360, 7)
    }

    pub(super) fn saml() -> Self {
        let mut made = Self::new(CredentialKind::SamlSigning, "CN=Microsoft Azure Federated SSO Certificate", 1_066, 30)
            .enterprise("Travel Portal");
        made.item.standing.saml = Some(SamlStanding { active: true, newer_inactive: None });
        made
    }

    pub(super) fn token_encryption() -> Self {
        Self::new(CredentialKind::TokenEncryption, "CN=travel.example.com", 700, 14).enterprise("Travel Portal")
    }

    pub(super) fn self_renewing() -> Self {
        let mut made = Self::new(CredentialKind::Certificate, "CN=Entra Connect Sync Provisioning", 83, 7)
            .application("ConnectSyncProvisioning_DC01_4f2a9c");
        made.item.standing.self_renewing = true;
        made
    }

    pub(super) fn hostile() -> Self {
        let mut made = Self::secret().application(
            "=cmd|'/c calc'!A1 <script>alert(1)</script> \"quoted\" **bold** \u{202e}gnihton\u{2066}\r\nBcc: victim@example.com\r\n\r\n{{ 7*7 }}",
        );
        made.item.standing.credential.name = Some("😀".repeat(256));
        made
    }

    /// On an app registration of this name.
    pub(super) fn application(mut self, name: &str) -> Self {
        name.clone_into(&mut self.object.display_name);
        self.object.key.id = id("0b1c", name);
        self.object.app_id = Some(id("a11d", name));
        self.item.standing.credential.key_id = id("c4ed", name);
        self
    }

    /// On an enterprise application of this name.
    pub(super) fn enterprise(self, name: &str) -> Self {
        let mut made = self.application(name);
        made.object.key.kind = ObjectKind::ServicePrincipal;
        made
    }

    pub(super) fn multi_factor(self) -> Self {
        let mut made = self.enterprise("Azure Multi-Factor Auth Client");
        made.object.app_id = Some("981f26a1-7f43-403b-a875-f8b09b8cd720".to_owned());
        made
    }

    pub(super) fn exchange(self) -> Self {
        let mut made = self.enterprise("Office 365 Exchange Online");
        made.object.app_id = Some("00000002-0000-0ff1-ce00-000000000000".to_owned());
        made
    }

    /// Days from now, or ago.
    pub(super) fn ends_in(mut self, days: i64) -> Self {
        self.item.standing.credential.not_after = Some(now() + TimeDelta::days(days) + TimeDelta::minutes(90));
        if days < 0 {
            self.item.notice = Notice::Expired;
        }
        self
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.item.severity = severity;
        self
    }

    pub(super) fn last_one(mut self) -> Self {
        self.item.standing.last_one = true;
        self.severity(Severity::Critical)
    }

    pub(super) fn federated(mut self) -> Self {
        self.detail.federated = Some(1);
        self
    }

    pub(super) fn newer_inactive(mut self) -> Self {
        let newer = self.newer(-10, 1_085);
        self.item.standing.saml = Some(SamlStanding { active: true, newer_inactive: Some(newer) });
        self
    }

    pub(super) fn rotated(mut self) -> Self {
        self.item.standing.posture = Posture::Rotated;
        self.item.standing.replaced_by = Some(self.newer(-5, 360));
        self
    }

    pub(super) fn gap(mut self) -> Self {
        self.item.standing.gap_until = self.item.standing.credential.not_after.map(|end| end + TimeDelta::days(2));
        self
    }

    pub(super) fn resolved(mut self) -> Self {
        self.item.notice = Notice::Resolved;
        self
    }

    pub(super) fn via(mut self, via: Via) -> Self {
        self.item.via = via;
        self
    }

    fn newer(&self, start_days: i64, end_days: i64) -> Credential {
        Credential {
            key_id: id("c4ed", "newer"),
            name: Some("prod 2026".to_owned()),
            not_before: Some(now() + TimeDelta::days(start_days)),
            not_after: Some(now() + TimeDelta::days(end_days)),
            thumbprint: Some("2C26B46B68FFC68FF99B453C1D30413413422D70".to_owned()),
            ..self.item.standing.credential.clone()
        }
    }

    pub(super) fn item(self) -> Item {
        let object = DirectoryObject { detail: self.detail, ..self.object };
        let tracked = Tracked { object, hash: String::new(), missing_since: None, gone_at: None };
        Item { standing: Standing { object: Arc::new(tracked), ..self.item.standing }, ..self.item }
    }
}

/// A GUID that looks real and is the same in every run.
fn id(prefix: &str, seed: &str) -> String {
    let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let digits = format!("{hash:016x}");
    format!(
        "{prefix}{}-{}-4{}-9{}-{}{}",
        &digits[..4],
        &digits[4..8],
        &digits[8..11],
        &digits[11..14],
        &digits[..8],
        &digits[12..]
    )
}
