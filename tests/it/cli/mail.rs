//! `entrawatch mail test` and `mail preview`

use std::process::Output;

use super::{code, entrawatch, err, out};
use crate::support::smtp::script::{Act, At, Scripted, Tls};
use crate::support::smtp::{Authority, PASSWORD, USER};

const TENANT: &str = r#"
[[tenant]]
tenant_id = "contoso.onmicrosoft.com"
client_id = "66666666-7777-8888-9999-000000000000"
auth = { kind = "secret", secret = "s3cr3t" }
"#;

/// Runs `mail test` with this `[mail.transport]`; whatever is made is gone afterwards.
fn mail_test(transport: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mail = format!(
        "[recipients]\nfallback = [\"ops@example.com\"]\n[mail]\nfrom = \"EntraWatch <entrawatch@example.com>\"\n[mail.transport]\n{transport}"
    );
    std::fs::write(directory.path().join("entrawatch.toml"), format!("{mail}{TENANT}")).unwrap();
    let arguments = ["mail", "test", "--config", "entrawatch.toml", "--to", "you@example.com"];
    tokio::task::block_in_place(|| entrawatch(directory.path(), &arguments))
}

async fn server(authority: &Authority, script: impl Fn(&At) -> Option<Act> + Send + Sync + 'static) -> Scripted {
    Scripted::start(Tls::Starttls(authority.acceptor()), &["AUTH PLAIN"], script).await
}

fn signed_in(server: &Scripted, authority: &Authority) -> String {
    format!(
        "kind = \"smtp\"\nurl = \"smtp://localhost:{}\"\nusername = \"{USER}\"\npassword = \"{PASSWORD}\"\nca_file = \"{}\"\n",
        server.port(),
        authority.ca_file().display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_mail_shows_the_dialogue_without_the_password() {
    let authority = Authority::new();
    let server = server(&authority, |_| None).await;
    let output = mail_test(&signed_in(&server, &authority));
    let told = out(&output);
    assert_eq!(code(&output), 0, "{told}{}", err(&output));
    for said in
        ["> EHLO ", "> STARTTLS", "> MAIL FROM:<entrawatch@example.com>", "> RCPT TO:<you@example.com>", "the mail is taken: "]
    {
        assert!(told.contains(said), "{said} is not in\n{told}");
    }
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("\0{USER}\0{PASSWORD}"));
    assert!(!told.contains(PASSWORD) && !told.contains(&encoded), "{told}");
    let message = String::from_utf8(server.seen().messages[0].clone()).unwrap();
    assert!(message.contains("Subject: EntraWatch: a test mail") && message.contains("To: you@example.com"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_shown_with_what_it_usually_means() {
    let authority = Authority::new();
    let refuse = |at: &At| (at.verb == "AUTH").then_some(Act::Say("535 5.7.139 Authentication unsuccessful\u{1b}[2J"));
    let server = server(&authority, refuse).await;
    let output = mail_test(&signed_in(&server, &authority));
    assert_eq!(code(&output), 1);
    let told = err(&output);
    assert!(told.starts_with("error: the mail was not taken: ") && told.contains("535 5.7.139"), "{told}");
    assert!(told.contains("\nWhat that usually means: Exchange Online: SMTP sign-in by password is switched off"), "{told}");
    assert!(!told.contains('\u{1b}') && !out(&output).contains('\u{1b}'), "no server moves the cursor");
}

/// What costs people an afternoon, each with what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn the_usual_refusals_are_explained() {
    let authority = Authority::new();
    for (verb, answer, meaning) in [
        (
            "AUTH",
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "auth = \"xoauth2\" or kind = \"graph\"",
        ),
        ("AUTH", "535 5.7.3 Authentication unsuccessful", "wrong user name or password"),
        ("AUTH", "550 5.7.30 Basic authentication is not supported for Client Submission.", "no longer takes passwords"),
        (
            "DOT",
            "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
            "may not send as the address in mail.from",
        ),
        ("STARTTLS", "454 4.7.0 TLS not available due to local problem", "not available for the moment"),
        ("AUTH", "454 4.7.0 Temporary authentication failure", "not available for the moment"),
        ("MAIL", "530 5.7.57 Client not authenticated to send mail", "wants a sign-in before a sender"),
        ("RCPT", "550 5.7.1 Unable to relay", "does not deliver to other domains"),
        ("RCPT", "450 4.2.0 Greylisted", "greylisting"),
    ] {
        let server = server(&authority, move |at: &At| (at.verb == verb).then_some(Act::Say(answer))).await;
        let output = mail_test(&signed_in(&server, &authority));
        let told = err(&output);
        assert_eq!(code(&output), 1, "{answer}");
        let (refusal, meant) = told.split_once("\nWhat that usually means: ").unwrap_or_else(|| panic!("{answer}: {told}"));
        assert!(refusal.starts_with("error: the mail was not taken: localhost:") && refusal.contains(answer), "{told}");
        assert!(meant.contains(meaning), "{answer}: {told}");
        assert!(out(&output).contains(&format!("< {answer}")), "{}", out(&output));
    }

    let stranger = Authority::new();
    let server = Scripted::start(Tls::Starttls(stranger.acceptor()), &["AUTH PLAIN"], |_| None).await;
    let output = mail_test(&signed_in(&server, &authority));
    let told = err(&output);
    assert!(told.contains("signed by an authority that this machine does not trust") && told.contains("set ca_file"), "{told}");
    assert!(!out(&output).contains("> AUTH"), "{}", out(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let output = mail_test(&format!("kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}\"\nstarttls = \"none\"\n"));
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains(&port.to_string()), "{}", err(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_takes_a_test_mail_too() {
    let output = mail_test("kind = \"folder\"\npath = \"mails\"\n");
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).starts_with("the mail is taken: written to mails/"), "{}", out(&output));
}

#[test]
fn a_test_mail_without_mail_or_address_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("entrawatch.toml"), TENANT).unwrap();
    let run = |to: &str| entrawatch(directory.path(), &["mail", "test", "-c", "entrawatch.toml", "--to", to]);
    assert_eq!(code(&run("you@example.com")), 1);
    assert!(err(&run("you@example.com")).contains("there is no [mail]"), "{}", err(&run("you@example.com")));
    assert_eq!(code(&run("nobody")), 2);
}

#[test]
fn mail_preview_writes_every_mail() {
    let directory = tempfile::tempdir().unwrap();
    let output = entrawatch(directory.path(), &["mail", "preview", "--out", "mails"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let files = std::fs::read_dir(directory.path().join("mails")).unwrap().count();
    assert_eq!(out(&output), format!("{files} files in mails\n"));
    assert!(files > 20, "{files}");
}
