//! Servers that do not do what they should: what becomes of the mail, and whether it may have been taken.

use entrawatch::config::SmtpTls;
use entrawatch::mail::Fate::{self, Misconfigured, Permanent, Transient};
use entrawatch::mail::smtp::SmtpMailer;
use entrawatch::mail::{Envelope, Mailer as _};
use uuid::Uuid;

use crate::support::smtp::script::{Act, At, Scripted, Tls};
use crate::support::smtp::{Authority, IMPATIENT, PASSWORD, config, send, sign_in};

/// A fault, and what becomes of a mail by it.
struct Fault {
    what: &'static str,
    verb: &'static str,
    act: Act,
    fate: Fate,
    after_data: bool,
    says: &'static str,
}

const fn fault(what: &'static str, verb: &'static str, act: Act, fate: Fate, says: &'static str) -> Fault {
    Fault { what, verb, act, fate, after_data: false, says }
}

#[tokio::test]
async fn every_fault_has_its_fate() {
    let faults = [
        fault("no greeting", "CONNECT", Act::Stall, Transient, "did not greet us: no answer within"),
        fault("a greeting that closes", "CONNECT", Act::HangUp, Transient, "did not greet us"),
        fault("421 at once", "CONNECT", Act::SayAndHangUp("421 4.7.0 too many connections"), Transient, "421 4.7.0 too many"),
        fault(
            "554 at once",
            "CONNECT",
            Act::SayAndHangUp("554 no service for you"),
            Misconfigured,
            "does not want to talk to us: 554",
        ),
        fault("no EHLO", "EHLO", Act::Say("502 what?"), Misconfigured, "502 what?"),
        fault("the sender later", "MAIL", Act::Say("451 4.3.0 try again"), Transient, "refused the sender: 451"),
        fault("the sender never", "MAIL", Act::Say("550 5.7.1 sender rejected"), Misconfigured, "refused the sender: 550"),
        fault("421 in between", "MAIL", Act::SayAndHangUp("421 shutting down"), Transient, "421 shutting down"),
        fault("greylisting", "RCPT", Act::Say("450 4.2.0 greylisted, come back later"), Transient, "refused the recipient: 450"),
        fault("a full mailbox", "RCPT", Act::Say("452 4.2.2 mailbox full"), Transient, "452 4.2.2"),
        fault(
            "no such user",
            "RCPT",
            Act::Say("550 5.1.1 no such user"),
            Permanent,
            "refused the recipient: 550 5.1.1 no such user",
        ),
        fault("no relaying", "RCPT", Act::Say("550 relay not permitted"), Misconfigured, "relay not permitted"),
        fault("Latin-1", "RCPT", Act::Say("550 5.1.1 Empf\u{e4}nger unbekannt"), Permanent, "Empf?nger unbekannt"),
        fault("no DATA now", "DATA", Act::Say("451 not now"), Transient, "refused the message: 451"),
        fault("gone before 354", "DATA", Act::HangUp, Transient, "broke off before the message"),
        fault("too big", "DOT", Act::Say("552 5.3.4 message too big"), Permanent, "refused the message: 552"),
        fault("disk full", "DOT", Act::Say("452 4.3.1 insufficient system storage"), Transient, "refused the message: 452"),
        fault(
            "not as this sender",
            "DOT",
            Act::Say("550 5.7.60 Client does not have permissions to send as this sender"),
            Misconfigured,
            "5.7.60",
        ),
        Fault {
            after_data: true,
            ..fault("gone before the final dot", "MESSAGE", Act::CutOff(10, ""), Transient, "nobody knows")
        },
        Fault { after_data: true, ..fault("gone after the final dot", "DOT", Act::HangUp, Transient, "nobody knows") },
        Fault { after_data: true, ..fault("silent after the final dot", "DOT", Act::Stall, Transient, "no answer within") },
    ];
    for Fault { what, verb, act, fate, after_data, says } in faults {
        let server = Scripted::start(Tls::None, &["8BITMIME"], move |at: &At| (at.verb == verb).then(|| act.clone())).await;
        let mailer = SmtpMailer::new(&config(server.port(), SmtpTls::None, None)).with_patience(IMPATIENT);
        let error = send(&mailer, "payroll@example.com").await.expect_err(what);
        assert_eq!((error.fate, error.after_data), (fate, after_data), "{what}: {error}");
        assert!(error.answer.contains(says), "{what}: {error}");
        assert!(error.answer.starts_with(&format!("localhost:{} ", server.port())), "{what}: {error}");
        assert_eq!(server.seen().messages.len(), 0, "{what}");
    }
}

