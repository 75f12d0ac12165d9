//! `mail.transport` with `kind = "smtp"`: the server, how the connection is protected, how EntraWatch signs in.

use lettre::message::Mailbox;
use url::{Host, Url};

use super::checks;
use super::key::Key;
use super::mail::{identity, own_address};
use super::reading::{Wrong, wrong};
use super::table::Table;
use super::values::no_choice;
use super::{SmtpConfig, SmtpLogin, SmtpProof, SmtpTls, TenantConfig};

pub(super) const SMTP: &[Key] = &[
    Key::new("kind", "\"smtp\"", "Hands mails to an SMTP server.").required(),
    Key::new("url", "\"smtp://HOST:PORT\" or \"smtps://HOST:PORT\"", "The server. smtp:// starts plain and changes to TLS (port 587), smtps:// is TLS from the first byte (port 465).").required(),
    Key::new("starttls", "\"required\", \"opportunistic\" or \"none\"", "With smtp://: whether TLS must be, may be, or is not used. A password goes to another machine only where it is required.").default("\"required\""),
    Key::new("auth", "\"password\" or \"xoauth2\"", "How to sign in where there is a username: with a password, or with a token of a tenant's application, as Exchange Online wants it.").default("\"password\""),
    Key::new("username", "a text", "Where the server wants a sign-in; with xoauth2, the address of the mailbox that sends."),
    Key::new("password", "a text", "The password. Better kept in a file."),
    Key::new("password_file", "a path", "A file that holds the password; read again when it is needed."),
    Key::new("password_env", "a name", "The environment variable that holds the password."),
    Key::new("tenant", "a name", "With xoauth2: the name of the [[tenant]] whose application signs in, in the way that is configured there. Default: the only one."),
    Key::new("scope", "a text", "With xoauth2: what the token is asked for. Default: that of Exchange Online in the tenant's cloud, where it is known (global, usgov, china)."),
    Key::new("ca_file", "a path", "A PEM file with an authority to trust beside the system's."),
];

const FORM: &str = r#"write it as "smtp://mail.example.com:587" or "smtps://mail.example.com:465""#;

const PASSWORDS: [&str; 3] = ["password", "password_file", "password_env"];

/// How to sign in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    Password,
    Xoauth2,
}

pub(super) fn read(
    table: &Table<'_>,
    mail: &Table<'_>,
    from: Option<&Mailbox>,
    tenants: &[Option<TenantConfig>],
) -> Option<SmtpConfig> {
    let server = table.parse("url", server);
    let auth = table.parse("auth", |text| match text {
        "password" => Ok(Auth::Password),
        "xoauth2" => Ok(Auth::Xoauth2),
        _ => Err(no_choice(text, ["password", "xoauth2"].into_iter())),
    });
    let starttls = table.parse("starttls", starttls);
    let login = match auth {
        Some(Auth::Password) => by_password(table),
        Some(Auth::Xoauth2) => by_token(table, mail, from, tenants),
        None => None,
    };
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
    if auth == Some(Auth::Xoauth2) || PASSWORDS.iter().chain(&["username"]).any(|key| table.has(key)) {
        unprotected(table, &server.host, tls, auth?);
    }
    if login.as_ref().is_some_and(|login| matches!(login.proof, SmtpProof::Password(_))) && is_exchange_online(&server.host) {
        let what = "Exchange Online turns passwords for SMTP off by default at the end of December 2026";
        let instead = r#"write auth = "xoauth2" in place of the password, or kind = "graph"; docs/mail.md says what they need"#;
        table.warning("url", wrong(what, instead));
    }
    let host = match server.host {
        Host::Ipv6(address) => address.to_string(),
        other => other.to_string(),
    };
    Some(SmtpConfig { host, port: server.port, tls, login, ca_file })
}

/// Refuses to show a password or a token to everybody on the way.
fn unprotected(table: &Table<'_>, host: &Host, tls: SmtpTls, auth: Auth) {
    let sent = match tls {
        SmtpTls::None => "would",
        SmtpTls::StarttlsOpportunistic => "might",
        SmtpTls::Implicit | SmtpTls::StarttlsRequired => return,
    };
    if checks::is_loopback(host) {
        return;
    }
    let (proof, instead) = match auth {
        Auth::Password => ("password", r#"write starttls = "required", or leave username and password out"#),
        Auth::Xoauth2 => ("token", r#"write starttls = "required""#),
    };
    let what = format!("the {proof} {sent} travel to {host} unencrypted, for anybody on the way to read");
    table.problem("starttls", wrong(what, instead));
}

fn is_exchange_online(host: &Host) -> bool {
    let known = ["office365.com", "office365.us", "partner.outlook.cn"];
    matches!(host, Host::Domain(name) if known.iter().any(|known| name.ends_with(known)))
}

/// `None` without a sign-in, or with one that something is wrong with.
fn by_password(table: &Table<'_>) -> Option<SmtpLogin> {
    for key in ["tenant", "scope"].into_iter().filter(|key| table.has(key)) {
        table.problem(key, wrong("goes with auth = \"xoauth2\" only", format!("write auth = \"xoauth2\", or leave {key} out")));
    }
    let password = PASSWORDS.into_iter().find(|key| table.has(key));
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

/// `None` where something is wrong with it.
fn by_token(table: &Table<'_>, mail: &Table<'_>, from: Option<&Mailbox>, tenants: &[Option<TenantConfig>]) -> Option<SmtpLogin> {
    for key in PASSWORDS.into_iter().filter(|key| table.has(key)) {
        table.problem(key, wrong("does not go with auth = \"xoauth2\"", "leave it out: the tenant's own sign-in gets the token"));
    }
    let username = if table.has("username") {
        table.text("username")
    } else {
        table.missing("username", r#"write the address of the mailbox that sends: username = "entrawatch@example.com""#);
        None
    };
    let tenant = identity(table, tenants)?;
    let scope = if table.has("scope") { table.parse("scope", scope) } else { scope_of_cloud(table, tenant) };
    let username = username?;
    own_address(mail, from, &username);
    Some(SmtpLogin { username, proof: SmtpProof::Token { tenant: tenant.name.clone(), scope: scope? } })
}

fn scope(text: &str) -> Result<String, Wrong> {
    let form = r#"write the resource and /.default, as in "https://outlook.office365.com/.default""#;
    match text.strip_suffix("/.default").map(Url::parse) {
        Some(Ok(resource)) if resource.scheme() == "https" && resource.has_host() => Ok(text.to_owned()),
        _ => Err(wrong(format!("{text:?} is not what a token for an application is asked for"), form)),
    }
}

fn scope_of_cloud(table: &Table<'_>, tenant: &TenantConfig) -> Option<String> {
    let known = tenant.cloud.preset().smtp_scope;
    if known.is_none() {
        table.missing(
            "scope",
            format!(
                "what a token for SMTP is asked for in cloud {} is not known to EntraWatch; ask Microsoft, and write it as scope = \"https://…/.default\"",
                tenant.cloud
            ),
        );
    }
    known.map(str::to_owned)
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
