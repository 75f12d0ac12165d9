//! `[auth.…]` and a tenant's `auth`: how to sign in.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;
use url::Url;

use super::checks;
use super::key::{Key, Kind, closest};
use super::reading::wrong;
use super::table::Table;
use super::{AuthConfig, IdentityEndpoint, ManagedIdentity};
use crate::graph::check_certificate;
use crate::secret::SecretSource;
use crate::user;

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

const CERTIFICATE: &[Key] = &[
    Key::new("kind", "\"certificate\"", "Signs in with a certificate of the application.").required(),
    Key::new("certificate_file", "a path", "The certificate as PEM; others of its chain may follow. Read again at each sign-in.")
        .required(),
    Key::new("private_key", "a text", "Its RSA key as PEM, without a passphrase. Better kept in a file."),
    Key::new(
        "private_key_file",
        "a path",
        "A file with the key as PEM; it may be certificate_file. Read again at each sign-in, so that a new one is picked up without a restart.",
    ),
    Key::new("private_key_env", "a name", "The environment variable that holds the key."),
];

const WORKLOAD: &[Key] = &[
    Key::new("kind", "\"workload-identity\"", "Signs in with a token that somebody else issues, such as a Kubernetes cluster, and that a federated credential of the application trusts.").required(),
    Key::new("token_file", "a path", "The file that holds the token; read again at each sign-in.").required(),
];

const MANAGED: &[Key] = &[
    Key::new("kind", "\"managed-identity\"", "Signs in as the identity that Azure gives to the machine: a virtual machine, an AKS node, App Service or Container Apps.").required(),
    Key::new("client_id", "a GUID", "The client id of a user-assigned identity. Default: the machine's own (system-assigned)."),
];

/// The ways to sign in.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "secret", keys: SECRET },
    Kind { name: "certificate", keys: CERTIFICATE },
    Kind { name: "workload-identity", keys: WORKLOAD },
    Kind { name: "managed-identity", keys: MANAGED },
];

/// Where a virtual machine asks for tokens.
const METADATA: &str = "http://169.254.169.254";

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
        "certificate" => certificate(table),
        "workload-identity" => Some(AuthConfig::WorkloadIdentity { token_file: table.file("token_file")? }),
        "managed-identity" => managed(table).map(AuthConfig::ManagedIdentity),
        _ => None,
    }
}

fn certificate(table: &Table<'_>) -> Option<AuthConfig> {
    let certificate_file = table.file("certificate_file");
    let Some(key_key) = ["private_key", "private_key_file", "private_key_env"].into_iter().find(|key| table.has(key)) else {
        table.missing(
            "private_key_file",
            "write private_key_file = the path of a file with the key; it may be the certificate's file",
        );
        return None;
    };
    let private_key = table.secret("private_key")?;
    let certificate_file = certificate_file?;
    let unreadable = |error: std::io::Error| {
        table.problem("certificate_file", wrong(format!("cannot be read: {error}"), format!("let {} read it", user::running())));
    };
    let certificates = std::fs::read(&certificate_file).map_err(unreadable).ok()?;
    let key = private_key.read_at_start().ok()?;
    if let Err(unfit) = check_certificate(&certificates, key.expose_secret().as_bytes()) {
        let place = if unfit.is_of_key { key_key } else { "certificate_file" };
        table.problem(place, wrong(unfit.what, unfit.instead));
        return None;
    }
    Some(AuthConfig::Certificate { certificate_file, private_key })
}

fn managed(table: &Table<'_>) -> Option<ManagedIdentity> {
    let instead = "write the client id of the user-assigned identity, or leave it out for the machine's own";
    let client_id = table.parse("client_id", |text| checks::guid(text).ok_or_else(|| wrong("is not a GUID", instead)));
    if client_id.is_none() && table.has("client_id") {
        return None;
    }
    let variable = |name: &str| table.reading.environment.get(name).filter(|value| !value.is_empty());
    let endpoint = match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"), variable("IMDS_ENDPOINT")) {
        (Some(url), Some(header), _) => {
            let url = Url::parse(url).map_err(|error| {
                table.problem(
                    "kind",
                    wrong(format!("the environment variable IDENTITY_ENDPOINT is no URL: {error}"), "leave it as Azure set it"),
                );
            });
            IdentityEndpoint::AppService { url: url.ok()?, header: header.clone().into() }
        }
        (Some(_), None, Some(_)) => {
            let what = "the identity of an Azure Arc machine is not supported";
            table.problem("kind", wrong(what, "sign in with a certificate: kind = \"certificate\""));
            return None;
        }
        _ => IdentityEndpoint::Metadata(Url::parse(METADATA).ok()?),
    };
    Some(ManagedIdentity { client_id, endpoint })
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
