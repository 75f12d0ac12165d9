//! `entrawatch plan`

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, SystemClock};
use serde_json::Value;

use super::{code, entrawatch, err, out};
use crate::support::days;
use crate::support::graph::Tenant;

/// A tenant in which one secret of Ann's ends in five days, and a configuration that watches it; `more` ends it.
async fn watched(more: &str) -> (Tenant, tempfile::TempDir) {
    let now = SystemClock.now();
    let tenant = Tenant::start_at(now).await;
    let app = tenant.directory.add_application("Payroll API");
    tenant.directory.add_secret(app.id, "prod", now - days(300), now + days(5) + TimeDelta::hours(12));
    let ann = tenant.directory.add_user("Ann", Some("ann@example.com"));
    tenant.directory.add_owner(app.id, ann);
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[recipients]\nfallback = [\"ops@example.com\"]\nowners = true\n{}{more}", tenant.toml("contoso"));
    std::fs::write(folder.path().join("entrawatch.toml"), text).unwrap();
    (tenant, folder)
}

const MAIL: &str = "[mail]\nfrom = \"watch@example.com\"\ntransport = { kind = \"folder\", path = \"mails\" }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_would_be_told_what_and_when_the_next_report_leaves_is_said_and_nothing_is_done() {
    let (_tenant, folder) = watched(MAIL).await;
    let plan = |more: &[&str]| {
        let arguments = [&["plan", "--config", "entrawatch.toml"], more].concat();
        let output = tokio::task::block_in_place(|| entrawatch(folder.path(), &arguments));
        assert_eq!((code(&output), err(&output)), (0, String::new()));
        out(&output)
    };
    let text = plan(&[]);
    for said in [
        "contoso: read just now; no daemon has stored it yet.",
        "The first digest goes to the fallback recipients now",
        "ops@example.com  expiring 7d",
        "ann@example.com  expiring 7d",
        "fallback: first digest of the tenant",
        " 09:00 UTC, to ops@example.com.",
    ] {
        assert!(text.contains(said), "no {said:?} in\n{text}");
    }
    let answer: Value = serde_json::from_str(&plan(&["--output", "json"])).unwrap();
    let told: Vec<_> = answer[0]["told"].as_array().unwrap().iter().map(|told| told["recipient"].as_str().unwrap()).collect();
    assert_eq!(told, ["ops@example.com", "ann@example.com"], "fallback at once, the owner from the next slot on");
    assert_eq!(answer[0]["next_report"]["recipients"][0], "ops@example.com");
    let rows = plan(&["--output", "csv"]);
    assert_eq!((rows.lines().count(), rows.lines().next().unwrap().split(',').next()), (3, Some("WHEN")), "{rows}");
    assert!(!folder.path().join("mails").exists(), "nothing was sent");
    assert_eq!(plan(&[]).lines().count(), text.lines().count(), "and nothing remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mails_or_without_a_report_none_is_promised() {
    let (_tenant, folder) = watched("").await;
    let text = out(&tokio::task::block_in_place(|| entrawatch(folder.path(), &["plan", "-c", "entrawatch.toml"])));
    assert!(text.contains("There is no [mail], so nobody is told anything.") && !text.contains("report"), "{text}");
    let (_tenant, folder) = watched(&format!("{MAIL}[report]\nevery = \"never\"\n")).await;
    let text = out(&tokio::task::block_in_place(|| entrawatch(folder.path(), &["plan", "-c", "entrawatch.toml"])));
    assert!(text.contains("ann@example.com") && !text.contains("report"), "{text}");
}
