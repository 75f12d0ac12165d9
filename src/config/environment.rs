//! The environment as a layer over the files: `ENTRAWATCH__SECTION__KEY`.

use std::collections::BTreeMap;

use ::config::{Map, Value};

use super::files::LISTS;
use super::problem::Origin;
use super::reading::{Reading, wrong};
use super::reference;

const PREFIX: &str = "ENTRAWATCH__";

/// The variables that speak of keys. Values stay texts: only the key they are for says whether `0123` is a number or a password. An
/// empty variable counts as unset, because container tools cannot leave one out.
pub(super) fn layer(reading: &Reading<'_>) -> Map<String, Value> {
    let mut values = BTreeMap::new();
    for (variable, value) in reading.environment {
        let Some(rest) = variable.strip_prefix(PREFIX) else {
            look_alike(variable, reading);
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let origin = Origin::Environment(variable.clone());
        let path = rest.to_lowercase().replace("__", ".");
        let mut segments = path.split('.');
        let first = segments.next().unwrap_or_default();
        if LISTS.contains(&first) || segments.any(|segment| segment.parse::<u64>().is_ok()) {
            let what = "the environment sets tables and single values, and cannot address an entry of a list";
            let instead = if first == "tenant" {
                "write [[tenant]] into the configuration file; with no file, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET describe the one tenant".to_owned()
            } else {
                format!(
                    "write it into the configuration file; a list of texts is one variable with commas: {PREFIX}RECIPIENTS__FALLBACK=a@example.com,b@example.com"
                )
            };
            reading.problem(path, origin, wrong(what, instead));
        } else if path.split('.').any(|segment| !is_segment(segment)) {
            let instead = format!("write {PREFIX}SECTION__KEY, such as {PREFIX}HTTP__LISTEN");
            reading.problem(path, origin, wrong("is not the name of a key", instead));
        } else {
            values.insert(path, Value::new(Some(variable), value.clone()));
        }
    }
    // Of ENTRAWATCH__HTTP and ENTRAWATCH__HTTP__LISTEN only one can hold.
    let is_table = |path: &String| values.keys().any(|other| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    for (path, value) in values.iter().filter(|(path, _)| is_table(path)) {
        reading.problem(path.clone(), Origin::of(value), wrong("is a table, and other variables set its keys", "unset this one"));
    }
    values.iter().filter(|(path, _)| !is_table(path)).map(|(path, value)| (path.clone(), value.clone())).collect()
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// `ENTRAWATCH_HTTP_LISTEN` does nothing; somebody meant `ENTRAWATCH__HTTP__LISTEN`.
fn look_alike(variable: &str, reading: &Reading<'_>) {
    let Some(rest) = variable.strip_prefix("ENTRAWATCH_") else { return };
    let meant = reference::paths().map(|path| path.to_uppercase()).find(|path| path.replace('.', "_") == rest);
    if let Some(path) = meant {
        let instead = format!("write {PREFIX}{}, with two underscores between the parts", path.replace('.', "__"));
        reading.warning(
            path.to_lowercase(),
            Origin::Environment(variable.to_owned()),
            wrong("this variable has no effect", instead),
        );
    }
}

/// The process's environment, read once. Variables that are not UTF-8 are none of ours.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn of_process() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}
