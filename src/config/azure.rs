//! With no file, the Azure SDK's own variables describe the one tenant.

use std::collections::BTreeMap;

use ::config::{Map, Value, ValueKind};
use url::Url;

use super::cloud::Cloud;
use super::problem::Origin;
use super::reading::{Reading, wrong};

/// The variables that describe a sign-in: its kind, and the keys that they stand for. The certificate's file holds its key too.
const SIGN_INS: [(&str, &str, &[&str]); 3] = [
    ("AZURE_CLIENT_SECRET", "secret", &["secret_env"]),
    ("AZURE_CLIENT_CERTIFICATE_PATH", "certificate", &["certificate_file", "private_key_file"]),
    ("AZURE_FEDERATED_TOKEN_FILE", "workload-identity", &["token_file"]),
];

/// Whether they describe a tenant at all.
pub(super) fn is_described(environment: &BTreeMap<String, String>) -> bool {
    let sign_ins = SIGN_INS.iter().map(|(name, ..)| *name);
    sign_ins
        .chain(["AZURE_TENANT_ID", "AZURE_CLIENT_ID"])
        .any(|name| environment.get(name).is_some_and(|value| !value.is_empty()))
}

/// The tenant as a `[[tenant]]` of a file would say it.
pub(super) fn tenant(reading: &Reading<'_>) -> Option<Value> {
    let get = |name: &str| reading.environment.get(name).filter(|value| !value.is_empty());
    let mut table = Map::new();
    let mut put = |key: &str, variable: &str, value: &str| {
        table.insert(key.to_owned(), Value::new(Some(&variable.to_owned()), value));
    };
    let mut whole = true;
    for (key, variable) in [("tenant_id", "AZURE_TENANT_ID"), ("client_id", "AZURE_CLIENT_ID")] {
        let Some(value) = get(variable) else {
            whole = false;
            let instead = "set it beside the other AZURE_… variables, or write a configuration file with a [[tenant]]";
            let origin = Origin::Environment(variable.to_owned());
            reading.problem(format!("tenant[0].{key}"), origin, wrong(format!("{variable} is not set"), instead));
            continue;
        };
        put(key, variable, value);
    }
    if let Some(authority) = get("AZURE_AUTHORITY_HOST") {
        let with_scheme = if authority.contains("://") { authority.clone() } else { format!("https://{authority}") };
        let host = Url::parse(&with_scheme).ok().and_then(|url| url.host_str().map(str::to_owned));
        match host.as_deref().and_then(Cloud::of_login_host) {
            Some(cloud) => put("cloud", "AZURE_AUTHORITY_HOST", cloud.into()),
            None => put("login_url", "AZURE_AUTHORITY_HOST", &with_scheme),
        }
    }
    let written: Vec<_> = SIGN_INS.into_iter().filter(|(name, ..)| get(name).is_some()).collect();
    let (variable, kind, keys) = match written.as_slice() {
        [one] => *one,
        [] => {
            let instead = "set it, or write a configuration file with a [[tenant]]";
            let origin = Origin::Environment("AZURE_CLIENT_SECRET".to_owned());
            reading.problem("tenant[0].auth", origin, wrong("AZURE_CLIENT_SECRET is not set", instead));
            return None;
        }
        [(first, ..), .., (last, ..)] => {
            let origin = Origin::Environment((*last).to_owned());
            reading.problem("tenant[0].auth", origin, wrong(format!("{first} and {last} are both set"), "keep one of them"));
            return None;
        }
    };
    if !whole {
        return None;
    }
    let variable = variable.to_owned();
    let text = |text: &str| Value::new(Some(&variable), text);
    let value = if kind == "secret" { variable.clone() } else { get(&variable)?.clone() };
    let mut auth = Map::from([("kind".to_owned(), text(kind))]);
    auth.extend(keys.iter().map(|key| ((*key).to_owned(), text(&value))));
    table.insert("auth".to_owned(), Value::new(Some(&variable), ValueKind::Table(auth)));
    Some(Value::new(Some(&variable), ValueKind::Table(table)))
}
