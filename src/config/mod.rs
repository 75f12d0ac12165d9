//! Configuration: raw file and environment in, checked types or *all* problems out.
//!
//! [`load()`] merges the files (`files.rs`) and the environment (`environment.rs`) into one tree of values that remember where they were
//! written. Each section's file holds the table of its keys ([`Key`]) and reads them (`table.rs`, `values.rs`) into the types below; a
//! mistake is noted and reading goes on. To add a key, add a line to its table and read it; tests then ask for it in the example.

mod alerts;
mod auth;
mod azure;
mod checks;
mod cloud;
mod demo;
mod digest;
mod duration;
mod environment;
mod files;
mod hiding;
mod http;
mod key;
mod load;
mod mail;
mod output;
mod poll;
mod problem;
mod reading;
mod recipients;
pub mod reference;
mod smtp;
mod store;
mod summary;
mod table;
mod tenant;
mod values;
mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::TimeDelta;
use url::Url;

pub use cloud::{Cloud, Preset};
pub use demo::Demo;
pub use duration::{format_duration, parse_duration};
pub use key::{Key, Need, Section};
pub use load::{Loaded, Sources, USUAL_FILE, load};
pub use problem::{Origin, Problem, Problems};
pub use summary::summary;

use crate::secret::SecretSource;

/// Everything the daemon was told, checked. A value of this type is one that can run.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[store]`
    pub store: StoreConfig,
    /// `[http]`
    pub http: HttpConfig,
    /// `poll.ca_file`: authorities to trust beside the system's, for sign-in and Graph; each PEM.
    pub authorities: Vec<Vec<u8>>,
    /// `[[tenant]]`, at least one.
    pub tenants: Vec<TenantConfig>,
    /// `[watch]`, `[[ignore]]`, `[alerts]`, `[recipients]`, `[[route]]`, `[digest]`, `[report]`: what decides who is told what when.
    pub policy: crate::policy::Rules,
    /// `[heartbeat]`
    pub heartbeat: Option<Url>,
    /// `[mail]`; `None`: no mails, metrics and page only.
    pub mail: Option<MailConfig>,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[log]`
    pub log: LogConfig,
}

/// `[store]`
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://…`; may hold a password.
    pub url: secrecy::SecretString,
    /// How long history and tombstones are kept.
    pub keep: TimeDelta,
}

/// `[http]`
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Address of the page, the metrics and the API.
    pub listen: SocketAddr,
    /// Where people reach the page; scheme and host.
    pub public_url: Option<Url>,
    /// `http.tls`; `None`: in the clear.
    pub tls: Option<HttpTls>,
    /// `http.auth`; `None`: everybody may look.
    pub auth: Option<HttpAuth>,
}

/// `http.tls`: certificate and key of the page's server, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTls {
    /// The certificate; others of its chain may follow.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

/// `http.auth`: who may look. Either way in is enough.
#[derive(Debug, Clone)]
pub struct HttpAuth {
    /// User names, each with the bcrypt hash of a password.
    pub basic: BTreeMap<String, secrecy::SecretString>,
    /// The token of programs.
    pub bearer: Option<SecretSource>,
}

/// `[[tenant]]` with its `[poll]` and `[auth.…]` resolved.
#[derive(Debug, Clone)]
pub struct TenantConfig {
    /// Label in metrics, pages and mails.
    pub name: String,
    /// GUID or domain, as written.
    pub tenant_id: String,
    /// The application EntraWatch signs in as.
    pub client_id: String,
    /// Where it lives.
    pub cloud: Cloud,
    /// How it signs in.
    pub auth: AuthConfig,
    /// `https://login.microsoftonline.com` or the override, without a trailing slash.
    pub login_url: Url,
    /// `https://graph.microsoft.com` or the override.
    pub graph_url: Url,
    /// `https://entra.microsoft.com` or the override.
    pub portal_url: Url,
    /// How often Graph is asked.
    pub poll_interval: TimeDelta,
    /// Without a complete poll for this long the watcher is blind.
    pub blind_after: TimeDelta,
    /// Whether only changes are asked for between full listings.
    pub delta: DeltaConfig,
    /// This tenant's fallback in place of `recipients.fallback`, where given.
    pub recipients: Option<Vec<String>>,
}

