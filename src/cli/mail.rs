//! `entrawatch mail test` and `mail preview`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use lettre::Address;

use super::File;
use super::output::say;
use crate::clock::{Clock as _, SystemClock, TokioSleeper};
use crate::config::Config;
use crate::graph;
use crate::mail::smtp::hint;
use crate::mail::{samples, trial};
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::telemetry::escape;

/// Try whether mails arrive, or see what they look like.
#[derive(Debug, Args)]
pub struct Mail {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Send one mail, and show what was said to the mail server and what it answered. Passwords are masked.
    Test {
        #[command(flatten)]
        file: File,
        /// To whom.
        #[arg(long, value_name = "ADDRESS")]
        to: Address,
    },
    /// Write every kind of mail, made from samples, as .eml, .html and .txt. Nothing is sent.
    Preview {
        /// The directory; created if absent.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

impl Mail {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Test { file, to } => {
                super::block_on(test(&file.load_quietly()?.config, &to))?;
            }
            What::Preview { out } => {
                let written = samples::preview(&out)?;
                say(&format!("{} files in {}\n", written.len(), out.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn test(config: &Config, to: &Address) -> anyhow::Result<()> {
    let mail = config
        .mail
        .as_ref()
        .context("there is no [mail], so nobody is mailed; write one, `entrawatch config example` shows how")?;
    let context = graph::Context {
        clock: Arc::new(SystemClock),
        sleeper: Arc::new(TokioSleeper),
        metrics: Arc::new(Metrics::new()?),
        http: graph::http_client(&config.authorities)?,
        progress: Progress::default(),
    };
    let identity = |name: &str| {
        let tenant = config.tenants.iter().find(|tenant| tenant.name == name)?;
        Some(graph::Client::new(tenant, context.clone()))
    };
    let trial = trial::send(mail, to, SystemClock.now(), identity).await?;
    for line in &trial.dialogue {
        say(&format!("{}\n", escape(&line.to_string())))?;
    }
    if !trial.dialogue.is_empty() {
        say("\n")?;
    }
    match trial.result {
        Ok(answer) => Ok(say(&format!(
            "the mail is taken: {}\nnow look into the mailbox of {to}, and among its unwanted mail\n",
            escape(&answer)
        ))?),
        Err(error) => {
            let usual = hint(&error.answer).map(|hint| format!("\nWhat that usually means: {hint}")).unwrap_or_default();
            bail!("the mail was not taken: {}{usual}", escape(&error.answer))
        }
    }
}
