//! The list of credentials: its lines, its pages, its counts.

use serde::Serialize;
use strum::IntoEnumIterator as _;

use super::Moment;
use crate::clock::UtcTime;
use crate::inventory::{Posture, Severity, State};
use crate::web::filter::{PAGE, Query};
use crate::web::row::Row;
use crate::web::select::{Page, Previous, Selection};
use crate::web::words;

/// One page of the list.
#[derive(Debug, Serialize)]
pub(super) struct List {
    lines: Vec<Line>,
    first: usize,
    last: usize,
    total: usize,
    next: Option<String>,
    previous: Option<String>,
    beginning: Option<String>,
}

/// One credential.
#[derive(Debug, Serialize)]
struct Line {
    tenant: String,
    app_name: String,
    address: String,
    object_kind: &'static str,
    object_id: String,
    app_id: Option<String>,
    kind: &'static str,
    name: Option<String>,
    key_id: String,
    ends: Option<Moment>,
    starts: Option<Moment>,
    state: &'static str,
    state_class: &'static str,
    severity: &'static str,
    severity_class: &'static str,
    rotated: bool,
    last_one: bool,
    reason: String,
}

impl List {
    pub(super) fn of(selection: &Selection, now: UtcTime) -> Self {
        let Selection { query, as_of, .. } = selection;
        let limit = query.limit.unwrap_or(PAGE);
        let Page { rows, total, before, next, previous } = selection.page(query.after(), limit);
        let at = |after| query.address(&[("cursor", &query.cursor_after(*as_of, Some(after)).encode())]);
        let beginning = query.address(&[("cursor", "")]);
        Self {
            first: before + usize::from(!rows.is_empty()),
            last: before + rows.len(),
            total,
            next: next.map(at),
            previous: match previous {
                Previous::None => None,
                Previous::First => Some(beginning.clone()),
                Previous::After(position) => Some(at(position)),
            },
            beginning: query.after().map(|_| beginning),
            lines: rows.iter().map(|row| Line::of(row, now)).collect(),
        }
    }
}

impl Line {
    fn of(row: &Row<'_>, now: UtcTime) -> Self {
        let (object, credential) = (row.object(), row.credential());
        Self {
            tenant: row.tenant.name.clone(),
            app_name: object.display_name.clone(),
            address: format!("{}#{}", super::app_address(&row.tenant.name, &object.key.id), credential.key_id),
            object_kind: words::object_kind(object.key.kind),
            object_id: object.key.id.clone(),
            app_id: object.app_id.clone(),
            kind: words::kind(credential.kind),
            name: credential.name.clone(),
            key_id: credential.key_id.clone(),
            ends: credential.not_after.map(|at| Moment::of(at, now)),
            starts: credential.not_before.filter(|at| *at > now).map(|at| Moment::of(at, now)),
            state: words::state(row.state),
            state_class: row.state.into(),
            severity: words::severity(row.severity),
            severity_class: row.severity.into(),
            rotated: row.standing.posture == Posture::Rotated,
            last_one: row.standing.last_one,
            reason: words::reason(row.decision.reason),
        }
    }
}

/// How many credentials there are of each sort, each with the address that lists them.
#[derive(Debug, Serialize)]
pub(super) struct Tally {
    watched: usize,
    severities: Vec<Count>,
    states: Vec<Count>,
}

#[derive(Debug, Serialize)]
struct Count {
    name: &'static str,
    class: &'static str,
    number: usize,
    address: String,
    current: bool,
}

impl Tally {
    /// Counts what is watched, whatever the page filters.
    pub(super) fn of(everything: &Selection, shown: &Query) -> Self {
        let rows: Vec<_> = everything.rows().map(|row| (row.severity, row.state)).collect();
        let count = |parameter, name, class: &'static str, current, number| Count {
            name,
            class,
            number,
            current,
            address: Query::default().address(&[(parameter, class)]),
        };
        let severities = [Severity::Critical, Severity::Warning, Severity::Info].map(|severity| {
            let number = rows.iter().filter(|row| row.0 == severity).count();
            count("severity", words::severity(severity), severity.into(), shown.severity == [severity], number)
        });
        let states = State::iter().map(|state| {
            let number = rows.iter().filter(|row| row.1 == state).count();
            count("state", words::state(state), state.into(), shown.state == [state], number)
        });
        Self { watched: rows.len(), states: states.collect(), severities: severities.into() }
    }
}
