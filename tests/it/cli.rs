//! The command line, as the real binary.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use entrawatch::inventory::Tracked;
use entrawatch::store::{Commit, Store};

use crate::support::builder::{With as _, application};

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

fn entrawatch(directory: &Path, arguments: &[&str]) -> Output {
    entrawatch_with(directory, arguments, &[])
}

fn entrawatch_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrawatch"));
    command.args(arguments).current_dir(directory).env_clear().envs(variables.iter().copied()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
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
    assert_eq!(printed(&["config", "example"]), include_str!("../../config/example.toml"));
    assert_eq!(printed(&["config", "example", "--minimal"]), include_str!("../../config/minimal.toml"));
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

/// Answers one request and returns its first line.
fn answering(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let handle = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&request[..read]).lines().next().unwrap_or_default().to_owned()
    });
    (address, handle)
}

fn healthcheck(listen: &str, arguments: &[&str]) -> Output {
    let directory = configured(listen);
    // A proxy of the environment has no say about this machine.
    let variables = [("ENTRAWATCH_CONFIG", "entrawatch.toml"), ("http_proxy", "http://127.0.0.1:9")];
    entrawatch_with(directory.path(), &[&["healthcheck"], arguments].concat(), &variables)
}

#[test]
fn healthcheck_asks_the_daemon() {
    let (address, asked) = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    let output = healthcheck(&address.replace("127.0.0.1", "0.0.0.0"), &[]);
    assert_eq!((code(&output), out(&output).as_str()), (0, "the daemon works\n"), "{}", err(&output));
    assert_eq!(asked.join().unwrap(), "GET /healthz HTTP/1.1");
}

#[test]
fn healthcheck_says_why_something_may_go_unnoticed() {
    let (address, asked) = answering(concat!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
        r#"{"status":"failing","time":"2026-11-22T00:00:00Z","problems":["#,
        r#"{"what":"tenant_not_seen","tenant":"contoso","since":"2026-11-21T00:00:00Z","why":"not seen completely for 24h"},"#,
        r#"{"what":"mail_failing","tenant":null,"since":null,"why":"no mail was accepted"}]}"#
    ));
    let output = healthcheck(&address, &["--full"]);
    assert_eq!(code(&output), 1);
    assert_eq!(err(&output), "error: contoso: not seen completely for 24h\n       no mail was accepted\n");
    assert_eq!(asked.join().unwrap(), "GET /api/v1/health HTTP/1.1");
}

#[test]
fn healthcheck_of_nobody_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let output = healthcheck(&address, &[]);
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("does not answer; is `entrawatch run` running with this configuration?"), "{}", err(&output));
}

#[test]
fn mail_preview_writes_every_mail() {
    let directory = tempfile::tempdir().unwrap();
    let output = entrawatch(directory.path(), &["mail", "preview", "--out", "mails"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let files = std::fs::read_dir(directory.path().join("mails")).unwrap().count();
    assert_eq!(out(&output), format!("{files} files in mails\n"));
    assert!(files > 20, "{files}");
}

/// A configuration whose store knows two applications of contoso.
fn watched() -> tempfile::TempDir {
    let directory = configured("127.0.0.1:9690");
    let url = format!("sqlite:{}", directory.path().join("entrawatch.db").display()).into();
    let objects = [
        application("0a11", "Payroll\n\u{202e}API").secret("0c11", 0.0, 30_000.0).secret("0c12", 0.0, 20_000.0),
        application("0a22", "Wiki").secret("0c21", 0.0, 30_000.0),
    ];
    let put = |object| Tracked { object, hash: String::new(), missing_since: None, gone_at: None };
    let fill = async {
        let store = Store::open(&url).await.unwrap();
        let record = store.tenant("11111111-2222-3333-4444-555555555555", "contoso").await.unwrap();
        let commit = Commit { state: record.state, put: objects.map(put).into(), ..Commit::default() };
        store.commit("11111111-2222-3333-4444-555555555555", record.version, commit).await.unwrap();
        store.close().await;
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(fill);
    directory
}

fn silence(directory: &tempfile::TempDir, arguments: &[&str]) -> Output {
    let variables = [("ENTRAWATCH_CONFIG", "entrawatch.toml"), ("USER", "alex")];
    entrawatch_with(directory.path(), &[&["silence"], arguments].concat(), &variables)
}

#[test]
fn a_silence_says_what_it_covers_and_what_covers_it_already() {
    let directory = watched();
    let mut told = String::new();
    let mut ids = Vec::new();
    let mut tell = |arguments: &[&str]| {
        let output = silence(&directory, arguments);
        let mut text = out(&output) + &err(&output);
        if let Some(id) = text.strip_prefix("silence ").and_then(|rest| rest.split(' ').next()).filter(|_| arguments[0] == "add")
        {
            ids.push(id.to_owned());
        }
        for (index, id) in ids.iter().enumerate() {
            text = text.replace(id, &format!("SILENCE{index}"));
        }
        let _ = writeln!(told, "$ entrawatch silence {}  -> {}\n{text}", arguments.join(" "), code(&output));
    };
    tell(&["list"]);
    tell(&["add", "--tenant", "contoso", "--credential", "0C11", "--until", "2098-12-24", "--reason", "moving to certificates"]);
    tell(&["add", "--name", "pay*", "--until", "2098-12-24T18:00:00Z", "--reason", "r\ns", "--author", "sam"]);
    tell(&[
        "add",
        "--app",
        "app-0a22",
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--until",
        "2099-01-01",
        "--reason",
        "x",
    ]);
    tell(&["add", "--app", "none", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--tenant", "fabrikam", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--name", "[", "--until", "2099-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--until", "2020-01-01", "--reason", "x"]);
    tell(&["add", "--app", "none", "--until", "Christmas", "--reason", "x"]);
    tell(&["remove", "none"]);
    let list = out(&silence(&directory, &["list"]));
    assert_eq!(list.matches("since").count(), 4, "{list}");
    for id in ids.clone() {
        assert_eq!(code(&silence(&directory, &["remove", &id])), 0);
    }
    assert_eq!(out(&silence(&directory, &["list"])), "there is no silence\n");
    insta::assert_snapshot!(told);
    assert_eq!(
        code(&silence(&directory, &["add", "--app", "a", "--name", "b", "--until", "1d", "--reason", "x"])),
        2,
        "one scope only"
    );
}
