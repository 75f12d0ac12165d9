//! The real program as a process: what signals, a taken port, a missing mail server do to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::graph::Tenant;
use crate::support::smtp::exim::Exim;
use crate::support::smtp::script::Scripted;
use crate::support::smtp::{PASSWORD, USER};

/// A directory with a configuration, and the processes started in it.
pub struct Place {
    directory: TempDir,
    listen: String,
}

impl Place {
    /// `mail` is the value of `transport`.
    pub fn new(tenant: &Tenant, mail: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listen = free_address();
        let text = format!(
            r#"
            {}
            [store]
            url = "sqlite:store.db"
            [http]
            listen = "{listen}"
            [recipients]
            fallback = ["ops@example.com"]
            owners = true
            [digest]
            mode = "immediate"
            [mail]
            from = "EntraWatch <entrawatch@example.com>"
            transport = {mail}
            "#,
            tenant.toml("contoso"),
        );
        fs::write(directory.path().join("entrawatch.toml"), text).unwrap();
        Self { directory, listen }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn run(&self) -> Running {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrawatch"));
        command.args(["run", "-c", "entrawatch.toml"]).current_dir(self.directory.path()).env_clear();
        Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    async fn until_ready(&self) {
        self.until("it is not ready", || async { self.get("readyz").await.0 == 200 }).await;
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        match reqwest::get(format!("http://{}/{path}", self.listen)).await {
            Ok(response) => (response.status().as_u16(), response.text().await.unwrap()),
            Err(error) => (0, error.to_string()),
        }
    }

    pub async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_so().await {
            assert!(Instant::now() < deadline, "{what}:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A process, killed at the end of the test whatever happens.
pub struct Running(Child);

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap().success());
    }

    async fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {within:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Applications whose secrets end tomorrow, each with an owner of its own.
pub async fn tenant_with(apps: usize) -> Tenant {
    let now = SystemClock.now();
    let tenant = Tenant::start_at(now).await;
    for number in 0..apps {
        let app = tenant.directory.add_application(&format!("App {number}"));
        tenant.directory.add_secret(app.id, "key", now - TimeDelta::days(300), now + TimeDelta::hours(30));
        let owner = tenant.directory.add_user(&format!("Owner {number}"), Some(&format!("owner{number}@example.com")));
        tenant.directory.add_owner(app.id, owner);
    }
    tenant
}

/// Recipients and Message-IDs of what a server took, with how often each came.
pub fn taken(messages: &[Vec<u8>]) -> BTreeMap<(String, String), usize> {
    let mut taken = BTreeMap::new();
    for message in messages {
        let mail = mail_parser::MessageParser::default().parse(message).unwrap();
        let to = mail.to().unwrap().first().unwrap().address().unwrap().to_owned();
        *taken.entry((to, mail.message_id().unwrap().to_owned())).or_default() += 1;
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_reaches_a_real_mail_server_signed_in_and_encrypted() {
    let Some(exim) = Exim::start(true) else { return };
    let tenant = tenant_with(2).await;
    let place = Place::new(
        &tenant,
        &format!(
            r#"{{ kind = "smtp", url = "smtp://localhost:{}", username = "{USER}", password = "{PASSWORD}", ca_file = "{}" }}"#,
            exim.port,
            exim.authority.ca_file().display(),
        ),
    );
    let _process = place.run();
    let mails: Vec<Vec<u8>> = exim.mails(3).into_iter().map(|(_, mail)| mail).collect();
    let taken = taken(&mails);
    let to: Vec<&str> = taken.keys().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["ops@example.com", "owner0@example.com", "owner1@example.com"]);
    let (_, body) = place.get("metrics").await;
    place
        .until("the count of sent mails does not come to 3", || async {
            place.get("metrics").await.1.contains("entrawatch_mails_total{outcome=\"sent\"} 3")
        })
        .await;
    assert!(body.contains("entra_credential_not_after_timestamp_seconds"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_it_in_order_and_a_second_daemon_on_the_same_store_is_refused() {
    let tenant = tenant_with(1).await;
    let place = Place::new(&tenant, r#"{ kind = "folder", path = "mails" }"#);
    let mut process = place.run();
    place.until_ready().await;

    let mut second = place.run();
    assert_eq!(second.ended(Duration::from_secs(10)).await.code(), Some(1));
    assert!(place.log().contains("store.db"), "which store:\n{}", place.log());

    process.signal("-TERM");
    assert_eq!(process.ended(Duration::from_secs(10)).await.code(), Some(0), "{}", place.log());
    let mails = fs::read_dir(place.path("mails")).unwrap().count();

    // A second start mails nothing again.
    let mut process = place.run();
    place.until_ready().await;
    place.until("the tenant is not polled", || async { place.get("api/v1/health").await.0 == 200 }).await;
    process.signal("-TERM");
    assert_eq!(process.ended(Duration::from_secs(10)).await.code(), Some(0), "{}", place.log());
    assert_eq!(fs::read_dir(place.path("mails")).unwrap().count(), mails);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_and_an_unwritable_store_are_said_plainly() {
    let tenant = tenant_with(1).await;
    let place = Place::new(&tenant, r#"{ kind = "folder", path = "mails" }"#);
    let holder = std::net::TcpListener::bind(&place.listen).unwrap();
    let mut process = place.run();
    assert_eq!(process.ended(Duration::from_secs(10)).await.code(), Some(1));
    assert!(place.log().contains(&format!("http.listen: {} cannot be bound", place.listen)), "{}", place.log());
    drop(holder);

    let file = place.path("entrawatch.toml");
    replace(&file, "sqlite:store.db", "sqlite:missing/store.db");
    let mut process = place.run();
    assert_ne!(process.ended(Duration::from_secs(10)).await.code(), Some(0));
    assert!(place.log().contains("missing"), "{}", place.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_keeps_the_daemon_alive_and_says_what_to_do() {
    let tenant = tenant_with(1).await;
    let place = Place::new(&tenant, r#"{ kind = "folder", path = "mails" }"#);
    replace(&place.path("entrawatch.toml"), tenant.watcher.secret.expose_secret(), "wrong~secret");
    let _process = place.run();
    place.until("the refusal is not shown", || async { place.get("api/v1/tenants").await.1.contains("7000215") }).await;
    assert_eq!(place.get("healthz").await.0, 200);
    let log = place.log();
    assert!(log.contains("7000215") && !log.contains("wrong~secret"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_down_at_start_gets_the_mails_when_it_is_up() {
    let tenant = tenant_with(1).await;
    let address = free_address();
    let place = Place::new(&tenant, &format!(r#"{{ kind = "smtp", url = "smtp://{address}", starttls = "none" }}"#));
    let _process = place.run();
    place
        .until("no attempt fails", || async {
            !place.get("metrics").await.1.contains("entrawatch_mails_total{outcome=\"retried\"} 0")
        })
        .await;
    let server = Scripted::start_at(&address, |_| None).await;
    place.until("the mails do not arrive", || async { server.seen().messages.len() == 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_takes_a_good_configuration_and_keeps_the_old_one_in_place_of_a_bad_one() {
    let tenant = tenant_with(1).await;
    let place = Place::new(&tenant, r#"{ kind = "folder", path = "mails" }"#);
    let process = place.run();
    place.until_ready().await;

    replace(&place.path("entrawatch.toml"), "ops@example.com", "not an address");
    process.signal("-HUP");
    place.until("the bad one is not reported", || async { place.log().contains("the old one stays in force") }).await;
    assert!(place.log().contains("recipients.fallback"), "{}", place.log());
    assert_eq!(place.get("readyz").await.0, 200);

    replace(&place.path("entrawatch.toml"), "not an address", "ops@example.com");
    replace(&place.path("entrawatch.toml"), "name = \"contoso\"", "name = \"fabrikam\"");
    process.signal("-HUP");
    place
        .until("the good one does not come into force", || async { place.get("api/v1/tenants").await.1.contains("fabrikam") })
        .await;
    place.until("it is not ready again", || async { place.get("readyz").await.0 == 200 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_goes_out_once_every_tenant_was_seen() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/beat", listener.local_addr().unwrap());
    let beats = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = beats.clone();
    let count = || async move { counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst).to_string() };
    let router = axum::Router::new().route("/beat", axum::routing::get(count));
    tokio_util::task::TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });

    let tenant = tenant_with(1).await;
    let place = Place::new(&tenant, r#"{ kind = "folder", path = "mails" }"#);
    replace(&place.path("entrawatch.toml"), "[mail]", &format!("[heartbeat]\nurl = \"{url}\"\n[mail]"));
    let _process = place.run();
    place.until("no heartbeat comes", || async { beats.load(std::sync::atomic::Ordering::SeqCst) == 1 }).await;
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from));
    fs::write(file, text.replace(from, to)).unwrap();
}
