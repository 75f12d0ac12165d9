//! Times, numbers and the closed sets of the model, in the words of the pages.

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, Exclusion, ObjectKind, Severity, State};
use crate::policy::{Notice, Reason, Via};
use crate::store::MailState;

/// `2026-12-02 09:00 UTC`
pub(super) fn instant(at: UtcTime) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// `in 9 days`, `3 hours ago`
pub(super) fn distance(at: UtcTime, now: UtcTime) -> String {
    let (time, ahead) = if at > now { (at - now, true) } else { (now - at, false) };
    match (length(time), ahead) {
        (None, true) => "now".to_owned(),
        (None, false) => "just now".to_owned(),
        (Some(length), true) => format!("in {length}"),
        (Some(length), false) => format!("{length} ago"),
    }
}

/// `9 days`; `None` for less than a minute.
fn length(time: TimeDelta) -> Option<String> {
    let (number, unit) = match time {
        _ if time < TimeDelta::minutes(1) => return None,
        _ if time < TimeDelta::hours(2) => (time.num_minutes(), "minute"),
        _ if time < TimeDelta::days(2) => (time.num_hours(), "hour"),
        _ if time < TimeDelta::days(3 * 365) => (time.num_days(), "day"),
        _ => (time.num_days() / 365, "year"),
    };
    Some(format!("{} {unit}{}", count(number), if number == 1 { "" } else { "s" }))
}

/// A fragment with a capital and a full stop.
pub(super) fn sentence(fragment: &str) -> String {
    let mut characters = fragment.trim_end_matches('.').chars();
    let first: String = characters.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}.", characters.as_str())
}

/// `12,345`
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(super) fn kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Secret => "Client secret",
        CredentialKind::Certificate => "Certificate",
        CredentialKind::SamlSigning => "SAML signing certificate",
        CredentialKind::TokenEncryption => "Token encryption certificate",
    }
}

pub(super) fn object_kind(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Application => "App registration",
        ObjectKind::ServicePrincipal => "Enterprise application",
    }
}

pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Valid => "Valid",
        State::Expiring => "Expiring",
        State::Expired => "Expired",
        State::NotYetValid => "Not yet valid",
    }
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::Warning => "Warning",
        Severity::Info => "Info",
    }
}

/// Whether somebody is told about a credential now, and why.
pub(super) fn reason(reason: Reason) -> String {
    capitalised(reason.in_words())
}

/// The same about one recipient.
pub(super) fn telling(reason: Reason) -> String {
    match reason {
        Reason::AlreadyTold => "Told already".to_owned(),
        other => self::reason(other),
    }
}

pub(super) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::Expiring => "ends soon",
        Notice::Expired => "has ended",
        Notice::Resolved => "is gone",
        Notice::Watcher => "about the watcher",
        Notice::Report => "report",
    }
}

pub(super) fn mail_state(state: MailState) -> &'static str {
    match state {
        MailState::Pending => "Waits",
        MailState::Claimed => "Being sent",
        MailState::Sent => "Accepted",
        MailState::Dead => "Given up",
    }
}

/// How somebody came to be a recipient.
pub(super) fn via(via: &Via) -> String {
    match via {
        Via::Route(number) => format!("route {}", number + 1),
        Via::Owner => "owner".to_owned(),
        Via::ApplicationOwner => "owner of the app registration".to_owned(),
        Via::Notes => "named in the notes".to_owned(),
        Via::Fallback => "fallback".to_owned(),
        Via::Baseline => "first digest".to_owned(),
        Via::Escalation => "escalation: the end is near".to_owned(),
        Via::Undeliverable(address) => format!("fallback, as mails to {address} cannot be delivered"),
    }
}

/// `14 days before the end`
pub(super) fn window(threshold: TimeDelta) -> String {
    let days = threshold.num_days();
    match length(threshold) {
        None => "at the end".to_owned(),
        Some(_) if threshold == TimeDelta::days(days) => format!("{days} day{} before the end", if days == 1 { "" } else { "s" }),
        Some(length) => format!("{length} before the end"),
    }
}

/// The same after a number.
pub(super) fn excluded(exclusion: Exclusion) -> &'static str {
    match exclusion {
        Exclusion::ExcludedManagedIdentity => "of managed identities",
        Exclusion::ExcludedDisabled => "of disabled ones",
        Exclusion::ExcludedIgnored => "ignored",
        Exclusion::ExcludedPlatform => "renewed by Microsoft",
    }
}

/// Why a credential is left out.
fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_said_in_the_largest_unit_that_still_tells_something() {
        let now: UtcTime = "2026-11-22T12:00:00Z".parse().unwrap();
        for (seconds, words) in [
            (0, "just now"),
            (30, "now"),
            (-59, "just now"),
            (60, "in 1 minute"),
            (7199, "in 119 minutes"),
            (-7200, "2 hours ago"),
            (86_400, "in 24 hours"),
            (9 * 86_400 + 5, "in 9 days"),
            (-730 * 86_400, "730 days ago"),
            (1200 * 86_400, "in 3 years"),
        ] {
            assert_eq!(distance(now + TimeDelta::seconds(seconds), now), words);
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        for (number, words) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "−1,234,567")] {
            assert_eq!(count(number), words);
        }
    }
}
