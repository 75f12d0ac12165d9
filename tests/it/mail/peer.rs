//! Connections to a mail server that is not ours (aiosmtpd): over IPv6, by TLS from the first byte, with a name, to foreign addresses.

use entrawatch::config::{SmtpConfig, SmtpTls, Sources, TransportConfig, load};
use entrawatch::mail::smtp::SmtpMailer;
use serde_json::json;

use crate::support::smtp::peer::Peers;
use crate::support::smtp::{Authority, PASSWORD, USER, send, sign_in};

/// What a configuration with this URL makes of it.
fn configured(url: &str) -> SmtpConfig {
    let toml = format!(
        r#"
        [[tenant]]
        tenant_id = "contoso.onmicrosoft.com"
        client_id = "66666666-7777-8888-9999-000000000000"
        auth = {{ kind = "secret", secret = "s3cr3t" }}
        [recipients]
        fallback = ["ops@example.com"]
        [mail]
        from = "entrawatch@example.com"
        transport = {{ kind = "smtp", url = "{url}" }}
        "#
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("entrawatch.toml"), toml).unwrap();
    let sources = Sources { file: Some(folder.path().join("entrawatch.toml")), ..Sources::default() };
    match load(&sources).unwrap_or_else(|problems| panic!("{problems}")).config.mail.unwrap().transport {
        TransportConfig::Smtp(smtp) => smtp,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn ipv6_and_tls_from_the_first_byte_reach_a_server_by_its_address() {
    let authority = Authority::with_names(&["::1"]);
    let (certificate, key) = authority.server_files();
    let server = json!({ "host": "::1", "tls": "implicit", "certificate": certificate, "key": key, "users": { USER: PASSWORD } });
    let Some(mut peers) = Peers::start(&json!({ "six": server })).await else { return };
    let config = configured(&format!("smtps://[::1]:{}", peers.port("six")));
    assert_eq!(config.tls, SmtpTls::Implicit);
    let config = sign_in(SmtpConfig { ca_file: Some(authority.ca_file()), ..config }, PASSWORD);
    send(&SmtpMailer::new(&config), "ops@example.com").await.expect("taken");
    let report = peers.report("six").await;
    assert_eq!((report.signed_in.as_slice(), report.mails.len()), ([USER.to_owned()].as_slice(), 1));
    assert!(report.mails[0].tls, "{report:?}");
    is_a_name(&report.hello[0]);
}

/// RFC 5321, 4.1.1.1: a full domain name, or an address in brackets.
fn is_a_name(hello: &str) {
    let literal = hello.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = literal.is_some_and(|text| text.strip_prefix("IPv6:").unwrap_or(text).parse::<std::net::IpAddr>().is_ok());
    let is_domain = hello.contains('.') && hello.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    assert!(is_address || is_domain, "{hello}");
}

#[tokio::test]
async fn a_password_is_taken_in_the_one_way_or_the_other() {
    let users = json!({ USER: PASSWORD });
    let servers = json!({
        "plain": { "users": users, "mechanisms": ["PLAIN"] },
        "login": { "users": users, "mechanisms": ["LOGIN"] },
        "neither": { "xoauth2": { "user": USER } },
    });
    let Some(mut peers) = Peers::start(&servers).await else { return };
    for name in ["plain", "login", "neither"] {
        let config = configured(&format!("smtp://127.0.0.1:{}", peers.port(name)));
        let mailer = SmtpMailer::new(&sign_in(SmtpConfig { tls: SmtpTls::None, ..config }, PASSWORD));
        let result = send(&mailer, "ops@example.com").await;
        if name == "neither" {
            assert!(result.unwrap_err().answer.contains("offers no sign-in by password here (AUTH PLAIN or LOGIN)"));
        } else {
            result.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(peers.report(name).await.signed_in, [USER], "{name}");
        }
    }
}

#[tokio::test]
async fn smtputf8_is_asked_for_where_an_address_needs_it_and_only_there() {
    let Some(mut peers) = Peers::start(&json!({ "modern": { "utf8": true }, "old": {} })).await else { return };
    let mailer = |name: &str| {
        SmtpMailer::new(&SmtpConfig { tls: SmtpTls::None, ..configured(&format!("smtp://127.0.0.1:{}", peers.port(name))) })
    };
    let (modern, old) = (mailer("modern"), mailer("old"));
    send(&modern, "b\u{fc}ro@example.com").await.expect("taken");
    send(&modern, "office@example.com").await.expect("taken");
    let error = send(&old, "b\u{fc}ro@example.com").await.expect_err("it cannot");
    assert!(error.answer.contains("does not offer SMTPUTF8, which the address b\u{fc}ro@example.com needs"), "{error}");
    send(&old, "office@b\u{fc}cher.example").await.expect("a foreign domain needs nothing");
    let modern = peers.report("modern").await;
    assert_eq!(modern.mails.iter().map(|mail| mail.utf8).collect::<Vec<_>>(), [true, false]);
    assert_eq!(modern.connections, 1, "one connection for both");
    assert_eq!(peers.report("old").await.mails[0].to, ["office@xn--bcher-kva.example"]);
}
