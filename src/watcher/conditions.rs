//! What is the matter now, from how the tenants stand and what became of mails.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::inventory::Severity;
use crate::own::{Home, Missing, without_home};
use crate::policy::{Condition, Matter, Trouble, Windows};
use crate::state::{Muted, PollOutcome, TenantState};
use crate::store::Undelivered;

/// A refusal is told once it has lasted: a secret put in just now is known everywhere only after some minutes.
const REFUSED_FOR: TimeDelta = TimeDelta::minutes(20);

/// When its own credential is spoken of. Fewer than any other's: it is one of the tenant's too, and told as such to whoever is concerned.
const OWN_THRESHOLDS: [TimeDelta; 4] = [TimeDelta::days(30), TimeDelta::days(7), TimeDelta::days(1), TimeDelta::zero()];

/// For how long after its end.
const OWN_GRACE: TimeDelta = TimeDelta::days(30);

/// Its own credential is critical this long before its end.
const CRITICAL_WITHIN: TimeDelta = TimeDelta::days(7);

/// A complete poll that is later than now by more than this was made by a clock that was wrong.
const CLOCK_SLACK: TimeDelta = TimeDelta::days(1);

/// How a tenant stands.
#[derive(Debug)]
pub struct Sight {
    /// Its GUID.
    pub id: String,
    /// Its label.
    pub name: String,
    /// Whom it tells of itself: its fallback.
    pub recipients: Vec<String>,
    /// Without a complete poll for this long it counts as not seen.
    pub blind_after: TimeDelta,
    /// What is stored of it.
    pub state: TenantState,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What is the matter.
    pub conditions: Vec<Condition>,
    /// See [`crate::policy::WatcherInput::recovered`].
    pub recovered: BTreeSet<Matter>,
}

/// Looks. `looking_since`: since when this process has looked without a break.
pub fn find(sights: &[Sight], undelivered: &[Undelivered], fallback: &[String], looking_since: UtcTime, now: UtcTime) -> Found {
    let mut found = Found::default();
    for sight in sights {
        found.conditions.extend(sight.seeing(looking_since, now));
        found.conditions.extend(sight.telling());
        found.conditions.extend(sight.silences());
        found.conditions.extend(sight.delta());
        found.conditions.extend(sight.own_credential(now));
    }
    found.conditions.extend(homeless(sights));
    let is_refused = |tenant: &str, conditions: &[Condition]| {
        conditions.iter().any(|known| known.matter.tenant == tenant && known.matter.trouble == Trouble::Refused)
    };
    for sight in sights {
        if !is_refused(&sight.id, &found.conditions) {
            found.conditions.extend(sight.permissions());
        }
    }
    for mail in undelivered {
        // To fallback itself there is nobody left to be told; metric, health and log have it.
        let Some(sight) = sights.iter().find(|sight| sight.id == mail.tenant && !sight.recipients.contains(&mail.recipient))
        else {
            continue;
        };
        if fallback.contains(&mail.recipient) {
            continue;
        }
        let condition = Condition {
            at: Some(mail.at),
            why: mail.answer.clone(),
            ..sight.condition(Trouble::Undeliverable, &mail.recipient, Severity::Warning)
        };
        if mail.recovered {
            found.recovered.insert(condition.matter);
        } else {
            found.conditions.push(condition);
        }
    }
    found
}

/// Applications whose credentials end where nobody looks: said once, by the first tenant that signs in as it.
fn homeless(sights: &[Sight]) -> Vec<Condition> {
    let known = sights.iter().filter_map(|sight| sight.state.own.as_ref());
    let condition = |(client_id, _): (&str, Option<&str>)| {
        let is_its = |sight: &&Sight| sight.state.own.as_ref().is_some_and(|own| own.client_id == client_id);
        Some(sights.iter().find(is_its)?.condition(Trouble::OwnUnknown, client_id, Severity::Info))
    };
    without_home(known).into_iter().filter_map(condition).collect()
}

