//! The command line. Each command has a file of its own, thin over the part that does the work.

mod check;
mod completions;
mod config;
mod demo;
mod doctor;
mod explain;
mod healthcheck;
mod mail;
mod output;
mod plan;
mod run;
mod silence;

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::config::{Loaded, LogConfig, LogFormat, Problems, Sources, load};
use crate::telemetry;

/// Watches the client secrets and certificates of Microsoft Entra applications, and tells the people who can act before one ends.
#[derive(Debug, Parser)]
#[command(name = "entrawatch", version = VERSION, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("ENTRAWATCH_COMMIT"), ")");

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Demo(demo::Demo),
    Plan(plan::Plan),
    Explain(explain::Explain),
    Check(check::Check),
    Doctor(doctor::Doctor),
    Config(config::Config),
    Mail(mail::Mail),
    Silence(silence::Silences),
    Healthcheck(healthcheck::Healthcheck),
    Completions(completions::Completions),
}

/// Which configuration file.
#[derive(Debug, Args)]
struct File {
    /// The configuration file. Default: `ENTRAWATCH_CONFIG`, else /etc/entrawatch/entrawatch.toml where it exists, else none.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Bad configuration: `EX_CONFIG` of sysexits.
const BAD_CONFIGURATION: u8 = 78;
/// Bad command line, as clap has it.
const BAD_USAGE: u8 = 2;
/// Unknown, as monitoring plugins have it: whatever kept `check` from an answer.
const UNKNOWN: u8 = 3;

/// The whole command line, as completions and the check of the documents need it.
pub fn grammar() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let is_check = arguments.get(1).is_some_and(|command| command == "check");
    let command = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command,
        Err(error) => {
            // Where standard output is closed there is nobody to tell.
            let _ = error.print();
            return match error.exit_code() {
                0 => ExitCode::SUCCESS,
                _ if is_check => UNKNOWN.into(),
                _ => BAD_USAGE.into(),
            };
        }
    };
    let ended = match command {
        Command::Run(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Mail(command) => command.run(),
        Command::Silence(command) => command.run(),
        Command::Healthcheck(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            let code = report(&error);
            if is_check { UNKNOWN.into() } else { code.into() }
        }
    }
}

/// Says what went wrong, and which exit code it is.
fn report(error: &anyhow::Error) -> u8 {
    eprintln!("error: {error:#}");
    if error.is::<Problems>() { BAD_CONFIGURATION } else { 1 }
}

impl File {
    fn sources(&self) -> Sources {
        Sources::of_process(self.config.clone())
    }

    /// The configuration for a command that looks once and ends: the log says warnings only, so that the answer stands out.
    fn load_quietly(&self) -> anyhow::Result<Loaded> {
        let loaded = load(&self.sources())?;
        telemetry::start(&LogConfig { format: LogFormat::Text, level: "warn".to_owned() })?;
        Ok(loaded)
    }
}

/// Runs a command that waits for others.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?.block_on(future)
}
