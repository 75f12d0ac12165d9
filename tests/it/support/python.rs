//! Python programs that talk to our parts: the peers in `tests/peers`.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Where `tests/install` puts Python and what the peers need.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.venv/bin/python");

/// What a machine may tell Python about its network, and which is wrong for loopback and an authority of our own.
const SURROUNDINGS: &[&str] = &[
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
];

/// `tests/peers/{script}`, ended when it is dropped; `None`, said aloud, where the peers are not installed.
pub fn start(script: &str) -> Option<Child> {
    if !Path::new(PYTHON).exists() {
        super::missing("tests/.venv (run tests/install)");
        return None;
    }
    let path = format!("{}/tests/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(PYTHON);
    command.arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for variable in SURROUNDINGS {
        command.env_remove(variable);
    }
    Some(command.spawn().unwrap())
}

/// Runs `tests/peers/{script}` with `input` as JSON and returns the JSON it prints; `None`, said aloud, where the peers are not installed.
pub async fn peer(script: &str, input: &Value) -> Option<Value> {
    let mut child = start(script)?;
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{script} failed: {}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
