//! Mails through Microsoft Graph, as the simulated tenant takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use entrawatch::clock::{ManualClock, TokioSleeper};
use entrawatch::demo::{ObjectId, SentMessage};
use entrawatch::graph::{Client, Context, Mailbox, http_client};
use entrawatch::mail::Fate::{self, Misconfigured, Permanent, Transient};
use entrawatch::mail::graph::GraphMailer;
use entrawatch::mail::samples::{renderer, samples};
use entrawatch::mail::{Envelope, Mailer as _, SendError};
use entrawatch::metrics::Metrics;
use entrawatch::progress::Progress;
use futures_util::future::join_all;
use uuid::Uuid;

use crate::graph::Setup;
use crate::support::at;
use crate::support::faults::{Fault, status, throttled};
use crate::support::graph::{BEGIN, Tenant};

/// A tenant with a mailbox that its watcher may send from.
async fn mailbox() -> (Setup, ObjectId, GraphMailer) {
    let setup = Setup::new().await;
    let id = setup.tenant.directory.add_user("Entra Watch", Some("watch@contoso.example"));
    setup.tenant.directory.allow_mail(setup.tenant.watcher.application.app_id, id);
    let mailer = GraphMailer::new(Mailbox::new(setup.client.clone(), &id.to_string()));
    (setup, id, mailer)
}

async fn send(mailer: &GraphMailer, message: &str) -> Result<String, SendError> {
    let address = "ops@example.com".parse().unwrap();
    mailer.send(Envelope { from: &address, to: &address, id: Uuid::new_v4(), message: message.as_bytes() }).await
}

const MAIL: &str = "From: watch@contoso.example\r\nTo: ops@example.com\r\nSubject: hello\r\n\r\nhello\r\n";

#[tokio::test]
async fn every_sample_is_taken_as_it_is() {
    let (setup, id, mailer) = mailbox().await;
    let renderer = renderer().unwrap();
    let mails: Vec<String> =
        samples().iter().map(|sample| renderer.try_render(&sample.digest, Uuid::new_v4()).unwrap().message).collect();
    for mail in &mails {
        let taken = send(&mailer, mail).await.expect("taken");
        assert_eq!(taken, format!("taken by Microsoft Graph for {id}"));
    }
    let sent: Vec<String> = setup
        .tenant
        .directory
        .sent_mails()
        .into_iter()
        .map(|mail| match mail.message {
            SentMessage::Mime(bytes) => String::from_utf8(bytes).unwrap(),
            SentMessage::Json(json) => panic!("not as MIME: {json}"),
        })
        .collect();
    assert_eq!(sent, mails);
}

