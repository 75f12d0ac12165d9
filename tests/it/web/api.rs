//! Lists for programs.

use chrono::TimeDelta;
use entrawatch::inventory::DirectoryObject;
use serde_json::{Value, json};

use crate::support::builder::{With as _, application, day, service_principal, start};
use crate::support::snapshots::{Site, config, snapshot};

fn directory() -> Vec<DirectoryObject> {
    let mut disabled = application("a9", "Retired").secret("off", -300.0, 5.0);
    disabled.is_disabled = true;
    vec![
        application("a1", "Payroll").secret("critical", -300.0, 3.0),
        application("a2", "Wiki").secret("warning-1", -300.0, 20.0).key("warning-2", "Verify", None, -300.0, 25.0),
        service_principal("s1", "Ticketing").saml("signing", "AA11", -300.0, 200.0),
        application("a3", "Archive").secret("long-gone", -900.0, -200.0),
        application("a4", "Batch").endless_secret("ever"),
        disabled,
    ]
}

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn credentials_come_most_urgent_first_with_every_field() {
    let site = Site::contoso(directory()).await;
    let (status, list) = site.json("/api/v1/credentials").await;
    assert_eq!(status, 200);
    assert_eq!(keys(&list), ["critical", "warning-1", "warning-2", "signing", "ever", "long-gone"]);
    assert_eq!(list["next"], Value::Null);
    assert_eq!(
        list["items"][0],
        json!({
            "tenant": "contoso", "object_kind": "application", "object_id": "a1", "app_id": "app-a1", "app_name": "Payroll",
            "kind": "secret", "key_id": "critical", "name": "secret critical", "not_before": "2025-05-06T10:00:00Z",
            "not_after": "2026-03-05T10:00:00Z", "state": "expiring", "posture": "sole", "last_one": true,
            "severity": "critical", "notice": "expiring", "reason": "due",
        })
    );
    assert_eq!(list["items"][4]["not_after"], Value::Null);
}

#[tokio::test]
async fn each_filter_shows_what_it_says() {
    let config = config();
    let other = application("b1", "Payroll (new)").secret("other", -300.0, 300.0);
    let tenants = [snapshot("contoso", directory(), &config, start()), snapshot("fabrikam", [other], &config, start())];
    let site = Site::of(tenants, config).await;
    for (query, expected) in [
        ("tenant=fabrikam", vec!["other"]),
        ("tenant=contoso,fabrikam&severity=critical", vec!["critical"]),
        ("state=expired", vec!["long-gone"]),
        ("state=expired,expiring", vec!["critical", "warning-1", "warning-2", "long-gone"]),
        ("kind=saml_signing", vec!["signing"]),
        ("severity=warning", vec!["warning-1", "warning-2"]),
        ("within=30d", vec!["critical", "warning-1", "warning-2"]),
        ("within=73h", vec!["critical"]),
        ("q=PAYROLL", vec!["critical", "other"]),
        ("q=app-a2", vec!["warning-1", "warning-2"]),
        ("q=warning-2", vec!["warning-2"]),
        ("excluded=true&q=retired", vec!["off"]),
        ("excluded=true&reason=excluded_disabled", vec!["off"]),
        ("posture=rotated", vec![]),
        ("sort=ends&state=expired,expiring", vec!["long-gone", "critical", "warning-1", "warning-2"]),
        ("sort=name&within=30d", vec!["critical", "warning-1", "warning-2"]),
        ("state=&kind=&q=wiki", vec!["warning-1", "warning-2"]),
    ] {
        let (status, list) = site.json(&format!("/api/v1/credentials?{query}")).await;
        assert_eq!((status, keys(&list)), (200, expected), "{query}");
    }
}

#[tokio::test]
async fn state_and_severity_follow_the_clock() {
    let site = Site::contoso([application("a1", "Payroll").secret("one", -300.0, 40.0)]).await;
    for (at, state, severity) in [
        (0.0, "expiring", "info"),
        (10.0, "expiring", "warning"),
        (33.0, "expiring", "critical"),
        (40.0, "expired", "critical"),
        (60.0, "expired", "warning"),
        (71.0, "expired", "info"),
    ] {
        site.clock.set(day(at));
        let (_, list) = site.json("/api/v1/credentials").await;
        assert_eq!((&list["items"][0]["state"], &list["items"][0]["severity"]), (&json!(state), &json!(severity)), "day {at}");
    }
}

