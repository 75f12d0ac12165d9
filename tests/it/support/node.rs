//! A node program that serves on loopback while a test talks to it: the peers in `tests/peers`.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// Where `tests/install` puts what the peers need.
const MODULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/node_modules");

/// A peer that serves. It ends when this is dropped.
pub struct Served {
    pub port: u16,
    _input: ChildStdin,
    _child: Child,
}

/// Starts `tests/peers/{script}`, gives it `input` on one line and reads the port it prints; `None`, said aloud, where the peers are not
/// installed.
pub async fn serve(script: &str, input: &Value) -> Option<Served> {
    if !Path::new(MODULES).exists() {
        super::missing("tests/peers/node_modules (run tests/install)");
        return None;
    }
    let path = format!("{}/tests/peers/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("node")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(format!("{input}\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("{script} ended before it served"));
    let said: Value = serde_json::from_str(&line).unwrap();
    Some(Served { port: said["port"].as_u64().unwrap().try_into().unwrap(), _input: stdin, _child: child })
}
