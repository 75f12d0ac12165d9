//! A network that lets nobody out but through a proxy, and an authority of one's own: the real program gets through with the usual environment
//! variable and `poll.ca_file`.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, SystemClock};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::support::graph::Tenant;
use crate::support::tls::Authority;

/// Leads every CONNECT to `to`; what was asked for, and with which password.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let seen = Arc::clone(&asked);
        let tracker = TaskTracker::new();
        tracker.clone().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tracker.spawn(connect(client, to, Arc::clone(&seen)));
            }
        });
        Self { address, asked }
    }
}

async fn connect(client: TcpStream, to: SocketAddr, seen: Arc<Mutex<Vec<String>>>) {
    let mut client = BufReader::new(client);
    loop {
        let mut line = String::new();
        if client.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        seen.lock().unwrap().push(line.trim_end().to_owned());
    }
    let mut server = TcpStream::connect(to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_of_the_environment_and_an_authority_of_ones_own_lead_to_graph() {
    const HOST: &str = "graph.contoso.example";
    const USER_AND_PASSWORD: &str = "ann:s%40cret";
    let (authority, now) = (Authority::new(), SystemClock.now());
    let (tenant, address) = Tenant::start_hidden(HOST, Arc::new(ManualClock::new(now)), authority.server(HOST)).await;
    let app = tenant.directory.add_application("Payroll API");
    tenant.directory.add_secret(app.id, "2025", now - TimeDelta::days(300), now + TimeDelta::days(3));
    let proxy = Proxy::start(address).await;

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let config = |poll: &str| {
        format!(
            r#"
            [poll]
            {poll}
            [[tenant]]
            name = "contoso"
            tenant_id = "{}"
            client_id = "{}"
            login_url = "https://{HOST}"
            graph_url = "https://{HOST}"
            auth = {{ kind = "secret", secret = "{}" }}
            "#,
            tenant.directory.tenant_id(),
            tenant.watcher.application.app_id,
            tenant.watcher.secret.expose_secret(),
        )
    };
    let check = |poll: &str| {
        std::fs::write(folder.path().join("entrawatch.toml"), config(poll)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrawatch"));
        command.args(["check", "--config", "entrawatch.toml"]).current_dir(folder.path()).env_clear();
        command.env("HTTPS_PROXY", format!("http://{USER_AND_PASSWORD}@{}", proxy.address));
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };

    let (code, text) = check("ca_file = \"ca.pem\"");
    assert_eq!(code, Some(2), "a last secret that ends in 3 days is critical:\n{text}");
    assert!(text.contains("Payroll API"), "{text}");
    let asked = proxy.asked.lock().unwrap().clone();
    assert!(asked.contains(&format!("CONNECT {HOST}:443 HTTP/1.1")), "{asked:?}");
    let signed_in = |line: &String| line.to_lowercase().starts_with("proxy-authorization: basic ");
    assert!(asked.iter().any(signed_in), "{asked:?}");

    let (code, text) = check("interval = \"15m\"");
    assert_eq!(code, Some(3), "an authority that nobody named is not trusted:\n{text}");
    assert!(text.contains("poll.ca_file") && !text.contains("s%40cret"), "{text}");
}
