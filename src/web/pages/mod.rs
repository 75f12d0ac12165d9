//! The pages for people: values for the templates, in words.

mod filters;
mod list;
pub(super) mod status;
mod tenants;

use serde::Serialize;

use super::words;
use crate::clock::UtcTime;

/// An instant as a page shows it.
#[derive(Debug, Serialize)]
struct Moment {
    /// For machines.
    iso: String,
    /// For people.
    text: String,
    /// How far away.
    distance: String,
}

impl Moment {
    fn of(at: UtcTime, now: UtcTime) -> Self {
        Self { iso: at.to_rfc3339(), text: words::instant(at), distance: words::distance(at, now) }
    }
}
