//! Which credential replaces which.

use chrono::TimeDelta;

use super::{Credential, CredentialKind};
use crate::clock::UtcTime;

/// A replacement must outlive what it replaces by this, or by half of its own life if that is shorter.
const OUTLIVES_BY: TimeDelta = TimeDelta::days(30);

/// A credential that may replace others: one of the object, or one that was there once.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The credential.
    pub credential: &'a Credential,
    /// When it was found missing. It still replaces what ended before that: what ended while rotated stays rotated.
    pub gone_at: Option<UtcTime>,
}

/// For each of `credentials` (of one object), what replaces it. One replacement replaces at most one: the eligible one that ends last.
#[must_use]
pub fn replacements<'a>(
    credentials: &[Credential],
    candidates: &[Candidate<'a>],
    lead: TimeDelta,
) -> Vec<Option<&'a Credential>> {
    let mut replaced_by: Vec<Option<&'a Credential>> = vec![None; credentials.len()];
    for candidate in candidates {
        let eligible = credentials.iter().enumerate().filter(|(_, old)| replaces(candidate, old, lead));
        let Some((index, _)) = eligible.max_by_key(|(_, old)| (old.not_after, old.not_before, old.key_id.clone())) else {
            continue;
        };
        if let Some(slot) = replaced_by.get_mut(index)
            && slot.is_none_or(|known| outlasts(candidate.credential, known))
        {
            *slot = Some(candidate.credential);
        }
    }
    replaced_by
}

fn replaces(candidate: &Candidate<'_>, old: &Credential, lead: TimeDelta) -> bool {
    let new = candidate.credential;
    let (Some(starts), Some(old_end)) = (new.not_before, old.not_after) else { return false };
    let same_use = new.kind == old.kind && new.kind != CredentialKind::SamlSigning && new.key_id != old.key_id;
    let margin = new.not_after.map_or(OUTLIVES_BY, |end| OUTLIVES_BY.min((end - starts) / 2));
    same_use
        && old.not_before.is_none_or(|old_start| starts > old_start)
        && starts <= old_end
        && old_end - starts <= lead
        && new.not_after.is_none_or(|end| end - old_end >= margin)
        && candidate.gone_at.is_none_or(|gone_at| old_end <= gone_at)
}

fn outlasts(a: &Credential, b: &Credential) -> bool {
    (a.not_after.is_none(), a.not_after) > (b.not_after.is_none(), b.not_after)
}

/// Which of an object's SAML signing certificates Entra signs with: the one it names; where that is unknown, the oldest still valid;
/// where none is, the one that ended last.
#[must_use]
pub fn active_saml<'a>(certificates: &[&'a Credential], preferred: Option<&str>, now: UtcTime) -> Option<&'a Credential> {
    let named = preferred.and_then(|wanted| {
        certificates
            .iter()
            .find(|certificate| certificate.thumbprint.as_deref().is_some_and(|print| print.eq_ignore_ascii_case(wanted)))
    });
    let is_valid = |certificate: &&&Credential| {
        certificate.not_before.is_none_or(|start| start <= now) && certificate.not_after.is_none_or(|end| now < end)
    };
    let oldest_valid =
        || certificates.iter().filter(is_valid).min_by_key(|certificate| (certificate.not_before, &certificate.key_id));
    let last_ended = || certificates.iter().max_by_key(|certificate| (certificate.not_after, &certificate.key_id));
    named.or_else(oldest_valid).or_else(last_ended).copied()
}
