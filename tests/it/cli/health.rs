//! `entrawatch healthcheck`

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Output;

use super::{code, configured, entrawatch_with, err, out};

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
