//! What the mail about EntraWatch itself says.

use chrono_tz::Tz;

use super::time::instant;
use super::{code, unmarked};
use crate::inventory::Severity;
use crate::mail::text::clean;
use crate::policy::{Condition, Matter, Remark, Trouble};

/// Small line above the heading; with the tenant where it is about one.
#[must_use]
pub fn kicker(tenant: Option<&str>) -> String {
    let itself = "EntraWatch about itself";
    tenant.map_or_else(|| itself.to_owned(), |tenant| format!("{itself} · {}", subtitle(tenant)))
}

/// Heading of the table of further remarks.
pub const FURTHER: &str = "Further";

/// Words of others are cut off here.
const SAID: usize = 600;

/// Subject.
#[must_use]
pub fn subject(heading: &str) -> String {
    unmarked(&format!("EntraWatch: {heading}"))
}

/// Small print.
#[must_use]
pub fn footer() -> Vec<String> {
    vec![
        format!(
            "You get this mail because {} names this address: EntraWatch tells it what keeps it from seeing or from telling, \
                 once when it begins and once when it is over.",
            code("recipients.fallback")
        ),
        "Sent by EntraWatch.".to_owned(),
    ]
}

/// The tenant it is about.
#[must_use]
pub fn subtitle(tenant: &str) -> String {
    format!("Microsoft Entra tenant {tenant}")
}

/// How bad it is.
#[must_use]
pub fn label(remark: &Remark) -> String {
    match remark {
        Remark::Over { .. } => "Over",
        Remark::Begun(condition) => match condition.severity {
            Severity::Critical => "Critical",
            Severity::Warning => "Warning",
            Severity::Info => "For information",
        },
    }
    .to_owned()
}

/// What is the matter, in one clause.
#[must_use]
pub fn headline(remark: &Remark) -> String {
    match remark {
        Remark::Begun(Condition {
            matter: Matter { trouble: Trouble::OwnCredential, .. }, tenant, threshold: Some(0), ..
        }) => {
            format!("its own credential for {} has ended", clean(tenant, 80))
        }
        Remark::Begun(condition @ Condition { matter: Matter { trouble: Trouble::Silenced, .. }, .. }) => {
            format!("the last credential of {} is silenced", clean(&condition.subject, 60))
        }
        Remark::Begun(condition) => begun(&condition.matter, &clean(&condition.tenant, 80)),
        Remark::Over { matter, tenant } => over(matter, &clean(tenant, 80)),
    }
}

fn begun(matter: &Matter, tenant: &str) -> String {
    match matter.trouble {
        Trouble::Blind => format!("{tenant} is not seen"),
        Trouble::Refused => format!("Microsoft refuses access to {tenant}"),
        Trouble::Permission => format!("the permission {} is missing in {tenant}", clean(&matter.about, 80)),
        Trouble::Vanished => format!("many objects are missing from {tenant} at once"),
        Trouble::NobodyToTell => format!("nobody is known to be told in {tenant}"),
        Trouble::Undeliverable => format!("mail to {} cannot be delivered", clean(&matter.about, 120)),
        Trouble::DeltaOff => format!("{tenant} is read in full again"),
        Trouble::Silenced => format!("a last credential in {tenant} is silenced"),
        Trouble::OwnCredential => format!("its own credential for {tenant} ends soon"),
        Trouble::OwnUnknown => format!("the end of its own credential for {tenant} is not known"),
    }
}

fn over(matter: &Matter, tenant: &str) -> String {
    match matter.trouble {
        Trouble::Blind => format!("{tenant} is seen completely again"),
        Trouble::Refused => format!("Microsoft grants access to {tenant} again"),
        Trouble::Permission => format!("the permission {} is granted in {tenant}", clean(&matter.about, 80)),
        Trouble::Vanished => format!("the listing of {tenant} is believed again"),
        Trouble::NobodyToTell => format!("in {tenant} there is somebody to be told again"),
        Trouble::Undeliverable => format!("mail to {} is delivered again", clean(&matter.about, 120)),
        Trouble::DeltaOff => format!("changes of {tenant} are tracked again"),
        Trouble::Silenced => format!("no last credential in {tenant} is silenced"),
        Trouble::OwnCredential => format!("its own credential for {tenant} has been replaced"),
        Trouble::OwnUnknown => format!("the end of its own credential for {tenant} is known"),
    }
}

