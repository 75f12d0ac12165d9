//! `entrawatch completions`

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::output::say;

/// Print the completions of a shell: bash, elvish, fish, powershell or zsh.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::grammar(), "entrawatch", &mut script);
        say(&String::from_utf8(script)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
