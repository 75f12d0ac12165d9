//! docs/api.md: every example is what is answered, and every parameter is there.

use std::fs;

use chrono::TimeDelta;
use entrawatch::inventory::DirectoryObject;
use entrawatch::store::{Commit, Settlement};
use serde_json::Value;
use uuid::Uuid;

use crate::docs::pages::root;
use crate::store::samples::mail;
use crate::support::builder::{With as _, application, day, service_principal, start};
use crate::support::snapshots::Site;

fn named(mut object: DirectoryObject, credential: &str) -> DirectoryObject {
    object.passwords.last_mut().unwrap().display_name = Some(credential.to_owned());
    object
}

/// The tenant of the examples.
fn directory() -> Vec<DirectoryObject> {
    let payroll =
        application("0f3c1a52-7d5e-4c1b-9a43-3f2a6f1f0c11", "Payroll API").app_id("6a1f3c9e-54bb-4c0e-8a0d-5b5c6f0d2e77");
    let wiki = application("5b7d2e90-1c3f-4a6e-b8d4-0e9f8a7b6c5d", "Wiki").app_id("c2b1a0f9-8e7d-4c6b-a5f4-e3d2c1b0a9f8");
    let desk =
        service_principal("9d8c7b6a-5f4e-4d3c-8b2a-1f0e9d8c7b6a", "Service Desk").app_id("e4d3c2b1-a0f9-4e8d-9c7b-6a5f4e3d2c1b");
    vec![
        named(payroll.secret("a4d0c8f2-3b6e-4f57-9c1d-7e2b5a8f9d03", -362.0, 3.0), "prod"),
        named(wiki.secret("b7e1d9a3-4c7f-4068-8d2e-8f3c6b9a0e14", -300.0, 40.0), "reader").key(
            "c8f2e0b4-5d80-4179-9e3f-904d7c0b1f25",
            "Verify",
            None,
            -100.0,
            200.0,
        ),
        desk.saml("d903f1c5-6e91-428a-8f40-a15e8d1c2036", "0B2F4E6A8C0D1E3F5A7B9C8D6E4F2A1B3C5D7E9F", -900.0, 195.0),
    ]
}

async fn site() -> Site {
    let site = Site::contoso(directory()).await;
    let store = &site.parts.store;
    let tenant = site.snapshots.all()[0].tenant.id.clone();
    let mut mails = Vec::new();
    for (number, recipient) in [(1, "owner@example.com"), (2, "ops@example.com")] {
        let mut one = mail(recipient);
        one.id = Uuid::from_u128(0x1b4e_28ba_2fa1_41d2_883f_0016_d3cc_a420 + number);
        "Payroll API: client secret ends in 3 days".clone_into(&mut one.subject);
        one.created_at = start() - TimeDelta::minutes(30);
        mails.push(one);
    }
    let version = store.tenant(&tenant, "contoso").await.unwrap().version;
    store.commit(&tenant, version, Commit { mails, ..Commit::default() }).await.unwrap();
    for claimed in store.claim(Uuid::new_v4(), 10, start()).await.unwrap() {
        let settlement = match claimed.recipient.as_str() {
            "ops@example.com" => {
                Settlement::Retry { at: day(0.01), answer: "451 4.7.1 try again later".into(), after_data: false }
            }
            _ => Settlement::Dead { answer: "550 5.1.1 no such user".into() },
        };
        assert!(store.settle(&claimed, &settlement, start()).await.unwrap());
    }
    site
}

#[tokio::test]
async fn every_example_of_the_api_is_what_is_answered() {
    let path = root().join("docs/api.md");
    let written = fs::read_to_string(&path).unwrap();
    let site = site().await;
    let mut fresh = String::new();
    let mut asked = 0;
    let mut rest = written.as_str();
    while let Some((before, after)) = rest.split_once("curl 'http://127.0.0.1:9690") {
        let (address, after) = after.split_once('\'').unwrap();
        let (between, after) = after.split_once("\n```\n\n```").unwrap();
        let (language, after) = after.split_once('\n').unwrap();
        let (_, after) = after.split_once("\n```\n").unwrap();
        let (_, answer) = site.text(address).await;
        let answer = match language {
            "json" => serde_json::to_string_pretty(&serde_json::from_str::<Value>(&answer).unwrap()).unwrap(),
            _ => answer.trim_end().to_owned(),
        };
        let example =
            [before, "curl 'http://127.0.0.1:9690", address, "'", between, "\n```\n\n```", language, "\n", &answer, "\n```\n"];
        fresh.extend(example);
        asked += 1;
        rest = after;
    }
    fresh += rest;
    assert!(asked >= 7, "{asked} examples");
    if fresh != written {
        let target = root().join("target/api.md");
        fs::write(&target, fresh).unwrap();
        panic!("docs/api.md does not show what is answered; look at {} and copy it there", target.display());
    }
}

#[tokio::test]
async fn every_parameter_is_documented_and_no_other() {
    let page = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let site = Site::contoso([]).await;
    for (path, section) in [("/api/v1/credentials", "## Credentials"), ("/api/v1/notifications", "## Mails")] {
        let (_, problem) = site.json(&format!("{path}?nonsense=1")).await;
        let detail = problem["errors"][0]["detail"].as_str().unwrap().to_owned();
        let known = detail.split_once("there is no such parameter; there is ").unwrap().1;
        let text = page.split_once(section).unwrap().1.split_once("\n## ").unwrap().0;
        for name in known.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and") {
            assert!(text.contains(&format!("`{name}`")), "{name} of {path} is not in docs/api.md");
        }
    }
    let (_, problem) = site.json("/api/v1/credentials?reason=x&state=x&kind=x&severity=x&posture=x&sort=x").await;
    let reasons = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    for error in problem["errors"].as_array().unwrap() {
        let values = error["detail"].as_str().unwrap().split_once("is not one of ").unwrap().1;
        for value in values.split(", ") {
            assert!(
                page.contains(&format!("`{value}`")) || reasons.contains(&format!("`{value}`")),
                "{value} is explained nowhere"
            );
        }
    }
}
