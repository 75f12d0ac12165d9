//! `[auth.…]` and a tenant's `auth`: how to sign in.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;

use super::AuthConfig;
use super::checks;
use super::key::{Key, Kind, closest};
use super::reading::wrong;
use super::table::Table;
use crate::secret::SecretSource;

const SECRET: &[Key] = &[
    Key::new("kind", "\"secret\"", "Signs in with a client secret.").required(),
    Key::new(
        "secret",
        "a text",
        "The client secret's value, as Entra showed it once when it was created. Better kept in a file.",
    ),
    Key::new(
        "secret_file",
        "a path",
        "A file that holds the client secret; read again when it is needed, so that a new secret is picked up without a restart.",
    ),
    Key::new("secret_env", "a name", "The environment variable that holds the client secret."),
];

const LATER: &str = r#"write kind = "secret" with secret_file"#;

/// The ways to sign in.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "secret", keys: SECRET, later: None },
    Kind { name: "certificate", keys: &[], later: Some(LATER) },
    Kind { name: "workload-identity", keys: &[], later: Some(LATER) },
    Kind { name: "managed-identity", keys: &[], later: Some(LATER) },
];

/// The sign-ins that have a name, and which of them a tenant uses.
#[derive(Debug)]
pub(super) struct Named {
    auths: BTreeMap<String, Option<AuthConfig>>,
    used: BTreeSet<String>,
}

impl Named {
    pub(super) fn read(root: &Table<'_>) -> Self {
        let auths = root
            .variants("auth", KINDS)
            .into_iter()
            .map(|(name, table)| (name, table.and_then(|(kind, table)| one(kind, &table))));
        Self { auths: auths.collect(), used: BTreeSet::new() }
    }

    /// A tenant's `auth`: a name, or written inline.
    pub(super) fn of_tenant(&mut self, tenant: &Table<'_>) -> Option<AuthConfig> {
        if tenant.raw_text("auth").is_none() {
            let (kind, table) = tenant.variant("auth", KINDS).or_else(|| {
                if !tenant.has("auth") {
                    tenant.missing("auth", r#"write auth = { kind = "secret", secret_file = "…" }, or the name of an [auth.…]"#);
                }
                None
            })?;
            return one(kind, &table);
        }
        let auths = &self.auths;
        let found = tenant.parse("auth", |name| match auths.get_key_value(name) {
            Some((name, auth)) => Ok((name.clone(), auth.clone())),
            None => Err(match closest(name, auths.keys().map(String::as_str)) {
                Some(meant) => wrong(format!("there is no [auth.{name}]"), format!("did you mean {meant:?}?")),
                None => wrong(
                    format!("there is no [auth.{name}]"),
                    format!(r#"write a table [auth.{name}], or write the sign-in here: auth = {{ kind = "secret", secret_file = "…" }}"#),
                ),
            }),
        })?;
        self.used.insert(found.0);
        found.1
    }

    /// Says which nobody uses.
    pub(super) fn unused(&self, root: &Table<'_>) {
        for name in self.auths.keys().filter(|name| !self.used.contains(*name)) {
            let what = "no tenant uses this sign-in";
            root.reading.warning(
                format!("auth.{name}"),
                root.origin("auth"),
                wrong(what, format!("write auth = {name:?} in a [[tenant]], or leave it out")),
            );
        }
    }
}

fn one(kind: &str, table: &Table<'_>) -> Option<AuthConfig> {
    match kind {
        "secret" => secret(table).map(AuthConfig::Secret),
        _ => None,
    }
}

fn secret(table: &Table<'_>) -> Option<SecretSource> {
    if !["secret", "secret_file", "secret_env"].iter().any(|key| table.has(key)) {
        table.missing(
            "secret_file",
            "write secret_file = the path of a file with the client secret, or secret_env = the name of an environment variable",
        );
        return None;
    }
    let secret = table.secret("secret")?;
    if secret.read_at_start().is_ok_and(|value| checks::guid(value.expose_secret()).is_some()) {
        let key = ["secret", "secret_file", "secret_env"].into_iter().find(|key| table.has(key)).unwrap_or("secret");
        let instead = "write what the column Value of Certificates & secrets showed when the secret was created; if nobody kept it, create a new one";
        table.warning(key, wrong("looks like the secret's ID, not its value", instead));
    }
    Some(secret)
}