impl Sight {
    fn condition(&self, trouble: Trouble, about: &str, severity: Severity) -> Condition {
        Condition {
            matter: Matter { tenant: self.id.clone(), trouble, about: about.to_owned() },
            tenant: self.name.clone(),
            recipients: self.recipients.clone(),
            severity,
            at: None,
            why: String::new(),
            subject: String::new(),
            threshold: None,
            is_young: false,
        }
    }

    /// What keeps it from being seen: the reason where one is known, not the consequence too.
    fn seeing(&self, looking_since: UtcTime, now: UtcTime) -> Option<Condition> {
        let polls = &self.state.polls;
        let why = polls.error.clone().unwrap_or_default();
        // Just after a start or a sleep, an old last poll says only that nobody polled.
        let has_failed = polls.outcome.is_some_and(|outcome| outcome != PollOutcome::Complete)
            && polls.last_attempt.is_some_and(|at| at >= looking_since);
        if let Some(since) = polls.refused_since.filter(|_| has_failed) {
            let condition = self.condition(Trouble::Refused, "", Severity::Critical);
            return Some(Condition { at: Some(since), why, is_young: now - since < REFUSED_FOR, ..condition });
        }
        if let Some(since) = polls.vanished_since.filter(|_| has_failed) {
            let condition = self.condition(Trouble::Vanished, "", Severity::Warning);
            return Some(Condition { at: Some(since), why, ..condition });
        }
        let seen = polls.last_complete.filter(|at| *at <= now + CLOCK_SLACK);
        let since = seen.or(polls.watched_since.filter(|at| *at <= now)).unwrap_or(looking_since);
        let is_blind = now - since > self.blind_after && (has_failed || now - looking_since > self.blind_after);
        is_blind.then(|| Condition { at: seen, why, ..self.condition(Trouble::Blind, "", Severity::Critical) })
    }

    /// Delta queries that missed a credential.
    fn delta(&self) -> Option<Condition> {
        let (object, since) = self.state.delta.missed()?;
        let why = format!("Microsoft Graph's delta queries did not tell that a credential of {object} had changed");
        Some(Condition { at: Some(since), why, ..self.condition(Trouble::DeltaOff, "", Severity::Warning) })
    }

    /// Silences that may be a mistake.
    fn silences(&self) -> Vec<Condition> {
        let condition = |muted: &Muted| {
            let about = format!("{} {} {}", muted.silence, muted.key_id, muted.not_after.timestamp());
            let why = format!("silence {} by {} ({})", muted.silence, muted.author, muted.reason);
            let condition = self.condition(Trouble::Silenced, &about, Severity::Warning);
            Condition { at: Some(muted.not_after), why, subject: muted.app_name.clone(), ..condition }
        };
        self.state.muted.iter().map(condition).collect()
    }

    /// What works but for a permission.
    fn permissions(&self) -> Vec<Condition> {
        let permissions = self.state.own.as_ref().and_then(|own| own.permissions.as_ref());
        let missing = permissions.into_iter().flat_map(|permissions| &permissions.missing);
        let condition = |missing: &Missing| Condition {
            why: missing.needed_for.clone(),
            ..self.condition(Trouble::Permission, &missing.permission, Severity::Warning)
        };
        missing.map(condition).collect()
    }

    /// Told where the application is registered.
    fn own_credential(&self, now: UtcTime) -> Option<Condition> {
        let own = self.state.own.as_ref().filter(|own| own.home == Home::Here)?;
        let credential = own.in_use()?;
        let end = credential.not_after?;
        let threshold = if now < end {
            Windows::new(OWN_THRESHOLDS).crossed(end - now)?
        } else if now - end <= OWN_GRACE {
            TimeDelta::zero()
        } else {
            return None;
        };
        let severity = if end - now <= CRITICAL_WITHIN { Severity::Critical } else { Severity::Warning };
        let kind = if credential.is_secret { "client secret" } else { "certificate" };
        let why = match &credential.name {
            Some(name) => format!("The {kind} “{name}”"),
            None => format!("The {kind} with the ID {}", credential.key_id),
        };
        let about = format!("{} {}", credential.key_id, end.timestamp());
        let condition = self.condition(Trouble::OwnCredential, &about, severity);
        Some(Condition { at: Some(end), why, threshold: Some(threshold.num_seconds()), ..condition })
    }

