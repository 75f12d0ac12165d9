//! The regular report.

use std::sync::Arc;

use super::make::{Make, digest, now};
use crate::mail::report::Report;
use crate::policy::{Finding, Findings, Named, Reason, ReportEvery};

/// A week's report on a tenant with something of everything.
#[must_use]
pub fn report() -> Report {
    let named =
        |make: Make, reason, findings: &[Finding]| Named { standing: make.item().standing, reason, findings: findings.to_vec() };
    let ending = (0..14).map(|number| {
        let make = Make::secret().application(&format!("Service {number:02}")).ends_in(5 + 6 * number);
        named(make, Reason::NotYet, &[Finding::Ending])
    });
    let named = [
        named(Make::secret().application("Old Chat Bot").ends_in(-40), Reason::ExpiredBefore, &[Finding::Ended]),
        named(Make::secret().ends_in(-2).last_one(), Reason::AlreadyTold, &[Finding::Ended]),
    ]
    .into_iter()
    .chain(ending)
    .chain([
        named(Make::certificate().application("HR Import").ends_in(900), Reason::NotYet, &[Finding::Added, Finding::LongLived]),
        named(Make::saml().ends_in(700), Reason::NotYet, &[Finding::Ownerless]),
    ]);
    let reasons =
        [(Reason::AlreadyTold, 9), (Reason::NotYet, 240), (Reason::ExpiredBefore, 58), (Reason::ExcludedManagedIdentity, 96)];
    Report {
        tenant: digest(Vec::new()).tenant,
        recipient: "identity-team@example.com".to_owned(),
        at: now(),
        every: ReportEvery::Week,
        max_lifetime: chrono::TimeDelta::days(730),
        blind: None,
        findings: Arc::new(Findings {
            since: Some(now() - chrono::TimeDelta::days(7)),
            applications: 214,
            service_principals: 1_038,
            named: named.collect(),
            reasons: reasons.into_iter().collect(),
            owners_unread: 0,
        }),
    }
}
