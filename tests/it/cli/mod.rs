//! The command line, as the real binary.

mod check;
mod explain;
mod health;
mod mail;
mod plan;
mod silence;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

const CONFIGURATION: &str = r#"
[[tenant]]
name = "contoso"
tenant_id = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
auth = { kind = "secret", secret = "s3cr3t" }

[http]
listen = "LISTEN"

[recipients]
fallback = ["ops@example.com"]
owners = true

[mail]
from = "EntraWatch <entrawatch@example.com>"
transport = { kind = "smtp", url = "smtps://mail.example.com", username = "u", password = "s3cr3t" }
"#;

/// A directory with a configuration that can be used.
fn configured(listen: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("entrawatch.toml"), CONFIGURATION.replace("LISTEN", listen)).unwrap();
    directory
}

pub fn entrawatch(directory: &Path, arguments: &[&str]) -> Output {
    entrawatch_with(directory, arguments, &[])
}

fn entrawatch_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrawatch"));
    command.args(arguments).current_dir(directory).env_clear().envs(variables.iter().copied()).output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_good_configuration_is_told_in_a_few_lines_without_its_secrets() {
    let directory = configured("127.0.0.1:9690");
    let output = entrawatch(directory.path(), &["config", "check", "-c", "entrawatch.toml"]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    insta::assert_snapshot!(out(&output));
    let by_variable = entrawatch_with(directory.path(), &["config", "check"], &[("ENTRAWATCH_CONFIG", "entrawatch.toml")]);
    assert_eq!(out(&by_variable), out(&output));
}

#[test]
fn warnings_of_a_good_configuration_are_told_too() {
    let directory = configured("0.0.0.0:9690");
    let output = entrawatch(directory.path(), &["config", "check", "--config", "entrawatch.toml"]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).contains("1 warning\n\n  http.listen  entrawatch.toml:"), "{}", out(&output));
}

#[test]
fn a_bad_configuration_is_78_and_told_whole() {
    let directory = configured("nowhere");
    let output = entrawatch(directory.path(), &["config", "check", "-c", "entrawatch.toml"]);
    assert_eq!((code(&output), out(&output)), (78, String::new()));
    assert!(
        err(&output).starts_with("error: the configuration cannot be used: 1 problem\n\n  http.listen  entrawatch.toml:9\n"),
        "{}",
        err(&output)
    );
}

#[test]
fn no_configuration_is_78_and_a_page_to_start_from() {
    let directory = tempfile::tempdir().unwrap();
    let output = entrawatch(directory.path(), &["config", "check"]);
    assert_eq!(code(&output), 78);
    for help in ["entrawatch demo", "[[tenant]]", "AZURE_CLIENT_SECRET", "entrawatch config example"] {
        assert!(err(&output).contains(help), "{help} is not in\n{}", err(&output));
    }
}

#[test]
fn the_examples_are_printed_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let printed = |arguments: &[&str]| out(&entrawatch(directory.path(), arguments));
    assert_eq!(printed(&["config", "example"]), include_str!("../../../config/example.toml"));
    assert_eq!(printed(&["config", "example", "--minimal"]), include_str!("../../../config/minimal.toml"));
}

#[test]
fn version_names_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let output = entrawatch(directory.path(), &["--version"]);
    assert_eq!(out(&output), format!("entrawatch {} ({})\n", entrawatch::VERSION, entrawatch::COMMIT));
    assert!(!entrawatch::COMMIT.is_empty());
}

#[test]
fn every_command_explains_itself() {
    let directory = tempfile::tempdir().unwrap();
    let mut pages = String::new();
    for arguments in [
        vec!["--help"],
        vec!["config", "--help"],
        vec!["config", "check", "--help"],
        vec!["mail", "test", "--help"],
        vec!["mail", "preview", "--help"],
        vec!["healthcheck", "--help"],
    ] {
        let output = entrawatch(directory.path(), &arguments);
        assert_eq!(code(&output), 0);
        let _ = writeln!(pages, "$ entrawatch {}\n{}", arguments.join(" "), out(&output));
    }
    insta::assert_snapshot!(pages);
}

#[test]
fn a_shell_gets_its_completions() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = entrawatch(directory.path(), &["completions", shell]);
        assert!(code(&output) == 0 && out(&output).contains("healthcheck"), "{shell}");
    }
    assert_eq!(code(&entrawatch(directory.path(), &["completions", "cmd"])), 2);
}

#[test]
fn a_reader_that_goes_away_has_what_it_wanted() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [["config", "example"], ["completions", "zsh"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrawatch"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.args(arguments).current_dir(directory.path()).env_clear().stdout(writer).output().unwrap();
        assert_eq!((code(&output), err(&output)), (0, String::new()), "{arguments:?}");
    }
}