#[tokio::test]
async fn no_step_waits_for_ever() {
    let authority = Authority::new();
    for verb in ["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT"] {
        let stalls = move |at: &At| (at.verb == verb).then_some(Act::Stall);
        let server = Scripted::start(Tls::Starttls(authority.acceptor()), &["AUTH PLAIN"], stalls).await;
        let config = sign_in(config(server.port(), SmtpTls::StarttlsRequired, Some(&authority.ca_file())), PASSWORD);
        let error = send(&SmtpMailer::new(&config).with_patience(IMPATIENT), "a@example.com").await.expect_err(verb);
        assert_eq!((error.fate, error.after_data), (Transient, verb == "DOT"), "{verb}: {error}");
        assert!(error.answer.contains("no answer within"), "{verb}: {error}");
    }
    // A server that speaks no TLS where TLS is wanted from the first byte: the handshake is what waits.
    let silent = Scripted::start(Tls::None, &[], |at: &At| (at.verb == "CONNECT").then_some(Act::Stall)).await;
    let config = config(silent.port(), SmtpTls::Implicit, Some(&authority.ca_file()));
    let error = send(&SmtpMailer::new(&config).with_patience(IMPATIENT), "a@example.com").await.expect_err("silence");
    assert!(error.fate == Transient && error.answer.contains("broke off during TLS: no answer within"), "{error}");
}

#[tokio::test]
async fn a_server_that_answers_late_is_waited_for() {
    let late = |at: &At| (at.verb == "CONNECT").then_some(Act::Wait(IMPATIENT.command / 2));
    let server = Scripted::start(Tls::None, &[], late).await;
    let mailer = SmtpMailer::new(&config(server.port(), SmtpTls::None, None)).with_patience(IMPATIENT);
    send(&mailer, "payroll@example.com").await.expect("taken");
    assert_eq!(server.seen().messages, [b"From: entrawatch@example.com\r\nSubject: test\r\n\r\n.dots\r\n..more\r\n"]);
}

#[tokio::test]
async fn an_answer_in_the_middle_of_the_message_is_heard() {
    let full = |at: &At| (at.verb == "MESSAGE").then_some(Act::CutOff(100_000, "552 5.3.4 message too big"));
    let server = Scripted::start(Tls::None, &[], full).await;
    let mailer = SmtpMailer::new(&config(server.port(), SmtpTls::None, None)).with_patience(IMPATIENT);
    let from = "entrawatch@example.com".parse().unwrap();
    let to = "payroll@example.com".parse().unwrap();
    let message = "Subject: big\r\n\r\nlong line\r\n".repeat(400_000).into_bytes();
    let error = mailer.send(Envelope { from: &from, to: &to, id: Uuid::new_v4(), message: &message }).await.expect_err("too big");
    assert_eq!((error.fate, error.after_data), (Permanent, false), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mailer = SmtpMailer::new(&config(port, SmtpTls::None, None)).with_patience(IMPATIENT);
    let error = send(&mailer, "payroll@example.com").await.expect_err("nothing listens");
    assert_eq!((error.fate, error.after_data), (Transient, false));
    assert!(error.answer.starts_with(&format!("localhost:{port} cannot be reached: ")), "{error}");
}
