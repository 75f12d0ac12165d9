//! `entrawatch doctor`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::File;
use super::output::say;
use crate::clock::{SystemClock, TokioSleeper};
use crate::config::{LogConfig, LogFormat, load};
use crate::doctor::examine;
use crate::graph;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::telemetry;

/// Ask the real systems whether all that is needed is there: sign-in, permissions, a listing, an owner, the clock, the mail server, the
/// store. Says for each what to change. Changes nothing, sends nothing, prints no secret.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    file: File,
}

impl Doctor {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let config = load(&self.file.sources())?.config;
        // What goes wrong is the answer; the log would only say it twice.
        telemetry::start(&LogConfig { format: LogFormat::Text, level: "off".to_owned() })?;
        let context = graph::Context {
            clock: Arc::new(SystemClock),
            sleeper: Arc::new(TokioSleeper),
            metrics: Arc::new(Metrics::new()?),
            http: graph::http_client(&config.authorities)?,
            progress: Progress::default(),
        };
        let diagnosis = super::block_on(async { Ok(examine(&config, &context).await) })?;
        say(&diagnosis.text())?;
        Ok(if diagnosis.is_bad() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
