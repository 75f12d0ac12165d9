//! What the regular report says.

use chrono_tz::Tz;

use super::time::instant;
use super::{code, count};
use crate::clock::UtcTime;
use crate::policy::{Finding, Findings, ReportEvery};

/// The first line, and the heading: why a mail that says little is worth its place.
pub const HEADING: &str = "When this mail stops coming, EntraWatch is dead";

/// Heading of the table of numbers.
pub const COVERAGE: &str = "What is watched, and what is told of it";

/// Column headings of the tables of findings.
pub const COLUMNS: [&str; 3] = ["Application", "Credential", "Ends"];

/// `Weekly report`.
#[must_use]
pub fn name(every: ReportEvery) -> &'static str {
    match every {
        ReportEvery::Month => "Monthly report",
        ReportEvery::Week | ReportEvery::Never => "Weekly report",
    }
}

/// Subject.
#[must_use]
pub fn subject(every: ReportEvery, tenant: &str, ending: usize, ended: usize) -> String {
    let what = match (ending, ended) {
        (0, 0) => "nothing ends within 90 days".to_owned(),
        (0, ended) => format!("nothing ends within 90 days, {ended} {} ended", have(ended)),
        (ending, 0) => format!("{ending} {} within 90 days", if ending == 1 { "ends" } else { "end" }),
        (ending, ended) => {
            format!("{ending} {} within 90 days, {ended} {} ended", if ending == 1 { "ends" } else { "end" }, have(ended))
        }
    };
    format!("{} on {tenant}: {what}", name(every))
}

fn have(number: usize) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

/// What this mail is.
#[must_use]
pub fn intro(every: ReportEvery, file: &str) -> String {
    let often = match every {
        ReportEvery::Month => "month",
        ReportEvery::Week | ReportEvery::Never => "week",
    };
    format!(
        "It comes every {often}. Nothing in it needs an answer: what has to be done in time is told in mails of its own. The attached \
         file {} lists everything that is named here.",
        code(file)
    )
}

/// That the state is old.
#[must_use]
pub fn as_of(at: Option<UtcTime>, zone: Tz) -> String {
    match at {
        Some(at) => format!("This is the state as of {}: the tenant has not been seen completely since.", instant(at, zone)),
        None => "The tenant has never been seen completely: this report may lack something.".to_owned(),
    }
}

/// Heading of a section, with its number.
#[must_use]
pub fn section(finding: Finding, number: usize, max_lifetime: &str) -> String {
    let what = match finding {
        Finding::Ending => "end within 90 days, with nothing to replace them".to_owned(),
        Finding::Ended => "have ended and are still there".to_owned(),
        Finding::Added => "are new since the last report".to_owned(),
        Finding::LongLived => format!("live longer than {max_lifetime}"),
        Finding::Endless => "never end".to_owned(),
        Finding::Ownerless => return format!("{} no owner", count(number, "application has", "applications have")),
    };
    let one = match finding {
        Finding::Ending => "ends within 90 days, with nothing to replace it".to_owned(),
        Finding::Ended => "has ended and is still there".to_owned(),
        Finding::Added => "is new since the last report".to_owned(),
        Finding::LongLived => format!("lives longer than {max_lifetime}"),
        Finding::Endless | Finding::Ownerless => "never ends".to_owned(),
    };
    if number == 1 { format!("1 credential {one}") } else { format!("{number} credentials {what}") }
}

/// Why it matters, and what to do.
#[must_use]
pub fn advice(finding: Finding) -> &'static str {
    match finding {
        Finding::Ending => "Each is told in time to whoever is concerned.",
        Finding::Ended => "Nothing signs in with them any more. Remove them where the application is gone, or has another.",
        Finding::Added => "Somebody added them. A credential that nobody on the team knows of is worth a question.",
        Finding::LongLived => {
            "What lives long is copied often. Better is a shorter life, and best is none: a managed identity or a \
                               federated credential."
        }
        Finding::Endless => "What never ends is never changed, and whoever copied it keeps it for ever.",
        Finding::Ownerless => "Nobody answers for them in the directory. Give them an owner in the portal.",
    }
}

/// What a table leaves out.
#[must_use]
pub fn more(number: usize, file: &str) -> String {
    format!("… and {number} more in {}.", code(file))
}

/// That the owners of some are not known.
#[must_use]
pub fn unread(number: usize) -> String {
    format!("The owners of {} could not be read this time.", count(number, "application", "applications"))
}

/// The rows of the table of numbers.
#[must_use]
pub fn numbers(findings: &Findings) -> Vec<(String, usize)> {
    let mut rows = vec![
        ("App registrations".to_owned(), findings.applications),
        ("Enterprise applications (service principals)".to_owned(), findings.service_principals),
        ("Credentials".to_owned(), findings.reasons.values().sum()),
    ];
    rows.extend(findings.reasons.iter().map(|(why, number)| (format!("… {}: {}", code(why.into()), why.in_words()), *number)));
    rows
}

/// Small print.
#[must_use]
pub fn why() -> String {
    format!(
        "You get this mail because {} names this address. {} makes it come once a month or never.",
        code("recipients.fallback"),
        code("report.every")
    )
}
