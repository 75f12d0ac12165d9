//! TLS and sign-in.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use entrawatch::config::{Config, HttpAuth, HttpTls};
use entrawatch::secret::SecretSource;
use entrawatch::web::serve;
use reqwest::{Certificate, Client, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::builder::{With as _, application, start};
use crate::support::missing;
use crate::support::snapshots::{Site, config, snapshot};
use crate::support::tls::Authority;

/// Files of a server, and who signed its certificate.
struct Files {
    directory: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap(), authority: Authority::new() };
        files.renew();
        files.write("token", "s3cr3t-token\n");
        files.write("authority.pem", &files.authority.pem());
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Writes another certificate and its key.
    fn renew(&self) {
        let (certificate, key) = self.authority.issue(&["127.0.0.1", "localhost"]);
        self.write("cert.pem", &certificate);
        self.write("key.pem", &key);
    }

    fn tls(&self) -> HttpTls {
        HttpTls { cert_file: self.path("cert.pem"), key_file: self.path("key.pem") }
    }

    /// `jo` with the password `correct: horse` and a hash of this cost; and programs with the token.
    fn auth(&self, cost: u32) -> HttpAuth {
        HttpAuth {
            basic: [("jo".to_owned(), bcrypt::hash("correct: horse", cost).unwrap().into())].into(),
            bearer: Some(SecretSource::File(self.path("token"))),
        }
    }

    fn client(&self) -> Client {
        let authority = Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap()
    }
}

async fn site(change: impl FnOnce(&mut Config)) -> Site {
    let mut config = config();
    change(&mut config);
    Site::of([snapshot("contoso", [application("a1", "Payroll").secret("k", -300.0, 3.0)], &config, start())], config).await
}

#[tokio::test]
async fn only_those_who_are_known_see_anything_but_the_probes() {
    let files = Files::new();
    let site = site(|config| config.http.auth = Some(files.auth(4))).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let closed = ["/", "/apps/contoso/a1", "/notifications", "/about", "/metrics", "/api/v1/credentials", "/nowhere"];
    for path in closed {
        let response = site.get(path).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let offers: Vec<_> = response.headers().get_all("www-authenticate").iter().map(|offer| offer.to_str().unwrap()).collect();
        assert_eq!(offers, ["Basic realm=\"EntraWatch\", charset=\"UTF-8\"", "Bearer realm=\"EntraWatch\""]);
        let text = response.text().await.unwrap();
        assert!(!text.contains("Payroll") && !text.contains("contoso"), "{path}: {text}");
    }
    let refused = site.get("/api/v1/credentials").await;
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    for (user, password) in [("jo", "correct"), ("jo", ""), ("anna", "correct: horse"), ("", "")] {
        let response = client.get(site.url("/")).basic_auth(user, Some(password)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{user}");
    }
    for proof in ["Bearer wrong", "Bearer ", "Basic %", "Digest x", "Bearer s3cr3t-token2", "Basic s3cr3t-token"] {
        let response = client.get(site.url("/metrics")).header("authorization", proof).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{proof}");
    }
    for path in closed {
        let expected = if path == "/nowhere" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        for attempt in 0..2 {
            let asked = client.get(site.url(path)).basic_auth("jo", Some("correct: horse"));
            assert_eq!(asked.send().await.unwrap().status(), expected, "{path}, attempt {attempt}");
        }
        let asked = client.get(site.url(path)).bearer_auth("s3cr3t-token");
        assert_eq!(asked.send().await.unwrap().status(), expected, "{path}");
    }
    for (path, expected) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        assert_eq!(site.text(path).await, (200, expected.to_owned()));
    }
    assert_eq!(site.get("/assets/style.css").await.status(), 200, "the page that asks to sign in has its style");
}

#[tokio::test]
async fn a_probe_names_no_tenant_to_strangers() {
    let files = Files::new();
    let mut config = config();
    config.http.auth = Some(files.auth(4));
    let mut tenant = snapshot("contoso", [], &config, start());
    tenant.version = 0;
    let site = Site::of([tenant], config).await;
    let (status, text) = site.text("/readyz").await;
    assert!(status == 503 && !text.contains("contoso"), "{status} {text}");
    let client = Client::builder().no_proxy().build().unwrap();
    let known = client.get(site.url("/readyz")).bearer_auth("s3cr3t-token").send().await.unwrap();
    assert!(known.status() == 503 && known.text().await.unwrap().contains("\"contoso\" is not loaded"));
}

