//! What the first mail about a tenant says.

use super::{code, count};
use crate::inventory::Exclusion;
use crate::outbox::digest::Coverage;

/// Heading of the table of numbers.
pub const NUMBERS: &str = "What is watched";

/// Heading above the line on owners.
pub const WHO: &str = "Who is told";

/// Subject and heading where nothing is due.
#[must_use]
pub fn quiet(tenant: &str) -> String {
    format!("EntraWatch now watches {tenant}: nothing is due")
}

/// Subject where something is due.
#[must_use]
pub fn subject(worst: &str, tenant: &str) -> String {
    format!("{worst}: first digest of {tenant}")
}

/// What this mail is.
#[must_use]
pub fn intro(tenant: &str, due: usize) -> String {
    let due = match due {
        0 => "Nothing is due now.".to_owned(),
        _ => format!("{} due now; everything else is told when its time comes.", are(due)),
    };
    format!("EntraWatch has read all applications of {tenant} for the first time and watches them from now on. {due}")
}

fn are(due: usize) -> String {
    let verb = if due == 1 { "is" } else { "are" };
    format!("{} {verb}", count(due, "credential", "credentials"))
}

/// The numbers, a row each.
#[must_use]
pub fn numbers(coverage: &Coverage) -> Vec<(String, usize)> {
    let mut rows = vec![
        ("App registrations".to_owned(), coverage.applications),
        (
            "Enterprise applications (service principals: what app registrations and vendors' applications are in this \
             tenant)"
                .to_owned(),
            coverage.service_principals,
        ),
        ("Credentials watched".to_owned(), coverage.watched),
        ("… of these, ending within 90 days with nothing to replace them".to_owned(), coverage.ending_90d),
        ("… of these, ended already with nothing to replace them".to_owned(), coverage.ended),
    ];
    rows.extend(
        coverage.excluded.iter().map(|(reason, number)| (format!("Credentials left out ({})", exclusion(*reason)), *number)),
    );
    rows
}

fn exclusion(reason: Exclusion) -> &'static str {
    match reason {
        Exclusion::ExcludedManagedIdentity => "managed identities, which the platform renews",
        Exclusion::ExcludedDisabled => "disabled applications",
        Exclusion::ExcludedIgnored => "ignored by a rule or a tag",
        Exclusion::ExcludedPlatform => "renewed by a Microsoft service",
    }
}

/// Who is told, and how to change it.
#[must_use]
pub fn owners(told: bool) -> String {
    if told {
        return format!(
            "The owners of an application are told about its credentials from the next digest on ({}); routes go before \
             owners, and this address is told where nobody else is known.",
            code("recipients.owners = true")
        );
    }
    format!(
        "For now only this address and the routes in the configuration are told. To tell the owners of each application \
         as well, write {} into the configuration and grant EntraWatch the permission {}, which it needs to read their \
         addresses.",
        code("recipients.owners = true"),
        code("User.ReadBasic.All")
    )
}
