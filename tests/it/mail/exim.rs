//! Every sample through a real mail server, and read back by two parsers that are not ours.

use std::process::{Command, Stdio};

use entrawatch::config::SmtpTls;
use entrawatch::mail::samples::{renderer, samples};
use entrawatch::mail::smtp::SmtpMailer;
use entrawatch::mail::{Envelope, Mailer as _};
use mail_parser::{MessageParser, MimeHeaders as _};
use uuid::Uuid;

use crate::support::smtp::exim::Exim;
use crate::support::smtp::{PASSWORD, config, send, sign_in};

#[tokio::test]
async fn every_sample_arrives_as_it_was_meant() {
    let Some(exim) = Exim::start(true) else { return };
    let mailer =
        SmtpMailer::new(&sign_in(config(exim.port, SmtpTls::StarttlsRequired, Some(&exim.authority.ca_file())), PASSWORD));
    let renderer = renderer().unwrap();
    let from = "entrawatch@example.com".parse().unwrap();
    let samples = samples();
    let mut mails = Vec::new();
    for (index, sample) in samples.iter().enumerate() {
        let mail = renderer.try_render(&sample.digest, Uuid::from_u128(index as u128)).unwrap();
        assert!(mail.message.is_ascii(), "{}", sample.name);
        let to = sample.digest.recipient.parse().unwrap();
        let envelope = Envelope { from: &from, to: &to, id: Uuid::from_u128(index as u128), message: mail.message.as_bytes() };
        mailer.send(envelope).await.unwrap_or_else(|error| panic!("{}: {error}", sample.name));
        mails.push(mail);
    }
    let arrived = exim.mails(samples.len());
    assert_eq!(arrived.len(), samples.len());
    for (path, bytes) in &arrived {
        let parsed = MessageParser::default().parse(bytes).unwrap_or_else(|| panic!("{} does not parse", path.display()));
        let id: Uuid = parsed.message_id().and_then(|id| id.split('@').next()).unwrap().parse().unwrap();
        let index = usize::try_from(id.as_u128()).unwrap();
        let (sample, mail) = (&samples[index], &mails[index]);
        assert_eq!(parsed.subject(), Some(mail.subject.as_str()), "{}", sample.name);
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), mail.text.trim_end(), "{}", sample.name);
        assert_eq!(parsed.body_html(0).unwrap().replace("\r\n", "\n").trim_end(), mail.html.trim_end(), "{}", sample.name);
        assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(parsed.header_raw("Bcc"), None, "{}", sample.name);
        let files: Vec<_> = parsed.attachments().filter_map(|part| part.attachment_name()).collect();
        let expected: &[&str] = if sample.digest.items.len() > 50 { &["credentials.csv"] } else { &[] };
        assert_eq!(files, expected, "{}", sample.name);
    }
    read_by_python(&arrived.iter().map(|(path, _)| path.to_str().unwrap()).collect::<Vec<_>>());
}

/// Python's `email` with its strict modern policy names every defect it finds.
fn read_by_python(files: &[&str]) {
    const SCRIPT: &str = r#"
import email, email.policy, sys
for path in sys.argv[1:]:
    message = email.message_from_binary_file(open(path, "rb"), policy=email.policy.default)
    parts = list(message.walk())
    defects = [defect for part in parts for defect in part.defects]
    defects += [defect for part in parts for name in part.keys() for defect in part[name].defects]
    kinds = [part.get_content_type() for part in parts]
    assert not defects, (path, defects)
    assert message["date"].datetime.isoformat() == "2026-11-22T09:00:00+00:00", message["date"]
    assert str(message["to"]) == "payroll-team@example.com", message["to"]
    assert set(message.keys()) <= {"Return-path", "Envelope-to", "Delivery-date", "Received", "From", "Subject", "Message-ID", "Date",
        "Auto-Submitted", "X-Auto-Response-Suppress", "Importance", "X-Priority", "To", "MIME-Version", "Content-Type"}, message.keys()
    assert "text/plain" in kinds and "text/html" in kinds, kinds
    for part in parts:
        if not part.is_multipart(): part.get_content()
print("read", len(sys.argv) - 1)
"#;
    let Ok(output) = Command::new("python3").arg("-c").arg(SCRIPT).args(files).stdin(Stdio::null()).output() else {
        return crate::support::missing("python3");
    };
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), format!("read {}", files.len()), "{complained}");
}

#[tokio::test]
async fn a_real_server_refuses_a_wrong_password_and_relaying() {
    let Some(exim) = Exim::start(true) else { return };
    let trusted = config(exim.port, SmtpTls::StarttlsRequired, Some(&exim.authority.ca_file()));
    let error = send(&SmtpMailer::new(&sign_in(trusted.clone(), "wrong")), "ops@example.com").await.expect_err("wrong password");
    assert_eq!(error.fate, entrawatch::mail::Fate::Misconfigured);
    assert!(error.answer.contains("refused the sign-in: 535"), "{error}");
    let error = send(&SmtpMailer::new(&trusted), "ops@example.com").await.expect_err("no sign-in");
    assert_eq!(error.fate, entrawatch::mail::Fate::Misconfigured);
    assert!(error.answer.contains("relay not permitted"), "{error}");
    let error = send(&SmtpMailer::new(&config(exim.port, SmtpTls::StarttlsRequired, None)), "ops@example.com")
        .await
        .expect_err("unknown");
    assert!(error.answer.contains("does not trust"), "{error}");
}

#[tokio::test]
async fn a_real_server_takes_plain_mails_on_loopback() {
    let Some(exim) = Exim::start(false) else { return };
    let mailer = SmtpMailer::new(&config(exim.port, SmtpTls::None, None));
    send(&mailer, "ops@example.com").await.expect("taken");
    send(&mailer, "büro@bücher.example").await.expect("taken with SMTPUTF8");
    let mails = exim.mails(2);
    assert!(mails.iter().all(|(_, mail)| String::from_utf8_lossy(mail).ends_with("\n\n.dots\n..more\n\n")), "{mails:?}");
}
