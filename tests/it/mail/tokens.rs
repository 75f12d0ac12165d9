//! Signing in to a mail server by token (XOAUTH2), with the tokens of a simulated tenant.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrawatch::config::SmtpTls;
use entrawatch::mail::Fate::{Misconfigured, Transient};
use entrawatch::mail::smtp::{Line, SmtpMailer};
use entrawatch::mail::{Envelope, SendError};
use uuid::Uuid;

use crate::graph::Setup;
use crate::support::faults::status;
use crate::support::smtp::script::{Act, At, Scripted, Tls};
use crate::support::smtp::{IMPATIENT, config, send};

const MAILBOX: &str = "entrawatch@contoso.example";
const OFFERS: &[&str] = &["8BITMIME", "AUTH LOGIN XOAUTH2"];
const SCOPE: &str = "https://outlook.office365.com/.default";
const EXPLANATION: &str = r#"{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}"#;

async fn server(script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static) -> Scripted {
    Scripted::start(Tls::None, OFFERS, script).await
}

fn mailer(server: &Scripted, setup: &Setup) -> SmtpMailer {
    let mailer = SmtpMailer::new(&config(server.port(), SmtpTls::None, None)).with_patience(IMPATIENT);
    mailer.signing_in_as(MAILBOX, setup.client.clone(), SCOPE)
}

async fn refused(server: &Scripted, setup: &Setup) -> SendError {
    send(&mailer(server, setup), "payroll@example.com").await.expect_err("refused")
}

/// What was shown at each AUTH.
fn shown(server: &Scripted) -> Vec<String> {
    let seen = server.seen();
    let proofs = seen.lines.iter().filter_map(|line| line.strip_prefix("AUTH XOAUTH2 "));
    proofs.map(|proof| String::from_utf8(STANDARD.decode(proof).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn a_token_of_the_tenant_signs_in() {
    let (setup, server) = (Setup::new().await, server(|_| None).await);
    setup.tenant.directory.set_roles(setup.tenant.watcher.application.app_id, &["SMTP.SendAsApp"]);
    send(&mailer(&server, &setup), "payroll@example.com").await.expect("taken");
    let token = setup.client.tokens().get(SCOPE).await.unwrap();
    assert_eq!(shown(&server), [format!("user={MAILBOX}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose())]);
    assert_eq!(server.seen().messages.len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_fetched_afresh_once() {
    let setup = Setup::new().await;
    let tries = AtomicUsize::new(0);
    let once = move |at: &At| {
        let first = at.verb == "AUTH" && tries.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Act::Say("535 5.7.3 Authentication unsuccessful"))
    };
    let server = server(once).await;
    send(&mailer(&server, &setup), "payroll@example.com").await.expect("taken with the second token");
    let proofs = shown(&server);
    assert_eq!(proofs.len(), 2);
    assert_ne!(proofs[0], proofs[1]);
}

#[tokio::test]
async fn a_sign_in_that_stays_refused_waits_for_somebody_to_mend_it() {
    for explained in [false, true] {
        let setup = Setup::new().await;
        let say = "535 5.7.3 Authentication unsuccessful";
        let never = move |at: &At| match at.verb.as_str() {
            "AUTH" if explained => {
                let explanation: &'static str = Box::leak(format!("334 {}", STANDARD.encode(EXPLANATION)).into_boxed_str());
                Some(Act::Say(explanation))
            }
            "AUTH" | "" => Some(Act::Say(say)),
            _ => None,
        };
        let server = server(never).await;
        let error = refused(&server, &setup).await;
        assert_eq!(error.fate, Misconfigured, "{error}");
        assert!(error.answer.contains("refused the sign-in: 535 5.7.3"), "{error}");
        assert_eq!(shown(&server).len(), 2, "once, and once with a fresh token");
    }
}

#[tokio::test]
async fn what_a_server_explains_is_in_the_conversation_and_the_token_is_not() {
    let setup = Setup::new().await;
    let explanation: &'static str = Box::leak(format!("334 {}", STANDARD.encode(EXPLANATION)).into_boxed_str());
    let never = move |at: &At| match at.verb.as_str() {
        "AUTH" => Some(Act::Say(explanation)),
        "" => Some(Act::SayAndHangUp("535 5.7.3 Authentication unsuccessful")),
        _ => None,
    };
    let server = server(never).await;
    let from = MAILBOX.parse().unwrap();
    let (lines, result) =
        mailer(&server, &setup).converse(Envelope { from: &from, to: &from, id: Uuid::new_v4(), message: b"\r\n" }).await;
    assert!(result.is_err());
    let shown: Vec<String> = lines.iter().map(Line::to_string).collect();
    let from_sign_in: Vec<&str> = shown.iter().map(String::as_str).skip_while(|line| !line.starts_with("> AUTH")).collect();
    let explained = format!("* the server explains: {EXPLANATION}");
    assert_eq!(
        from_sign_in[..5],
        ["> AUTH XOAUTH2 ********", &format!("< {explanation}"), &explained, "> ", "< 535 5.7.3 Authentication unsuccessful"]
    );
}

#[tokio::test]
async fn without_a_token_or_an_offer_nothing_is_sent() {
    let setup = Setup::new().await;
    let plain = Scripted::start(Tls::None, &["AUTH PLAIN LOGIN"], |_| None).await;
    let error = refused(&plain, &setup).await;
    assert_eq!(error.fate, Misconfigured);
    assert!(error.answer.contains("offers no sign-in by token"), "{error}");

    let server = server(|_| None).await;
    setup.faults.next("/token", 20, status(503, "unwell"));
    let error = refused(&server, &setup).await;
    assert_eq!(error.fate, Transient, "{error}");

    setup.faults.clear();
    setup.tenant.directory.remove_credential(setup.tenant.watcher.application.id, setup.tenant.watcher.key_id);
    let error = refused(&server, &setup).await;
    assert_eq!(error.fate, Misconfigured, "{error}");
    assert!(error.answer.contains("AADSTS7000215"), "{error}");
    assert!(shown(&server).is_empty());
}
