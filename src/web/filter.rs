//! What a reader asks of a list: which rows, in which order, from where. The same for the page and the API.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::Serialize;
use strum::IntoEnumIterator;
use url::form_urlencoded;

use super::cursor::Cursor;
use super::row::{Position, Row, Sort};
use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, Posture, Severity, State};
use crate::policy::Reason;

/// Rows of a page where nobody says otherwise.
pub(super) const PAGE: usize = 100;
/// The largest page.
pub(super) const LARGEST_PAGE: usize = 1000;

/// What a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) tenant: Vec<String>,
    pub(super) state: Vec<State>,
    pub(super) kind: Vec<CredentialKind>,
    pub(super) severity: Vec<Severity>,
    pub(super) posture: Vec<Posture>,
    pub(super) reason: Vec<Reason>,
    pub(super) within: Option<TimeDelta>,
    /// In lower case.
    pub(super) q: Option<String>,
    pub(super) excluded: bool,
    pub(super) sort: Sort,
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<Cursor>,
    pub(super) format: Format,
    /// The pairs as they were given, without empty ones: what an address that keeps the view is made of.
    pub(super) given: Vec<(String, String)>,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, strum::IntoStaticStr, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
}

/// What is wrong with one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Complaint {
    /// Its name.
    pub(super) parameter: String,
    /// What is wrong, and what to write instead.
    pub(super) detail: String,
}

const WRONG_CURSOR: &str = "is not one that a list gave as `next`; begin again without it";
const PARAMETERS: &str = "tenant, state, kind, severity, posture, reason, within, q, excluded, sort, limit, cursor and format";

impl Query {
    /// Reads the query of an address; every problem at once.
    pub(super) fn parse(raw: Option<&str>, tenants: &[&str]) -> Result<Self, Vec<Complaint>> {
        let mut query = Self::default();
        let mut complaints = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if query.given.iter().any(|(given, _)| *given == name) {
                let detail = "is given twice; write it once, several values separated by commas".to_owned();
                complaints.push(Complaint { parameter: name.into_owned(), detail });
                continue;
            }
            if let Err(detail) = query.take(&name, value, tenants) {
                complaints.push(Complaint { parameter: name.clone().into_owned(), detail });
            }
            query.given.push((name.into_owned(), value.to_owned()));
        }
        if let Some(cursor) = query.cursor.as_ref().filter(|cursor| cursor.sort != query.sort) {
            let sort: &str = cursor.sort.into();
            let detail = format!("belongs to a list with sort={sort}; ask with that, or without the cursor");
            complaints.push(Complaint { parameter: "cursor".to_owned(), detail });
        }
        if complaints.is_empty() { Ok(query) } else { Err(complaints) }
    }

    fn take(&mut self, name: &str, value: &str, tenants: &[&str]) -> Result<(), String> {
        match name {
            "tenant" => self.tenant = tenants_of(value, tenants)?,
            "state" => self.state = values(value)?,
            "kind" => self.kind = values(value)?,
            "severity" => self.severity = values(value)?,
            "posture" => self.posture = values(value)?,
            "reason" => self.reason = values(value)?,
            "within" => self.within = Some(duration(value)?),
            "q" => self.q = Some(value.to_lowercase()),
            "excluded" => self.excluded = boolean(value)?,
            "sort" => self.sort = one(value)?,
            "limit" => self.limit = Some(limit(value)?),
            "cursor" => {
                let cursor = Cursor::decode(value);
                self.cursor = Some(cursor.ok_or(WRONG_CURSOR)?);
            }
            "format" => self.format = one(value)?,
            _ => return Err(format!("there is no such parameter; there is {PARAMETERS}")),
        }
        Ok(())
    }

    /// Whether the list shows this row.
    pub(super) fn shows(&self, row: &Row<'_>, now: UtcTime) -> bool {
        let allows = |excluded: bool| !excluded || self.excluded;
        allows(row.standing.excluded.is_some())
            && (self.tenant.is_empty() || self.tenant.contains(&row.tenant.name))
            && accepts(&self.state, row.state)
            && accepts(&self.kind, row.credential().kind)
            && accepts(&self.severity, row.severity)
            && accepts(&self.posture, row.standing.posture)
            && accepts(&self.reason, row.decision.reason)
            && self.within.is_none_or(|within| row.credential().not_after.is_some_and(|end| now < end && end - now <= within))
            && self.q.as_deref().is_none_or(|text| row.mentions(text))
    }

    /// Where the page begins.
    pub(super) fn after(&self) -> Option<&Position<'static>> {
        self.cursor.as_ref().and_then(|cursor| cursor.after.as_ref())
    }

    /// The cursor of the page that begins after a position.
    pub(super) fn cursor_after(&self, as_of: UtcTime, after: Option<Position<'static>>) -> Cursor {
        Cursor { as_of, sort: self.sort, after }
    }

    /// The time the list is made up for.
    pub(super) fn as_of(&self, now: UtcTime) -> UtcTime {
        self.cursor.as_ref().map_or(now, |cursor| cursor.as_of)
    }

    /// The query of an address that shows the same but for `changes`; an empty value leaves a parameter out.
    pub(super) fn address(&self, changes: &[(&str, &str)]) -> String {
        address(&self.given, changes)
    }
}

