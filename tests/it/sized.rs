//! What a large tenant costs the daemon, for the sizes in docs/operations.md and the resources in deploy/kubernetes. Takes minutes, so
//! tests/long/size runs it, with the release build.

use std::fs;
use std::time::Duration;

use entrawatch::clock::{Clock as _, ManualClock, SystemClock};
use entrawatch::demo;
use tokio::time::{Instant, sleep};

use crate::support::graph::{ROLES, Tenant};
use crate::support::process::Daemon;

/// How many applications the manifests are made for. Larger tenants need more than they give, as docs/operations.md says.
const FITS: usize = 10_000;

/// What `tests/long/size` says, or a size that shows that this works.
#[expect(clippy::disallowed_methods, reason = "the runner of the tests says how large, and which build")]
fn asked() -> (usize, String) {
    let applications = std::env::var("ENTRAWATCH_TESTS_APPLICATIONS").map_or(200, |number| number.parse().unwrap());
    let program = std::env::var("ENTRAWATCH_TESTS_PROGRAM");
    (applications, program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_entrawatch").to_owned()))
}

/// A number of `/proc/PID/status`, in MiB.
fn mebibytes(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() / 1024
}

/// Processor time so far. The kernel counts it in hundredths of a second.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// The same once nothing has happened for a while.
async fn settled(pid: u32) -> Duration {
    let (mut last, mut quiet) = (cpu(pid), 0);
    while quiet < 10 {
        sleep(Duration::from_millis(100)).await;
        let now = cpu(pid);
        quiet = if now == last { quiet + 1 } else { 0 };
        last = now;
    }
    last
}

/// The memory that the manifests let it have, in MiB.
fn allowed() -> u64 {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes/base/deployment.yaml");
    let text = fs::read_to_string(file).unwrap();
    let limit = text.lines().find_map(|line| line.trim().strip_prefix("limits: {memory: ")).unwrap();
    limit.strip_suffix("Mi}").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_of_this_size_fits_into_what_the_manifests_allow() {
    let (applications, program) = asked();
    let now = SystemClock.now();
    let clock = std::sync::Arc::new(ManualClock::new(now));
    let directory = demo::large("contoso.onmicrosoft.com", clock.clone(), applications, 1);
    let watcher = directory.add_watcher(ROLES);
    let tenant = Tenant::serve(clock, directory, watcher, |router| router).await;
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = listener.local_addr().unwrap();
    drop(listener);
    let configuration = format!(
        r#"
        {}
        [poll]
        interval = "1m"
        delta = "never"
        [http]
        listen = "{listen}"
        [recipients]
        fallback = ["ops@example.com"]
        [mail]
        from = "EntraWatch <entrawatch@example.com>"
        transport = {{ kind = "folder", path = "mails" }}
        "#,
        tenant.toml("contoso"),
    );
    fs::write(folder.path().join("entrawatch.toml"), configuration).unwrap();

    let daemon = Daemon::start_program(&program, folder.path(), &[]);
    let pid = daemon.pid();
    let polled = async |times: usize| {
        let deadline = Instant::now() + Duration::from_mins(15);
        while daemon.log().matches("outcome=\"complete\"").count() < times {
            assert!(Instant::now() < deadline, "{}", daemon.log());
            sleep(Duration::from_millis(100)).await;
        }
    };
    polled(1).await;
    let first = settled(pid).await;
    let text = reqwest::get(format!("http://{listen}/metrics")).await.unwrap().text().await.unwrap();
    let scraped = settled(pid).await.saturating_sub(first);
    if applications > 1000 {
        polled(2).await;
    }
    let again = settled(pid).await.saturating_sub(scraped + first);
    let peak = mebibytes(pid, "VmHWM:");
    println!(
        "{applications} applications: peak {peak} MiB, now {} MiB; start and first poll {first:.1?} of CPU, another poll {again:.1?}, \
         a scrape {scraped:.1?} for {} kB; store {} kB",
        mebibytes(pid, "VmRSS:"),
        text.len() / 1000,
        fs::metadata(folder.path().join("entrawatch.db")).unwrap().len() / 1000,
    );
    assert!(applications > FITS || peak < allowed(), "{peak} MiB are more than the manifests allow");
}
