//! How each credential stands among the others: excluded, rotated, inactive, the last one.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::classify::{credentials_of, exclusion, is_disabled, is_platform_renewed, is_self_renewing};
use super::rotation::{Candidate, active_saml, replacements};
use super::{Credential, CredentialKind, Exclusion, Inventory, ObjectKind, Posture, Subject, Tracked, Watch};
use crate::clock::UtcTime;

/// A credential, the object it is on, and how it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The object.
    pub object: Arc<Tracked>,
    /// The credential.
    pub credential: Credential,
    /// Why it is not watched; `None`: it is.
    pub excluded: Option<Exclusion>,
    /// Whether something replaces it.
    pub posture: Posture,
    /// What replaces it: where `posture` is `Rotated`, and where it is `Inactive` because a newer certificate is active.
    pub replaced_by: Option<Credential>,
    /// No credential signs in from its end until then.
    pub gap_until: Option<UtcTime>,
    /// When it ends nobody can sign in as this application (for `SamlSigning`: nobody can sign in to it).
    pub last_one: bool,
    /// Of `SamlSigning` only.
    pub saml: Option<SamlStanding>,
    /// A Microsoft service should renew it by itself (Entra Connect Sync): told late, and in other words.
    pub self_renewing: bool,
}

/// Which of several SAML certificates is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlStanding {
    /// Entra signs with this one.
    pub active: bool,
    /// A newer one exists that Entra does not sign with yet.
    pub newer_inactive: Option<Credential>,
}

impl Standing {
    /// The value of `entra_credential_rotated`: a newer one took its place.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.replaced_by.is_some()
    }

    /// For a gone credential, which stands nowhere any more.
    #[must_use]
    pub fn of_gone(object: Arc<Tracked>, credential: Credential) -> Self {
        Self {
            object,
            credential,
            excluded: None,
            posture: Posture::Sole,
            replaced_by: None,
            gap_until: None,
            last_one: false,
            saml: None,
            self_renewing: false,
        }
    }
}

/// What a judgement depends on beside the inventory.
#[derive(Debug, Clone, Copy)]
pub struct Judging<'a> {
    /// The tenant's label.
    pub tenant: &'a str,
    /// The tenant's GUID.
    pub tenant_id: &'a str,
    /// What is left out.
    pub watch: &'a Watch,
    /// How long before the old one's end a replacement may start.
    pub rotation_lead: TimeDelta,
}

/// Every credential of every living object, excluded ones too; those that end first come first, those without end last.
#[must_use]
pub fn judge(inventory: &Inventory, judging: Judging<'_>, now: UtcTime) -> Vec<Standing> {
    let families = Families::of(inventory);
    let mut standings: Vec<Standing> =
        inventory.living().flat_map(|tracked| judge_object(tracked, &families, judging, now)).collect();
    standings.sort_by(|a, b| {
        let rank = |standing: &Standing| (standing.credential.not_after.is_none(), standing.credential.not_after);
        rank(a)
            .cmp(&rank(b))
            .then_with(|| a.object.object.key.cmp(&b.object.object.key))
            .then_with(|| a.credential.key_id.cmp(&b.credential.key_id))
    });
    standings
}

fn judge_object(tracked: &Arc<Tracked>, families: &Families<'_>, judging: Judging<'_>, now: UtcTime) -> Vec<Standing> {
    let object = &tracked.object;
    let credentials = credentials_of(object);
    if credentials.is_empty() {
        return Vec::new();
    }
    let gone = object.gone.iter().map(|gone| Candidate { credential: &gone.credential, gone_at: Some(gone.gone_at) });
    let candidates: Vec<Candidate<'_>> =
        credentials.iter().map(|credential| Candidate { credential, gone_at: None }).chain(gone).collect();
    let candidates: Vec<_> = candidates.into_iter().filter(|candidate| !is_platform_renewed(candidate.credential)).collect();
    let replaced_by = replacements(&credentials, &candidates, judging.rotation_lead);
    let certificates: Vec<&Credential> =
        credentials.iter().filter(|credential| credential.kind == CredentialKind::SamlSigning).collect();
    let active = active_saml(&certificates, object.preferred_thumbprint.as_deref(), now);
    let family = families.get(object);
    let own_principal = family.and_then(|family| family.principal);

    credentials
        .iter()
        .zip(replaced_by)
        .map(|(credential, replacement)| {
            let subject = Subject { tenant: judging.tenant, tenant_id: judging.tenant_id, object, kind: Some(credential.kind) };
            let mut standing = Standing {
                excluded: exclusion(judging.watch, subject, credential, own_principal),
                self_renewing: is_self_renewing(object),
                ..Standing::of_gone(Arc::clone(tracked), credential.clone())
            };
            match credential.kind {
                CredentialKind::SamlSigning => stand_as_saml(&mut standing, &certificates, active, now),
                kind => {
                    if let Some(replacement) = replacement {
                        standing.posture = Posture::Rotated;
                        standing.replaced_by = Some(replacement.clone());
                    }
                    if let Some(family) = family.filter(|_| kind.is_sign_in()) {
                        let others = family
                            .sign_in
                            .iter()
                            .filter(|(key, other)| !(**key == object.key && other.key_id == credential.key_id));
                        let coverage = Coverage::after(credential, others.map(|(_, other)| other), now);
                        standing.last_one = !coverage.covered && !family.federated;
                        standing.gap_until = coverage.resumes.filter(|_| standing.last_one);
                    }
                }
            }
            standing
        })
        .collect()
}

