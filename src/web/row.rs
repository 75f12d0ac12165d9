//! A credential as it is shown: what the snapshot says of it, and what follows from the time.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;
use crate::inventory::{Credential, DirectoryObject, Severity, Standing, State};
use crate::policy::{self, Alerts, Decision};
use crate::snapshot::{Snapshot, TenantLabel};

/// How much of a name decides about its place; what is equal so far is ordered by id.
const NAME_PART: usize = 48;

/// One line of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) tenant: &'a TenantLabel,
    pub(super) standing: &'a Standing,
    pub(super) decision: &'a Decision,
    pub(super) state: State,
    pub(super) severity: Severity,
}

/// Every credential of a tenant as of `now`, excluded ones too.
pub(super) fn rows<'a>(snapshot: &'a Snapshot, alerts: &'a Alerts, now: UtcTime) -> impl Iterator<Item = Row<'a>> {
    snapshot.standings.iter().zip(snapshot.decisions.iter()).map(move |(standing, decision)| Row {
        tenant: &snapshot.tenant,
        standing,
        decision,
        state: policy::state(standing, alerts, now),
        severity: policy::severity(standing, alerts, now),
    })
}

impl<'a> Row<'a> {
    pub(super) fn object(&self) -> &'a DirectoryObject {
        &self.standing.object.object
    }

    pub(super) fn credential(&self) -> &'a Credential {
        &self.standing.credential
    }

    /// Whether a text in lower case is part of a name or an id.
    pub(super) fn mentions(&self, text: &str) -> bool {
        let (object, credential) = (self.object(), self.credential());
        let ids = [Some(&object.key.id), object.app_id.as_ref(), Some(&credential.key_id)];
        let names = [Some(&object.display_name), credential.name.as_ref()];
        ids.into_iter().flatten().any(|id| id.contains(text))
            || names.into_iter().flatten().any(|name| name.to_lowercase().contains(text))
    }

    /// Where it stands in a list. No two rows stand in the same place.
    pub(super) fn position(&self, sort: Sort) -> Position<'a> {
        let (object, credential) = (self.object(), self.credential());
        let end = credential.not_after.map_or(i64::MAX, |at| at.timestamp());
        let (rank, at) = match sort {
            Sort::Urgency => self.urgency(end),
            Sort::Ends => (0, end),
            Sort::Name => (0, 0),
        };
        let name = match sort {
            Sort::Name => object.display_name.chars().take(NAME_PART).flat_map(char::to_lowercase).collect(),
            _ => Cow::Borrowed(""),
        };
        let id = [self.tenant.name.as_str(), object.key.kind.into(), &object.key.id, &credential.key_id].map(Cow::Borrowed);
        Position { rank, at, name, id }
    }

    /// The worst first, then what ends first; what ended long ago and matters to nobody comes last, the latest first.
    fn urgency(&self, end: i64) -> (u8, i64) {
        match self.severity {
            Severity::Critical => (0, end),
            Severity::Warning => (1, end),
            Severity::Info if self.state == State::Expired => (3, end.saturating_neg()),
            Severity::Info => (2, end),
        }
    }
}

/// How a list is sorted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString, strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(super) enum Sort {
    /// What matters most first.
    #[default]
    Urgency,
    /// What ends first.
    Ends,
    /// By name of the application, without case.
    Name,
}

/// Where a row stands: by rank, instant and name, and among equals by its identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Position<'a> {
    rank: u8,
    at: i64,
    name: Cow<'a, str>,
    id: [Cow<'a, str>; 4],
}

impl Position<'_> {
    /// The same, for a cursor.
    pub(super) fn into_owned(self) -> Position<'static> {
        Position {
            rank: self.rank,
            at: self.at,
            name: Cow::Owned(self.name.into_owned()),
            id: self.id.map(|part| Cow::Owned(part.into_owned())),
        }
    }
}