fn accepts<T: PartialEq + Copy>(wanted: &[T], value: T) -> bool {
    wanted.is_empty() || wanted.contains(&value)
}

fn one<T: FromStr + IntoEnumIterator + Into<&'static str>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| {
        let known: Vec<&str> = T::iter().map(Into::into).collect();
        format!("{value:?} is not one of {}", known.join(", "))
    })
}

pub(super) fn values<T: FromStr + IntoEnumIterator + Into<&'static str>>(value: &str) -> Result<Vec<T>, String> {
    value.split(',').map(|value| one(value.trim())).collect()
}

fn boolean(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("{value:?} is neither true nor false"))
}

fn duration(value: &str) -> Result<TimeDelta, String> {
    let parsed = humantime::parse_duration(value).ok().and_then(|duration| TimeDelta::from_std(duration).ok());
    // Longer than a calendar; keeps every sum of times in range.
    let parsed = parsed.filter(|duration| *duration > TimeDelta::zero() && *duration < TimeDelta::days(3_650_000));
    parsed.ok_or_else(|| format!("{value:?} is not a time such as 30d or 12h"))
}

/// What is said when a cursor is not one.
pub(super) fn wrong_cursor() -> Complaint {
    Complaint { parameter: "cursor".to_owned(), detail: WRONG_CURSOR.to_owned() }
}

/// The query of an address that says what `given` says but for `changes`; an empty value leaves a parameter out.
pub(super) fn address(given: &[(String, String)], changes: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::from("?"));
    let mut changes = changes.to_vec();
    for (name, value) in given {
        let replacement = changes.iter().position(|(parameter, _)| parameter == name).map(|at| changes.remove(at).1);
        let value = replacement.unwrap_or(value);
        if !value.is_empty() {
            out.append_pair(name, value);
        }
    }
    out.extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
    out.finish()
}

/// The tenants that a value names.
pub(super) fn tenants_of(value: &str, tenants: &[&str]) -> Result<Vec<String>, String> {
    // A name may hold a comma itself.
    if tenants.contains(&value) {
        return Ok(vec![value.to_owned()]);
    }
    let names: Vec<_> = value.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().find(|name| !tenants.contains(&name.as_str())) {
        Some(unknown) => Err(format!("no tenant is named {unknown:?}; there is {}", tenants.join(", "))),
        None => Ok(names),
    }
}

pub(super) fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=LARGEST_PAGE).contains(limit));
    limit.ok_or_else(|| format!("{value:?} is not a number from 1 to {LARGEST_PAGE}"))
}