#[tokio::test]
async fn pages_meet_every_credential_once_while_others_come_and_go_and_time_passes() {
    let object = |index: u16| {
        let id = format!("a{index:03}");
        application(&id, &format!("App {index}")).secret(&format!("k{index:03}"), -300.0, f64::from(5 + index % 40))
    };
    for sort in ["urgency", "ends", "name"] {
        let site = Site::contoso((0..250).map(object)).await;
        let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (_, list) = site.json(&format!("/api/v1/credentials?sort={sort}&limit=40&cursor={cursor}")).await;
            seen.extend(keys(&list).into_iter().map(str::to_owned));
            pages += 1;
            // One that was read already disappears, another comes, and two days pass.
            site.clock.advance(TimeDelta::days(2));
            let first: u16 = seen[0][1..].parse().unwrap();
            site.publish(0, "contoso", (0..250).filter(|index| *index != first).map(object));
            match list["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(pages, 7);
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!((seen.len(), once.len()), (250, 250), "{sort}");
    }
}

#[tokio::test]
async fn a_wrong_question_is_answered_with_every_problem_at_once() {
    let site = Site::contoso(directory()).await;
    let response = site.get("/api/v1/credentials?state=broken&within=soon&limit=0&tennant=x&cursor=abc").await;
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["title"]), (&json!(400), &json!("Bad Request")));
    let errors: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["parameter"].as_str().unwrap()).collect();
    assert_eq!(errors, ["state", "within", "limit", "tennant", "cursor"]);
    assert_eq!(problem["errors"][0]["detail"], "\"broken\" is not one of valid, expiring, expired, not_yet_valid");
    for (path, status, word) in [
        ("/api/v1/credentials?tenant=fabrikam", 400, "there is contoso"),
        ("/api/v1/credentials?q=a&q=b", 400, "given twice"),
        ("/api/v1/nothing", 404, "/api/v1/credentials"),
    ] {
        let response = site.get(path).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &"application/problem+json".parse().unwrap())
        );
        let detail = response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{detail}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused() {
    let site = Site::contoso(directory()).await;
    let (_, list) = site.json("/api/v1/credentials?limit=2").await;
    let (status, problem) = site.json(&format!("/api/v1/credentials?sort=name&cursor={}", list["next"].as_str().unwrap())).await;
    assert_eq!((status, problem["errors"][0]["parameter"].as_str()), (400, Some("cursor")));
}

#[tokio::test]
async fn a_spreadsheet_gets_every_row_and_no_formula() {
    let mut objects = directory();
    for (index, name) in ["=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(A1)", "\tx", "a,\"b\"\nc"].into_iter().enumerate() {
        objects.push(application(&format!("h{index}"), name).secret(&format!("h{index}"), -10.0, 500.0));
    }
    objects.extend((0..6000).map(|index| application(&format!("m{index}"), "Many").secret(&format!("m{index}"), -10.0, 600.0)));
    let site = Site::contoso(objects).await;
    let response = site.get("/api/v1/credentials?format=csv&sort=ends").await;
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let text = response.text().await.unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().take(3).collect::<Vec<_>>(), ["tenant", "object_kind", "object_id"]);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6012);
    let names: Vec<_> = rows.iter().filter(|row| row[6].starts_with('h')).map(|row| row[4].to_owned()).collect();
    assert_eq!(names, ["'=HYPERLINK(\"http://evil\")", "'+1", "'-1", "'@SUM(A1)", "'\tx", "a,\"b\"\nc"]);
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    let (_, few) = site.text("/api/v1/credentials?format=csv&limit=3").await;
    assert_eq!(few.lines().count(), 4);
    let (_, none) = site.text("/api/v1/credentials?format=csv&q=nobody").await;
    assert_eq!(none.lines().count(), 1, "the header stands alone");
}

#[tokio::test]
async fn tenants_say_how_they_are_seen() {
    let site = Site::contoso(directory()).await;
    let (status, list) = site.json("/api/v1/tenants").await;
    assert_eq!(status, 200);
    let tenant = &list["items"][0];
    assert_eq!((&tenant["tenant"], &tenant["seen"], &tenant["cloud"]), (&json!("contoso"), &json!(true), &json!("global")));
    assert_eq!(tenant["objects"], json!({ "application": 5, "service_principal": 1 }));
    assert_eq!((&tenant["credentials"], &tenant["excluded"]), (&json!(6), &json!({ "excluded_disabled": 1 })));
    assert_eq!(tenant["next_poll"], "2026-03-02T10:15:00Z");
}

#[tokio::test]
async fn whoever_has_the_list_already_is_told_so() {
    let site = Site::contoso(directory()).await;
    let ask = async |path: &str, known: Option<&str>| {
        let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(site.url(path));
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        let response = request.send().await.unwrap();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        (response.status().as_u16(), tag, response.text().await.unwrap())
    };
    for path in ["/api/v1/credentials", "/api/v1/credentials?limit=2", "/api/v1/tenants", "/api/v1/notifications"] {
        let (status, tag, _) = ask(path, None).await;
        assert_eq!(status, 200);
        let tag = tag.unwrap();
        site.clock.advance(TimeDelta::seconds(90));
        for known in [tag.clone(), format!("\"other\", {}", tag.trim_start_matches("W/")), "*".to_owned()] {
            assert_eq!(ask(path, Some(&known)).await, (304, Some(tag.clone()), String::new()), "{path} {known}");
        }
        assert_eq!(ask(path, Some("\"other\"")).await.0, 200);
    }
    let (_, tag, _) = ask("/api/v1/credentials", None).await;
    site.publish(0, "contoso", [application("a1", "Payroll").secret("new", -1.0, 300.0)]);
    assert_eq!(ask("/api/v1/credentials", tag.as_deref()).await.0, 200);
}

