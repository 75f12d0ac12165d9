//! How near an end is: the thresholds that apply to a credential, its state, its severity.

use chrono::TimeDelta;

use super::{Alerts, Windows};
use crate::clock::UtcTime;
use crate::inventory::{Posture, Severity, Standing, State};

/// What lives shorter than this was made by a machine that makes the next one too.
const SHORT_LIFE: TimeDelta = TimeDelta::days(14);
/// A last one is critical this long before its end and after it.
const CRITICAL_WITHIN: TimeDelta = TimeDelta::days(7);
/// What nothing replaces is a warning this long before its end.
const WARNING_WITHIN: TimeDelta = TimeDelta::days(30);

/// Whether the credential was made to live under 14 days.
#[must_use]
pub fn is_short_lived(standing: &Standing) -> bool {
    lifetime(standing).is_some_and(|lifetime| lifetime < SHORT_LIFE)
}

/// From start to end; `None` where one of them is unknown or they are in the wrong order: every threshold applies then.
fn lifetime(standing: &Standing) -> Option<TimeDelta> {
    let lifetime = standing.credential.not_after? - standing.credential.not_before?;
    (lifetime > TimeDelta::zero()).then_some(lifetime)
}

/// The thresholds that apply to a credential; `own` are those of the route it falls under.
#[must_use]
pub fn windows(standing: &Standing, alerts: &Alerts, own: Option<&Windows>) -> Windows {
    if standing.posture == Posture::Inactive {
        return Windows::new([]);
    }
    let base = match standing.posture {
        Posture::Rotated => alerts.rotated_thresholds.clone(),
        _ if standing.self_renewing => Windows::new([TimeDelta::days(7), TimeDelta::zero()]),
        _ => own.unwrap_or(&alerts.thresholds).clone(),
    };
    let Some(lifetime) = lifetime(standing) else { return base };
    let fits = |threshold: TimeDelta| threshold * 3 <= lifetime;
    if lifetime >= SHORT_LIFE {
        base.filtered(fits)
    } else if standing.last_one && standing.posture == Posture::Sole {
        Windows::new([TimeDelta::days(1), TimeDelta::zero()]).filtered(fits)
    } else {
        Windows::new([])
    }
}

/// Where a credential is in its life.
#[must_use]
pub fn state(standing: &Standing, alerts: &Alerts, now: UtcTime) -> State {
    let credential = &standing.credential;
    let Some(end) = credential.not_after else {
        return if credential.not_before.is_some_and(|start| now < start) { State::NotYetValid } else { State::Valid };
    };
    if end <= now {
        State::Expired
    } else if credential.not_before.is_some_and(|start| now < start && start < end) {
        State::NotYetValid
    } else if windows(standing, alerts, None).widest().is_some_and(|widest| end - now <= widest) {
        State::Expiring
    } else {
        State::Valid
    }
}

/// How much it matters at an instant.
#[must_use]
pub fn severity(standing: &Standing, alerts: &Alerts, at: UtcTime) -> Severity {
    let Some(end) = standing.credential.not_after else { return Severity::Info };
    let remaining = end - at;
    let near = |before: TimeDelta, after: TimeDelta| remaining <= before && -remaining <= after;
    if standing.posture != Posture::Sole {
        Severity::Info
    } else if standing.last_one && near(CRITICAL_WITHIN, CRITICAL_WITHIN) {
        Severity::Critical
    } else if near(WARNING_WITHIN, alerts.expired_grace) {
        Severity::Warning
    } else {
        Severity::Info
    }
}
