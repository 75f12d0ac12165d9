//! `entrawatch healthcheck`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Client;
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::File;
use super::output::say;
use crate::config::{HttpConfig, HttpTls};
use crate::tls;

/// Ask the running daemon whether it works; for containers that have no shell.
#[derive(Debug, Args)]
pub struct Healthcheck {
    #[command(flatten)]
    file: File,
    /// Where it listens. Default: what the configuration says.
    #[arg(long, value_name = "ADDRESS", env = "ENTRAWATCH__HTTP__LISTEN")]
    listen: Option<SocketAddr>,
    /// Ask whether every tenant is seen and mails leave, too. For monitoring; a restart mends none of that.
    #[arg(long)]
    full: bool,
}

/// Less than what container runtimes wait by default.
const WITHIN: Duration = Duration::from_secs(10);

const NO_TOKEN: &str = "--full needs http.auth.bearer_file: of the passwords in http.auth.basic only the hashes are known here";

/// The part of the answer of `/api/v1/health` that is shown.
#[derive(Debug, Deserialize)]
struct Health {
    problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    tenant: Option<String>,
    why: String,
}

impl Healthcheck {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let http = match (self.listen, self.file.load_quietly()) {
            (Some(listen), Ok(loaded)) => HttpConfig { listen, ..loaded.config.http },
            // Where it listens is all that has to be known of a daemon without TLS.
            (Some(listen), Err(_)) => HttpConfig { listen, public_url: None, tls: None, auth: None },
            (None, loaded) => loaded?.config.http,
        };
        super::block_on(ask(&http, self.full))?;
        say(if self.full { "the daemon works, every tenant is seen and mails leave\n" } else { "the daemon works\n" })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Where a server that listens on every interface is reached on this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(http: &HttpConfig, full: bool) -> anyhow::Result<()> {
    let path = if full { "/api/v1/health" } else { "/healthz" };
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}{path}", reachable(http.listen));
    let mut request = client(http.tls.as_ref())?.get(&url);
    if let Some(auth) = http.auth.as_ref().filter(|_| full) {
        let token = auth.bearer.as_ref().context(NO_TOKEN)?.read().await.context("http.auth.bearer_file")?;
        request = request.bearer_auth(token.expose_secret());
    }
    let response = request.send().await.map_err(reqwest::Error::without_url);
    let response =
        response.with_context(|| format!("{url} does not answer; is `entrawatch run` running with this configuration?"))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = response.text().await.unwrap_or_default();
    match serde_json::from_str::<Health>(&text) {
        Ok(health) if !health.problems.is_empty() => bail!("{}", told(&health.problems)),
        _ => bail!("{url} answers {status}: {}", text.trim()),
    }
}

/// One that takes our own server and no other: the token goes to nobody else.
fn client(tls: Option<&HttpTls>) -> anyhow::Result<Client> {
    let builder = Client::builder().no_proxy().timeout(WITHIN);
    let Some(tls) = tls else { return Ok(builder.build()?) };
    let shown = tls.cert_file.display();
    let certificate = std::fs::read(&tls.cert_file).with_context(|| format!("{shown} cannot be read"))?;
    let pinned = tls::pinned(&certificate).with_context(|| shown.to_string())?;
    Ok(builder.tls_backend_preconfigured(pinned).build()?)
}

fn told(problems: &[Problem]) -> String {
    let one = |problem: &Problem| match &problem.tenant {
        Some(tenant) => format!("{tenant}: {}", problem.why),
        None => problem.why.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n       ")
}
