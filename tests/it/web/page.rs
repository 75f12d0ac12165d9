//! The pages for people.

use crate::support::builder::{With as _, application, service_principal, start};
use crate::support::snapshots::{Site, config, snapshot};

#[tokio::test]
async fn the_page_says_whether_everything_is_seen_and_what_ends_next() {
    let site = Site::contoso([
        application("a1", "Payroll").secret("k1", -300.0, 3.0),
        application("a2", "Wiki").secret("k2", -300.0, 300.0),
    ])
    .await;
    let (status, page) = site.text("/").await;
    assert_eq!(status, 200);
    for words in ["<strong>Yes.</strong>", "in 3 days", "2026-03-05 10:00 UTC", "1 to 2 of 2 credentials", "Being told now"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.find("Payroll").unwrap() < page.find("Wiki").unwrap());
}

#[tokio::test]
async fn hostile_names_are_inert() {
    let name = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} \u{202e}gnp";
    let config = config();
    let mut tenant = snapshot(name, [application("a1", name).secret(name, -300.0, 3.0)], &config, start());
    tenant.state.polls.error = Some(name.to_owned());
    tenant.state.polls.undecodable = vec![name.to_owned()];
    let site = Site::of([tenant], config).await;
    let (status, page) = site.text("/").await;
    assert_eq!(status, 200);
    assert!(!page.contains("<script") && !page.contains("<img src=x"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("{{ 7*7 }}"), "a name is not a template");
    let (status, page) = site.text("/?q=%3Cscript%3Ealert(3)%3C/script%3E").await;
    assert_eq!((status, page.contains("<script")), (200, false));
    let (status, page) = site.text("/?%3Cscript%3E=1").await;
    assert_eq!((status, page.contains("<script>")), (400, false));
}

