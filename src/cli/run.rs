//! `entrawatch run`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::File;
use crate::app::{self, Start};
use crate::clock::{SystemClock, TokioSleeper};
use crate::config::{Config, Sources, load};
use crate::graph::Limits;
use crate::shutdown::{self, Shutdown};
use crate::store::fleeting;
use crate::telemetry;

/// Run the daemon: poll, keep, tell, serve.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    file: File,
}

impl Run {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let sources = self.file.sources();
        let loaded = load(&sources)?;
        telemetry::start(&loaded.config.log)?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(warning) = fleeting::warning(&loaded.config.store.url) {
            tracing::warn!("{warning}");
        }
        tracing::info!(version = crate::VERSION, commit = crate::COMMIT, tenants = loaded.config.tenants.len(), "starting");
        let start = Start {
            config: loaded.config,
            clock: Arc::new(SystemClock),
            sleeper: Arc::new(TokioSleeper),
            limits: Limits::default(),
            reload: Box::new(move || reload(&sources)),
            ready: Box::new(|address| tracing::info!(%address, "ready")),
            shutdown: Shutdown::new(),
        };
        shutdown::block_on(app::run(start))??;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the same sources again. The environment of a process does not change, its files do.
fn reload(sources: &Sources) -> Result<Config, String> {
    let loaded = load(sources).map_err(|problems| problems.to_string())?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.config)
}
