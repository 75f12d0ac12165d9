//! `/about`: which version this is, and the configuration in force, without its secrets.

use axum::extract::State;
use axum::response::Response;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use url::Url;

use super::render;
use crate::config::{AuthConfig, Config, SmtpTls, TenantConfig, TransportConfig, format_duration};
use crate::policy::Windows;
use crate::web::WebState;

#[derive(Debug, Serialize)]
struct Page {
    version: &'static str,
    commit: &'static str,
    sections: Vec<Section>,
}

/// A section of the configuration.
#[derive(Debug, Serialize)]
struct Section {
    name: String,
    settings: Vec<(&'static str, String)>,
}

/// Writes the page.
pub(in crate::web) async fn show(State(state): State<WebState>) -> Response {
    let sections = sections(&state.parts().config);
    render(&state, "about.html", Page { version: crate::VERSION, commit: crate::COMMIT, sections })
}

fn sections(config: &Config) -> Vec<Section> {
    let rules = &config.policy;
    let (alerts, recipients, digest) = (&rules.alerts, &rules.recipients, &rules.digest);
    let mut sections: Vec<_> = config.tenants.iter().map(tenant).collect();
    sections.push(section(
        "watch",
        [
            ("managed_identities", yes(rules.watch.managed_identities)),
            ("disabled", yes(rules.watch.disabled)),
            ("ignore_tag", yes(rules.watch.ignore_tag)),
            ("ignore rules", rules.watch.ignore.len().to_string()),
        ],
    ));
    sections.push(section(
        "alerts",
        [
            ("thresholds", windows(&alerts.thresholds)),
            ("rotated_thresholds", windows(&alerts.rotated_thresholds)),
            ("rotation_lead", format_duration(alerts.rotation_lead)),
            ("expired_grace", format_duration(alerts.expired_grace)),
            ("max_lifetime", format_duration(alerts.max_lifetime)),
        ],
    ));
    sections.push(section(
        "recipients",
        [
            ("fallback", list(&recipients.fallback)),
            ("escalate", list(&recipients.escalate)),
            ("escalate_within", format_duration(recipients.escalate_within)),
            ("owners", yes(recipients.owners)),
            ("guests", yes(recipients.guests)),
            ("notes", yes(recipients.notes)),
            ("allowed_domains", list(&recipients.allowed_domains)),
            ("routes", list(&rules.routes.iter().map(|route| route.to.join(" and ")).collect::<Vec<_>>())),
        ],
    ));
    sections.push(section(
        "digest",
        [
            ("mode", digest.mode.to_string()),
            ("at", format!("{} {}", digest.at.format("%H:%M"), digest.timezone)),
            ("days", digest.days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ("urgent_within", format_duration(digest.urgent_within)),
        ],
    ));
    sections.push(section("report", [("every", config.report.every.to_string()), ("day", config.report.day.to_string())]));
    sections.push(mail(config));
    sections.push(section(
        "other",
        [
            ("store", store(config)),
            ("store.keep", format_duration(config.store.keep)),
            ("http.listen", config.http.listen.to_string()),
            ("heartbeat", config.heartbeat.as_ref().map_or_else(|| "off".to_owned(), host)),
            ("metrics.credentials", config.metrics.credentials.to_string()),
            ("log", format!("{} {}", config.log.format, config.log.level)),
        ],
    ));
    sections
}

fn tenant(tenant: &TenantConfig) -> Section {
    section(
        &format!("tenant {}", tenant.name),
        [
            ("tenant_id", tenant.tenant_id.clone()),
            ("client_id", tenant.client_id.clone()),
            ("cloud", tenant.cloud.to_string()),
            (
                "auth",
                match tenant.auth {
                    AuthConfig::Secret(_) => "client secret",
                    AuthConfig::Certificate { .. } => "certificate",
                    AuthConfig::WorkloadIdentity { .. } => "workload identity",
                    AuthConfig::ManagedIdentity(_) => "managed identity",
                }
                .to_owned(),
            ),
            ("interval", format_duration(tenant.poll_interval)),
            ("blind_after", format_duration(tenant.blind_after)),
            ("recipients", tenant.recipients.as_deref().map_or_else(|| "as for all".to_owned(), list)),
        ],
    )
}

fn mail(config: &Config) -> Section {
    let Some(mail) = &config.mail else { return section("mail", [("mail", "not set up: nobody is told".to_owned())]) };
    let transport = match &mail.transport {
        TransportConfig::Folder { path } => format!("folder {}", path.display()),
        TransportConfig::Graph(graph) => format!("Microsoft Graph, mailbox {}, as {}", graph.sender, graph.tenant),
        TransportConfig::Smtp(smtp) => {
            let tls = match smtp.tls {
                SmtpTls::Implicit => "TLS from the first byte",
                SmtpTls::StarttlsRequired => "STARTTLS required",
                SmtpTls::StarttlsOpportunistic => "STARTTLS where offered",
                SmtpTls::None => "plain text",
            };
            let login = smtp.login.as_ref().map_or_else(String::new, |login| format!(", as {}", login.username));
            format!("SMTP {}:{}, {tls}{login}", smtp.host, smtp.port)
        }
    };
    section(
        "mail",
        [
            ("from", mail.from.to_string()),
            ("transport", transport),
            ("max_per_hour", mail.max_per_hour.to_string()),
            ("give_up_after", format_duration(mail.give_up_after)),
        ],
    )
}

fn section<const N: usize>(name: &str, settings: [(&'static str, String); N]) -> Section {
    Section { name: name.to_owned(), settings: settings.into() }
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn list(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}

fn windows(windows: &Windows) -> String {
    windows.iter().map(format_duration).collect::<Vec<_>>().join(", ")
}

/// A heartbeat's path is its secret.
fn host(url: &Url) -> String {
    format!("{}://{}/…", url.scheme(), url.host_str().unwrap_or_default())
}

/// Where the store is, without a password.
fn store(config: &Config) -> String {
    let url = config.store.url.expose_secret();
    match Url::parse(url) {
        Ok(parsed) if parsed.has_host() => {
            let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{}{port}{}", parsed.scheme(), parsed.host_str().unwrap_or_default(), parsed.path())
        }
        _ => url.split('?').next().unwrap_or_default().to_owned(),
    }
}
