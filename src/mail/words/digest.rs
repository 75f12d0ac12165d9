//! What the mail about a tenant's credentials says round its items.

use super::time::{instant, zone_name};
use super::{code, count};
use crate::clock::UtcTime;
use crate::mail::text::clean;
use crate::policy::Via;

/// Column headings of the table of further items.
pub const COLUMNS: [&str; 3] = ["Application", "Credential", "Ends"];

/// Heading of the table of further items.
pub const FURTHER: &str = "Further credentials";

/// Adds to a subject how many more there are.
#[must_use]
pub fn subject(headline: &str, more: usize) -> String {
    match more {
        0 => headline.to_owned(),
        _ => format!("{headline} (+{more} more)"),
    }
}

/// Small line above the heading.
#[must_use]
pub fn kicker(tenant: &str, id: &str) -> String {
    if tenant == id { format!("Microsoft Entra tenant {id}") } else { format!("Microsoft Entra tenant {tenant} ({id})") }
}

/// How many there are, by severity.
#[must_use]
pub fn tally(critical: usize, warning: usize, info: usize, resolved: usize) -> String {
    let parts = [
        (critical, "critical"),
        (warning, if warning == 1 { "warning" } else { "warnings" }),
        (
            info,
            "for \
        information",
        ),
        (resolved, "resolved"),
    ];
    let total = critical + warning + info + resolved;
    let named: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("{}: {}.", count(total, "credential", "credentials"), named.join(", "))
}

/// In which zone times are given.
#[must_use]
pub fn zone(at: UtcTime, zone: chrono_tz::Tz) -> String {
    format!("Times in the table are {} time.", zone_name(at, zone))
}

/// That the state could not be confirmed.
#[must_use]
pub fn as_of(at: UtcTime, zone: chrono_tz::Tz) -> String {
    format!(
        "This is the state as of {}. Microsoft Graph could not be asked again before this mail left, so a change made \
         since then is not in it.",
        instant(at, zone)
    )
}

/// Which items the mail counts instead of showing.
#[must_use]
pub fn omitted(shown: usize, omitted: usize, file: &str) -> String {
    let are = if omitted == 1 { "is" } else { "are" };
    format!(
        "The {shown} most urgent are shown. {omitted} more {are} in the attached file {}, which lists all of them.",
        code(file)
    )
}

/// Why the recipient got this mail.
#[must_use]
pub fn why(via: &Via) -> String {
    match via {
        Via::Owner => "you are an owner of the application in Microsoft Entra".to_owned(),
        Via::ApplicationOwner => {
            "you are an owner of the application that this enterprise application belongs to, and it has no owner of its own"
                .to_owned()
        }
        Via::Route(index) => format!("route {} of the configuration names this address", index + 1),
        Via::Notes => format!("the application's notes name this address in a line {}", code("notify:")),
        Via::Fallback => format!("nobody else is known to tell, and {} names this address", code("recipients.fallback")),
        Via::Baseline => format!("the first digest of a tenant goes to {}", code("recipients.fallback")),
        Via::Escalation => format!("the end is near, and {} names this address", code("recipients.escalate")),
        Via::Undeliverable(address) => format!(
            "a mail about this to {} could not be delivered, and {} names this address",
            clean(address, 120),
            code("recipients.fallback")
        ),
    }
}

/// So many applications are named for one reason.
const NAMED: usize = 3;

/// The reasons of one mail, a line each: with the applications it holds for, unless it holds for all.
#[must_use]
pub fn reasons(reasons: &[(String, Vec<String>)]) -> Vec<String> {
    match reasons {
        [(only, _)] => vec![format!("You get this mail because {only}.")],
        several => several
            .iter()
            .map(|(why, applications)| format!("You are told about {} because {why}.", some(applications)))
            .collect(),
    }
}

/// `A, B, C and 7 more`.
fn some(names: &[String]) -> String {
    match names.get(..NAMED) {
        Some(first) if names.len() > NAMED => format!("{} and {} more", first.join(", "), names.len() - NAMED),
        _ => names.join(", "),
    }
}

/// Who sends this.
#[must_use]
pub fn sender(tenant: &str) -> String {
    format!("Sent by EntraWatch, which watches the credentials of the applications in {tenant} and changes nothing there.")
}

/// Where more is to be seen.
#[must_use]
pub fn status_page(url: &str) -> String {
    format!("All credentials and what was told about them: {url}")
}