    fn telling(&self) -> Option<Condition> {
        let count = self.state.untellable;
        (count > 0).then(|| {
            let why = if count == 1 { "1 credential is due".to_owned() } else { format!("{count} credentials are due") };
            Condition { why, ..self.condition(Trouble::NobodyToTell, "", Severity::Critical) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{ObjectKey, ObjectKind};
    use crate::own::{InUse, OwnApplication, OwnCredential, SignIn};
    use crate::state::{DeltaOff, DeltaOffWhy};

    fn now() -> UtcTime {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    /// A tenant that is seen, in which all is well.
    fn sight(id: &str) -> Sight {
        let mut state = TenantState::default();
        (state.polls.last_complete, state.polls.outcome) = (Some(now()), Some(PollOutcome::Complete));
        let (name, recipients) = (id.to_owned(), vec![format!("{id}@example.com")]);
        Sight { id: id.to_owned(), name, recipients, blind_after: TimeDelta::hours(2), state }
    }

    fn own(home: Home, days: i64) -> OwnApplication {
        let credential = OwnCredential {
            key_id: "k".into(),
            name: Some("daemon".into()),
            is_secret: true,
            not_after: Some(now() + TimeDelta::days(days)),
            in_use: InUse::Yes,
        };
        OwnApplication {
            read_at: now(),
            client_id: "c".into(),
            name: None,
            sign_in: SignIn::Secret,
            credentials: if home == Home::Here { vec![credential] } else { Vec::new() },
            home,
            permissions: None,
        }
    }

    fn told(sights: &[Sight]) -> Vec<String> {
        let found = find(sights, &[], &["ops@example.com".to_owned()], now(), now());
        let line = |condition: &Condition| {
            let to = condition.recipients.join(" ");
            format!("{} {} {} -> {to}", condition.matter.tenant, condition.matter.trouble, condition.severity)
        };
        found.conditions.iter().map(line).collect()
    }

    #[test]
    fn where_all_is_well_nothing_is_said() {
        assert_eq!(told(&[sight("a"), sight("b")]), Vec::<String>::new());
    }

    #[test]
    fn delta_queries_that_missed_a_credential_are_said_and_a_tenant_that_never_answered_them_is_not() {
        let (mut missed, mut refused) = (sight("a"), sight("b"));
        let key = ObjectKey { kind: ObjectKind::Application, id: "x".into() };
        missed.state.delta.off = Some(DeltaOff { since: now(), why: DeltaOffWhy::Missed(key) });
        refused.state.delta.off = Some(DeltaOff { since: now(), why: DeltaOffWhy::Refused });
        assert_eq!(told(&[missed, refused]), ["a delta_off warning -> a@example.com"]);
    }

    #[test]
    fn an_own_credential_is_said_once_where_its_application_lives_and_that_it_lives_nowhere_once_too() {
        let (mut home, mut customer) = (sight("home"), sight("customer"));
        home.state.own = Some(own(Home::Here, 6));
        customer.state.own = Some(own(Home::Elsewhere(None), 6));
        assert_eq!(told(&[customer, home]), ["home own_credential critical -> home@example.com"]);
        let (mut one, mut other) = (sight("one"), sight("other"));
        one.state.own = Some(own(Home::Elsewhere(None), 6));
        other.state.own = Some(own(Home::Elsewhere(None), 6));
        assert_eq!(told(&[one, other]), ["one own_unknown info -> one@example.com"]);
        let mut far = sight("far");
        far.state.own = Some(own(Home::Here, 31));
        assert_eq!(told(&[far]), Vec::<String>::new());
    }

    #[test]
    fn that_nobody_can_be_told_is_said() {
        let mut sight = sight("a");
        sight.state.untellable = 2;
        assert_eq!(told(&[sight]), ["a nobody_to_tell critical -> a@example.com"]);
    }
}
