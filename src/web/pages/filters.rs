//! The form over the list.

use serde::Serialize;
use strum::IntoEnumIterator;

use crate::inventory::Posture;
use crate::web::filter::Query;
use crate::web::row::Sort;
use crate::web::words;

/// A drop-down list.
#[derive(Debug, Serialize)]
struct Choice {
    parameter: &'static str,
    label: &'static str,
    options: Vec<Choosable>,
}

#[derive(Debug, Serialize)]
pub(super) struct Choosable {
    value: String,
    text: String,
    chosen: bool,
}

/// The form, filled in as the address says.
#[derive(Debug, Serialize)]
pub(super) struct Form {
    q: String,
    choices: Vec<Choice>,
    excluded: bool,
    /// What the form does not show and must not lose.
    hidden: Vec<(String, String)>,
    /// Whether anything is filtered.
    active: bool,
    csv: String,
    json: String,
    /// The same, sorted by what ends first, and by name: for the heads of the columns.
    by_end: String,
    by_name: String,
    sort: &'static str,
}

const TIMES: [(&str, &str); 6] =
    [("1d", "1 day"), ("7d", "7 days"), ("14d", "14 days"), ("30d", "30 days"), ("60d", "60 days"), ("90d", "90 days")];

impl Form {
    pub(super) fn of(query: &Query, tenants: &[&str]) -> Self {
        let given = |parameter| query.given.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str());
        let choice = |parameter, label, any: &str, known: Vec<(String, String)>| {
            let known = known.iter().map(|(value, text)| (value.as_str(), text.as_str()));
            Choice { parameter, label, options: choices(given(parameter).unwrap_or_default(), any, known) }
        };
        let mut all = Vec::new();
        if tenants.len() > 1 {
            let names = tenants.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
            all.push(choice("tenant", "Tenant", "All", names));
        }
        all.push(choice("severity", "Severity", "Any", named(words::severity)));
        all.push(choice("state", "State", "Any", named(words::state)));
        all.push(choice("kind", "Kind", "Any", named(words::kind)));
        all.push(choice("posture", "Replaced", "Any", named(posture)));
        let times = TIMES.map(|(value, text)| (value.to_owned(), text.to_owned())).into();
        all.push(choice("within", "Ends within", "Any time", times));
        all.push(choice(
            "sort",
            "Order",
            "Most urgent",
            vec![("ends".to_owned(), "End".to_owned()), ("name".to_owned(), "Application name".to_owned())],
        ));
        let shown = ["tenant", "severity", "state", "kind", "posture", "within", "sort", "q", "excluded", "cursor"];
        let address = |format| format!("/api/v1/credentials{}", query.address(&[("format", format), ("cursor", "")]));
        Self {
            q: given("q").unwrap_or_default().to_owned(),
            choices: all,
            excluded: query.excluded,
            hidden: query.given.iter().filter(|(name, _)| !shown.contains(&name.as_str())).cloned().collect(),
            active: query.given.iter().any(|(name, _)| !matches!(name.as_str(), "sort" | "cursor" | "limit")),
            csv: address("csv"),
            json: address(""),
            by_end: query.address(&[("sort", if query.sort == Sort::Ends { "" } else { "ends" }), ("cursor", "")]),
            by_name: query.address(&[("sort", if query.sort == Sort::Name { "" } else { "name" }), ("cursor", "")]),
            sort: query.sort.into(),
        }
    }
}

/// The options of a drop-down list: none, those that there are, and a combination that somebody wrote into the address.
pub(super) fn choices<'a>(chosen: &str, any: &str, known: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Choosable> {
    let mut all = vec![(String::new(), any.to_owned())];
    all.extend(known.map(|(value, text)| (value.to_owned(), text.to_owned())));
    if !all.iter().any(|(known, _)| known == chosen) {
        all.push((chosen.to_owned(), chosen.replace(',', ", ")));
    }
    all.into_iter().map(|(value, text)| Choosable { chosen: value == chosen, value, text }).collect()
}

fn named<T: IntoEnumIterator + Into<&'static str> + Copy>(text: impl Fn(T) -> &'static str) -> Vec<(String, String)> {
    T::iter().map(|value| (value.into().to_owned(), text(value).to_owned())).collect()
}

fn posture(posture: Posture) -> &'static str {
    match posture {
        Posture::Sole => "No",
        Posture::Rotated => "Yes, by a newer one",
        Posture::Inactive => "SAML, not in use",
    }
}