fn stand_as_saml(standing: &mut Standing, certificates: &[&Credential], active: Option<&Credential>, now: UtcTime) {
    let credential = &standing.credential;
    let is_active = active.is_some_and(|active| active.key_id == credential.key_id);
    let newer =
        |a: &Credential, b: &Credential| a.not_before > b.not_before && (a.not_after.is_none() || a.not_after > b.not_after);
    let newest = || certificates.iter().filter(|other| newer(other, credential)).max_by_key(|other| other.not_after);
    standing.saml = Some(SamlStanding {
        active: is_active,
        newer_inactive: if is_active { newest().map(|other| Credential::clone(other)) } else { None },
    });
    let others = certificates.iter().copied().filter(|other| other.key_id != credential.key_id);
    let coverage = Coverage::after(credential, others, now);
    standing.last_one = !coverage.covered;
    standing.gap_until = coverage.resumes.filter(|_| standing.last_one);
    if !is_active {
        standing.posture = Posture::Inactive;
        standing.replaced_by = active.filter(|active| newer(active, credential)).cloned();
    }
}

/// What is valid once a credential has ended.
struct Coverage {
    covered: bool,
    /// Where nothing is: when the next one starts.
    resumes: Option<UtcTime>,
}

impl Coverage {
    fn after<'a>(credential: &Credential, others: impl Iterator<Item = &'a Credential>, now: UtcTime) -> Self {
        // A credential without end is not the last as long as anything else is valid now.
        let end = credential.not_after.unwrap_or(now).max(now);
        let mut coverage = Self { covered: false, resumes: None };
        for other in others {
            if other.not_after.is_some_and(|other_end| other_end <= end) {
                continue;
            }
            match other.not_before.filter(|start| *start > end) {
                None => coverage.covered = true,
                Some(start) => coverage.resumes = Some(coverage.resumes.map_or(start, |known| known.min(start))),
            }
        }
        coverage
    }
}

/// An application and the service principal it signs in as here: what one can do the other can.
#[derive(Default)]
pub(super) struct Family<'a> {
    pub(super) principal: Option<&'a super::DirectoryObject>,
    sign_in: Vec<(&'a super::ObjectKey, Credential)>,
    federated: bool,
}

pub(super) struct Families<'a>(HashMap<&'a str, Family<'a>>);

impl<'a> Families<'a> {
    pub(super) fn of(inventory: &'a Inventory) -> Self {
        let mut families: HashMap<&str, Family<'_>> = HashMap::new();
        for tracked in inventory.living() {
            let object = &tracked.object;
            let family = families.entry(family_key(object)).or_default();
            if object.key.kind == ObjectKind::ServicePrincipal {
                family.principal = Some(object);
            }
            family.federated |= object.detail.federated.is_some_and(|count| count > 0);
            if !is_disabled(object) {
                let usable = credentials_of(object).into_iter().filter(|c| c.kind.is_sign_in() && !is_platform_renewed(c));
                family.sign_in.extend(usable.map(|credential| (&object.key, credential)));
            }
        }
        Self(families)
    }

    pub(super) fn get(&self, object: &super::DirectoryObject) -> Option<&Family<'a>> {
        self.0.get(family_key(object))
    }
}

fn family_key(object: &super::DirectoryObject) -> &str {
    object.app_id.as_deref().unwrap_or(&object.key.id)
}
