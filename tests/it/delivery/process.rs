//! The real process between a simulated tenant and a mail server: killed in the middle of its deliveries, and stopped in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock};
use entrawatch::store::Store;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::graph::Tenant;
use crate::support::process::Daemon;
use crate::support::sink::Sink;

/// Who gets the first digest of the tenant.
const RECIPIENTS: usize = 40;

/// How long the server takes at most to say that it has taken a mail.
const SLOWNESS: Duration = Duration::from_millis(30);

struct Scene {
    tenant: Tenant,
    sink: Sink,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        Self::with(SLOWNESS).await
    }

    async fn with(slowness: Duration) -> Self {
        let now = SystemClock.now();
        let tenant = Tenant::start_at(now).await;
        let app = tenant.directory.add_application("Payroll API");
        tenant.directory.add_secret(app.id, "2025", now - TimeDelta::days(300), now + TimeDelta::days(9));
        let scene = Self { tenant, sink: Sink::start(slowness).await, folder: tempfile::tempdir().unwrap() };
        std::fs::write(scene.folder.path().join("entrawatch.toml"), scene.configuration()).unwrap();
        scene
    }

    fn configuration(&self) -> String {
        let recipients: Vec<String> = (0..RECIPIENTS).map(|n| format!("\"{n}@example.com\"")).collect();
        format!(
            r#"
            [http]
            listen = "127.0.0.1:0"
            {}
            [recipients]
            fallback = [{}]
            [mail]
            from = "EntraWatch <entrawatch@example.com>"
            transport = {{ kind = "smtp", url = "smtp://127.0.0.1:{}", starttls = "none" }}
            "#,
            self.tenant.toml("contoso"),
            recipients.join(", "),
            self.sink.address.port(),
        )
    }

    fn start(&self) -> Daemon {
        Daemon::start(self.folder.path())
    }

    fn arrived(&self) -> usize {
        self.sink.arrived().len()
    }

    /// Message ids by recipient.
    fn by_recipient(&self) -> BTreeMap<String, Vec<String>> {
        let mut ids = BTreeMap::<String, Vec<String>>::new();
        for mail in self.sink.arrived().iter() {
            ids.entry(mail.to.clone()).or_default().push(mail.message_id.clone());
        }
        ids
    }

    /// Waits until so many have arrived.
    async fn arrive(&self, count: usize, daemon: &mut Daemon) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while self.arrived() < count {
            assert!(daemon.ended().is_none() && Instant::now() < deadline, "{} of {count}:\n{}", self.arrived(), daemon.log());
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn store(&self) -> Store {
        Store::open(&format!("sqlite:{}", self.folder.path().join("entrawatch.db").display()).into()).await.unwrap()
    }
}

/// How often a process is killed; more where the environment says so.
#[expect(clippy::disallowed_methods, reason = "the runner of the tests says in the environment how long it has")]
fn kills() -> usize {
    std::env::var("ENTRAWATCH_TESTS_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_process_is_killed_every_mail_arrives_and_repeats_share_their_message_id() {
    let (mut killed, mut arrived, mut repeated) = (0, 0, 0);
    while killed < kills() {
        let scene = Scene::new().await;
        // As long as some have not arrived: start it, let a few of them arrive, kill it at any moment after that.
        while scene.by_recipient().len() < RECIPIENTS {
            let mut daemon = scene.start();
            let more = fastrand::usize(0..12);
            if scene.arrived() + more >= RECIPIENTS {
                break;
            }
            scene.arrive(scene.arrived() + more, &mut daemon).await;
            sleep(SLOWNESS.mul_f64(fastrand::f64())).await;
            daemon.kill();
            killed += 1;
        }
        let mut daemon = scene.start();
        let store = scene.store().await;
        let deadline = Instant::now() + Duration::from_mins(1);
        while scene.by_recipient().len() < RECIPIENTS || store.waiting().await.unwrap().count > 0 {
            assert!(daemon.ended().is_none() && Instant::now() < deadline, "{:?}\n{}", scene.by_recipient().len(), daemon.log());
            sleep(Duration::from_millis(10)).await;
        }
        let ids = scene.by_recipient();
        assert_eq!(ids.len(), RECIPIENTS);
        for (to, ids) in &ids {
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1, "{to} got different mails: {ids:?}");
            assert!(!ids[0].is_empty());
        }
        arrived += RECIPIENTS;
        repeated += scene.arrived() - RECIPIENTS;
    }
    println!("killed {killed} times: {arrived} of {arrived} mails arrived, {repeated} of them twice under the same Message-ID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sigterm_ends_it_within_five_seconds_and_repeats_nothing() {
    let scene = Scene::new().await;
    let mut daemon = scene.start();
    scene.arrive(5, &mut daemon).await;
    let began = Instant::now();
    daemon.signal("TERM");
    let status = daemon.end(Duration::from_secs(10)).await;
    println!("ended after {:?}", began.elapsed());
    assert!(status.success(), "{status}\n{}", daemon.log());
    assert!(scene.arrived() < RECIPIENTS, "it ended while mails were left");

    let mut daemon = scene.start();
    scene.arrive(RECIPIENTS, &mut daemon).await;
    daemon.signal("INT");
    assert!(daemon.end(Duration::from_secs(10)).await.success());
    assert_eq!((scene.by_recipient().len(), scene.arrived()), (RECIPIENTS, RECIPIENTS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_hangs_does_not_keep_it_from_ending() {
    let scene = Scene::with(Duration::from_hours(1)).await;
    let mut daemon = scene.start();
    scene.arrive(4, &mut daemon).await;
    let began = Instant::now();
    daemon.signal("TERM");
    let status = daemon.end(Duration::from_secs(10)).await;
    println!("ended after {:?}", began.elapsed());
    assert!(status.success(), "{status}\n{}", daemon.log());
    let waiting = scene.store().await.waiting().await.unwrap();
    assert_eq!(waiting.count, i64::try_from(RECIPIENTS).unwrap(), "what was on its way is returned");
    assert!(waiting.next_attempt.is_some());

    let mut daemon = scene.start();
    scene.arrive(8, &mut daemon).await;
    daemon.signal("TERM");
    sleep(Duration::from_millis(100)).await;
    assert!(daemon.ended().is_none());
    daemon.signal("TERM");
    // The three seconds that what is under way may take are not waited for.
    daemon.end(Duration::from_millis(2500)).await;
}
