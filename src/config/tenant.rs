//! `[[tenant]]` with its `[poll]`: which tenants are watched, how they are reached, how often they are asked.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use url::Url;

use super::auth::Named;
use super::checks::{self, base_url};
use super::duration::format_duration;
use super::key::Key;
use super::problem::Origin;
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::{Cloud, TenantConfig};

pub(super) const POLL: &[Key] = &[
    Key::new("interval", "a duration", "How often each tenant is read, from 1m on. A tenant may have its own.").default("\"15m\""),
    Key::new("delta", "\"auto\", \"always\" or \"never\"", "Whether only changes are asked for between full listings. `auto`: only in a tenant so large that a full listing is dear. This version always lists in full and refuses `always`.")
        .default("\"auto\""),
    Key::new("full_every", "a duration", "With delta, how often everything is listed nevertheless.").later("leave it out: this version lists everything at each poll"),
    Key::new("blind_after", "a duration", "A tenant that was not seen completely for this long is reported. Default: the longer of 2h and 3 intervals; at least 2 intervals."),
];

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

const SHORTEST_INTERVAL: TimeDelta = TimeDelta::minutes(1);
const SHORTEST_BLIND: TimeDelta = TimeDelta::hours(2);

/// `[poll]`
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll {
    interval: TimeDelta,
    blind_after: Option<TimeDelta>,
}

pub(super) fn read_poll(root: &Table<'_>) -> Option<Poll> {
    let table = root.table("poll", POLL);
    table.parse("delta", |text| match text {
        "auto" | "never" => Ok(()),
        "always" => Err(wrong(
            "\"always\" is not supported by this version yet",
            "write \"auto\", or leave it out: this version lists everything at each poll",
        )),
        _ => Err(super::values::no_choice(text, ["auto", "never"].into_iter())),
    });
    let interval = interval(&table);
    let blind_after = table.duration("blind_after");
    let poll = Poll { interval: interval?, blind_after };
    if blind_after.is_some_and(|blind| blind < poll.interval * 2) {
        table.problem("blind_after", too_blind(poll.interval));
        return None;
    }
    Some(poll)
}

fn interval(table: &Table<'_>) -> Option<TimeDelta> {
    let interval = table.duration("interval")?;
    if interval < SHORTEST_INTERVAL {
        return table.refuse(
            "interval",
            wrong(
                format!("{} is too short", format_duration(interval)),
                "write 1m or longer; Graph slows down who asks too often",
            ),
        );
    }
    Some(interval)
}

fn too_blind(interval: TimeDelta) -> Wrong {
    let what =
        format!("is shorter than two intervals of {}, so that one failed poll would be an alarm", format_duration(interval));
    wrong(what, format!("write {} or longer, or leave it out", format_duration(interval * 2)))
}

impl Poll {
    /// `interval` and `blind_after` of a tenant.
    fn of_tenant(self, table: &Table<'_>) -> Option<(TimeDelta, TimeDelta)> {
        let interval = if table.has("interval") { interval(table)? } else { self.interval };
        match self.blind_after {
            Some(blind) if blind < interval * 2 => {
                let what = format!("poll.blind_after ({}) is shorter than two of these intervals", format_duration(blind));
                table.refuse(
                    "interval",
                    wrong(what, format!("write a shorter interval, or poll.blind_after = \"{}\"", format_duration(interval * 2))),
                )
            }
            Some(blind) => Some((interval, blind)),
            None => Some((interval, SHORTEST_BLIND.max(interval * 3))),
        }
    }
}

pub(super) fn read(root: &Table<'_>, poll: Option<Poll>) -> Vec<Option<TenantConfig>> {
    let mut auths = Named::read(root);
    let tables = root.tables("tenant", TENANT);
    // A poll section that cannot be used has been reported; the tenants are looked at all the same.
    let poll = poll.unwrap_or(Poll { interval: TimeDelta::minutes(15), blind_after: None });
    let tenants = tables.iter().map(|table| one(table, poll, &mut auths)).collect();
    doubles(&tables);
    auths.unused(root);
    tenants
}

fn one(table: &Table<'_>, poll: Poll, auths: &mut Named) -> Option<TenantConfig> {
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
