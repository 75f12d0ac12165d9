//! A real Prometheus that scrapes us, with our rules, and a real Alertmanager that gets its alerts.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock};
use entrawatch::config::CredentialSeries;
use entrawatch::metrics::MailOutcome;
use entrawatch::own::Home;
use entrawatch::state::PollOutcome;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::own_application;
use super::rules::deploy;
use crate::support::builder::{self, With as _, application};
use crate::support::missing;
use crate::support::snapshots::{Site, config, snapshot};

/// How long a scrape, and what follows from it, may take.
const MINUTE: Duration = Duration::from_mins(1);

/// Processes that end with the test.
struct Servers(Vec<Child>);

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(program: &str, directory: &Path, arguments: &[String]) -> Option<Child> {
    let log = fs::File::create(directory.join(format!("{}.log", Path::new(program).file_name().unwrap().display()))).unwrap();
    let error = log.try_clone().unwrap();
    Command::new(program).args(arguments).current_dir(directory).stdin(Stdio::null()).stdout(log).stderr(error).spawn().ok()
}

/// Prometheus with our rules, quickened, scraping one address; and an Alertmanager.
pub(super) struct Monitoring {
    directory: TempDir,
    prometheus: u16,
    alertmanager: u16,
    servers: Servers,
    client: reqwest::Client,
}

impl Monitoring {
    pub(super) fn start(target: &str) -> Option<Self> {
        Self::start_with(target, None)
    }