#[tokio::test]
async fn every_refusal_has_its_fate() {
    let faults: [(&str, Fault, Fate, bool, &str); 10] = [
        (
            "access",
            status(403, "ErrorAccessDenied"),
            Misconfigured,
            false,
            "403 ErrorAccessDenied as scripted (request-id scripted-403); let an Exchange administrator grant",
        ),
        ("sender", status(403, "ErrorSendAsDenied"), Misconfigured, false, "mail.from must be an address of this mailbox"),
        ("mailbox", status(404, "MailboxNotEnabledForRESTAPI"), Misconfigured, false, "must be a mailbox of this tenant"),
        ("recipient", status(400, "ErrorInvalidRecipients"), Permanent, false, "400 ErrorInvalidRecipients"),
        ("size", status(413, "RequestEntityTooLarge"), Permanent, false, "413"),
        ("trouble", status(503, "ServiceUnavailable"), Transient, false, "503"),
        ("a gateway", status(504, "GatewayTimeout"), Transient, true, "504"),
        ("a reset", Fault::Reset, Transient, true, "cannot be reached"),
        ("a refused token", status(401, "InvalidAuthenticationToken"), Misconfigured, false, "401"),
        (
            "a redirect",
            Fault::Answer(302, vec![("location", "https://example.org/".to_owned())], String::new()),
            Misconfigured,
            false,
            "redirects",
        ),
    ];
    for (what, fault, fate, after_data, says) in faults {
        let (setup, _, mailer) = mailbox().await;
        setup.faults.next("/sendMail", 2, fault);
        let error = send(&mailer, MAIL).await.expect_err(what);
        assert_eq!((error.fate, error.after_data), (fate, after_data), "{what}: {error}");
        assert!(error.answer.contains(says), "{what}: {error}");
        assert!(setup.tenant.directory.sent_mails().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_mail_is_sent_once_and_a_revoked_token_renewed() {
    let (setup, _, mailer) = mailbox().await;
    send(&mailer, MAIL).await.expect("taken");
    setup.tenant.directory.revoke_tokens();
    send(&mailer, MAIL).await.expect("taken with a fresh token");
    assert_eq!(setup.tenant.directory.sent_mails().len(), 2);
    setup.faults.next("/sendMail", 1, status(503, "ServiceUnavailable"));
    send(&mailer, MAIL).await.expect_err("one attempt is one request");
}

#[tokio::test]
async fn thirty_mails_a_minute_and_not_more() {
    let (setup, _, mailer) = mailbox().await;
    for _ in 0..30 {
        send(&mailer, MAIL).await.expect("taken");
    }
    assert_eq!(setup.waits.all(), Vec::<Duration>::new());
    send(&mailer, MAIL).await.expect("taken after a wait");
    let waits = setup.waits.all();
    assert_eq!(waits.len(), 1);
    assert!(waits[0] > Duration::from_secs(30) && waits[0] <= Duration::from_mins(1), "{waits:?}");
}

#[tokio::test]
async fn graph_s_wish_for_patience_holds_for_every_mail() {
    let (setup, _, mailer) = mailbox().await;
    setup.faults.next("/sendMail", 1, throttled(429, "40"));
    let error = send(&mailer, MAIL).await.expect_err("throttled");
    assert_eq!((error.fate, error.after_data), (Transient, false));
    assert!(error.answer.contains("asks to wait 40 s"), "{error}");
    send(&mailer, MAIL).await.expect("taken after the wait");
    assert!(setup.waits.all()[0] > Duration::from_secs(30), "{:?}", setup.waits.all());

    let (setup, _, mailer) = mailbox().await;
    setup.faults.next("/sendMail", 1, throttled(429, "600"));
    send(&mailer, MAIL).await.expect_err("throttled");
    let error = send(&mailer, MAIL).await.expect_err("too long to wait for");
    assert_eq!((error.fate, error.after_data), (Transient, false));
    assert_eq!(setup.tenant.requests.all().iter().filter(|request| request.path.ends_with("/sendMail")).count(), 1);
}

#[tokio::test]
async fn no_more_than_four_are_under_way_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = {
        let most = Arc::clone(&most);
        move |request: Request, next: Next| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                let response = next.run(request).await;
                now.fetch_sub(1, Ordering::SeqCst);
                response
            }
        }
    };
    let clock = Arc::new(ManualClock::new(at(BEGIN)));
    let tenant = Tenant::start_layered(clock.clone(), |router| router.layer(from_fn(count))).await;
    let id = tenant.directory.add_user("Entra Watch", Some("watch@contoso.example"));
    tenant.directory.allow_mail(tenant.watcher.application.app_id, id);
    let (sleeper, metrics) = (Arc::new(TokioSleeper), Arc::new(Metrics::new().unwrap()));
    let context = Context { clock, sleeper, metrics, progress: Progress::default(), http: http_client(&[]).unwrap() };
    let client = Client::new(&tenant.config(), context);
    let mailer = GraphMailer::new(Mailbox::new(client, &id.to_string()));
    let results = join_all((0..20).map(|_| send(&mailer, MAIL))).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!((tenant.directory.sent_mails().len(), most.load(Ordering::SeqCst)), (20, 4));
}

#[tokio::test]
async fn a_tenant_that_cannot_be_reached_leaves_no_doubt() {
    let (setup, _, mailer) = mailbox().await;
    drop(setup);
    let error = send(&mailer, MAIL).await.expect_err("gone");
    assert_eq!((error.fate, error.after_data), (Transient, false), "{error}");
}
