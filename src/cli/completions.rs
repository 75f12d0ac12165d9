//! `entrawatch completions`

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

/// Print the completions of a shell: bash, elvish, fish, powershell or zsh.
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> ExitCode {
        clap_complete::generate(self.shell, &mut super::grammar(), "entrawatch", &mut std::io::stdout());
        ExitCode::SUCCESS
    }
}
