//! Many connections, slow ones, and the end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::builder::{With as _, application};
use crate::support::snapshots::Site;

#[tokio::test]
async fn a_thousand_idle_connections_do_not_keep_a_scrape_out() {
    let site = Site::contoso([application("a1", "Payroll").secret("k", -1.0, 40.0)]).await;
    let mut idle = Vec::new();
    for index in 0..1000 {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        // Half of them never finish their request.
        if index % 2 == 0 {
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        }
        idle.push(stream);
    }
    let begun = Instant::now();
    let (status, text) = timeout(Duration::from_secs(5), site.text("/metrics")).await.expect("an answer");
    assert!(status == 200 && text.contains("entra_credentials"));
    println!("a scrape beside 1,000 idle connections took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_large_body_and_a_long_header_are_refused() {
    let site = Site::contoso([]).await;
    let client = reqwest::Client::new();
    let response = client.get(site.url("/")).body("x".repeat(100_000)).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await.unwrap();
    let flood = stream.write_all(&vec![b'x'; 8 << 20]).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    assert!(flood.is_err() || read.is_err() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn the_end_waits_for_no_idle_connection() {
    let site = Site::contoso([]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let server = tasks.spawn(entrawatch::web::serve(listener, site.state.clone(), stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stop.cancel();
    timeout(Duration::from_secs(1), server).await.expect("an end").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
