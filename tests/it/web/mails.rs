//! The pages about mails, silences and the daemon itself.

use entrawatch::mail::samples::{renderer, samples};
use entrawatch::policy::{Silence, SilenceScope, TransportKind};
use entrawatch::store::{Commit, NewMail, Settlement};
use serde_json::json;
use uuid::Uuid;

use crate::store::samples::{mail, notice};
use crate::support::builder::{With as _, application, day, start};
use crate::support::snapshots::{Site, config, snapshot};

/// A site with three mails: one accepted, one given up, one that waits; the notices of the first are about `app` and its credential `k`.
async fn site() -> (Site, Vec<NewMail>) {
    let site = Site::contoso([application("app", "Payroll").secret("k", -300.0, 3.0)]).await;
    let store = &site.parts.store;
    let tenant = site.snapshots.all()[0].tenant.id.clone();
    let sample = samples().into_iter().find(|sample| sample.name == "hostile").unwrap();
    let mails: Vec<_> = ["jo@example.com", "gone@example.com", "late@example.com"]
        .into_iter()
        .enumerate()
        .map(|(index, recipient)| {
            let id = Uuid::from_u128(index as u128 + 1);
            let rendered = renderer().unwrap().try_render(&sample.digest, id).unwrap();
            let created_at = day(f64::from(u8::try_from(index).unwrap()) / 100.0 - 0.1);
            NewMail { id, subject: rendered.subject, message: rendered.message, created_at, ..mail(recipient) }
        })
        .collect();
    let notices = vec![notice(&mails[0], "k")];
    let version = store.tenant(&tenant, "contoso").await.unwrap().version;
    store.commit(&tenant, version, Commit { mails: mails.clone(), notices, ..Commit::default() }).await.unwrap();
    for claimed in store.claim(Uuid::new_v4(), 10, start()).await.unwrap() {
        let settlement = match claimed.recipient.as_str() {
            "jo@example.com" => Settlement::Sent { answer: "250 taken <b>".into(), transport: TransportKind::Smtp },
            "gone@example.com" => Settlement::Dead { answer: "550 no such user".into() },
            _ => Settlement::Retry { at: day(0.01), answer: "451 later".into(), after_data: false },
        };
        assert!(store.settle(&claimed, &settlement, start()).await.unwrap());
    }
    (site, mails)
}

#[tokio::test]
async fn the_list_of_mails_says_what_became_of_each() {
    let (site, mails) = site().await;
    let (status, page) = site.text("/notifications").await;
    assert_eq!(status, 200);
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}: {page}"));
    assert!(at("late@example.com") < at("gone@example.com") && at("gone@example.com") < at("jo@example.com"), "the latest first");
    for words in ["Waits", "next try in 14 minutes", "Given up", "550 no such user", "Accepted", "250 taken &lt;b&gt;", "by smtp"]
    {
        at(words);
    }
    assert!(!page.contains("<script"));
    let (_, first) = site.text("/notifications?limit=2").await;
    let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let (_, second) = site.text(&format!("/notifications{next}")).await;
    assert!(second.contains("jo@example.com") && !second.contains("late@example.com") && second.contains("First page"));
    let (status, api) = site.json("/api/v1/notifications?limit=1").await;
    assert_eq!(status, 200);
    assert_eq!(
        api["items"][0],
        json!({
            "id": mails[2].id, "tenant": "contoso", "recipient": "late@example.com", "subject": mails[2].subject,
            "severity": "warning", "items": 1, "state": "pending", "created_at": "2026-03-02T08:04:48Z", "attempts": 1,
            "next_attempt_at": "2026-03-02T10:14:24Z", "settled_at": null, "answer": "451 later", "transport": null,
        })
    );
    let (_, more) = site.json(&format!("/api/v1/notifications?cursor={}", api["next"].as_str().unwrap())).await;
    assert_eq!((more["items"].as_array().unwrap().len(), &more["next"]), (2, &json!(null)));
    for query in ["cursor=x", "limit=0", "state=lost", "sort=name"] {
        assert_eq!(site.text(&format!("/notifications?{query}")).await.0, 400, "{query}");
        assert_eq!(site.json(&format!("/api/v1/notifications?{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn a_mail_is_shown_as_its_reader_sees_it_and_can_do_nothing() {
    let (site, mails) = site().await;
    let (status, page) = site.text(&format!("/notifications/{}", mails[0].id)).await;
    assert_eq!(status, 200);
    assert!(page.contains("<iframe class=\"letter\" sandbox=\"\""));
    assert!(page.contains("href=\"/apps/contoso/app#k\"><bdi>Payroll</bdi></a> ends soon (3 days before the end)"), "{page}");
    let response = site.get(&format!("/notifications/{}/mail", mails[0].id)).await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("; sandbox;") && policy.contains("frame-ancestors 'self'"));
    assert_eq!(response.headers()["x-frame-options"], "SAMEORIGIN");
    let html = response.text().await.unwrap();
    assert!(html.contains("<html") && !html.contains("<script"), "{html}");
    for path in ["/notifications/nonsense", "/notifications/00000000-0000-0000-0000-0000000000ff", "/notifications/x/mail"] {
        assert_eq!(site.text(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_page_of_an_application_shows_what_was_told_to_whom() {
    let (site, mails) = site().await;
    let (_, page) = site.text("/apps/contoso/app").await;
    let link = format!("href=\"/notifications/{}\"", mails[0].id);
    assert!(page.contains("jo@example.com") && page.contains(&link) && !page.contains("Nobody has been told"), "{page}");
}

#[tokio::test]
async fn silences_say_what_they_cover_until_when_and_why() {
    let site = Site::contoso([
        application("a1", "legacy-batch").secret("k1", -300.0, 3.0),
        application("a2", "legacy-ftp").secret("k2", -300.0, 3.0),
        application("a3", "Payroll").secret("k3", -300.0, 3.0),
    ])
    .await;
    assert!(site.text("/silences").await.1.contains("There is none."));
    let silence = Silence {
        id: "s1".into(),
        tenant: None,
        scope: SilenceScope::Name("legacy-*".into()),
        until: day(9.5),
        reason: "<i>retired</i> in spring".into(),
        author: "jo".into(),
        created_at: day(-1.0),
    };
    site.parts.store.add_silence(&silence).await.unwrap();
    let (status, page) = site.text("/silences").await;
    assert_eq!(status, 200);
    for words in [
        "legacy-*",
        "in every tenant, 2 credentials now",
        "in 9 days",
        "&lt;i&gt;retired&lt;/i&gt; in spring",
        "entrawatch silence remove s1",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    site.clock.set(day(10.0));
    assert!(site.text("/silences").await.1.contains("There is none."));
}

#[tokio::test]
async fn about_shows_the_configuration_in_force_without_its_secrets() {
    let mut config = config();
    config.store.url = "postgres://entrawatch:hunter2@db.example.com:5432/watch?password=hunter2".into();
    config.heartbeat = Some("https://hc.example.com/hunter2".parse().unwrap());
    let site = Site::of([snapshot("contoso", [], &config, start())], config).await;
    let (status, page) = site.text("/about").await;
    assert_eq!(status, 200);
    for words in
        ["60d, 30d, 14d, 7d, 3d, 1d, 0s", "ops@example.com", "postgres://db.example.com:5432/watch", "https://hc.example.com/…"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("hunter2"), "{page}");
    assert!(page.contains(env!("CARGO_PKG_VERSION")));
}
