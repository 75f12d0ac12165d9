//! Several processes on one PostgreSQL: each tenant is worked on by one of them, shown by all, and taken over when that one dies.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock};
use entrawatch::store::LEASE;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::database::Database;
use crate::support::graph::Tenant;
use crate::support::process::Daemon;
use crate::support::smtp::script::{Scripted, Tls};

/// One of the processes.
struct Replica {
    folder: TempDir,
    listen: String,
    daemon: Option<Daemon>,
}

impl Replica {
    fn new(database: &Database, tenants: &[(&str, &Tenant)], mail_port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = format!(
            r#"
            [store]
            url = "{}"
            [http]
            listen = "{listen}"
            [recipients]
            fallback = ["ops@example.com"]
            owners = true
            [digest]
            mode = "immediate"
            [mail]
            from = "EntraWatch <entrawatch@example.com>"
            transport = {{ kind = "smtp", url = "smtp://127.0.0.1:{mail_port}", starttls = "none" }}
            "#,
            database.plain_url(),
        );
        let text: String = std::iter::once(config).chain(tenants.iter().map(|(name, tenant)| tenant.toml(name))).collect();
        fs::write(folder.path().join("entrawatch.toml"), text).unwrap();
        let mut replica = Self { folder, listen, daemon: None };
        replica.start();
        replica
    }

    fn start(&mut self) {
        self.daemon = Some(Daemon::start(self.folder.path()));
    }

    async fn get(&self, path: &str) -> String {
        match reqwest::get(format!("http://{}/{path}", self.listen)).await {
            Ok(response) => response.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// The tenants it works on, of those it says anything about.
    async fn duties(&self) -> BTreeMap<String, bool> {
        let metrics = self.get("metrics").await;
        let lines = metrics.lines().filter_map(|line| line.strip_prefix("entrawatch_lease_held{tenant=\""));
        lines.filter_map(|line| line.split_once("\"} ")).map(|(tenant, held)| (tenant.to_owned(), held == "1")).collect()
    }

    async fn shows(&self, app: &str) -> bool {
        self.get("api/v1/credentials").await.contains(&format!("\"{app}\""))
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_so().await {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "{what}:\n{log}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Applications whose secrets end tomorrow, each with an owner of its own.
async fn tenant_with(domain: &str, apps: &[&str]) -> Tenant {
    let tenant = Tenant::start_as(domain, SystemClock.now()).await;
    for name in apps {
        add_app(&tenant, name);
    }
    tenant
}

fn add_app(tenant: &Tenant, name: &str) {
    let now = SystemClock.now();
    let app = tenant.directory.add_application(name);
    tenant.directory.add_secret(app.id, "key", now - TimeDelta::days(300), now + TimeDelta::hours(30));
    let owner = tenant.directory.add_user(name, Some(&format!("{}@example.com", name.to_lowercase())));
    tenant.directory.add_owner(app.id, owner);
}

fn works_on(duties: &BTreeMap<String, bool>) -> Vec<&str> {
    duties.iter().filter(|(_, held)| **held).map(|(tenant, _)| tenant.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_tenants_show_all_of_them_mail_once_and_take_over_from_the_dead() {
    let Some(database) = Database::postgres().await else { return };
    let contoso = tenant_with("contoso.onmicrosoft.com", &["Payroll", "Ledger"]).await;
    let fabrikam = tenant_with("fabrikam.onmicrosoft.com", &["Warehouse"]).await;
    let server = Scripted::start(Tls::None, &[], |_| None).await;
    let tenants = [("contoso", &contoso), ("fabrikam", &fabrikam)];
    let replica = || Replica::new(&database, &tenants, server.port());
    let (mut one, mut two) = (replica(), replica());

    two.until("tenants are not shared", || async {
        let (first, second) = (one.duties().await, two.duties().await);
        let (first, second) = (works_on(&first), works_on(&second));
        first.len() == 1 && second.len() == 1 && first != second
    })
    .await;
    for replica in [&one, &two] {
        for app in ["Payroll", "Ledger", "Warehouse"] {
            replica.until("what another process keeps is not shown", || replica.shows(app)).await;
        }
        replica.until("it does not become ready", || async { replica.get("readyz").await.trim() == "ready" }).await;
    }
    // Three owners, and fallback with the first digest of each tenant.
    two.until("mails do not arrive", || async { server.seen().messages.len() >= 5 }).await;

    let orphan = works_on(&one.duties().await)[0].to_owned();
    one.daemon.take().unwrap().kill();
    add_app(if orphan == "contoso" { &contoso } else { &fabrikam }, "Orphan");
    // Time passes for the dead.
    let seconds = LEASE.as_secs() + 2;
    let id = if orphan == "contoso" { &contoso } else { &fabrikam }.config().tenant_id;
    let holder = format!("SELECT holder FROM lease WHERE tenant = '{}'", id.to_lowercase());
    database.execute(&format!("UPDATE replica SET until = until - {seconds} WHERE id IN ({holder})")).await;
    two.until("the dead one's tenant is not taken over", || async { works_on(&two.duties().await).len() == 2 }).await;
    two.until("the tenant taken over is not polled", || two.shows("Orphan")).await;

    one.start();
    one.until("who comes back gets nothing", || async { works_on(&one.duties().await).len() == 1 }).await;
    let mut ending = two.daemon.take().unwrap();
    ending.signal("TERM");
    assert_eq!(ending.end(Duration::from_secs(10)).await.code(), Some(0));
    one.until("who ends in order leaves its tenants late", || async { works_on(&one.duties().await).len() == 2 }).await;

    let to = |message: &Vec<u8>| {
        let mail = mail_parser::MessageParser::default().parse(message).unwrap();
        mail.to().unwrap().first().unwrap().address().unwrap().to_owned()
    };
    let mut told: Vec<String> = server.seen().messages.iter().map(to).collect();
    told.sort_unstable();
    told.retain(|to| !to.starts_with("ops@"));
    assert_eq!(told, ["ledger@example.com", "orphan@example.com", "payroll@example.com", "warehouse@example.com"]);
}