/// Since when, and why.
#[must_use]
pub fn facts(remark: &Remark, zone: Tz) -> Vec<String> {
    match remark {
        Remark::Begun(condition) => said_of(condition, zone),
        Remark::Over { .. } => vec!["Nothing is left to do about this.".to_owned()],
    }
}

fn said_of(condition: &Condition, zone: Tz) -> Vec<String> {
    let said = clean(&condition.why, SAID);
    let said = said.trim_end_matches('.');
    let since = |otherwise: &str| condition.at.map_or_else(|| otherwise.to_owned(), |at| instant(at, zone));
    match condition.matter.trouble {
        Trouble::Blind => {
            let seen = match condition.at {
                Some(at) => format!("No poll has seen the whole tenant since {}.", instant(at, zone)),
                None => "No poll has ever seen the whole tenant.".to_owned(),
            };
            let why = if said.is_empty() { "No poll has ended since.".to_owned() } else { format!("The last poll: {said}.") };
            vec![seen, why]
        }
        Trouble::Refused | Trouble::Vanished => vec![format!("Since {}: {said}.", since("the last poll"))],
        Trouble::Permission => vec![format!(
            "EntraWatch may not do what this configuration asks of it. The application permission {} is needed for this: {said}.",
            clean(&condition.matter.about, 80)
        )],
        Trouble::NobodyToTell => vec![format!("{said}, and nobody is known to be told.")],
        Trouble::Undeliverable => {
            vec![format!("A mail was given up on {}. The mail server's last answer: {said}", since("an unknown day"))]
        }
        Trouble::DeltaOff => vec![format!("{said}; this was found on {}.", since("an unknown day"))],
        Trouble::Silenced => vec![format!(
            "When it ends on {}, nobody can sign in as {} any more, and nobody is told: {said} covers it.",
            since("an unknown day"),
            clean(&condition.subject, 80)
        )],
        Trouble::OwnCredential if condition.threshold == Some(0) => vec![format!("{said} ended on {}.", since("an unknown day"))],
        Trouble::OwnCredential => vec![format!("{said} ends on {}.", since("an unknown day"))],
        Trouble::OwnUnknown => vec![
            "The application that EntraWatch signs in as is registered in a tenant that is not watched \
                                     here, so nobody is told when its credential ends."
                .to_owned(),
        ],
    }
}

/// What it means, and what to do.
#[must_use]
pub fn advice(remark: &Remark) -> Vec<String> {
    let Remark::Begun(Condition { matter, .. }) = remark else { return Vec::new() };
    let fallback = code("recipients.fallback");
    match matter.trouble {
        Trouble::Blind | Trouble::Refused => vec![
            "What is known already is still told on time, from the last state that was seen. A new credential, a replacement or a \
             removal since then is not known."
                .to_owned(),
            format!("{} asks everything in turn, and says what to change.", code("entrawatch doctor")),
        ],
        Trouble::Permission => vec![format!(
            "Grant it, with admin consent; {} says how. Everything else goes on.",
            code("entrawatch doctor")
        )],
        Trouble::Vanished => vec!["Nobody is told that their credentials are gone until this is settled.".to_owned()],
        Trouble::NobodyToTell => vec![format!("Write the address of a team into {fallback}.")],
        Trouble::Undeliverable => vec![format!(
            "What it told is told to {fallback} instead. Correct the address where it comes from: a route, the configuration, or the \
             owner's mail address in the directory."
        )],
        Trouble::DeltaOff => vec![
            "A full listing found it. Nothing goes unnoticed: the tenant is listed in full at each poll from now on, which takes more \
             requests."
                .to_owned(),
            format!("To try them again, run once with {}.", code("poll.delta = \"never\"")),
        ],
        Trouble::OwnCredential => vec![
            "EntraWatch signs in with it. When it ends, EntraWatch sees nothing of this tenant any more.".to_owned(),
            format!(
                "Create a new one before that, put it where {} of this tenant points to, and remove the old one afterwards. The new \
                 one is read when the file changes; no restart is needed.",
                code("auth")
            ),
        ],
        Trouble::Silenced => vec![format!(
            "If that is meant, nothing is left to do, and this is not said again. Otherwise {} ends it.",
            code(&format!("entrawatch silence remove {}", clean(matter.about.split(' ').next().unwrap_or_default(), 20)))
        )],
        Trouble::OwnUnknown => {
            vec![format!("Add its home tenant as a {}, or put the end into a calendar.", code("[[tenant]]"))]
        }
    }
}