#[tokio::test]
async fn a_verified_password_costs_its_hash_once_and_a_changed_one_is_forgotten() {
    let files = Files::new();
    let site = site(|config| config.http.auth = Some(files.auth(12))).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let asked = async |times: u32| {
        let begun = Instant::now();
        for _ in 0..times {
            let response = client.get(site.url("/api/v1/tenants")).basic_auth("jo", Some("correct: horse")).send().await.unwrap();
            assert_eq!(response.status(), 200);
        }
        begun.elapsed()
    };
    let (first, later) = (asked(1).await, asked(20).await);
    println!("the first sign-in took {first:?}, 20 later ones together {later:?}");
    assert!(later < first, "{later:?} of {first:?}");
    let mut config = (*site.parts.config).clone();
    let changed = HttpAuth { basic: [("jo".to_owned(), bcrypt::hash("other", 4).unwrap().into())].into(), bearer: None };
    config.http.auth = Some(changed);
    site.state.replace(entrawatch::web::Parts { config: config.into(), ..site.parts.clone() });
    let with = |password: &'static str| client.get(site.url("/")).basic_auth("jo", Some(password)).send();
    assert_eq!(
        (with("correct: horse").await.unwrap().status(), with("other").await.unwrap().status()),
        (StatusCode::UNAUTHORIZED, StatusCode::OK)
    );
}

#[tokio::test]
async fn a_renewed_token_is_taken_at_once() {
    let files = Files::new();
    let site = site(|config| config.http.auth = Some(files.auth(4))).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let status = async |token: &str| client.get(site.url("/metrics")).bearer_auth(token).send().await.unwrap().status().as_u16();
    assert_eq!(status("s3cr3t-token").await, 200);
    files.write("token", "another");
    assert_eq!((status("s3cr3t-token").await, status("another").await), (401, 200));
    std::fs::remove_file(files.path("token")).unwrap();
    assert_eq!(status("another").await, 401);
}

/// The certificate that the server shows now, in the eyes of somebody who connects anew.
async fn shown(site: &Site, files: &Files) -> Result<Vec<u8>, reqwest::Error> {
    let authority = Certificate::from_pem(files.authority.pem().as_bytes()).unwrap();
    let client = Client::builder().no_proxy().tls_certs_only([authority]).tls_info(true).build().unwrap();
    let response = client.get(format!("https://{}/healthz", site.address)).send().await?;
    Ok(response.extensions().get::<reqwest::tls::TlsInfo>().unwrap().peer_certificate().unwrap().to_vec())
}

async fn shown_is_not(site: &Site, files: &Files, old: &[u8]) -> Vec<u8> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let now = shown(site, files).await.unwrap();
        if now != old {
            return now;
        }
        assert!(Instant::now() < deadline, "the renewed certificate is not served");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_serves_the_next_connection_and_a_broken_one_changes_nothing() {
    let files = Files::new();
    let site = site(|config| config.http.tls = Some(files.tls())).await;
    let url = format!("https://{}/metrics", site.address);
    let open = files.client();
    assert_eq!(open.get(&url).send().await.unwrap().status(), 200);
    let first = shown(&site, &files).await.unwrap();
    files.renew();
    let second = shown_is_not(&site, &files, &first).await;
    assert_eq!(open.get(&url).send().await.unwrap().status(), 200, "who is connected already stays");

    // Half renewed: the key is not the certificate's. Then not there at all.
    let (other, _) = files.authority.issue(&["127.0.0.1"]);
    let good = std::fs::read_to_string(files.path("cert.pem")).unwrap();
    files.write("cert.pem", &other);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(shown(&site, &files).await.unwrap(), second);
    std::fs::remove_file(files.path("key.pem")).unwrap();
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(shown(&site, &files).await.unwrap(), second);
    files.write("cert.pem", &good);
    files.renew();
    shown_is_not(&site, &files, &second).await;
}

