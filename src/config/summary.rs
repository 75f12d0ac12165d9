//! A configuration in a few lines, for `config check`: what was understood. Shows no secret.

use std::fmt::Write;

use secrecy::ExposeSecret;
use url::Url;

use super::{AuthConfig, HttpConfig, Loaded, ManagedIdentity, SmtpTls, TenantConfig, TransportConfig, format_duration};
use crate::policy::{DigestMode, ReportEvery};
use crate::secret::SecretSource;

/// More tenants than this are counted.
const SHOWN: usize = 10;

/// What was understood.
pub fn summary(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut text = String::new();
    let mut line = |name: &str, what: &str| {
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    for file in &loaded.files {
        line("read", &file.display().to_string());
    }
    for tenant in config.tenants.iter().take(SHOWN) {
        line("tenant", &of_tenant(tenant));
    }
    if config.tenants.len() > SHOWN {
        line("tenant", &format!("… and {} more", config.tenants.len() - SHOWN));
    }
    let (rules, told) = (&config.policy, &config.policy.recipients);
    if let Some(mail) = &config.mail {
        let mut who = Vec::new();
        if !rules.routes.is_empty() {
            who.push(format!("{} by route", rules.routes.len()));
        }
        if told.owners {
            who.push("owners".to_owned());
        }
        if told.notes {
            who.push("whom the notes name".to_owned());
        }
        let fallback = told.fallback.join(", ");
        line("told", &if who.is_empty() { fallback } else { format!("{}, else {fallback}", who.join(", ")) });
        line("thresholds", &rules.alerts.thresholds.iter().map(format_duration).collect::<Vec<_>>().join(" "));
        line("mails", &format!("{}, from {}, {}", when(loaded), mail.from, transport(&mail.transport)));
        line("report", &report(loaded));
    } else {
        line("mails", "none: there is no [mail]");
    }
    line("store", &store(config.store.url.expose_secret()));
    line("page", &page(&config.http));
    text
}

fn of_tenant(tenant: &TenantConfig) -> String {
    let TenantConfig { name, tenant_id, cloud, poll_interval, .. } = tenant;
    let id = if name == tenant_id { String::new() } else { format!(" ({tenant_id})") };
    format!("{name}{id}, cloud {cloud}, every {}, {}", format_duration(*poll_interval), sign_in(&tenant.auth))
}

fn sign_in(auth: &AuthConfig) -> String {
    match auth {
        AuthConfig::Secret(SecretSource::Inline(_)) => "client secret written in the configuration".to_owned(),
        AuthConfig::Secret(SecretSource::File(path)) => format!("client secret in {}", path.display()),
        AuthConfig::Secret(SecretSource::Env { variable, .. }) => format!("client secret in {variable}"),
        AuthConfig::Certificate { certificate_file, .. } => format!("certificate in {}", certificate_file.display()),
        AuthConfig::WorkloadIdentity { token_file } => format!("workload identity by the token in {}", token_file.display()),
        AuthConfig::ManagedIdentity(ManagedIdentity { client_id: None, .. }) => "the machine's own managed identity".to_owned(),
        AuthConfig::ManagedIdentity(ManagedIdentity { client_id: Some(id), .. }) => format!("managed identity {id}"),
    }
}

fn when(loaded: &Loaded) -> String {
    let digest = &loaded.config.policy.digest;
    match digest.mode {
        DigestMode::Immediate => "after each poll".to_owned(),
        DigestMode::Daily => {
            let days = if digest.days.len() == 7 {
                "every day".to_owned()
            } else {
                digest.days.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            };
            format!("{days} at {} {}", digest.at.format("%H:%M"), digest.timezone)
        }
    }
}

fn transport(transport: &TransportConfig) -> String {
    match transport {
        TransportConfig::Folder { path } => format!("as files in {}", path.display()),
        TransportConfig::Graph(graph) => format!("from {} by Microsoft Graph, as {}", graph.sender, graph.tenant),
        TransportConfig::Smtp(smtp) => {
            let tls = match smtp.tls {
                SmtpTls::Implicit => "TLS",
                SmtpTls::StarttlsRequired => "STARTTLS",
                SmtpTls::StarttlsOpportunistic => "STARTTLS where offered",
                SmtpTls::None => "unencrypted",
            };
            let login = smtp.login.as_ref().map(|login| format!(" as {}", login.username)).unwrap_or_default();
            format!("by {}:{}{login} ({tls})", smtp.host, smtp.port)
        }
    }
}

fn report(loaded: &Loaded) -> String {
    let report = loaded.config.policy.report;
    match report.every {
        ReportEvery::Never => "never".to_owned(),
        ReportEvery::Week => format!("each week on {}", report.day),
        ReportEvery::Month => format!("each month on the first {}", report.day),
    }
}

fn page(http: &HttpConfig) -> String {
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let ways = http.auth.as_ref().map(|auth| {
        let users = auth.basic.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (users.is_empty(), auth.bearer.is_some()) {
            (false, true) => format!(", for {users}, and programs with a token"),
            (false, false) => format!(", for {users}"),
            (true, _) => ", for programs with a token".to_owned(),
        }
    });
    format!("{scheme}://{}{}", http.listen, ways.unwrap_or_default())
}

/// Without what may be a password.
fn store(url: &str) -> String {
    match Url::parse(url) {
        Ok(parsed) if parsed.has_host() => format!(
            "{} database {} on {}",
            parsed.scheme(),
            parsed.path().trim_matches('/'),
            parsed.host_str().unwrap_or_default()
        ),
        _ => url.to_owned(),
    }
}