#[tokio::test]
async fn every_error_of_the_api_is_a_problem_and_every_error_of_a_page_a_page() {
    let site = Site::contoso(directory()).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let large = "x".repeat(5000);
    for (method, path, body, status) in [
        ("GET", "/api/v1/nothing", "", 404),
        ("GET", "/api/v2/credentials", "", 404),
        ("GET", "/api/v1/credentials/", "", 404),
        ("GET", "/api/v1/credentials?cursor=%ff", "", 400),
        ("GET", "/api/v1/notifications?state=lost", "", 400),
        ("POST", "/api/v1/credentials", "", 405),
        ("DELETE", "/api/v1/notifications", "", 405),
        ("OPTIONS", "/api/v1/health", "", 405),
        ("GET", "/api/v1/tenants", large.as_str(), 413),
        ("PUT", "/metrics", "", 405),
    ] {
        let request = client.request(method.parse().unwrap(), site.url(path)).body(body.to_owned());
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &"application/problem+json".parse().unwrap()),
            "{method} {path}"
        );
        let allow = response.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        assert_eq!(allow.as_deref(), (status == 405).then_some("GET,HEAD"), "{method} {path}");
        let problem: Value = response.json().await.unwrap();
        assert!(
            problem["status"] == status && problem["title"].is_string() && problem["detail"].as_str().unwrap().len() > 20,
            "{problem}"
        );
    }
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/apps/contoso/none", 404),
        ("GET", "/apps/nobody/a1", 404),
        ("GET", "/apps/%ff/a1", 404),
        ("GET", "/apps/contoso/%00", 404),
        ("GET", "/apps/contoso", 404),
        ("GET", "/notifications/%ff", 404),
        ("GET", "/assets/none.js", 404),
        ("GET", "/?state=broken", 400),
        ("GET", "/?cursor=zzz", 400),
        ("GET", "/?page=2", 400),
        ("GET", "/notifications?cursor=1.x", 400),
        ("POST", "/silences", 405),
        ("PATCH", "/apps/contoso/a1", 405),
    ] {
        let response = client.request(method.parse().unwrap(), site.url(path)).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (status, &"text/html; charset=utf-8".parse().unwrap()),
            "{method} {path}"
        );
        let page = response.text().await.unwrap();
        assert!(page.contains("What there is:") && page.contains("href=\"/\""), "{path}: {page}");
    }
    for path in ["/", "/api/v1/credentials", "/metrics", "/about"] {
        let response = client.head(site.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.text().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn pages_of_mails_meet_every_mail_once_while_others_come_and_go() {
    use entrawatch::policy::TransportKind;
    use entrawatch::store::{Commit, Settlement};
    use uuid::Uuid;

    use crate::store::samples::mail;

    let site = Site::contoso([]).await;
    let (store, tenant) = (&site.parts.store, site.snapshots.all()[0].tenant.id.clone());
    let write = async |numbers: std::ops::Range<u128>| {
        let mails = numbers.map(|number| {
            let mut one = mail(&format!("r{number}@example.com"));
            one.id = Uuid::from_u128(number);
            one.created_at = start() + TimeDelta::minutes(i64::try_from(number / 3).unwrap());
            one
        });
        let version = store.tenant(&tenant, "contoso").await.unwrap().version;
        store.commit(&tenant, version, Commit { mails: mails.collect(), ..Commit::default() }).await.unwrap();
    };
    write(100..125).await;
    let (mut seen, mut cursor, mut next) = (Vec::new(), String::new(), 200);
    loop {
        let (_, list) = site.json(&format!("/api/v1/notifications?limit=10&q=EXAMPLE.com&cursor={cursor}")).await;
        seen.extend(list["items"].as_array().unwrap().iter().map(|mail| mail["recipient"].as_str().unwrap().to_owned()));
        // A newer one comes, and one of those that wait is sent.
        write(next..next + 1).await;
        next += 1;
        let claimed = store.claim(Uuid::new_v4(), 1, start() + TimeDelta::days(1)).await.unwrap().remove(0);
        let sent = Settlement::Sent { answer: "250 ok".into(), transport: TransportKind::Smtp };
        store.settle(&claimed, &sent, start()).await.unwrap();
        match list["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (25, 25), "{seen:?}");
    let (_, sent) = site.json("/api/v1/notifications?state=sent").await;
    assert_eq!(sent["items"].as_array().unwrap().len(), 3);
    for (query, count) in [
        ("state=pending,claimed&limit=1000", 25),
        ("q=r10", 10),
        ("q=R10_", 0),
        ("q=100%25", 0),
        ("tenant=contoso&q=r2", 3),
        ("q=%00", 0),
    ] {
        let (status, list) = site.json(&format!("/api/v1/notifications?{query}")).await;
        assert_eq!((status, list["items"].as_array().unwrap().len()), (200, count), "{query}");
    }
    assert_eq!(site.json("/api/v1/notifications?tenant=nobody").await.0, 400);
}
