//! The families that are written from the snapshots: name, type and the HELP that a stranger reads.

use std::borrow::Cow;

/// What is printed about a family whether or not it has series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The name of the family: of its samples, too, but for histograms.
    pub name: Cow<'static, str>,
    /// `gauge`, `counter` or `histogram`.
    pub kind: Cow<'static, str>,
    /// What it means.
    pub help: Cow<'static, str>,
}

const fn gauge(name: &'static str, help: &'static str) -> Family {
    Family { name: Cow::Borrowed(name), kind: Cow::Borrowed("gauge"), help: Cow::Borrowed(help) }
}

/// End of a credential.
pub(super) const NOT_AFTER: Family = gauge(
    "entra_credential_not_after_timestamp_seconds",
    "When a credential ends, in seconds since 1970; +Inf where it has no end. A credential that is gone has no series.",
);
/// Whether it is replaced.
pub(super) const ROTATED: Family = gauge(
    "entra_credential_rotated",
    "1 where a newer credential of the same object replaces this one, so that its end is expected; else 0.",
);
/// Whether it is the last one.
pub(super) const LAST_ONE: Family = gauge(
    "entra_credential_last_one",
    "1 where nobody can sign in as this application any more once this credential ends (for saml_signing: sign in to it); else 0.",
);
/// End of coverage.
pub(super) const COVERAGE: Family = gauge(
    "entra_object_last_credential_not_after_timestamp_seconds",
    "When the object's credentials stop covering the time without a gap, in seconds since 1970; +Inf where one has no end. In the past: nothing is valid now.",
);
/// Credentials by state.
pub(super) const CREDENTIALS: Family = gauge(
    "entra_credentials",
    "Watched credentials by state at the time of the scrape: valid, expiring (inside the widest threshold that applies), expired, not_yet_valid.",
);
/// Credentials that end soon.
pub(super) const ENDING: Family = gauge(
    "entra_credentials_ending",
    "Watched credentials that have not ended, are not replaced by a newer one, and end within the given time from the scrape. Wider ones include narrower ones.",
);
/// Objects seen.
pub(super) const OBJECTS: Family =
    gauge("entra_objects", "App registrations and service principals seen, with or without credentials, excluded ones too.");
/// Objects left out.
pub(super) const OBJECTS_EXCLUDED: Family =
    gauge("entra_objects_excluded", "App registrations and service principals whose credentials are not watched, by reason.");
/// Last complete poll.
pub(super) const LAST_SUCCESS: Family = gauge(
    "entrawatch_poll_last_success_timestamp_seconds",
    "Begin of the last poll that saw the whole tenant, in seconds since 1970. Absent until there was one.",
);
/// End of the watcher's own credential.
pub(super) const OWN_CREDENTIAL: Family = gauge(
    "entrawatch_own_credential_not_after_timestamp_seconds",
    "When the credential ends that EntraWatch itself signs in to the tenant with, as far as it can be told from others, in seconds since 1970. Absent where it signs in without one, where it has no end, and where its application is registered in no tenant that it watches.",
);
/// Decisions as of now.
pub(super) const DECISIONS: Family = gauge(
    "entrawatch_decisions",
    "Credentials by what is decided about them now: the notice that their window asks for (none: no window is open), and why it is given or not.",
);
/// Mails that wait.
pub(super) const OUTBOX_PENDING: Family = gauge("entrawatch_outbox_pending", "Mails that wait to be sent or are being sent.");
/// How long the oldest waits.
pub(super) const OUTBOX_OLDEST: Family = gauge(
    "entrawatch_outbox_oldest_timestamp_seconds",
    "When the oldest mail that still waits was first decided, in seconds since 1970. Absent while none waits.",
);
/// Who works on a tenant.
pub(super) const LEASE_HELD: Family =
    gauge("entrawatch_lease_held", "1 where this process polls the tenant and mails about it; else 0: another replica does.");
/// Version.
pub(super) const BUILD_INFO: Family =
    gauge("entrawatch_build_info", "Always 1; version and commit of the running program are in the labels.");

/// Every family that is written from the snapshots and the other shared states, in the order of the exposition.
pub const SNAPSHOT_FAMILIES: [&Family; 15] = [
    &NOT_AFTER,
    &ROTATED,
    &LAST_ONE,
    &COVERAGE,
    &CREDENTIALS,
    &ENDING,
    &OBJECTS,
    &OBJECTS_EXCLUDED,
    &LAST_SUCCESS,
    &OWN_CREDENTIAL,
    &DECISIONS,
    &OUTBOX_PENDING,
    &OUTBOX_OLDEST,
    &LEASE_HELD,
    &BUILD_INFO,
];
