//! `entrawatch healthcheck`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;

use super::File;
use super::output::say;

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
        let listen = match self.listen {
            Some(listen) => listen,
            None => self.file.load_quietly()?.config.http.listen,
        };
        super::block_on(ask(reachable(listen), self.full))?;
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

async fn ask(address: SocketAddr, full: bool) -> anyhow::Result<()> {
    let path = if full { "/api/v1/health" } else { "/healthz" };
    let url = format!("http://{address}{path}");
    let client = reqwest::Client::builder().no_proxy().timeout(WITHIN).build()?;
    let response = client.get(&url).send().await.map_err(reqwest::Error::without_url);
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

fn told(problems: &[Problem]) -> String {
    let one = |problem: &Problem| match &problem.tenant {
        Some(tenant) => format!("{tenant}: {}", problem.why),
        None => problem.why.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n       ")
}
