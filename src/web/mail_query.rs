//! What a reader asks of the list of mails: which ones, from where. The same for the page and the API.

use std::sync::Arc;

use url::form_urlencoded;

use super::filter::{Complaint, PAGE, address, limit, tenants_of, values, wrong_cursor};
use crate::snapshot::Snapshot;
use crate::store::{MailFilter, MailState};

const PARAMETERS: &str = "tenant, state, q, limit and cursor";

/// What the list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MailQuery {
    pub(super) tenant: Vec<String>,
    pub(super) state: Vec<MailState>,
    pub(super) q: Option<String>,
    /// As the list gave it.
    pub(super) cursor: Option<String>,
    limit: Option<usize>,
    given: Vec<(String, String)>,
}

impl MailQuery {
    /// Reads the query of an address; every problem at once.
    pub(super) fn parse(raw: Option<&str>, tenants: &[&str]) -> Result<Self, Vec<Complaint>> {
        let mut query = Self::default();
        let mut complaints = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if let Err(detail) = query.take(&name, value, tenants) {
                complaints.push(Complaint { parameter: name.clone().into_owned(), detail });
            }
            query.given.push((name.into_owned(), value.to_owned()));
        }
        if complaints.is_empty() { Ok(query) } else { Err(complaints) }
    }

    fn take(&mut self, name: &str, value: &str, tenants: &[&str]) -> Result<(), String> {
        if self.given.iter().any(|(given, _)| given == name) {
            return Err("is given twice; write it once, several values separated by commas".to_owned());
        }
        match name {
            "tenant" => self.tenant = tenants_of(value, tenants)?,
            "state" => self.state = values(value)?,
            // PostgreSQL takes no U+0000, and no address and no subject has one.
            "q" => self.q = Some(value.replace('\0', "\u{fffd}")),
            "limit" => self.limit = Some(limit(value)?),
            "cursor" => self.cursor = Some(value.to_owned()),
            _ => return Err(format!("there is no such parameter; there is {PARAMETERS}")),
        }
        Ok(())
    }

    /// The same for the store, which knows tenants by id.
    pub(super) fn filter(&self, tenants: &[Arc<Snapshot>]) -> MailFilter {
        let wanted = tenants.iter().filter(|tenant| self.tenant.contains(&tenant.tenant.name));
        MailFilter {
            tenants: wanted.map(|tenant| tenant.tenant.id.clone()).collect(),
            states: self.state.clone(),
            text: self.q.clone(),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE)
    }

    /// Whether not every mail is shown.
    pub(super) fn is_narrow(&self) -> bool {
        !self.tenant.is_empty() || !self.state.is_empty() || self.q.is_some()
    }

    /// What is said when the cursor is not one.
    pub(super) fn wrong_cursor() -> Complaint {
        wrong_cursor()
    }

    /// What was given for a parameter.
    pub(super) fn given(&self, name: &str) -> &str {
        self.given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    /// The query of an address that shows the same but for `changes`; an empty value leaves a parameter out.
    pub(super) fn address(&self, changes: &[(&str, &str)]) -> String {
        address(&self.given, changes)
    }
}
