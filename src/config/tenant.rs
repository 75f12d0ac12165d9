//! `[[tenant]]`: which tenants are watched, and how they are reached.

use std::collections::BTreeMap;

use url::Url;

use super::auth::Named;
use super::checks::{self, base_url};
use super::key::Key;
use super::poll::Poll;
use super::problem::Origin;
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::{Cloud, TenantConfig};

pub(super) const TENANT: &[Key] = &[
    Key::new(
        "name",
        "a text",
        "What the tenant is called in mails, on the page and in metrics. Default: the tenant id. Changing it mails nobody again.",
    ),
    Key::new(
        "tenant_id",
        "a GUID or a domain",
        "The Directory (tenant) ID of the Entra overview page, or a domain such as contoso.onmicrosoft.com.",
    )
    .required(),
    Key::new("client_id", "a GUID", "The Application (client) ID of the app registration that EntraWatch signs in as.")
        .required(),
    Key::new(
        "cloud",
        "a cloud",
        "The national cloud the tenant lives in: global, usgov, usgov-dod, china, bleu, delos or govsg.",
    )
    .default("\"global\""),
    Key::new("auth", "a name or a table", "How to sign in: the name of an [auth.…], or such a table written inline."),
    Key::new("login_url", "a URL", "Where tokens come from, in place of the cloud's host."),
    Key::new("graph_url", "a URL", "Microsoft Graph, in place of the cloud's host."),
    Key::new(
        "portal_url",
        "a URL",
        "The Entra portal that links in mails lead to, in place of the cloud's. Needed for bleu, delos and govsg, whose portals are not known to EntraWatch.",
    ),
    Key::new("interval", "a duration", "In place of poll.interval."),
    Key::new("recipients", "a list of addresses", "In place of recipients.fallback, for what happens in this tenant."),
];

pub(super) fn read(root: &Table<'_>, poll: Option<&Poll>) -> Vec<Option<TenantConfig>> {
    let mut auths = Named::read(root);
    let tables = root.tables("tenant", TENANT);
    // A poll section that cannot be used has been reported; the tenants are looked at all the same.
    let usual = Poll::default();
    let poll = poll.unwrap_or(&usual);
    let tenants = tables.iter().map(|table| one(table, poll, &mut auths)).collect();
    doubles(&tables);
    auths.unused(root);
    tenants
}

fn one(table: &Table<'_>, poll: &Poll, auths: &mut Named) -> Option<TenantConfig> {
    let tenant_id = table.parse("tenant_id", tenant_id);
    let client_id = table.parse("client_id", |text| {
        checks::guid(text)
            .ok_or_else(|| wrong("is not a GUID", "write the Application (client) ID of the app registration's overview page"))
    });
    let name = if table.has("name") { table.parse("name", name) } else { tenant_id.clone() };
    let cloud = table.choice::<Cloud>("cloud");
    let auth = auths.of_tenant(table);
    let hosts = cloud.and_then(|cloud| hosts(table, cloud));
    let times = poll.of_tenant(table);
    let recipients = table.list("recipients", checks::address);
    if table.has("recipients") && recipients.as_ref().is_some_and(Vec::is_empty) {
        table.problem("recipients", wrong("is empty", "write an address, or leave it out: recipients.fallback is told then"));
    }
    let ((login_url, graph_url, portal_url), (poll_interval, blind_after)) = (hosts?, times?);
    Some(TenantConfig {
        name: name?,
        tenant_id: tenant_id?,
        client_id: client_id?,
        cloud: cloud?,
        auth: auth?,
        login_url,
        graph_url,
        portal_url,
        poll_interval,
        blind_after,
        delta: poll.delta(),
        recipients,
    })
}

pub(super) fn tenant_id(text: &str) -> Result<String, Wrong> {
    let form = "write the Directory (tenant) ID of the Entra overview page, or a domain such as contoso.onmicrosoft.com";
    match text.to_lowercase().as_str() {
        "common" | "organizations" | "consumers" => {
            Err(wrong(format!("{text:?} stands for many tenants, and EntraWatch signs in to one"), form))
        }
        lower => match checks::guid(lower).map_or_else(|| checks::domain(lower), Ok) {
            Ok(id) => Ok(id),
            Err(_) => Err(wrong(format!("{text:?} is neither a GUID nor a domain"), form)),
        },
    }
}

fn name(text: &str) -> Result<String, Wrong> {
    let form = "write a short name, such as \"contoso\"";
    match text {
        _ if text.chars().any(|c| c.is_control() || c == '/') => {
            Err(wrong(format!("{text:?} holds a slash or a control character"), form))
        }
        _ if text.chars().count() > 64 => Err(wrong("is longer than 64 characters", form)),
        _ => Ok(text.to_owned()),
    }
}

fn hosts(table: &Table<'_>, cloud: Cloud) -> Option<(Url, Url, Url)> {
    let preset = cloud.preset();
    let host = |key: &str, preset: Option<&str>| {
        if table.has(key) { table.parse(key, base_url) } else { preset.and_then(|preset| Url::parse(preset).ok()) }
    };
    let (login, graph) = (host("login_url", Some(preset.login)), host("graph_url", Some(preset.graph)));
    let portal = host("portal_url", preset.portal);
    if portal.is_none() && !table.has("portal_url") {
        table.missing(
            "portal_url",
            format!(
                "write the address of the Entra portal of cloud {cloud}, as your browser shows it: portal_url = \"https://…\""
            ),
        );
    }
    Some((login?, graph?, portal?))
}

/// The same tenant twice would be told twice.
fn doubles(tables: &[Table<'_>]) {
    for key in ["tenant_id", "name"] {
        let mut seen: BTreeMap<String, Origin> = BTreeMap::new();
        for table in tables {
            let Some(value) = table.raw_text(key).filter(|text| !text.is_empty()).map(str::to_lowercase) else { continue };
            match seen.get(&value) {
                None => {
                    seen.insert(value, table.origin(key));
                }
                Some(first) => {
                    let instead =
                        if key == "name" { "give each tenant a name of its own" } else { "keep one of the two entries" };
                    table.problem(key, wrong(format!("{value:?} is already the {key} of the tenant at {first}"), instead));
                }
            }
        }
    }
}