#[tokio::test]
async fn unknown_paths_filters_and_methods_get_a_helpful_page_and_the_right_status() {
    let site = Site::contoso([]).await;
    for (path, status, words) in [
        ("/nothing/here", 404, "there is no page at /nothing/here"),
        ("/assets/../secret", 404, "there is no"),
        ("/?state=broken", 400, "is not one of valid, expiring, expired, not_yet_valid"),
        ("/?cursor=x", 400, "begin again without it"),
        ("/?limit=100000", 400, "a number from 1 to 1000"),
    ] {
        let response = site.get(path).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        let page = response.text().await.unwrap().replace("&#x2f;", "/");
        assert!(page.contains(words) && page.contains("all credentials, the most urgent first"), "{path}: {page}");
    }
    let response = reqwest::Client::new().post(site.url("/")).body("x").send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert!(response.text().await.unwrap().contains("everything is read only"));
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_guessing() {
    let site = Site::contoso([]).await;
    for path in ["/", "/metrics", "/api/v1/health", "/assets/style.css", "/nothing"] {
        let response = site.get(path).await;
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(!response.headers().contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn pages_of_the_list_lead_forwards_and_back_and_keep_the_view() {
    let objects = (0..25).map(|index| application(&format!("a{index:02}"), "App").secret(&format!("k{index:02}"), -300.0, 30.0));
    let site = Site::contoso(objects).await;
    let link = |page: &str, text: &str| {
        let end = page.find(&format!(">{text}</a>")).unwrap_or_else(|| panic!("no {text}"));
        let start = page[..end].rfind("href=\"").unwrap() + 6;
        page[start..end].split('"').next().unwrap().replace("&amp;", "&")
    };
    let (_, first) = site.text("/?limit=10&severity=warning").await;
    assert!(first.contains("1 to 10 of 25 credentials") && !first.contains("Previous page"));
    let second = site.text(&format!("/{}", link(&first, "Next page"))).await.1;
    assert!(second.contains("11 to 20 of 25"));
    let third = site.text(&format!("/{}", link(&second, "Next page"))).await.1;
    assert!(third.contains("21 to 25 of 25") && !third.contains("Next page"));
    let back = site.text(&format!("/{}", link(&third, "Previous page"))).await.1;
    assert!(back.contains("11 to 20 of 25") && back.contains("value=\"warning\" selected"));
    let begin = site.text(&format!("/{}", link(&back, "Previous page"))).await.1;
    assert!(begin.contains("1 to 10 of 25"));
}

#[tokio::test]
async fn many_tenants_that_are_seen_are_folded_away() {
    let config = config();
    let mut tenants: Vec<_> = (0..12).map(|index| snapshot(&format!("tenant-{index}"), [], &config, start())).collect();
    tenants[7].state.polls.last_complete = None;
    let site = Site::of(tenants, config).await;
    let (_, page) = site.text("/").await;
    assert!(page.contains("11 tenants that are seen completely"), "{page}");
    let (folded, blind) = (page.find("<details class=\"fold\">").unwrap(), page.find("<bdi>tenant-7</bdi></a>").unwrap());
    assert!(blind < folded, "what is not seen is in sight");
}

#[tokio::test]
async fn the_page_of_an_application_says_how_each_credential_stands_and_what_to_do() {
    let mut payroll =
        application("a1", "Payroll").secret("old", -300.0, 3.0).secret("new", -5.0, 360.0).secret("last", -300.0, 20.0);
    payroll.notes = Some("call <b>Jo</b>".into());
    let site =
        Site::contoso([payroll, service_principal("s1", "Payroll").app_id("app-a1").saml("sign", "AA11", -300.0, 5.0)]).await;
    let (status, page) = site.text("/apps/contoso/A1").await;
    assert_eq!(status, 200);
    for words in [
        "Its 3 credentials",
        "The one with the id new replaces it",
        "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId/app-a1",
        "call &lt;b&gt;Jo&lt;/b&gt;",
        "<ol>",
        "Record its value at once",
        "ops@example.com",
        "14 days before the end",
        "Nobody has been told about it yet",
        "entrawatch silence add --tenant contoso --credential last",
        "href=\"/apps/contoso/s1\"",
    ] {
        let page = page.replace("&#x2f;", "/");
        assert!(page.contains(words), "{words}: {page}");
    }
    let (status, page) = site.text("/apps/contoso/s1").await;
    assert_eq!(status, 200);
    assert!(page.contains("Entra signs with this certificate now") && page.contains("service provider"));
    for (path, words) in [("/apps/contoso/zzz", "has been seen in"), ("/apps/nobody/a1", "no tenant is named")] {
        let (status, page) = site.text(path).await;
        assert!(status == 404 && page.contains(words), "{path}: {status} {page}");
    }
}

/// The number on a tile.
fn tile(page: &str, name: &str) -> usize {
    let before = page.split(&format!("</b> <span>{name}</span>")).next().unwrap();
    assert_ne!(before.len(), page.len(), "no tile {name}");
    before.rsplit("<b>").next().unwrap().replace(',', "").parse().unwrap()
}

/// How many rows the list has in all.
fn total(page: &str) -> usize {
    let range = page.split("<p class=\"range\" role=\"status\">").nth(1).unwrap();
    let Some((_, number)) = range.split(" credential").next().unwrap().rsplit_once(" of ") else { return 0 };
    number.replace(',', "").parse().unwrap()
}

#[tokio::test]
async fn the_counts_add_up_on_the_page_in_the_api_and_in_the_metrics() {
    let mut disabled = application("d1", "Retired").secret("off", -300.0, 5.0);
    disabled.is_disabled = true;
    let many = (0..211_u16).map(|index| {
        let (from, to) = [(-300.0, 3.0), (-300.0, 25.0), (-300.0, 200.0), (-300.0, -2.0), (2.0, 300.0), (-900.0, -400.0)]
            [usize::from(index % 6)];
        application(&format!("a{index}"), "App").secret(&format!("k{index}"), from, to)
    });
    let rotated = application("r1", "Wiki").secret("old", -300.0, 20.0).secret("new", -5.0, 360.0);
    let site = Site::contoso(many.chain([disabled, rotated])).await;
    let (_, page) = site.text("/").await;
    let watched = tile(&page, "Watched in all");
    assert_eq!((watched, total(&page)), (213, 213));
    let names =
        [("severity", vec!["Critical", "Warning", "Info"]), ("state", vec!["Valid", "Expiring", "Expired", "Not yet valid"])];
    let (_, metrics) = site.text("/metrics").await;
    for (parameter, names) in names {
        assert_eq!(names.iter().map(|name| tile(&page, name)).sum::<usize>(), watched, "{parameter}");
        for name in names {
            let value = name.to_lowercase().replace(' ', "_");
            let number = tile(&page, name);
            let (_, listed) = site.text(&format!("/?{parameter}={value}&limit=1")).await;
            assert_eq!(total(&listed), number, "{name}");
            assert_eq!(tile(&listed, name), number, "the tiles count everything, whatever is filtered");
            let (_, api) = site.json(&format!("/api/v1/credentials?{parameter}={value}&limit=1000")).await;
            assert_eq!(api["items"].as_array().unwrap().len(), number, "{name}");
            let csv = site.text(&format!("/api/v1/credentials?{parameter}={value}&format=csv")).await.1;
            assert_eq!(csv.lines().count(), number + 1);
            if parameter == "state" {
                assert!(
                    metrics.contains(&format!(
                        "entra_credentials{{tenant=\"contoso\",kind=\"secret\",state=\"{value}\"}} {number}\n"
                    ))
                );
            }
        }
    }
    let (_, all) = site.text("/?excluded=true&limit=1").await;
    assert_eq!((total(&all), tile(&all, "Watched in all")), (214, 213));
    // The chart counts what ends within 26 weeks and is not replaced; as bars and as a table the same.
    let weeks: usize = page
        .split("data-label=\"Ending\" class=\"number\">")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().parse::<usize>().unwrap())
        .sum();
    let (_, soon) = site.text("/?within=26w&posture=sole&limit=1").await;
    assert_eq!((weeks, page.matches("<g><title>Week of ").count()), (total(&soon), 26));
    assert!(page.contains(&format!("26 weeks: {weeks} that nothing replaces")), "{weeks}");
}

#[tokio::test]
async fn the_address_holds_the_view() {
    let config = config();
    let objects = |name: &str| {
        [
            application(&format!("{name}1"), "Payroll").secret("one", -300.0, 3.0),
            application(&format!("{name}2"), "Wiki").secret("two", -300.0, 20.0),
        ]
    };
    let site = Site::of(
        [snapshot("contoso", objects("c"), &config, start()), snapshot("fabrikam", objects("f"), &config, start())],
        config,
    )
    .await;
    let query = "tenant=fabrikam&severity=warning&state=expiring&kind=secret&posture=sole&within=30d&q=wiki&sort=name&excluded=true&limit=5";
    let (status, page) = site.text(&format!("/?{query}")).await;
    assert_eq!((status, total(&page)), (200, 1));
    for kept in [
        "value=\"fabrikam\" selected",
        "value=\"warning\" selected",
        "value=\"expiring\" selected",
        "value=\"secret\" selected",
        "value=\"sole\" selected",
        "value=\"30d\" selected",
        "name=\"q\" value=\"wiki\"",
        "value=\"name\" selected",
        "name=\"excluded\" value=\"true\" checked",
        "<input type=\"hidden\" name=\"limit\" value=\"5\">",
        "aria-sort=\"ascending\"",
        "href=\"/apps/fabrikam/f2#two\"",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    let csv = page.split("As <a href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert_eq!(site.text(&csv).await.1.lines().count(), 2, "{csv}");
}
