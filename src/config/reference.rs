//! Every table of the configuration with its keys, in the order of the example.

use super::key::{Key, Section};
use super::{alerts, auth, digest, http, mail, output, poll, recipients, store, tenant, watch};

/// The top level.
pub(super) const ROOT: &[Key] = &[
    Key::new("include", "a list of paths", "More files to read, such as \"tenants.d/*.toml\", relative to this one. Their [[tenant]], [[ignore]] and [[route]] are added in the order of the file names; any other key may be set in one file only.")
        .default("[]"),
    Key::new("store", "a table", ""),
    Key::new("http", "a table", ""),
    Key::new("poll", "a table", ""),
    Key::new("auth", "tables", ""),
    Key::new("tenant", "a list of tables", ""),
    Key::new("watch", "a table", ""),
    Key::new("ignore", "a list of tables", ""),
    Key::new("alerts", "a table", ""),
    Key::new("recipients", "a table", ""),
    Key::new("route", "a list of tables", ""),
    Key::new("digest", "a table", ""),
    Key::new("report", "a table", ""),
    Key::new("heartbeat", "a table", ""),
    Key::new("mail", "a table", ""),
    Key::new("metrics", "a table", ""),
    Key::new("log", "a table", ""),
];

/// Every table.
pub fn sections() -> Vec<Section> {
    let mut sections = vec![
        section("", "The top of the file", ROOT),
        section("[store]", "Where everything is kept that must survive a restart.", store::STORE),
        section("[http]", "The status page, the API and the metrics.", http::HTTP),
        section("http.tls", "TLS for the page. Without this table it is served in the clear.", http::TLS),
        section(
            "http.auth",
            "Who may look. Without this table everybody who reaches it. `/healthz` and `/readyz` are open to all.",
            http::AUTH,
        ),
        section("[poll]", "How Microsoft Graph is asked.", poll::KEYS),
    ];
    sections.extend(auth::KINDS.iter().map(|kind| Section {
        kind: Some(kind.name),
        ..section("[auth.NAME]", "A way to sign in, referred to by its name or written inline in a tenant.", kind.keys)
    }));
    sections.extend([
        section("[[tenant]]", "A tenant that is watched; at least one.", tenant::TENANT),
        section("[watch]", "What is watched beyond the default.", watch::WATCH),
        section("[[ignore]]", "What is left out.", watch::IGNORE),
        section("[alerts]", "How long before an end somebody is told.", alerts::ALERTS),
        section("[recipients]", "Who is told.", recipients::RECIPIENTS),
        section("[[route]]", "Somebody else for certain credentials; the first match wins.", recipients::ROUTE),
        section("match", "The condition of an [[ignore]] or a [[route]].", watch::MATCH),
        section("[digest]", "When mails leave.", digest::DIGEST),
        section("[report]", "The regular report to fallback.", digest::REPORT),
        section("[heartbeat]", "A sign of life to another service. Without this table there is none.", output::HEARTBEAT),
        section(
            "[mail]",
            "How mails leave. Without this table nobody is mailed; there are metrics and the page only.",
            mail::MAIL,
        ),
    ]);
    sections.extend(
        mail::TRANSPORTS
            .iter()
            .map(|kind| Section { kind: Some(kind.name), ..section("mail.transport", "The way mails leave.", kind.keys) }),
    );
    sections.extend([
        section("[metrics]", "What /metrics shows.", output::METRICS),
        section("[log]", "What EntraWatch writes to standard error.", output::LOG),
    ]);
    sections
}

const fn section(heading: &'static str, doc: &'static str, keys: &'static [Key]) -> Section {
    Section { heading, kind: None, doc, keys }
}

/// The tables that have such a key.
pub(super) fn sections_with(name: &str) -> impl Iterator<Item = Section> {
    let name = name.to_lowercase();
    sections().into_iter().filter(move |section| section.keys.iter().any(|key| key.name == name))
}

/// The full path of every key that the environment can set.
pub(super) fn paths() -> impl Iterator<Item = String> {
    let of = |section: Section| {
        let path = section.heading.trim_matches(['[', ']']).replace("NAME", "main");
        section.keys.iter().map(move |key| format!("{path}.{}", key.name))
    };
    sections().into_iter().filter(|section| !section.heading.is_empty() && !section.heading.starts_with("[[")).flat_map(of)
}
