//! `entrawatch check`, against the simulated tenant.

use std::fmt::Write as _;
use std::process::Output;
use std::sync::Arc;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, SystemClock};
use entrawatch::demo::Directory;
use secrecy::ExposeSecret as _;

use super::{code, entrawatch, err, out};
use crate::support::days;
use crate::support::graph::{ROLES, Tenant};

/// A directory with a configuration for some tenants.
fn configured(tenants: &[&Tenant]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut toml = "[[ignore]]\nmatch = { app_name = \"ignored*\" }\n".to_owned();
    for (index, tenant) in tenants.iter().enumerate() {
        writeln!(
            toml,
            "[[tenant]]\nname = \"contoso{index}\"\ntenant_id = \"{}\"\nclient_id = \"{}\"\nlogin_url = \"{base}\"\ngraph_url = \"{base}\"\n\
             auth = {{ kind = \"secret\", secret = \"{}\" }}",
            tenant.directory.tenant_id(),
            tenant.watcher.application.app_id,
            tenant.watcher.secret.expose_secret(),
            base = tenant.base,
        )
        .unwrap();
    }
    std::fs::write(directory.path().join("entrawatch.toml"), toml).unwrap();
    directory
}

fn check(tenants: &[&Tenant], arguments: &[&str]) -> Output {
    let directory = configured(tenants);
    let all = [&["check", "--config", "entrawatch.toml"], arguments].concat();
    tokio::task::block_in_place(|| entrawatch(directory.path(), &all))
}

/// A tenant as of now with an application that has secrets of these lives.
async fn with_secrets(name: &str, lives: &[(i64, i64)]) -> Tenant {
    with_secrets_at("contoso.onmicrosoft.com", name, lives).await
}

async fn with_secrets_at(domain: &str, name: &str, lives: &[(i64, i64)]) -> Tenant {
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::new(now));
    let directory = Directory::new(domain, clock.clone());
    let watcher = directory.add_watcher(ROLES);
    let tenant = Tenant::serve(clock, directory, watcher, |router| router).await;
    let application = tenant.directory.add_application(name);
    for (index, (from, to)) in lives.iter().enumerate() {
        let half_a_day = TimeDelta::hours(12);
        tenant.directory.add_secret(application.id, &format!("s{index}"), now + days(*from), now + days(*to) + half_a_day);
    }
    tenant
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_ends_soon_is_0() {
    let tenant = with_secrets("Payroll", &[(-1, 200)]).await;
    tenant.directory.add_secret(
        tenant.directory.add_application("ignored app").id,
        "s",
        SystemClock.now() - days(300),
        SystemClock.now() + days(1),
    );
    let output = check(&[&tenant], &[]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    assert_eq!(out(&output), "OK: of 2 credentials nothing ends within 30d | critical=0 warning=0 watched=2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_soon_is_1_and_what_ends_very_soon_is_2() {
    let tenant = with_secrets("Pay\u{202e}roll", &[(-300, 20)]).await;
    let output = check(&[&tenant], &[]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    let told = out(&output);
    assert!(told.starts_with("WARNING: of 2 credentials 1 within 30d | critical=0 warning=1 watched=2\nENDS "), "{told}");
    assert!(told.contains("  in 20d  warning  Payroll      Client secret “s0”  contoso0\n"), "{told}");

    assert_eq!(code(&check(&[&tenant], &["--warning", "10d"])), 0);
    assert_eq!(code(&check(&[&tenant], &["--critical", "21d"])), 2);
    assert_eq!(code(&check(&[&tenant], &["--critical", "60d"])), 2, "critical reaches further than warning");
    let expired = with_secrets("Wiki", &[(-300, -4)]).await;
    let output = check(&[&expired], &[]);
    assert_eq!(code(&output), 2);
    assert!(out(&output).contains("  3d ago  critical  Wiki"), "{}", out(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_replaced_or_ended_long_ago_does_not_count() {
    let tenant = with_secrets("Payroll", &[(-300, 3), (-10, 300)]).await;
    tenant.directory.add_secret(
        tenant.directory.add_application("Old").id,
        "s",
        SystemClock.now() - days(600),
        SystemClock.now() - days(60),
    );
    assert_eq!(code(&check(&[&tenant], &[])), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_cannot_be_seen_is_3_and_the_others_are_told() {
    let seen = with_secrets("Payroll", &[(-300, 3)]).await;
    let mut unseen = with_secrets_at("fabrikam.onmicrosoft.com", "Wiki", &[]).await;
    unseen.watcher.secret = "wrong".into();
    let output = check(&[&seen, &unseen], &[]);
    assert_eq!(code(&output), 3);
    let told = out(&output);
    assert!(
        told.starts_with(
            "UNKNOWN: of 2 credentials 1 within 7d, 0 more within 30d | critical=1 warning=0 watched=2\nnot seen: contoso1: "
        ),
        "{told}"
    );
    assert!(told.contains("7000215") && told.contains("Payroll"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_get_json_or_csv() {
    let tenant = with_secrets("=cmd()", &[(-300, 20)]).await;
    let json: serde_json::Value = serde_json::from_str(&out(&check(&[&tenant], &["--output", "json"]))).unwrap();
    assert_eq!((json["level"].as_str(), json["watched"].as_u64()), (Some("warning"), Some(2)));
    let item = &json["items"][0];
    assert_eq!(
        (item["app_name"].as_str(), item["kind"].as_str(), item["last_one"].as_bool()),
        (Some("=cmd()"), Some("secret"), Some(true))
    );

    let csv = out(&check(&[&tenant], &["--output", "csv"]));
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("level,tenant,object_kind,"), "{csv}");
    assert!(lines.next().unwrap().contains(",'=cmd(),"), "no spreadsheet takes it for a formula: {csv}");
}

#[test]
fn whatever_keeps_check_from_an_answer_is_3() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["check"],
        vec!["check", "--config", "none.toml"],
        vec!["check", "-c", "7"],
        vec!["check", "--warning", "soon"],
        vec!["check", "--output", "xml"],
    ] {
        let output = entrawatch(directory.path(), &arguments);
        assert_eq!(code(&output), 3, "{arguments:?}");
        assert!(!err(&output).is_empty());
    }
    assert_eq!(code(&entrawatch(directory.path(), &["check", "--help"])), 0);
}
