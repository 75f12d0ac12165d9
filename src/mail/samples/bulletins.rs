//! Mails of EntraWatch about itself.

use strum::IntoEnumIterator as _;

use super::make::now;
use crate::inventory::Severity;
use crate::mail::watcher::Bulletin;
use crate::policy::{Condition, Matter, Remark, Trouble};

/// Every trouble alone, and some together.
#[must_use]
pub fn bulletins() -> Vec<(String, Bulletin)> {
    let bulletin = |remarks| Bulletin { recipient: "ops@example.com".to_owned(), at: now(), remarks };
    let alone = Trouble::iter().map(|trouble| {
        let name = format!("watcher-{}", trouble.to_string().replace('_', "-"));
        (name, bulletin(vec![Remark::Begun(condition(trouble, "contoso"))]))
    });
    let over = |trouble| Remark::Over { matter: condition(trouble, "contoso").matter, tenant: "contoso".to_owned() };
    let several = (0..9).map(|number| Remark::Begun(condition(Trouble::Blind, &format!("customer-{number}"))));
    let several = several.chain([over(Trouble::Refused), over(Trouble::Undeliverable)]).collect();
    alone.chain([("watcher-several".to_owned(), bulletin(several))]).collect()
}

fn condition(trouble: Trouble, tenant: &str) -> Condition {
    let hours = |hours| Some(now() - chrono::TimeDelta::hours(hours));
    let (about, severity, at, why) = match trouble {
        Trouble::Blind => (
            "",
            Severity::Critical,
            hours(3),
            "graph.microsoft.com cannot be reached: connection refused; check name resolution, the firewall and the proxy of this machine",
        ),
        Trouble::Refused => (
            "",
            Severity::Critical,
            hours(1),
            "Microsoft Graph denies access: give EntraWatch's application the application permission Application.Read.All and grant \
             admin consent to it",
        ),
        Trouble::Permission => {
            ("User.ReadBasic.All", Severity::Warning, None, "reading the addresses of owners, who are to be mailed")
        }
        Trouble::Vanished => (
            "",
            Severity::Warning,
            hours(1),
            "412 of 1203 objects are missing from this listing at once, so it is not believed; they are kept, and count as gone when \
             they are still missing a day later: check whether somebody deleted them, or whether what EntraWatch may read was narrowed",
        ),
        Trouble::NobodyToTell => ("", Severity::Critical, None, "3 credentials are due"),
        Trouble::Undeliverable => ("ann@example.com", Severity::Warning, hours(1), "550 5.1.1 no such user"),
        Trouble::DeltaOff => (
            "",
            Severity::Warning,
            hours(1),
            "Microsoft Graph's delta queries did not tell that a credential of application/0b1cbbb3-0fe4-41ab-9845-bbb30fe44509 had changed",
        ),
        Trouble::Silenced => (
            "1a2b3c4d key 0",
            Severity::Warning,
            Some(now() + chrono::TimeDelta::days(6)),
            "silence 1a2b3c4d by alex (moves to a managed identity)",
        ),
        Trouble::OwnCredential => {
            ("", Severity::Critical, Some(now() + chrono::TimeDelta::days(3)), "The client secret “daemon 2025”")
        }
        Trouble::OwnUnknown => ("", Severity::Info, None, ""),
    };
    Condition {
        matter: Matter { tenant: tenant.to_owned(), trouble, about: about.to_owned() },
        tenant: tenant.to_owned(),
        recipients: vec!["ops@example.com".to_owned()],
        severity,
        at,
        why: why.to_owned(),
        subject: if trouble == Trouble::Silenced { "Payroll API".to_owned() } else { String::new() },
        threshold: None,
        is_young: false,
    }
}
