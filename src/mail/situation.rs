//! What an item of a digest comes down to, before it is worded: what is special about it, whether it is over, and which task it
//! sets its reader.

use super::letter::Tone;
use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, ObjectKind, Posture, Severity};
use crate::outbox::digest::Item;
use crate::policy::Notice;

/// `appId` of Microsoft's multi-factor client: the NPS extension and AD FS keep their certificates on its service principal.
const MULTI_FACTOR_CLIENT: &str = "981f26a1-7f43-403b-a875-f8b09b8cd720";

/// `appId` of Exchange Online: an Exchange hybrid deployment keeps its Auth certificate on its service principal.
const EXCHANGE_ONLINE: &str = "00000002-0000-0ff1-ce00-000000000000";

/// What is special about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// It is gone: nothing is left to do.
    Resolved,
    /// A Microsoft service should have renewed it.
    SelfRenewing,
    /// A newer one replaces it.
    Rotated,
    /// The next one starts only after this one has ended.
    Gap(UtcTime),
    /// Nothing replaces it.
    Sole,
}

/// What the reader is to do. Items with the same task share one guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Replace a client secret of an app registration.
    Secret,
    /// Replace a certificate of an app registration.
    Certificate,
    /// Replace a client secret that is on a service principal itself.
    ServicePrincipalSecret,
    /// Replace a certificate that is on a service principal itself.
    ServicePrincipalCertificate,
    /// Make, hand over and activate a new SAML signing certificate.
    RenewSaml,
    /// Hand over and activate the SAML signing certificate that exists already.
    ActivateSaml,
    /// Replace a token encryption certificate.
    TokenEncryption,
    /// Make sure that the newer one is used, remove the old one.
    FinishRotation,
    /// Find out why a service did not renew it.
    SelfRenewing,
    /// Renew a certificate of the NPS extension or of AD FS.
    MultiFactor,
    /// Renew the Auth certificate of an Exchange hybrid deployment.
    ExchangeHybrid,
}

impl Situation {
    /// Of an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let standing = &item.standing;
        match (item.notice, standing.posture, standing.gap_until) {
            (Notice::Resolved, ..) => Self::Resolved,
            _ if standing.self_renewing => Self::SelfRenewing,
            (_, Posture::Rotated, _) => Self::Rotated,
            (.., Some(until)) => Self::Gap(until),
            _ => Self::Sole,
        }
    }
}

impl Task {
    /// Of an item; `None` where nothing is left to do.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        let standing = &item.standing;
        let object = &standing.object.object;
        let task = match Situation::of(item) {
            Situation::Resolved => return None,
            Situation::SelfRenewing => Self::SelfRenewing,
            Situation::Rotated => Self::FinishRotation,
            Situation::Gap(_) | Situation::Sole => match (standing.credential.kind, object.key.kind) {
                (CredentialKind::SamlSigning, _) => match standing.saml.as_ref().and_then(|saml| saml.newer_inactive.as_ref()) {
                    Some(_) => Self::ActivateSaml,
                    None => Self::RenewSaml,
                },
                (CredentialKind::TokenEncryption, _) => Self::TokenEncryption,
                (CredentialKind::Secret, ObjectKind::Application) => Self::Secret,
                (CredentialKind::Certificate, ObjectKind::Application) => Self::Certificate,
                (CredentialKind::Secret, ObjectKind::ServicePrincipal) => Self::ServicePrincipalSecret,
                (CredentialKind::Certificate, ObjectKind::ServicePrincipal) => match object.app_id.as_deref() {
                    Some(MULTI_FACTOR_CLIENT) => Self::MultiFactor,
                    Some(EXCHANGE_ONLINE) => Self::ExchangeHybrid,
                    _ => Self::ServicePrincipalCertificate,
                },
            },
        };
        Some(task)
    }
}

/// Whether the credential has ended at `at`.
#[must_use]
pub fn ended(item: &Item, at: UtcTime) -> bool {
    item.standing.credential.not_after.is_some_and(|end| end <= at)
}

/// How loud an item is.
#[must_use]
pub fn tone(item: &Item) -> Tone {
    match (item.notice, item.severity) {
        (Notice::Resolved, _) => Tone::Good,
        (_, Severity::Critical) => Tone::Critical,
        (_, Severity::Warning) => Tone::Warning,
        (_, Severity::Info) => Tone::Info,
    }
}
