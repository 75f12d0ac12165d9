//! Sending mail through the simulated tenant.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entrawatch::demo::SentMessage;
use serde_json::{Value, json};

use crate::support::graph::{ROLES, Tenant};

const MIME: &str = "From: watch@contoso.example\r\nTo: anna@contoso.example\r\nSubject: hello\r\n\r\nTo: nobody\r\n";

async fn send(tenant: &Tenant, user: &str, kind: &str, body: String) -> (u16, Value) {
    let token = tenant.token().await;
    let url = format!("{}v1.0/users/{user}/sendMail", tenant.base);
    let request = reqwest::Client::new().post(url).bearer_auth(token).header("content-type", kind).body(body);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

fn message() -> Value {
    json!({
        "message": {
            "subject": "hello",
            "body": { "contentType": "HTML", "content": "<p>hello</p>" },
            "toRecipients": [{ "emailAddress": { "address": "anna@contoso.example" } }],
        },
        "saveToSentItems": false,
    })
}

#[tokio::test]
async fn a_mail_is_taken_in_as_json_and_as_mime() {
    let tenant = Tenant::start().await;
    let mailbox = tenant.directory.add_user("Entra Watch", Some("watch@contoso.example"));
    tenant.directory.set_roles(tenant.watcher.application.app_id, &["Mail.Send"]);
    let answer = send(&tenant, &mailbox.to_string(), "application/json", message().to_string()).await;
    assert_eq!(answer, (202, Value::Null), "accepted, and nothing said");
    let upn = "entra.watch@contoso.onmicrosoft.com";
    assert_eq!(send(&tenant, upn, "text/plain", STANDARD.encode(MIME)).await.0, 202);
    let mails = tenant.directory.sent_mails();
    assert!(mails.iter().all(|mail| mail.mailbox == "watch@contoso.example"));
    let messages: Vec<_> = mails.into_iter().map(|mail| mail.message).collect();
    assert_eq!(messages, [SentMessage::Json(message()), SentMessage::Mime(MIME.as_bytes().to_vec())]);
}

#[tokio::test]
async fn a_grant_by_exchange_lets_send_from_one_mailbox_only() {
    let tenant = Tenant::start().await;
    let own = tenant.directory.add_user("Entra Watch", Some("watch@contoso.example"));
    let other = tenant.directory.add_user("Anna Berg", Some("anna@contoso.example"));
    tenant.directory.allow_mail(tenant.watcher.application.app_id, own);
    assert!(!ROLES.contains(&"Mail.Send"));
    assert_eq!(send(&tenant, &own.to_string(), "application/json", message().to_string()).await.0, 202);
    let (status, body) = send(&tenant, &other.to_string(), "application/json", message().to_string()).await;
    assert_eq!((status, body["error"]["code"].as_str()), (403, Some("ErrorAccessDenied")));
}

#[tokio::test]
async fn what_is_wrong_with_a_mail_is_said() {
    let tenant = Tenant::start().await;
    let own = tenant.directory.add_user("Entra Watch", Some("watch@contoso.example")).to_string();
    let robot = tenant.directory.add_user("Build Robot", None).to_string();
    tenant.directory.set_roles(tenant.watcher.application.app_id, &["Mail.Send"]);
    let mut nobody = message();
    nobody["message"]["toRecipients"] = json!([]);
    for (user, kind, body, status, code) in [
        ("nobody@contoso.example", "application/json", message().to_string(), 404, "ErrorInvalidUser"),
        (&robot, "application/json", message().to_string(), 404, "MailboxNotEnabledForRESTAPI"),
        (&own, "application/json", "hello".to_owned(), 400, "BadRequest"),
        (&own, "application/json", nobody.to_string(), 400, "ErrorInvalidRecipients"),
        (&own, "text/plain", MIME.to_owned(), 400, "ErrorMimeContentInvalidBase64String"),
        (&own, "text/plain", STANDARD.encode("Subject: x\r\n\r\nTo: anna"), 400, "ErrorInvalidRecipients"),
    ] {
        let (got, answer) = send(&tenant, user, kind, body).await;
        assert_eq!((got, answer["error"]["code"].as_str()), (status, Some(code)), "{answer}");
    }
    assert_eq!(send(&tenant, &own, "text/plain", "A".repeat(5 << 20)).await.0, 413);
    assert!(tenant.directory.sent_mails().is_empty());
}
