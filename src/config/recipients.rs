//! `[recipients]` and `[[route]]`: who is told.

use super::checks;
use super::key::Key;
use super::reading::wrong;
use super::table::Table;
use super::{TenantConfig, alerts, hiding, watch};
use crate::policy::{Recipients, Route};

pub(super) const RECIPIENTS: &[Key] = &[
    Key::new("fallback", "a list of addresses", "Told where nobody else is known; gets the weekly report and what EntraWatch has to say about itself. Required once there is a [mail].").default("[]"),
    Key::new("escalate", "a list of addresses", "Told of everything that is not replaced inside escalate_within, whoever else is: owners leave, and nobody sees their mails bounce. Default: fallback."),
    Key::new("escalate_within", "a duration", "See escalate.").default("\"7d\""),
    Key::new("owners", "true or false", "Mails the owners of an application. The one key that does; it needs the permission User.ReadBasic.All.").default("false"),
    Key::new("guests", "true or false", "Guests among the owners too.").default("false"),
    Key::new("notes", "true or false", "A line `notify: a@example.com` in an application's notes names recipients. Whoever may edit an application can then name them.").default("false"),
    Key::new("allowed_domains", "a list of domains", "Owners, guests and notes are mailed only at these domains. [] is any.").default("[]"),
];

pub(super) const ROUTE: &[Key] = &[
    Key::new(
        "match",
        "a table",
        "For which credentials; every key that is given must match. The first route that matches holds.",
    ),
    Key::new("to", "a list of addresses", "Who is told, in place of owners, notes and fallback.").required(),
    Key::new("thresholds", "a list of durations", "In place of alerts.thresholds, for what is not replaced."),
    Key::new(
        "batch",
        "\"recipient\" or \"app\"",
        "`recipient`: one mail for each recipient; `app`: one for each application too, as ticket mailboxes want it.",
    )
    .default("\"recipient\""),
];

pub(super) fn read(root: &Table<'_>) -> Option<Recipients> {
    let table = root.table("recipients", RECIPIENTS);
    let fallback = table.list("fallback", checks::address).map(without_doubles);
    let escalate =
        if table.has("escalate") { table.list("escalate", checks::address).map(without_doubles) } else { fallback.clone() };
    let escalate_within = table.duration("escalate_within");
    let (owners, guests, notes) = (table.flag("owners"), table.flag("guests"), table.flag("notes"));
    let allowed_domains = table.list("allowed_domains", checks::domain).map(without_doubles);
    if guests == Some(true) && owners == Some(false) {
        table.warning("guests", wrong("has no effect without owners", "write owners = true too, or leave guests out"));
    }
    Some(Recipients {
        fallback: fallback?,
        escalate: escalate?,
        escalate_within: escalate_within?,
        owners: owners?,
        guests: guests?,
        notes: notes?,
        allowed_domains: allowed_domains?,
    })
}

/// Somebody named twice is told once.
pub(super) fn without_doubles(mut list: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    list.retain(|item| seen.insert(item.clone()));
    list
}

/// The routes. `tenants` are those that could be read: a route can only match in one of them.
pub(super) fn read_routes(root: &Table<'_>, tenants: &[Option<TenantConfig>]) -> Option<Vec<Route>> {
    let tables = root.tables("route", ROUTE);
    let routes: Vec<Option<Route>> = tables.iter().map(route).collect();
    let known: Option<Vec<(&str, &str)>> =
        tenants.iter().map(|tenant| tenant.as_ref().map(|tenant| (tenant.name.as_str(), tenant.tenant_id.as_str()))).collect();
    for (index, (table, route)) in tables.iter().zip(&routes).enumerate() {
        let Some(route) = route else { continue };
        if let Some(known) = &known
            && let Some(never) = hiding::never(&route.matcher, known)
        {
            table.problem("match", never);
            continue;
        }
        let earlier = routes.iter().take(index).enumerate();
        let hides = |earlier: &Route| hiding::covers(&earlier.matcher, &route.matcher);
        if let Some((hider, _)) =
            earlier.filter_map(|(index, earlier)| Some((index, earlier.as_ref()?))).find(|(_, earlier)| hides(earlier))
        {
            let what = format!("can never be the first to match: route[{hider}] takes everything it would");
            table.problem("match", wrong(what, format!("move it before route[{hider}], or leave it out")));
        }
    }
    routes.into_iter().collect()
}

fn route(table: &Table<'_>) -> Option<Route> {
    let matcher = watch::matcher(table);
    let to = table.list("to", checks::address).map(without_doubles);
    let thresholds = alerts::thresholds(table, "thresholds").and_then(|windows| alerts::not_empty(table, windows));
    let batch = table.choice("batch");
    if to.as_ref().is_some_and(Vec::is_empty) {
        let instead = "write at least one address; to tell nobody, write [[ignore]] with the same match";
        return table.refuse("to", wrong("is empty: a route to nowhere", instead));
    }
    Some(Route { matcher: matcher?, to: to?, thresholds, batch: batch? })
}
