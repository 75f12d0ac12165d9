//! Mail servers by aiosmtpd, with the scripts of `tests/peers/smtp_server.py`.

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::support::python;

/// The servers of one process. Dropping them stops them.
#[derive(Debug)]
pub struct Peers {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    ports: Map<String, Value>,
    _process: Child,
}

/// What a server has seen.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// Connections.
    pub connections: usize,
    /// What clients called themselves.
    pub hello: Vec<String>,
    /// Who has signed in.
    pub signed_in: Vec<String>,
    /// The tokens that were shown.
    pub tokens: Vec<String>,
    /// The mails that it kept, whether or not the sender was told.
    pub mails: Vec<Mail>,
}

/// A mail that a server kept.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// Of the envelope.
    pub to: Vec<String>,
    /// Whether the envelope needed SMTPUTF8.
    pub utf8: bool,
    /// Whether it came by TLS.
    pub tls: bool,
    /// The message.
    pub content: String,
}

impl Peers {
    /// Starts a server for each name; `None`, said aloud, where Python's peers are not installed.
    pub async fn start(scripts: &Value) -> Option<Self> {
        let mut process = python::start("smtp_server.py")?;
        let mut input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        input.write_all(format!("{scripts}\n").as_bytes()).await.unwrap();
        let line = output.next_line().await.unwrap().expect("the servers start");
        Some(Self { input, output, ports: serde_json::from_str(&line).unwrap(), _process: process })
    }

    /// Where a server listens.
    pub fn port(&self, name: &str) -> u16 {
        self.ports[name].as_u64().unwrap().try_into().unwrap()
    }

    /// What a server has seen so far.
    pub async fn report(&mut self, name: &str) -> Report {
        self.input.write_all(b"report\n").await.unwrap();
        let line = self.output.next_line().await.unwrap().expect("a report");
        let mut reports: Map<String, Value> = serde_json::from_str(&line).unwrap();
        serde_json::from_value(reports.remove(name).unwrap()).unwrap()
    }
}
