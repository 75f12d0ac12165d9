//! Many tenants in one process: named sign-ins, included files, what each has of its own, and none that another one's trouble touches. As
//! many as `tests/long/tenants` says: 1,000 of 100 applications each with the release build, a few here.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use entrawatch::clock::{Clock as _, ManualClock, SystemClock};
use entrawatch::demo::{self, Directory};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::support::days;
use crate::support::graph::{ROLES, Requests};
use crate::support::process::Daemon;

/// One secret for all, so that all can sign in in one named way.
const SECRET: &str = "one-for-all-of-them";

#[expect(clippy::disallowed_methods, reason = "the runner of the tests says how many, and which build")]
fn asked() -> (usize, usize, String) {
    let number = |name: &str, usual: usize| std::env::var(name).map_or(usual, |number| number.parse().unwrap());
    let program = std::env::var("ENTRAWATCH_TESTS_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_entrawatch").to_owned());
    (number("ENTRAWATCH_TESTS_TENANTS", 24), number("ENTRAWATCH_TESTS_APPLICATIONS", 10), program)
}

/// A tenant named by its number, and the client id that signs in to it.
fn tenant(number: usize, applications: usize, clock: &Arc<ManualClock>) -> (Directory, String) {
    let directory = Directory::new(&format!("tenant-{number}.example"), clock.clone());
    let now = clock.now();
    let watcher = directory.add_watcher(ROLES).application;
    directory.add_secret_with_value(watcher.id, "shared", SECRET, now - days(1), now + days(700));
    for app in 1..applications {
        let app = directory.add_application(&format!("app {app} of {number}")).id;
        directory.add_secret(app, "deploy", now - days(300), now + days(10));
    }
    (directory, watcher.app_id.to_string())
}

struct World {
    folder: tempfile::TempDir,
    page: String,
    tenants: usize,
}

impl World {
    async fn json(&self, path: &str) -> Option<Value> {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(format!("{}{path}", self.page)).send().await.ok()?.json().await.ok()
    }

    /// How many tenants were seen completely, and the others' names.
    async fn seen(&self) -> Option<(usize, Vec<String>)> {
        let answer = self.json("/api/v1/tenants?limit=1000").await?;
        let tenants = answer["items"].as_array()?.clone();
        let (seen, unseen): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|tenant| !tenant["last_complete_poll"].is_null());
        Some((seen.len(), unseen.iter().filter_map(|tenant| Some(tenant["tenant"].as_str()?.to_owned())).collect()))
    }

    /// Waits until all tenants but these were seen.
    async fn wait_for_all_but(&self, away: &[&str], daemon: &Daemon) {
        let deadline = Instant::now() + Duration::from_secs(60 + self.tenants as u64);
        loop {
            let seen = self.seen().await;
            if seen.as_ref().is_some_and(|(seen, unseen)| *seen == self.tenants - away.len() && unseen == away) {
                return;
            }
            assert!(Instant::now() < deadline, "{seen:?}\n{}", daemon.log());
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Writes the configuration: everything in one file but the tenants, which have one each.
fn configure(folder: &Path, listen: std::net::SocketAddr, base: &Url, clients: &[(String, String)]) {
    let main = format!(
        "include = [\"tenants.d/*.toml\"]\n[http]\nlisten = \"{listen}\"\n[auth.main]\nkind = \"secret\"\nsecret = \"{SECRET}\"\n\
         [auth.broken]\nkind = \"secret\"\nsecret = \"not it\"\n[recipients]\nfallback = [\"ops@example.com\"]\n\
         [mail]\nfrom = \"entrawatch@example.com\"\nmax_per_hour = 100000\n[mail.transport]\nkind = \"folder\"\npath = \"mails\"\n"
    );
    fs::write(folder.join("entrawatch.toml"), main).unwrap();
    fs::create_dir_all(folder.join("tenants.d")).unwrap();
    for (number, (tenant_id, client_id)) in clients.iter().enumerate() {
        let mut text = format!(
            "[[tenant]]\nname = \"t{number:04}\"\ntenant_id = \"{tenant_id}\"\nclient_id = \"{client_id}\"\nauth = \"{}\"\n\
             login_url = \"{base}\"\ngraph_url = \"{}\"\n",
            if number == 1 { "broken" } else { "main" },
            // Nobody answers there.
            if number == 2 { "http://127.0.0.1:9" } else { base.as_str() },
        );
        if number == 3 {
            let _ = writeln!(text, "interval = \"1h\"\nrecipients = [\"own@example.com\"]");
        }
        fs::write(folder.join(format!("tenants.d/t{number:04}.toml")), text).unwrap();
    }
}

fn mails_to(folder: &Path, address: &str) -> usize {
    let files = fs::read_dir(folder.join("mails")).map(|files| files.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let texts = files.iter().filter_map(|file| fs::read_to_string(file.path()).ok());
    texts.filter(|text| text.lines().any(|line| line.starts_with("To:") && line.contains(address))).count()
}

fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tenants_live_in_one_process_and_one_s_trouble_is_no_other_s() {
    let (tenants, applications, program) = asked();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let made: Vec<_> = (0..tenants).map(|number| tenant(number, applications, &clock)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let requests = Requests::default();
    let router = requests.layer(demo::router(&base, made.iter().map(|(directory, _)| directory.clone())));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });

    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    // The first one is known by its domain, the others by their GUIDs.
    let named = |(number, (directory, client)): (usize, &(Directory, String))| {
        let id = if number == 0 { directory.domain() } else { directory.tenant_id().to_string() };
        (id, client.clone())
    };
    configure(folder.path(), listen, &base, &made.iter().enumerate().map(named).collect::<Vec<_>>());
    let world = World { folder, page: format!("http://{listen}"), tenants };
    let begin = Instant::now();
    let mut daemon = Daemon::start_program(&program, world.folder.path(), &[]);
    let away = ["t0001", "t0002"];
    world.wait_for_all_but(&away, &daemon).await;
    let (took, memory) = (begin.elapsed(), peak_memory(daemon.pid()));
    let asked = requests.all();
    println!(
        "{tenants} tenants of {applications} applications: all seen after {:.1} s, at most {memory} MiB, {} requests",
        took.as_secs_f64(),
        asked.len(),
    );
    assert!(asked.len() < tenants * 12, "{}", asked.len());

    // Each has the recipients of its own, and the first digest of a tenant goes to them.
    let deadline = Instant::now() + Duration::from_secs(60 + tenants as u64);
    while mails_to(world.folder.path(), "own@example.com") < 1 || mails_to(world.folder.path(), "ops@example.com") < tenants - 3 {
        assert!(Instant::now() < deadline, "{}", daemon.log());
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(mails_to(world.folder.path(), "own@example.com"), 1);

    // The next process knows the tenant's GUID without asking.
    assert_eq!(requests.count("openid-configuration"), 1);
    daemon.signal("TERM");
    assert!(daemon.end(Duration::from_mins(1)).await.success());
    requests.clear();
    let daemon = Daemon::start_program(&program, world.folder.path(), &[]);
    let deadline = Instant::now() + Duration::from_mins(1);
    let first = made[0].0.tenant_id().to_string();
    while !requests.all().iter().any(|request| request.path.contains("tenant-0.example")) {
        assert!(Instant::now() < deadline, "{}", daemon.log());
        sleep(Duration::from_millis(50)).await;
    }
    world.wait_for_all_but(&away, &daemon).await;
    assert_eq!(requests.count("openid-configuration"), 0);
    let answer = world.json("/api/v1/tenants?limit=1000").await.unwrap().to_string();
    assert!(answer.contains(&first), "{answer}");
    stop.cancel();
}
