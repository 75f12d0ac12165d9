//! `[mail]` and its transport: how mails leave. SMTP has a file of its own (`smtp.rs`).

use lettre::message::Mailbox;

use super::checks;
use super::key::{Key, Kind, closest};
use super::reading::{Wrong, wrong};
use super::smtp::{self, SMTP};
use super::table::Table;
use super::{GraphMailConfig, MailConfig, TenantConfig, TransportConfig};

pub(super) const MAIL: &[Key] = &[
    Key::new("from", "an address", "The sender, as in \"EntraWatch <entrawatch@example.com>\".").required(),
    Key::new(
        "max_per_hour",
        "a number",
        "No more mails than this leave in an hour; what is held back joins the next digest. Critical ones pass.",
    )
    .default("500"),
    Key::new(
        "give_up_after",
        "a duration",
        "A mail that could not be delivered for this long is given up, and fallback is told what was in it.",
    )
    .default("\"3d\""),
    Key::new("transport", "a table", "How mails leave: kind = \"smtp\", \"graph\" or \"folder\"."),
];

pub(super) const GRAPH: &[Key] = &[
    Key::new("kind", "\"graph\"", "Sends from a mailbox of Exchange Online through Microsoft Graph, without SMTP.").required(),
    Key::new(
        "tenant",
        "a name",
        "The name of the [[tenant]] whose application sends, signed in as it is configured there. Default: the only one.",
    ),
    Key::new("sender", "an address or a GUID", "The mailbox that sends: its user principal name, or its object id.").required(),
];

pub(super) const FOLDER: &[Key] = &[
    Key::new("kind", "\"folder\"", "Writes each mail as an .eml file, for a trial: what was only written here does not count as told once there is another transport.").required(),
    Key::new("path", "a path", "The folder; created if absent.").required(),
];

pub(super) const TRANSPORTS: &[Kind] =
    &[Kind { name: "smtp", keys: SMTP }, Kind { name: "graph", keys: GRAPH }, Kind { name: "folder", keys: FOLDER }];

pub(super) fn read(root: &Table<'_>, tenants: &[Option<TenantConfig>]) -> Option<MailConfig> {
    let table = root.table("mail", MAIL);
    let from = table.parse("from", sender);
    let max_per_hour = table.count("max_per_hour");
    let give_up_after = table.duration("give_up_after");
    let transport = transport(&table, from.as_ref(), tenants);
    Some(MailConfig { from: from?, max_per_hour: max_per_hour?, give_up_after: give_up_after?, transport: transport? })
}

fn sender(text: &str) -> Result<Mailbox, Wrong> {
    text.parse()
        .map_err(|_| wrong(format!("{text:?} is not a mail address"), r#"write it as "EntraWatch <entrawatch@example.com>""#))
}

fn transport(mail: &Table<'_>, from: Option<&Mailbox>, tenants: &[Option<TenantConfig>]) -> Option<TransportConfig> {
    if !mail.has("transport") {
        mail.missing("transport", r#"write transport = { kind = "smtp", url = "smtp://mail.example.com:587" }"#);
        return None;
    }
    let (kind, table) = mail.variant("transport", TRANSPORTS)?;
    match kind {
        "smtp" => smtp::read(&table, mail, from, tenants).map(TransportConfig::Smtp),
        "graph" => graph(&table, mail, from, tenants).map(TransportConfig::Graph),
        "folder" => folder(&table),
        _ => None,
    }
}

fn graph(
    table: &Table<'_>,
    mail: &Table<'_>,
    from: Option<&Mailbox>,
    tenants: &[Option<TenantConfig>],
) -> Option<GraphMailConfig> {
    let sender = table.parse("sender", |text| match (text.parse::<lettre::Address>(), checks::guid(text)) {
        (Ok(address), _) => Ok(address.to_string()),
        (_, Some(id)) => Ok(id),
        _ => Err(wrong(
            format!("{text:?} is neither an address nor an object id"),
            r#"write the user principal name of the mailbox, as in "entrawatch@example.com", or its object id"#,
        )),
    });
    let tenant = identity(table, tenants);
    let sender = sender?;
    own_address(mail, from, &sender);
    Some(GraphMailConfig { tenant: tenant?.name.clone(), sender })
}

/// The tenant whose application signs in for mails.
pub(super) fn identity<'a>(table: &Table<'_>, tenants: &'a [Option<TenantConfig>]) -> Option<&'a TenantConfig> {
    let known = || tenants.iter().flatten();
    let names = || known().map(|tenant| format!("{:?}", tenant.name)).collect::<Vec<_>>().join(" or ");
    if !table.has("tenant") {
        if let [only] = tenants {
            return only.as_ref();
        }
        // Without any tenant, that is what is wrong.
        if known().next().is_some() {
            table.missing("tenant", format!("there are several tenants; write whose application sends: tenant = {}", names()));
        }
        return None;
    }
    table.parse("tenant", |name| match known().find(|tenant| tenant.name == name) {
        Some(tenant) => Ok(Some(tenant)),
        // It may be one that could not be read, of which more is said elsewhere.
        None if tenants.iter().any(Option::is_none) => Ok(None),
        None => Err(match closest(name, known().map(|tenant| tenant.name.as_str())) {
            Some(meant) => wrong(format!("no [[tenant]] is named {name:?}"), format!("did you mean {meant:?}?")),
            None => wrong(format!("no [[tenant]] is named {name:?}"), format!("write tenant = {}", names())),
        }),
    })?
}

/// Says where mails are to come from another address than that of the mailbox that sends them, which Exchange refuses unless it was
/// told not to.
pub(super) fn own_address(mail: &Table<'_>, from: Option<&Mailbox>, mailbox: &str) {
    let Some(from) = from.map(|from| from.email.to_string()) else { return };
    if mailbox.contains('@') && !from.eq_ignore_ascii_case(mailbox) {
        let what = format!("is {from}, and the mailbox that sends is {mailbox}: Exchange refuses that unless it is allowed");
        let instead =
            format!("write from = \"EntraWatch <{mailbox}>\", or let an Exchange administrator grant Send As on {from}");
        mail.warning("from", wrong(what, instead));
    }
}

fn folder(table: &Table<'_>) -> Option<TransportConfig> {
    let path = table.new_path("path")?;
    if path.is_file() {
        return table.refuse("path", wrong(format!("{} is a file", path.display()), "write the path of a folder"));
    }
    Some(TransportConfig::Folder { path })
}