#[tokio::test]
async fn tls_can_be_switched_on_and_off_without_dropping_the_listener() {
    let files = Files::new();
    let site = site(|_| {}).await;
    assert_eq!(site.text("/healthz").await.0, 200);
    let mut config = (*site.parts.config).clone();
    config.http.tls = Some(files.tls());
    site.state.replace(entrawatch::web::Parts { config: config.into(), ..site.parts.clone() });
    shown(&site, &files).await.unwrap();
    let (status, text) = {
        let response = Client::builder().no_proxy().build().unwrap().get(site.url("/healthz")).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert!(status == 400 && text.contains("write https://"), "{status} {text}");
    site.state.replace(site.parts.clone());
    assert_eq!(site.text("/readyz").await.0, 200);
}

#[tokio::test]
async fn a_thousand_connections_that_never_agree_on_tls_do_not_keep_a_scrape_out() {
    let files = Files::new();
    let site = site(|config| {
        config.http.tls = Some(files.tls());
        config.http.auth = Some(files.auth(4));
    })
    .await;
    let mut silent = Vec::new();
    for index in 0..1000 {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        if index % 2 == 0 {
            stream.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
        }
        silent.push(stream);
    }
    let url = format!("https://{}/metrics", site.address);
    let scrape = files.client().get(url).bearer_auth("s3cr3t-token").send();
    let text = timeout(Duration::from_secs(5), scrape).await.expect("an answer").unwrap().text().await.unwrap();
    assert!(text.contains("entra_credentials"));
}

#[tokio::test]
async fn readers_that_take_their_answers_slowly_do_not_keep_a_scrape_out() {
    let site = site(|_| {}).await;
    let many = (0..2000).map(|index| application(&format!("a{index}"), &"long name ".repeat(20)).secret("k", -1.0, 40.0));
    site.publish(0, "contoso", many);
    let mut slow = Vec::new();
    for _ in 0..100 {
        // Asks for megabytes and takes next to nothing.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(site.address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        slow.push(stream);
    }
    let mut begun = [0; 12];
    timeout(Duration::from_secs(20), slow[99].read_exact(&mut begun)).await.expect("an answer").unwrap();
    let begun = Instant::now();
    let (status, text) = timeout(Duration::from_secs(10), site.text("/metrics")).await.expect("an answer");
    assert!(status == 200 && text.contains("entra_credentials"));
    println!("a scrape of {} bytes beside 100 slow readers took {:?}", text.len(), begun.elapsed());
}

#[tokio::test]
async fn the_end_waits_for_nobody_who_never_agreed_on_tls() {
    let files = Files::new();
    let site = site(|config| config.http.tls = Some(files.tls())).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = TaskTracker::new().spawn(serve(listener, site.state.clone(), stop.clone()));
    let _silent = TcpStream::connect(address).await.unwrap();
    stop.cancel();
    timeout(Duration::from_secs(1), server).await.expect("an end").unwrap();
}

fn curl(arguments: &[&str]) -> Option<(i32, String)> {
    let output = Command::new("curl").args(["--silent", "--show-error", "--noproxy", "*"]).args(arguments).output().ok()?;
    Some((output.status.code().unwrap(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reads_over_tls_with_a_password_and_with_a_token() {
    let files = Files::new();
    let site = site(|config| {
        config.http.tls = Some(files.tls());
        config.http.auth = Some(files.auth(4));
    })
    .await;
    let url = |path: &str| format!("https://localhost:{}{path}", site.address.port());
    let authority = files.path("authority.pem");
    let ask = |more: &[&str]| curl(&[&["--cacert", authority.to_str().unwrap(), "--write-out", "%{http_code}"], more].concat());
    let Some(signed_in) = ask(&["--user", "jo:correct: horse", &url("/api/v1/tenants")]) else { return missing("curl") };
    assert!(signed_in.0 == 0 && signed_in.1.ends_with("200") && signed_in.1.contains("contoso"), "{signed_in:?}");
    let token = ask(&["--header", "Authorization: Bearer s3cr3t-token", "--compressed", &url("/metrics")]).unwrap();
    assert!(token.0 == 0 && token.1.ends_with("200") && token.1.contains("entra_credentials"), "{token:?}");
    let nobody = ask(&["--head", &url("/")]).unwrap();
    assert!(nobody.1.contains("401") && !nobody.1.contains("contoso"), "{nobody:?}");
    assert_eq!(ask(&[&url("/healthz")]).unwrap(), (0, "ok\n200".to_owned()));
    let stranger = curl(&[&url("/healthz")]).unwrap();
    assert_eq!(stranger.0, 60, "an authority that is not trusted: {}", stranger.1);
}

/// What `healthcheck` says with this configuration of `[http]`.
fn healthcheck(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_entrawatch"))
        .arg("healthcheck")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("ENTRAWATCH_CONFIG", "entrawatch.toml")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_asks_over_tls_and_signs_in_with_the_token() {
    let files = Files::new();
    let site = site(|config| {
        config.http.tls = Some(files.tls());
        config.http.auth = Some(files.auth(4));
    })
    .await;
    let directory = files.directory.path();
    let hash = bcrypt::hash("x", 4).unwrap();
    let write = |auth: &str| {
        let text = format!(
            "[[tenant]]\nname = \"contoso\"\ntenant_id = \"contoso.onmicrosoft.com\"\nclient_id = \"66666666-7777-8888-9999-000000000000\"\n\
             auth = {{ kind = \"secret\", secret = \"x\" }}\n[http]\nlisten = \"{}\"\n\
             tls = {{ cert_file = \"cert.pem\", key_file = \"key.pem\" }}\nauth = {{ {auth} }}\n",
            site.address
        );
        std::fs::write(directory.join("entrawatch.toml"), text).unwrap();
    };
    write("bearer_file = \"token\"");
    assert_eq!(healthcheck(directory, &[]), (true, "the daemon works\n".to_owned()));
    assert_eq!(
        healthcheck(directory, &["--full"]),
        (true, "the daemon works, every tenant is seen and mails leave\n".to_owned())
    );
    write(&format!("basic = {{ jo = \"{hash}\" }}"));
    assert!(healthcheck(directory, &[]).0);
    let (good, said) = healthcheck(directory, &["--full"]);
    assert!(!good && said.contains("--full needs http.auth.bearer_file"), "{said}");
    // Somebody else on the port: the certificate is not the one in the file.
    let other = Authority::new().issue(&["127.0.0.1"]);
    files.write("pinned.pem", &other.0);
    files.write("pinned.key", &other.1);
    let text = std::fs::read_to_string(directory.join("entrawatch.toml")).unwrap();
    std::fs::write(
        directory.join("entrawatch.toml"),
        text.replace("\"cert.pem\"", "\"pinned.pem\"").replace("\"key.pem\"", "\"pinned.key\""),
    )
    .unwrap();
    let (good, said) = healthcheck(directory, &[]);
    assert!(!good && said.contains("another certificate than the one in http.tls.cert_file"), "{said}");
}
