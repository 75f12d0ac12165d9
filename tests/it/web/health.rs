//! Probes and health.

use chrono::TimeDelta;
use entrawatch::state::PollOutcome;
use serde_json::json;

use crate::support::builder::{application, day, start};
use crate::support::snapshots::{Site, config, snapshot};

#[tokio::test]
async fn all_is_well_when_every_tenant_is_seen_and_mails_leave() {
    let site = Site::contoso([application("a1", "Payroll")]).await;
    assert_eq!(site.text("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(site.text("/readyz").await, (200, "ready\n".to_owned()));
    let (status, health) = site.json("/api/v1/health").await;
    assert_eq!(status, 200);
    assert_eq!(health, json!({ "status": "ok", "time": "2026-03-02T10:00:00Z", "problems": [] }));
}

#[tokio::test]
async fn a_tenant_that_is_not_loaded_is_not_ready() {
    let config = config();
    let mut tenant = snapshot("contoso", [], &config, start());
    tenant.version = 0;
    let site = Site::of([tenant], config).await;
    assert_eq!(site.text("/readyz").await, (503, "the state of the tenant \"contoso\" is not loaded yet\n".to_owned()));
    assert_eq!(site.text("/healthz").await.0, 200, "a restart would not load it sooner");
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_ready() {
    let site = Site::contoso([]).await;
    site.parts.store.close().await;
    let (status, text) = site.text("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.starts_with("the store does not answer: "), "{text}");
}

#[tokio::test]
async fn a_tenant_not_seen_for_too_long_is_a_problem_with_its_cause() {
    let config = config();
    let mut never = snapshot("fabrikam", [], &config, start());
    never.state.polls.last_complete = None;
    never.state.polls.outcome = Some(PollOutcome::Failed);
    never.state.polls.error = Some("the client secret has ended".into());
    let site = Site::of([snapshot("contoso", [], &config, start()), never], config).await;
    let (status, health) = site.json("/api/v1/health").await;
    assert_eq!((status, &health["status"]), (503, &json!("failing")));
    assert_eq!(
        health["problems"],
        json!([{
            "what": "tenant_never_seen", "tenant": "fabrikam", "since": "2026-03-02T10:00:00Z",
            "why": "the tenant has never been seen completely, so new credentials and changes there may be missing; \
                    the last poll was not complete: the client secret has ended",
        }])
    );
    // Two hours are `blind_after`.
    site.clock.set(start() + TimeDelta::hours(2));
    assert_eq!(site.json("/api/v1/health").await.1["problems"].as_array().unwrap().len(), 1);
    site.clock.advance(TimeDelta::seconds(1));
    let (_, health) = site.json("/api/v1/health").await;
    assert_eq!(health["problems"][0]["what"], "tenant_not_seen");
    assert_eq!(health["problems"][0]["tenant"], "contoso");
}

#[tokio::test]
async fn mails_that_fail_for_a_quarter_of_an_hour_are_a_problem() {
    let site = Site::contoso([]).await;
    site.snapshots.publish(0, snapshot("contoso", [], &site.parts.config, day(1.0)));
    site.parts.delivery.update(|state| {
        state.failing_since = Some(start());
        state.last_error = Some("451 try again later".into());
    });
    site.clock.set(start() + TimeDelta::seconds(899));
    assert_eq!(site.json("/api/v1/health").await.0, 200);
    site.clock.set(start() + TimeDelta::minutes(15));
    let (status, health) = site.json("/api/v1/health").await;
    assert_eq!((status, &health["problems"][0]["what"]), (503, &json!("mail_failing")));
    assert!(health["problems"][0]["why"].as_str().unwrap().ends_with("the last answer: 451 try again later"));
}

#[tokio::test]
async fn a_refused_sign_in_at_the_mail_server_is_a_problem_at_once() {
    let site = Site::contoso([]).await;
    site.parts.delivery.update(|state| state.misconfigured = Some("535 5.7.8 wrong password".into()));
    let (status, health) = site.json("/api/v1/health").await;
    assert_eq!((status, &health["problems"][0]["what"]), (503, &json!("mail_misconfigured")));
}
