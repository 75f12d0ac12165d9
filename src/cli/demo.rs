//! `entrawatch demo`

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::output::say;
use crate::app::{self, Start};
use crate::clock::{Clock, FastClock, Sleeper, SystemClock, TokioSleeper};
use crate::config::{Config, Demo as DemoConfig, LogConfig, LogFormat};
use crate::demo::{self, Simulated};
use crate::graph::Limits;
use crate::shutdown::{self, Shutdown};
use crate::telemetry;

/// Run the same daemon on a simulated tenant in this process. Mails go to a folder; nothing leaves this machine.
#[derive(Debug, Args)]
pub struct Demo {
    /// Let time run: so many days pass in each minute. Secrets near their end, mails are written, metrics move while you watch.
    #[arg(long, value_name = "N", value_parser = days_per_minute)]
    days_per_minute: Option<f64>,
    /// Where the page and the metrics are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9690", env = "ENTRAWATCH__HTTP__LISTEN")]
    listen: SocketAddr,
    /// Where the database, the mails and the configuration are kept. Default: a new directory among the temporary ones.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// However fast the time runs, Graph is polled at most once in so many seconds of real time.
const POLL_AT_MOST_EVERY: f64 = 4.0;

fn days_per_minute(text: &str) -> Result<f64, String> {
    let days: f64 = text.parse().map_err(|_| "write a number of days, such as 5 or 0.5".to_owned())?;
    if days > 0.0 && days <= 365.0 { Ok(days) } else { Err("write a number of days above 0 and up to 365".to_owned()) }
}

impl Demo {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        telemetry::start(&LogConfig { format: LogFormat::Text, level: "error".to_owned() })?;
        shutdown::block_on(self.serve())??;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> anyhow::Result<()> {
        let factor = self.days_per_minute.map(|days| days * 24.0 * 60.0);
        let clock: Arc<dyn Clock> = match factor {
            Some(factor) => Arc::new(FastClock::new(SystemClock.now(), factor)),
            None => Arc::new(SystemClock),
        };
        let sleeper: Arc<dyn Sleeper> = Arc::new(TokioSleeper);
        let shutdown = Shutdown::new();
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no loopback port is free for the simulated tenant")?;
        let tenant = demo::start(listener, clock.clone(), sleeper.clone(), &TaskTracker::new(), shutdown.soft())
            .context("the simulated tenant cannot be served")?;
        let directory = match self.dir {
            Some(directory) => std::path::absolute(directory)?,
            None => std::env::temp_dir().join(format!("entrawatch-demo-{}", &Uuid::new_v4().simple().to_string()[..8])),
        };
        let mut config = configuration(&directory, self.listen, &tenant)?;
        if let Some(factor) = factor {
            slow_down(&mut config, factor);
        }
        let start = Start {
            reload: Box::new({
                let config = config.clone();
                move || Ok(config.clone())
            }),
            config,
            clock,
            sleeper,
            limits: Limits { keys_per_minute: None, ..Limits::default() },
            ready: Box::new(move |address| tell(address, &directory)),
            shutdown,
        };
        app::run(start).await
    }
}

fn configuration(directory: &Path, listen: SocketAddr, tenant: &Simulated) -> anyhow::Result<Config> {
    let config = DemoConfig {
        directory,
        listen,
        tenant: &tenant.base,
        tenant_id: &tenant.directory.tenant_id().to_string(),
        client_id: &tenant.watcher.application.app_id.to_string(),
        secret: &tenant.watcher.secret,
    };
    config.write().with_context(|| format!("{} cannot be written; choose another directory with --dir", directory.display()))?;
    Ok(config.load()?.config)
}

/// With a clock that runs fast, an interval of policy time is so short that nothing else would happen.
fn slow_down(config: &mut Config, factor: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "the factor is bounded by the command line")]
    let interval = TimeDelta::seconds((POLL_AT_MOST_EVERY * factor) as i64);
    for tenant in &mut config.tenants {
        tenant.poll_interval = tenant.poll_interval.max(interval);
        tenant.blind_after = tenant.blind_after.max(tenant.poll_interval * 3);
    }
}

fn tell(address: SocketAddr, directory: &Path) {
    // As it was called: `cargo run` puts nothing where the shell finds it.
    let program = std::env::args().next().unwrap_or_else(|| "entrawatch".to_owned());
    let text = format!(
        "Page     http://{address}/\nMetrics  http://{address}/metrics\nMails    {}\nAsk it   {program} plan --config {}\n",
        directory.join("mails").display(),
        directory.join("entrawatch.toml").display(),
    );
    if let Err(error) = say(&text) {
        tracing::error!(%error, "standard output cannot be written");
    }
}
