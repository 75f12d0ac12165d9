//! `[mail]` and its transport: how mails leave.

use lettre::message::Mailbox;
use url::{Host, Url};

use super::checks;
use super::key::{Key, Kind};
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::values::no_choice;
use super::{MailConfig, SmtpConfig, SmtpLogin, SmtpProof, SmtpTls, TransportConfig};

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
    Key::new("transport", "a table", "How mails leave: kind = \"smtp\" or \"folder\"."),
];

pub(super) const SMTP: &[Key] = &[
    Key::new("kind", "\"smtp\"", "Hands mails to an SMTP server.").required(),
    Key::new("url", "\"smtp://HOST:PORT\" or \"smtps://HOST:PORT\"", "The server. smtp:// starts plain and changes to TLS (port 587), smtps:// is TLS from the first byte (port 465).").required(),
    Key::new("starttls", "\"required\", \"opportunistic\" or \"none\"", "With smtp://: whether TLS must be, may be, or is not used. A password goes to another machine only where it is required.").default("\"required\""),
    Key::new("auth", "\"password\" or \"xoauth2\"", "How to sign in where there is a username. This version refuses xoauth2.").default("\"password\""),
    Key::new("username", "a text", "Where the server wants a sign-in."),
    Key::new("password", "a text", "The password. Better kept in a file."),
    Key::new("password_file", "a path", "A file that holds the password; read again when it is needed."),
    Key::new("password_env", "a name", "The environment variable that holds the password."),
    Key::new("tenant", "a name", "With xoauth2: the tenant whose identity signs in.").later("leave it out, and write username and password_file"),
    Key::new("ca_file", "a path", "A PEM file with an authority to trust beside the system's."),
];

pub(super) const FOLDER: &[Key] = &[
    Key::new("kind", "\"folder\"", "Writes each mail as an .eml file, for a trial: what was only written here does not count as told once there is another transport.").required(),
    Key::new("path", "a path", "The folder; created if absent.").required(),
];

pub(super) const TRANSPORTS: &[Kind] = &[
    Kind { name: "smtp", keys: SMTP, later: None },
    Kind { name: "folder", keys: FOLDER, later: None },
    Kind { name: "graph", keys: &[], later: Some(r#"write kind = "smtp" with the url of a mail server"#) },
];

const FORM: &str = r#"write it as "smtp://mail.example.com:587" or "smtps://mail.example.com:465""#;

pub(super) fn read(root: &Table<'_>) -> Option<MailConfig> {
    let table = root.table("mail", MAIL);
    let from = table.parse("from", sender);
    let max_per_hour = table.count("max_per_hour");
    let give_up_after = table.duration("give_up_after");
    let transport = transport(&table);
    Some(MailConfig { from: from?, max_per_hour: max_per_hour?, give_up_after: give_up_after?, transport: transport? })
}

fn sender(text: &str) -> Result<Mailbox, Wrong> {
    text.parse()
        .map_err(|_| wrong(format!("{text:?} is not a mail address"), r#"write it as "EntraWatch <entrawatch@example.com>""#))
}

fn transport(mail: &Table<'_>) -> Option<TransportConfig> {
    if !mail.has("transport") {
        mail.missing("transport", r#"write transport = { kind = "smtp", url = "smtp://mail.example.com:587" }"#);
        return None;
    }
    let (kind, table) = mail.variant("transport", TRANSPORTS)?;
    match kind {
        "smtp" => smtp(&table).map(TransportConfig::Smtp),
        "folder" => folder(&table),
        _ => None,
    }
}

fn folder(table: &Table<'_>) -> Option<TransportConfig> {
    let path = table.new_path("path")?;
    if path.is_file() {
        return table.refuse("path", wrong(format!("{} is a file", path.display()), "write the path of a folder"));
    }
    Some(TransportConfig::Folder { path })
}

fn smtp(table: &Table<'_>) -> Option<SmtpConfig> {
    let server = table.parse("url", server);
    table.parse("auth", |text| match text {
        "password" => Ok(()),
        "xoauth2" => Err(wrong("\"xoauth2\" is not supported by this version yet", "write username and password_file")),
        _ => Err(no_choice(text, ["password"].into_iter())),
    });
    let starttls = table.parse("starttls", starttls);
    let login = login(table);
    let ca_file = table.file("ca_file");

    let (server, starttls) = (server?, starttls?);
    let tls = if server.implicit_tls { SmtpTls::Implicit } else { starttls };
    if server.implicit_tls && table.has("starttls") {
        table.problem(
            "starttls",
            wrong(
                "does not go with smtps://, which is TLS from the first byte",
                "leave starttls out, or write smtp:// and port 587",
            ),
        );
    }
    if login.is_some() && !checks::is_loopback(&server.host) && matches!(tls, SmtpTls::None | SmtpTls::StarttlsOpportunistic) {
        let sent = if tls == SmtpTls::None { "would" } else { "might" };
        let what = format!("the password {sent} travel to {} unencrypted, for anybody on the way to read", server.host);
        table.problem("starttls", wrong(what, r#"write starttls = "required", or leave username and password out"#));
    }
    if login.is_some() && matches!(&server.host, Host::Domain(name) if name.ends_with("office365.com")) {
        let what = "Exchange Online turns passwords for SMTP off by default at the end of December 2026";
        table.warning("url", wrong(what, "ask your administrator whether this mailbox may go on with one"));
    }
    let host = match server.host {
        Host::Ipv6(address) => address.to_string(),
        other => other.to_string(),
    };
    Some(SmtpConfig { host, port: server.port, tls, login, ca_file })
}

/// An SMTP server as its URL names it.
struct Server {
    implicit_tls: bool,
    host: Host,
    port: u16,
}

/// The text is not repeated in messages: people write passwords into it.
fn server(text: &str) -> Result<Server, Wrong> {
    let no_url = || wrong("is not the URL of a mail server", FORM);
    let url = Url::parse(text).map_err(|_| no_url())?;
    let implicit_tls = match url.scheme() {
        "smtp" => false,
        "smtps" => true,
        other => return Err(wrong(format!("starts with {other}:"), FORM)),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or a password", "write them as username and password_file"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has something after host and port", FORM));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host", FORM))?;
    let host = Host::parse(host).map_err(|_| no_url())?;
    Ok(Server { implicit_tls, host, port: url.port().unwrap_or(if implicit_tls { 465 } else { 587 }) })
}

fn starttls(text: &str) -> Result<SmtpTls, Wrong> {
    match text {
        "required" => Ok(SmtpTls::StarttlsRequired),
        "opportunistic" => Ok(SmtpTls::StarttlsOpportunistic),
        "none" => Ok(SmtpTls::None),
        _ => Err(no_choice(text, ["required", "opportunistic", "none"].into_iter())),
    }
}

/// `None` without a sign-in, or with one that something is wrong with.
fn login(table: &Table<'_>) -> Option<SmtpLogin> {
    let password = ["password", "password_file", "password_env"].into_iter().find(|key| table.has(key));
    match (table.has("username"), password) {
        (false, None) => {}
        (true, None) => table.missing("password_file", "write the path of a file with the password, or leave username out"),
        (false, Some(key)) => table.missing("username", format!("write the user name, or leave {key} out")),
        (true, Some(_)) => {
            let (username, password) = (table.text("username"), table.secret("password"));
            return Some(SmtpLogin { username: username?, proof: SmtpProof::Password(password?) });
        }
    }
    None
}
