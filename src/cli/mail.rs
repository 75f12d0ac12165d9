//! `entrawatch mail preview`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::output::say;
use crate::mail::samples;

/// See what mails look like.
#[derive(Debug, Args)]
pub struct Mail {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
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
            What::Preview { out } => {
                let written = samples::preview(&out)?;
                say(&format!("{} files in {}\n", written.len(), out.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
