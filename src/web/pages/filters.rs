//! The form over the list.

use serde::Serialize;
use strum::IntoEnumIterator;

use crate::inventory::Posture;
use crate::web::filter::Query;
use crate::web::words;

/// A drop-down list.
#[derive(Debug, Serialize)]
struct Choice {
    parameter: &'static str,
    label: &'static str,
    options: Vec<Choosable>,
}

#[derive(Debug, Serialize)]
struct Choosable {
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
}

const TIMES: [(&str, &str); 6] =
    [("1d", "1 day"), ("7d", "7 days"), ("14d", "14 days"), ("30d", "30 days"), ("60d", "60 days"), ("90d", "90 days")];

impl Form {
    pub(super) fn of(query: &Query, tenants: &[&str]) -> Self {
        let given = |parameter| query.given.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str());
        let choice = |parameter, label, any: &str, known: Vec<(String, String)>| {
            let value = given(parameter).unwrap_or_default();
            let mut all = vec![(String::new(), any.to_owned())];
            all.extend(known);
            // A combination that somebody wrote into the address stays chosen.
            if !all.iter().any(|(known, _)| known == value) {
                all.push((value.to_owned(), value.replace(',', ", ")));
            }
            let options = all.into_iter().map(|(known, text)| Choosable { chosen: known == value, value: known, text });
            Choice { parameter, label, options: options.collect() }
        };
        let mut choices = Vec::new();
        if tenants.len() > 1 {
            let names = tenants.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
            choices.push(choice("tenant", "Tenant", "All", names));
        }
        choices.push(choice("severity", "Severity", "Any", named(words::severity)));
        choices.push(choice("state", "State", "Any", named(words::state)));
        choices.push(choice("kind", "Kind", "Any", named(words::kind)));
        choices.push(choice("posture", "Replaced", "Any", named(posture)));
        let times = TIMES.map(|(value, text)| (value.to_owned(), text.to_owned())).into();
        choices.push(choice("within", "Ends within", "Any time", times));
        choices.push(choice(
            "sort",
            "Order",
            "Most urgent first",
            vec![("ends".to_owned(), "Ends first".to_owned()), ("name".to_owned(), "Application name".to_owned())],
        ));
        let shown = ["tenant", "severity", "state", "kind", "posture", "within", "sort", "q", "excluded", "cursor"];
        let address = |format| format!("/api/v1/credentials{}", query.address(&[("format", format), ("cursor", "")]));
        Self {
            q: given("q").unwrap_or_default().to_owned(),
            choices,
            excluded: query.excluded,
            hidden: query.given.iter().filter(|(name, _)| !shown.contains(&name.as_str())).cloned().collect(),
            active: query.given.iter().any(|(name, _)| !matches!(name.as_str(), "sort" | "cursor" | "limit")),
            csv: address("csv"),
            json: address(""),
        }
    }
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
