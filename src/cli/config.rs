//! `entrawatch config check` and `config example`

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::File;
use super::output::say;
use crate::config::{Loaded, load, summary};

/// Check a configuration, or print one with every key explained.
#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say everything that is wrong with the configuration, or what it comes to. Nothing is asked of the network.
    Check(File),
    /// Print a configuration with every key explained.
    Example {
        /// The least that works.
        #[arg(long)]
        minimal: bool,
    },
}

impl Config {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Check(file) => {
                let loaded = load(&file.sources())?;
                say(&told(&loaded))?;
            }
            What::Example { minimal: true } => say(include_str!("../../config/minimal.toml"))?,
            What::Example { minimal: false } => say(include_str!("../../config/example.toml"))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn told(loaded: &Loaded) -> String {
    let mut text = format!("the configuration can be used\n\n{}", summary(loaded));
    if let count @ 1.. = loaded.warnings.len() {
        let noun = if count == 1 { "warning" } else { "warnings" };
        let _ = writeln!(text, "\n{count} {noun}");
    }
    for warning in &loaded.warnings {
        let _ = write!(text, "\n{}", warning.paragraph());
    }
    text
}