    /// The same with a second target, scraped as the job `sick`.
    fn start_with(target: &str, sick: Option<&str>) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let (prometheus, alertmanager) = (free_port(), free_port());
        let rules = fs::read_to_string(deploy("prometheus/rules.yaml")).unwrap();
        // Nobody waits an hour here; that the waits are right is for promtool.
        let quick: Vec<_> = rules.lines().filter(|line| !line.trim_start().starts_with("for: ")).collect();
        fs::write(directory.path().join("rules.yaml"), quick.join("\n")).unwrap();
        let sick =
            sick.map(|target| format!(", {{job_name: sick, static_configs: [{{targets: ['{target}']}}]}}")).unwrap_or_default();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yaml]\n\
             scrape_configs: [{{job_name: entrawatch, static_configs: [{{targets: ['{target}']}}]}}{sick}]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n"
        );
        fs::write(directory.path().join("prometheus.yaml"), config).unwrap();
        fs::write(directory.path().join("alertmanager.yaml"), "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
            .unwrap();
        let options = [
            "--config.file=prometheus.yaml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            format!("--web.listen-address=127.0.0.1:{prometheus}"),
        ];
        let mut servers = Servers(vec![start("prometheus", directory.path(), &options)?]);
        let options = [
            "--config.file=alertmanager.yaml".to_owned(),
            "--storage.path=alerts".to_owned(),
            "--cluster.listen-address=".to_owned(),
            format!("--web.listen-address=127.0.0.1:{alertmanager}"),
        ];
        servers.0.push(start("prometheus-alertmanager", directory.path(), &options)?);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Some(Self { directory, prometheus, alertmanager, servers, client })
    }

    /// The result of an instant query; an error is one of the query.
    pub(super) async fn query(&self, query: &str) -> Vec<Value> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.prometheus);
        let Ok(response) = self.client.post(url).form(&[("query", query)]).send().await else { return Vec::new() };
        if response.status() == 503 {
            // It is still starting.
            return Vec::new();
        }
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Asks until there is an answer that `enough` accepts.
    pub(super) async fn wait_for(&self, query: &str, within: Duration, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + within;
        loop {
            let found = self.query(query).await;
            if enough(&found) {
                return found;
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(self.directory.path().join("prometheus.log")).unwrap_or_default();
                panic!("{query}: {found:?}\n{log}");
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// The alerts that the Alertmanager holds, read back with amtool.
    fn alerts(&self) -> Option<Vec<Value>> {
        let url = format!("--alertmanager.url=http://127.0.0.1:{}", self.alertmanager);
        let output = Command::new("amtool").args([&url, "--output=json", "alert", "query"]).output().ok()?;
        serde_json::from_slice(&output.stdout).ok().or(Some(Vec::new()))
    }
}

pub(super) fn value(sample: &Value) -> &str {
    sample["value"][1].as_str().unwrap()
}

/// A demo of ours, and where it serves.
async fn demo(directory: &Path) -> (Servers, String) {
    let options = ["demo", "--listen", "127.0.0.1:0", "--dir", "demo"].map(str::to_owned);
    let child = start(env!("CARGO_BIN_EXE_entrawatch"), directory, &options).unwrap();
    let servers = Servers(vec![child]);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let said = fs::read_to_string(directory.join("entrawatch.log")).unwrap();
        if let Some(address) = said.split("http://").nth(1) {
            return (servers, address.split('/').next().unwrap().to_owned());
        }
        assert!(Instant::now() < deadline, "{said}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Three tenants with everything wrong that there is an alert for, and a watcher that can neither see nor tell.
async fn sick_site() -> Site {
    let now = SystemClock.now();
    #[expect(clippy::cast_precision_loss, reason = "some years in seconds")]
    let today = (now - builder::start()).num_seconds() as f64 / 86400.0;
    let mut config = config();
    config.policy.recipients.fallback.clear();
    config.policy.recipients.escalate.clear();
    config.metrics.credentials = CredentialSeries::None;
    let ending = application("s1", "Sick").secret("k", today - 300.0, today + 3.0);
    let mut blind = snapshot("sick", [ending], &config, now);
    blind.state.polls.last_complete = Some(now - TimeDelta::hours(3));
    blind.state.own = Some(own_application(Home::Here, Some(today + 5.0)));
    let mut unattended = snapshot("unattended", [], &config, now);
    unattended.is_on_duty = false;
    let site = Site::of([blind, unattended], config).await;
    site.clock.set(now);
    site.parts.delivery.update(|state| {
        state.oldest = Some(now - TimeDelta::hours(2));
        state.pending = 3;
    });
    site
}

/// What is counted, and therefore has to happen between two scrapes.
fn happen(site: &Site) {
    let metrics = &site.parts.metrics;
    metrics.mailed(MailOutcome::Dead, 2);
    metrics.drifted("sick", 4);
    metrics.graph_throttled("sick", 100_000.0);
    for _ in 0..3 {
        metrics.polled("sick", "full", PollOutcome::Partial, 1.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_takes_every_sample_and_every_panel_and_rule_has_rows_and_the_alerts_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let (_demo, address) = demo(directory.path()).await;
    let sick = sick_site().await;
    let Some(monitoring) = Monitoring::start_with(&address, Some(&sick.address.to_string())) else {
        return missing("Prometheus with Alertmanager");
    };
    monitoring.wait_for("count(entra_credential_not_after_timestamp_seconds)", MINUTE, |found| !found.is_empty()).await;

    // What was sent and what was kept.
    let body = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    let lines = body.lines().filter(|line| !line.starts_with('#')).count().to_string();
    let scraped = "scrape_samples_post_metric_relabeling{job='entrawatch'}";
    monitoring.wait_for(scraped, MINUTE, |found| found.first().is_some_and(|sample| value(sample) == lines)).await;
    let endless = monitoring.query("entra_credential_not_after_timestamp_seconds == +Inf").await;
    assert!(!endless.is_empty());

    // Counters are asked for their increase, which needs a scrape before and one after.
    monitoring.wait_for("count_over_time(entrawatch_build_info{job='sick'}[1m]) >= 2", MINUTE, |found| !found.is_empty()).await;
    happen(&sick);
    monitoring.wait_for("count_over_time(entrawatch_build_info[1m]) >= 5", MINUTE, |found| found.len() == 2).await;
    println!("rows  query");
    let dashboard: Value = serde_json::from_slice(&fs::read(deploy("grafana/dashboard.json")).unwrap()).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        for part in
            [&panel["description"], &panel["fieldConfig"]["defaults"]["noValue"], &panel["fieldConfig"]["defaults"]["unit"]]
        {
            assert!(part.as_str().is_some_and(|text| !text.is_empty()), "{title} leaves something unsaid");
        }
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap().replace("$tenant", ".*");
            let found = monitoring.query(&query).await;
            println!("{:>4}  {title}: {query}", found.len());
            assert!(!found.is_empty(), "{title}: {query}");
            asked += 1;
        }
    }
    assert!(asked >= 25, "{asked}");

    monitoring.wait_for("entrawatch:credential_remaining_seconds < 7 * 86400", MINUTE, |found| !found.is_empty()).await;
    let rules = reqwest::get(format!("http://127.0.0.1:{}/api/v1/rules", monitoring.prometheus)).await.unwrap();
    let rules: Value = rules.json().await.unwrap();
    let rules: Vec<_> =
        rules["data"]["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() >= 17, "{}", rules.len());
    for rule in rules {
        let name = rule["name"].as_str().unwrap();
        assert_ne!(rule["health"], "err", "{rule}");
        // That nobody is there is true of a job that there is not.
        let query = rule["query"]
            .as_str()
            .unwrap()
            .replace("absent(entrawatch_build_info)", "absent(entrawatch_build_info{job='nobody'})");
        let found = monitoring.wait_for(&query, MINUTE, |found| !found.is_empty()).await;
        println!("{:>4}  {name}: {}", found.len(), query.split_whitespace().collect::<Vec<_>>().join(" "));
    }

    let deadline = Instant::now() + MINUTE;
    loop {
        let Some(alerts) = monitoring.alerts() else { return missing("amtool") };
        let arrived = |name: &str| alerts.iter().find(|alert| alert["labels"]["alertname"] == name);
        if let (Some(ending), Some(_), Some(_)) =
            (arrived("EntraCredentialEnding"), arrived("EntraCredentialExpired"), arrived("EntraWatchOwnCredentialEnding"))
        {
            assert!(ending["annotations"]["summary"].as_str().is_some_and(|text| text.contains("contoso")), "{ending}");
            break;
        }
        assert!(Instant::now() < deadline, "{alerts:?}");
        sleep(Duration::from_millis(300)).await;
    }
    drop(monitoring.servers);
}

#[tokio::test]
async fn names_come_through_prometheus_as_they_are() {
    let names = [
        "quote \" and \\ backslash",
        "two\nlines",
        "tab\tand\r return",
        "\u{fffd} replaced",
        "Łódź 日本 🔑 \u{202e}gnp",
        "{a=\"b\"} 1 #",
    ];
    let objects = names
        .iter()
        .enumerate()
        .map(|(index, name)| application(&format!("a{index}"), name).secret(&format!("k{index}"), -9.0, 9.0));
    let site = Site::contoso(objects).await;
    let Some(monitoring) = Monitoring::start(&site.address.to_string()) else {
        return missing("Prometheus with Alertmanager");
    };
    let found =
        monitoring.wait_for("entra_credential_not_after_timestamp_seconds", MINUTE, |found| found.len() == names.len()).await;
    for (index, name) in names.iter().enumerate() {
        let sample = found.iter().find(|sample| sample["metric"]["key_id"] == format!("k{index}")).unwrap();
        assert_eq!(sample["metric"]["app_name"], *name);
    }
}
