//! Connections: how they are protected, how they sign in, how long they are kept.

use std::path::Path;

use entrawatch::config::{SmtpConfig, SmtpLogin, SmtpProof, SmtpTls};
use entrawatch::mail::Fate::{Misconfigured, Permanent};
use entrawatch::mail::smtp::{Line, SmtpMailer, hint};
use entrawatch::mail::{Envelope, SendError};
use entrawatch::secret::SecretSource;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::support::smtp::script::{Act, At, Scripted, Tls};
use crate::support::smtp::{Authority, IMPATIENT, PASSWORD, USER, config, send, sign_in};

const PLAIN: &[&str] = &["8BITMIME", "AUTH PLAIN LOGIN"];

fn mailer(config: &SmtpConfig) -> SmtpMailer {
    SmtpMailer::new(config).with_patience(IMPATIENT)
}

async fn starttls(acceptor: TlsAcceptor, script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static) -> Scripted {
    Scripted::start(Tls::Starttls(acceptor), PLAIN, script).await
}

async fn refused(server: &Scripted, tls: SmtpTls, ca_file: Option<&Path>) -> SendError {
    let error =
        send(&mailer(&sign_in(config(server.port(), tls, ca_file), PASSWORD)), "payroll@example.com").await.expect_err("refused");
    assert_eq!(error.fate, Misconfigured, "{error}");
    let seen = server.seen();
    assert!(!seen.lines.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{:?}", seen.lines);
    error
}

#[tokio::test]
async fn starttls_and_implicit_tls_protect_password_and_mail() {
    let authority = Authority::new();
    for (tls, server) in [
        (SmtpTls::StarttlsRequired, starttls(authority.acceptor(), |_| None).await),
        (SmtpTls::StarttlsOpportunistic, starttls(authority.acceptor(), |_| None).await),
        (SmtpTls::Implicit, Scripted::start(Tls::Implicit(authority.acceptor()), PLAIN, |_| None).await),
    ] {
        let config = sign_in(config(server.port(), tls, Some(&authority.ca_file())), PASSWORD);
        send(&mailer(&config), "payroll@example.com").await.expect("taken");
        let seen = server.seen();
        assert_eq!(seen.messages.len(), 1, "{tls:?}");
        let commands: Vec<&str> = seen.lines.iter().filter_map(|line| line.split([' ', ':']).next()).collect();
        let expected: &[&str] = match tls {
            SmtpTls::Implicit => &["EHLO", "AUTH", "MAIL", "RCPT", "DATA"],
            _ => &["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"],
        };
        assert_eq!(commands, expected, "{tls:?}");
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_trusted_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = starttls(authority.acceptor(), |_| None).await;
    let error = refused(&server, SmtpTls::StarttlsRequired, Some(&stranger.ca_file())).await;
    assert!(
        error.answer.contains("authority that this machine does not trust; put that authority's certificate into"),
        "{error}"
    );
    assert!(hint(&error.answer).is_some_and(|hint| hint.contains("ca_file")));

    let elsewhere = Authority::with_names(&["mail.example.org"]);
    let server = starttls(elsewhere.acceptor(), |_| None).await;
    let error = refused(&server, SmtpTls::StarttlsRequired, Some(&elsewhere.ca_file())).await;
    assert!(error.answer.contains("it is not for this host name") && error.answer.contains("mail.example.org"), "{error}");
}

#[tokio::test]
async fn where_tls_is_required_a_server_without_it_gets_nothing() {
    let server = Scripted::start(Tls::None, PLAIN, |_| None).await;
    let error = refused(&server, SmtpTls::StarttlsRequired, None).await;
    assert!(error.answer.contains("does not offer STARTTLS"), "{error}");
}

#[tokio::test]
async fn what_was_said_before_tls_is_not_believed() {
    let authority = Authority::new();
    let injected = |at: &At| (at.verb == "STARTTLS").then_some(Act::Say("220 go ahead\r\n250-evil\r\n250 AUTH PLAIN"));
    let server = starttls(authority.acceptor(), injected).await;
    let config = sign_in(config(server.port(), SmtpTls::StarttlsRequired, Some(&authority.ca_file())), PASSWORD);
    let error = send(&mailer(&config), "payroll@example.com").await.expect_err("refused");
    assert!(error.answer.contains("more than its answer to STARTTLS"), "{error}");
    assert!(!server.seen().lines.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_wrong_password_waits_for_somebody_to_mend_it() {
    let exchange = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.";
    let server = Scripted::start(Tls::None, PLAIN, move |at: &At| (at.verb == "AUTH").then_some(Act::Say(exchange))).await;
    let error = send(&mailer(&sign_in(config(server.port(), SmtpTls::None, None), PASSWORD)), "a@example.com")
        .await
        .expect_err("refused");
    assert_eq!(error.fate, Misconfigured);
    assert!(error.answer.contains("refused the sign-in: 535 5.7.139"), "{error}");
    assert!(hint(&error.answer).is_some_and(|hint| hint.contains("xoauth2")));
}

#[tokio::test]
async fn the_password_is_read_at_each_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "first\n").unwrap();
    // Hangs up after each mail, so that the next one needs a new connection.
    let server = Scripted::start(Tls::None, PLAIN, |at: &At| (at.taken > 0).then_some(Act::HangUp)).await;
    let login = SmtpLogin { username: USER.to_owned(), proof: SmtpProof::Password(SecretSource::File(file.clone())) };
    let mailer = mailer(&SmtpConfig { login: Some(login), ..config(server.port(), SmtpTls::None, None) });
    send(&mailer, "a@example.com").await.expect("taken");
    std::fs::write(&file, "second\n").unwrap();
    send(&mailer, "a@example.com").await.expect("taken");
    let expected: Vec<String> = ["first", "second"]
        .map(|password| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("\0{USER}\0{password}")))
        .map(|secret| format!("AUTH PLAIN {secret}"))
        .into();
    let seen: Vec<String> = server.seen().lines.iter().filter(|line| line.starts_with("AUTH")).cloned().collect();
    assert_eq!(seen, expected);

    std::fs::remove_file(&file).unwrap();
    let error = send(&mailer, "a@example.com").await.expect_err("no password");
    assert_eq!(error.fate, Misconfigured);
    assert!(error.answer.contains("mail.transport: ") && error.answer.contains("password"), "{error}");
}

#[tokio::test]
async fn one_connection_takes_many_mails_and_a_refusal_in_between() {
    let picky = |at: &At| at.line.contains("nobody@").then_some(Act::Say("550 5.1.1 no such user"));
    let server = Scripted::start(Tls::None, PLAIN, picky).await;
    let mailer = mailer(&config(server.port(), SmtpTls::None, None));
    for _ in 0..9 {
        send(&mailer, "payroll@example.com").await.expect("taken");
    }
    assert_eq!(send(&mailer, "nobody@example.com").await.expect_err("refused").fate, Permanent);
    send(&mailer, "payroll@example.com").await.expect("taken");
    let seen = server.seen();
    assert_eq!((seen.connections, seen.messages.len()), (1, 10));
}

#[tokio::test]
async fn a_connection_the_server_closed_meanwhile_costs_no_mail() {
    for act in [Act::HangUp, Act::SayAndHangUp("421 idle for too long")] {
        let server = Scripted::start(Tls::None, PLAIN, move |at: &At| (at.taken > 0).then(|| act.clone())).await;
        let mailer = mailer(&config(server.port(), SmtpTls::None, None));
        for _ in 0..3 {
            send(&mailer, "payroll@example.com").await.expect("taken");
        }
        let seen = server.seen();
        assert_eq!((seen.connections, seen.messages.len()), (3, 3));
    }
}

#[tokio::test]
async fn foreign_local_parts_need_smtputf8_and_foreign_domains_do_not() {
    let server = Scripted::start(Tls::None, PLAIN, |_| None).await;
    let plain = mailer(&config(server.port(), SmtpTls::None, None));
    let error = send(&plain, "büro@example.com").await.expect_err("no SMTPUTF8");
    assert_eq!(error.fate, Permanent);
    assert!(error.answer.contains("does not offer SMTPUTF8, which the address büro@example.com needs"), "{error}");
    send(&plain, "office@bücher.example").await.expect("taken");
    assert!(server.seen().lines.contains(&"RCPT TO:<office@xn--bcher-kva.example>".to_owned()));

    let server = Scripted::start(Tls::None, &["8BITMIME", "SMTPUTF8"], |_| None).await;
    send(&mailer(&config(server.port(), SmtpTls::None, None)), "büro@example.com").await.expect("taken");
    assert!(server.seen().lines.contains(&"MAIL FROM:<entrawatch@example.com> SMTPUTF8".to_owned()), "{:?}", server.seen().lines);
}

#[tokio::test]
async fn the_whole_conversation_can_be_shown_without_its_secrets() {
    let authority = Authority::new();
    let server = starttls(authority.acceptor(), |_| None).await;
    let config = sign_in(config(server.port(), SmtpTls::StarttlsRequired, Some(&authority.ca_file())), PASSWORD);
    let from = "entrawatch@example.com".parse().unwrap();
    let to = "ops@example.com".parse().unwrap();
    let envelope = Envelope { from: &from, to: &to, id: Uuid::new_v4(), message: b"Subject: test\r\n\r\nhello\r\n" };
    let (lines, result) = mailer(&config).converse(envelope).await;
    assert_eq!(result.as_deref(), Ok("250 2.0.0 queued as 42"));
    let shown: Vec<String> =
        lines.iter().map(Line::to_string).map(|line| if line.contains("EHLO ") { "> EHLO …".to_owned() } else { line }).collect();
    assert_eq!(
        shown,
        [
            &format!("* connected to {}", server.address),
            "< 220 scripted.example.com ESMTP",
            "> EHLO …",
            "< 250-scripted.example.com",
            "< 250-STARTTLS",
            "< 250-8BITMIME",
            "< 250-AUTH PLAIN LOGIN",
            "< 250 HELP",
            "> STARTTLS",
            "< 220 go ahead",
            "* TLS",
            "> EHLO …",
            "< 250-scripted.example.com",
            "< 250-STARTTLS",
            "< 250-8BITMIME",
            "< 250-AUTH PLAIN LOGIN",
            "< 250 HELP",
            "> AUTH PLAIN ********",
            "< 235 welcome",
            "> MAIL FROM:<entrawatch@example.com>",
            "< 250 ok",
            "> RCPT TO:<ops@example.com>",
            "< 250 ok",
            "> DATA",
            "< 354 go ahead",
            "> [the message, 29 bytes]",
            "< 250 2.0.0 queued as 42",
            "> QUIT",
            "< 221 bye",
        ]
    );
}
