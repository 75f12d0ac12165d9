//! The real process that sends as the application of a tenant: by Graph, and by SMTP with a token.

use entrawatch::demo::SentMessage;
use serde_json::json;

use crate::cli::{code, entrawatch, err, out};
use crate::process::{Place, taken, tenant_with};
use crate::support::graph::Tenant;
use crate::support::smtp::peer::Peers;

const MAILBOX: &str = "watch@contoso.example";

/// A tenant with two recipients (one owner, and fallback), and a mailbox; what allows the watcher to send from it.
async fn tenant() -> (Tenant, impl Fn(&Tenant)) {
    let tenant = tenant_with(1).await;
    let mailbox = tenant.directory.add_user("Entra Watch", Some(MAILBOX));
    (tenant, move |tenant: &Tenant| tenant.directory.allow_mail(tenant.watcher.application.app_id, mailbox))
}

fn graph() -> String {
    format!(r#"{{ kind = "graph", sender = "entra.watch@{}" }}"#, "contoso.onmicrosoft.com")
}

fn xoauth2(port: u16) -> String {
    format!(
        r#"{{ kind = "smtp", url = "smtp://127.0.0.1:{port}", starttls = "none", auth = "xoauth2", username = "{MAILBOX}" }}"#
    )
}

async fn sent(place: &Place, count: usize) {
    let line = format!("entrawatch_mails_total{{outcome=\"sent\"}} {count}\n");
    place.until("the mails are not sent", || async { place.get("metrics").await.1.contains(&line) }).await;
}

fn recipients(tenant: &Tenant) -> Vec<String> {
    let mails = tenant.directory.sent_mails().into_iter().map(|mail| match mail.message {
        SentMessage::Mime(bytes) => bytes,
        SentMessage::Json(json) => panic!("not as MIME: {json}"),
    });
    taken(&mails.collect::<Vec<_>>()).into_keys().map(|(to, _)| to).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_and_mails_by_graph_share_one_token() {
    let (tenant, grant) = tenant().await;
    grant(&tenant);
    let place = Place::new(&tenant, &graph());
    let _process = place.run();
    sent(&place, 2).await;
    assert_eq!(recipients(&tenant), ["ops@example.com", "owner0@example.com"]);
    assert_eq!(tenant.requests.count("/oauth2/v2.0/token"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_not_granted_is_loud_and_once_it_is_granted_all_mails_leave() {
    let (tenant, grant) = tenant().await;
    let place = Place::new(&tenant, &graph());
    let _process = place.run();
    place.until("health does not say it", || async { place.get("api/v1/health").await.1.contains("mail_misconfigured") }).await;
    let (status, health) = place.get("api/v1/health").await;
    assert_eq!(status, 503, "{health}");
    assert!(health.contains("ErrorAccessDenied") && health.contains("Application Mail.Send"), "{health}");
    let log = place.log();
    assert!(
        log.contains("the mail server refuses every mail as things are set up") && log.contains("ErrorAccessDenied"),
        "{log}"
    );
    assert!(!place.get("metrics").await.1.contains("entrawatch_mails_total{outcome=\"retried\"} 0"));

    let output = tokio::task::block_in_place(|| mail_test(&place));
    assert_eq!(code(&output), 1);
    assert!(
        err(&output).contains("403 ErrorAccessDenied") && err(&output).contains("can take two hours to count"),
        "{}",
        err(&output)
    );

    grant(&tenant);
    sent(&place, 2).await;
    place.until("health stays bad", || async { place.get("api/v1/health").await.0 == 200 }).await;
    let output = tokio::task::block_in_place(|| mail_test(&place));
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).starts_with("the mail is taken: taken by Microsoft Graph for entra.watch@"), "{}", out(&output));
    assert!(recipients(&tenant).contains(&"you@example.com".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_exchange_refuses_is_renewed_whether_or_not_it_explains_why() {
    let account = |refuse: usize, explain: bool| json!({ "xoauth2": { "user": MAILBOX, "refuse": refuse, "explain": explain } });
    let servers = json!({ "accepts": account(0, false), "535": account(1, false), "334": account(1, true) });
    let Some(mut peers) = Peers::start(&servers).await else { return };
    for (name, shown) in [("accepts", 1), ("535", 2), ("334", 2)] {
        let (tenant, _) = tenant().await;
        let place = Place::new(&tenant, &xoauth2(peers.port(name)));
        let _process = place.run();
        sent(&place, 2).await;
        let report = peers.report(name).await;
        let mut tokens = report.tokens.clone();
        tokens.dedup();
        assert!(tokens.len() == shown && report.signed_in.iter().all(|user| user == MAILBOX), "{name}: {report:?}");
        assert!(report.signed_in.len() <= 2 && report.connections <= 2, "{name}: {report:?}");
        // One for Graph, one for Exchange, one more where it was refused.
        assert_eq!(tenant.requests.count("/oauth2/v2.0/token"), 1 + shown, "{name}");
        assert!(!tokens.iter().any(|token| place.log().contains(token.as_str())), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_test_shows_a_sign_in_by_token_without_the_token() {
    let refused = json!({ "xoauth2": { "user": MAILBOX, "refuse": 9, "explain": true } });
    let Some(mut peers) = Peers::start(&json!({ "open": { "xoauth2": { "user": MAILBOX } }, "shut": refused })).await else {
        return;
    };
    let (tenant, _) = tenant().await;
    for (name, status) in [("open", 0), ("shut", 1)] {
        let place = Place::new(&tenant, &xoauth2(peers.port(name)));
        let output = tokio::task::block_in_place(|| mail_test(&place));
        let (told, complained) = (out(&output), err(&output));
        assert_eq!(code(&output), status, "{told}{complained}");
        assert!(told.contains("\n> AUTH XOAUTH2 ********\n"), "{told}");
        if name == "shut" {
            assert!(told.contains("* the server explains: {\"status\":\"400\",\"schemes\":\"Bearer\"}"), "{told}");
            assert!(complained.contains("535 5.7.3") && complained.contains("SMTP.SendAsApp"), "{complained}");
        }
        for token in peers.report(name).await.tokens {
            assert!(!told.contains(&token) && !complained.contains(&token));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_waits_is_loud_and_resumes_once_the_file_is_right() {
    let Some(peers) = Peers::start(&json!({ "server": { "users": { "watch": "right" } } })).await else { return };
    let tenant = tenant_with(1).await;
    let port = peers.port("server");
    let place = Place::new(
        &tenant,
        &format!(
            r#"{{ kind = "smtp", url = "smtp://127.0.0.1:{port}", starttls = "none", username = "watch", password_file = "password" }}"#
        ),
    );
    std::fs::write(place.path("password"), "wrong\n").unwrap();
    let _process = place.run();
    place.until("health does not say it", || async { place.get("api/v1/health").await.1.contains("mail_misconfigured") }).await;
    let (status, health) = place.get("api/v1/health").await;
    assert!(status == 503 && health.contains("refused the sign-in: 535"), "{health}");
    let (_, metrics) = place.get("metrics").await;
    assert!(!metrics.contains("entrawatch_mails_total{outcome=\"retried\"} 0"), "{metrics}");
    assert!(metrics.contains("entrawatch_outbox_pending 2") && metrics.contains("outcome=\"dead\"} 0"), "{metrics}");
    assert!(place.log().contains("ERROR") && place.log().contains("refused the sign-in: 535"), "{}", place.log());

    std::fs::write(place.path("password"), "right\n").unwrap();
    sent(&place, 2).await;
    place.until("health stays bad", || async { place.get("api/v1/health").await.0 == 200 }).await;
}

fn mail_test(place: &Place) -> std::process::Output {
    entrawatch(&place.path("."), &["mail", "test", "-c", "entrawatch.toml", "--to", "you@example.com"])
}
