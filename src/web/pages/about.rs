//! `/about`: which version this is, and the configuration in force, without its secrets.

use axum::extract::State;
use axum::response::Response;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use url::Url;

use super::{Moment, render};
use crate::clock::UtcTime;
use crate::config::{AuthConfig, Config, HttpAuth, SmtpTls, TenantConfig, TransportConfig, format_duration};
use crate::own::{Missing, OwnApplication, Superfluous};
use crate::policy::Windows;
use crate::snapshot::Snapshot;
use crate::web::WebState;

#[derive(Debug, Serialize)]
struct Page {
    version: &'static str,
    commit: &'static str,
    manual: &'static str,
    access: Vec<Access>,
    sections: Vec<Section>,
}

/// What EntraWatch may do in a tenant, as its last token said, and the credential that it signs in with.
#[derive(Debug, Serialize)]
struct Access {
    tenant: String,
    read: Option<Moment>,
    name: Option<String>,
    sign_in: Option<&'static str>,
    ends: Option<Moment>,
    /// Whether the permissions are known.
    known: bool,
    held: Vec<String>,
    missing: Vec<Missing>,
    superfluous: Vec<Superfluous>,
}

impl Access {
    fn of(snapshot: &Snapshot, now: UtcTime) -> Self {
        let own = snapshot.state.own.as_ref();
        let permissions = own.and_then(|own| own.permissions.clone());
        Self {
            tenant: snapshot.tenant.name.clone(),
            read: own.map(|own| Moment::of(own.read_at, now)),
            name: own.and_then(|own| own.name.clone()),
            sign_in: own.map(|own| own.sign_in.into()),
            ends: own
                .and_then(OwnApplication::in_use)
                .and_then(|credential| credential.not_after)
                .map(|end| Moment::of(end, now)),
            known: permissions.is_some(),
            held: permissions.iter().flat_map(|permissions| permissions.held.clone()).collect(),
            missing: permissions.iter().flat_map(|permissions| permissions.missing.clone()).collect(),
            superfluous: permissions.into_iter().flat_map(|permissions| permissions.superfluous).collect(),
        }
    }
}

/// Where the documents of this version are.
const MANUAL: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs");

/// A section of the configuration.
#[derive(Debug, Serialize)]
struct Section {
    name: String,
    settings: Vec<(&'static str, String)>,
}

/// Writes the page.
pub(in crate::web) async fn show(State(state): State<WebState>) -> Response {
    let parts = state.parts();
    let now = parts.now();
    let page = Page {
        version: crate::VERSION,
        commit: crate::COMMIT,
        manual: MANUAL,
        access: parts.tenants().iter().map(|tenant| Access::of(tenant, now)).collect(),
        sections: sections(&parts.config),
    };
    render(&state, "about.html", page)
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
    sections.push(section(
        "report",
        [("every", config.policy.report.every.to_string()), ("day", config.policy.report.day.to_string())],
    ));
    sections.push(mail(config));
    sections.push(section(
        "other",
        [
            ("store", store(config)),
            ("store.keep", format_duration(config.store.keep)),
            ("http.listen", config.http.listen.to_string()),
            ("http.public_url", config.http.public_url.as_ref().map_or_else(|| "none".to_owned(), Url::to_string)),
            ("http.tls", config.http.tls.as_ref().map_or_else(|| "off".to_owned(), |tls| tls.cert_file.display().to_string())),
            ("http.auth", config.http.auth.as_ref().map_or_else(|| "off: whoever reaches it may look".to_owned(), readers)),
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

/// Who may look, without what proves it.
fn readers(auth: &HttpAuth) -> String {
    let users = auth.basic.keys().cloned();
    list(&users.chain(auth.bearer.iter().map(|_| "programs with the token".to_owned())).collect::<Vec<_>>())
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