/// `poll.delta` and `poll.full_every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaConfig {
    /// Whether.
    pub mode: DeltaMode,
    /// How often everything is listed nevertheless.
    pub full_every: TimeDelta,
}

/// Whether only changes are asked for between full listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum DeltaMode {
    Auto,
    Always,
    Never,
}

/// How a tenant is signed in to.
#[derive(Debug, Clone)]
pub enum AuthConfig {
    /// Client secret.
    Secret(SecretSource),
    /// A certificate of the application, whose private key signs.
    Certificate {
        /// PEM file with the certificate; others of its chain may follow.
        certificate_file: PathBuf,
        /// Its RSA key, in PEM; may be the same file.
        private_key: SecretSource,
    },
    /// A token that somebody else, such as a Kubernetes cluster, writes into a file and renews there.
    WorkloadIdentity {
        /// The file; read again at each sign-in.
        token_file: PathBuf,
    },
    /// The identity that the platform gives to the machine.
    ManagedIdentity(ManagedIdentity),
}

/// A managed identity.
#[derive(Debug, Clone)]
pub struct ManagedIdentity {
    /// Which one of the machine's; `None`: the one that the platform made for the machine itself.
    pub client_id: Option<String>,
    /// Who issues its tokens.
    pub endpoint: IdentityEndpoint,
}

/// Who issues the tokens of a managed identity.
#[derive(Debug, Clone)]
pub enum IdentityEndpoint {
    /// The metadata service of a virtual machine or an AKS node, at `http://169.254.169.254` unless a test says otherwise.
    Metadata(Url),
    /// App Service, Functions and Container Apps: `IDENTITY_ENDPOINT` with the value of `IDENTITY_HEADER`.
    AppService {
        /// The endpoint.
        url: Url,
        /// What shows that it is the application that asks.
        header: secrecy::SecretString,
    },
}

/// `[mail]`
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// The sender, as in `EntraWatch <entrawatch@example.com>`.
    pub from: lettre::message::Mailbox,
    /// The breaker.
    pub max_per_hour: u32,
    /// A mail that failed for this long is dead.
    pub give_up_after: TimeDelta,
    /// How mails leave.
    pub transport: TransportConfig,
}

/// `mail.transport`
#[derive(Debug, Clone)]
pub enum TransportConfig {
    /// An SMTP server.
    Smtp(SmtpConfig),
    /// Microsoft Graph's sendMail.
    Graph(GraphMailConfig),
    /// A directory of `.eml` files.
    Folder {
        /// The directory, created if absent.
        path: PathBuf,
    },
}

/// An SMTP server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Host name or address.
    pub host: String,
    /// Port; 587 for `smtp://` and 465 for `smtps://` where the URL has none.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Sign-in, where the server wants one.
    pub login: Option<SmtpLogin>,
    /// PEM file with an authority to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// `smtps://`: TLS from the first byte.
    Implicit,
    /// `starttls = "required"`, the default.
    StarttlsRequired,
    /// `starttls = "opportunistic"`: TLS where the server offers it.
    StarttlsOpportunistic,
    /// `starttls = "none"`: plain text; refused with a password beyond loopback.
    None,
}

/// A sign-in to an SMTP server.
#[derive(Debug, Clone)]
pub struct SmtpLogin {
    /// The user name.
    pub username: String,
    /// What proves it.
    pub proof: SmtpProof,
}

/// What proves who signs in to an SMTP server.
#[derive(Debug, Clone)]
pub enum SmtpProof {
    /// `auth = "password"`
    Password(SecretSource),
    /// `auth = "xoauth2"`: a token for the identity of the tenant with this name.
    Token {
        /// The tenant's name.
        tenant: String,
        /// What the token is asked for.
        scope: String,
    },
}

/// A mailbox to send from by Microsoft Graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphMailConfig {
    /// The tenant, by name, whose identity sends.
    pub tenant: String,
    /// The mailbox: user principal name or object id.
    pub sender: String,
}

/// `[metrics]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Which credentials have series of their own.
    pub credentials: CredentialSeries,
}

/// Which credentials have series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum CredentialSeries {
    All,
    Expiring,
    None,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Lines for people or JSON for machines.
    pub format: LogFormat,
    /// A level, or a filter such as `entrawatch=debug,info`.
    pub level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::EnumIter, strum::Display)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogFormat {
    Text,
    Json,
}
