//! A large tenant on the page, in the API and in Prometheus. `tests/long/page` runs this with 100,000 applications and prints the figures.

use std::fs;
use std::time::Duration;

use entrawatch::inventory::DirectoryObject;
use reqwest::Client;
use tokio::time::Instant;

use super::prometheus::{Monitoring, value};
use crate::support::builder::{With as _, application, service_principal};
use crate::support::log::Log;
use crate::support::missing;
use crate::support::snapshots::Site;

/// How many applications; small where nobody says otherwise, so that every run sees that it works.
#[expect(clippy::disallowed_methods, reason = "the runner of the tests says in the environment how large the tenant is")]
fn applications() -> usize {
    std::env::var("ENTRAWATCH_TESTS_APPLICATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

/// An application and its service principal; most have one secret, some several, some a certificate, one in eight none.
fn objects(number: usize) -> [DirectoryObject; 2] {
    let id = format!("{number:08x}-7d5e-4c1b-9a43-3f2a6f1f0c11");
    let mut app = application(&id, &format!("Application {number} of the billing department"));
    for secret in 0..[1, 1, 1, 2, 1, 3, 1, 0][number % 8] {
        let end = f64::from(u16::try_from((number * 7 + secret * 91) % 800).unwrap()) - 40.0;
        app = app.secret(&format!("{number:08x}-{secret:04x}-4f57-9c1d-7e2b5a8f9d03"), end - 365.0, end);
    }
    if number.is_multiple_of(8) {
        app = app.key(&format!("{number:08x}-ffff-4179-9e3f-904d7c0b1f25"), "Verify", None, -100.0, 200.0);
    }
    [app, service_principal(&format!("{number:08x}-5f4e-4d3c-8b2a-1f0e9d8c7b6a"), "Application").app_id(&format!("app-{id}"))]
}

/// Resident memory of this process, in MiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Asks, prints how long it took, and returns the body.
async fn ask(site: &Site, client: &Client, path: &str, what: &str) -> String {
    let begun = Instant::now();
    let mut response = client.get(site.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let mut body = response.chunk().await.unwrap().unwrap_or_default().to_vec();
    let first = begun.elapsed();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    let whole = begun.elapsed();
    println!("{what:<52} first byte {first:>10.1?}  whole {whole:>10.1?}  {:>9} KiB", body.len() / 1024);
    String::from_utf8(body).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_tenant_is_shown_and_scraped_without_a_dropped_sample() {
    let applications = applications();
    let before = memory();
    let site = Site::contoso((0..applications).flat_map(objects)).await;
    let credentials = site.snapshots.all()[0].standings.len();
    println!(
        "{applications} applications with their service principals, {credentials} credentials, {} MiB for them",
        memory() - before
    );
    let client = Client::builder().no_proxy().no_gzip().build().unwrap();
    let page = ask(&site, &client, "/", "/").await;
    assert!(page.contains("1 to 100 of "));
    for (path, what) in [
        ("/", "/ again"),
        ("/?severity=critical&sort=ends", "/ filtered, by end"),
        ("/?q=billing&sort=name", "/ with a text, by name"),
        ("/apps/contoso/00000001-7d5e-4c1b-9a43-3f2a6f1f0c11", "an application"),
        ("/notifications", "/notifications"),
        ("/api/v1/credentials?limit=1000", "/api/v1/credentials, 1,000 of them"),
        ("/api/v1/tenants", "/api/v1/tenants"),
        ("/api/v1/health", "/api/v1/health"),
        ("/readyz", "/readyz"),
    ] {
        ask(&site, &client, path, what).await;
    }
    let csv = ask(&site, &client, "/api/v1/credentials?format=csv", "/api/v1/credentials as CSV, all").await;
    assert_eq!(csv.lines().count(), credentials + 1);
    let between = memory();
    let gzip = Client::builder().no_proxy().gzip(true).build().unwrap();
    let body = ask(&site, &gzip, "/metrics", "/metrics, the first scrape of a snapshot, gzip").await;
    ask(&site, &gzip, "/metrics", "/metrics, each further scrape, gzip").await;
    ask(&site, &client, "/metrics", "/metrics, each further scrape, plain").await;
    println!("{} MiB before the first scrape, {} MiB after the last", between, memory());
    let samples = body.lines().filter(|line| !line.starts_with('#')).count();
    assert!(samples > credentials * 3);

    let Some(monitoring) = Monitoring::start(&site.address.to_string()) else {
        return missing("Prometheus with Alertmanager");
    };
    let begun = Instant::now();
    let within = Duration::from_mins(2);
    let wanted = samples.to_string();
    monitoring
        .wait_for("scrape_samples_post_metric_relabeling", within, |found| found.first().is_some_and(|one| value(one) == wanted))
        .await;
    for family in ["entra_credential_not_after_timestamp_seconds", "entra_credential_last_one", "entra_credential_rotated"] {
        let expected = credentials.to_string();
        monitoring
            .wait_for(&format!("count({family})"), within, |found| found.first().is_some_and(|one| value(one) == expected))
            .await;
    }
    let took = monitoring.query("scrape_duration_seconds").await;
    println!("Prometheus took all {samples} samples, in {} s a scrape; {:.1?} after its start", value(&took[0]), begun.elapsed());
    let dropped = monitoring.query("prometheus_target_scrapes_sample_out_of_bounds_total > 0").await;
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[tokio::test]
async fn more_than_fifty_thousand_series_are_warned_of_once_with_their_number() {
    let (log, _guard) = Log::listen();
    let said = || log.text();
    let directory = |count: usize| {
        (0..count).map(|number| application(&format!("a{number}"), "App").secret(&format!("k{number}"), -10.0, 300.0))
    };
    let site = Site::contoso(directory(12_000)).await;
    site.text("/metrics").await;
    assert!(!said().contains("series in /metrics"), "{}", said());
    site.publish(0, "contoso", directory(12_501));
    site.text("/metrics").await;
    site.publish(0, "contoso", directory(12_502));
    site.text("/metrics").await;
    assert_eq!(
        said().matches("make 50004 series in /metrics; metrics.credentials = \"expiring\" makes fewer").count(),
        1,
        "{}",
        said()
    );
    assert_eq!(said().matches("series in /metrics").count(), 1);
}
