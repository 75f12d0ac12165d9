//! The metrics as a scraper gets them.

mod prometheus;
mod rules;
mod scale;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use entrawatch::metrics::SNAPSHOT_FAMILIES;
use entrawatch::own::{Home, InUse, OwnApplication, OwnCredential, SignIn};

use crate::support::builder::{With as _, application, day, service_principal, start};
use crate::support::missing;
use crate::support::snapshots::{Site, config, snapshot, tenant_config};

/// The samples of a family, without its name, sorted.
fn samples<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    let mut found: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix(family)).filter(|rest| rest.starts_with(['{', ' '])).collect();
    found.sort_unstable();
    found
}

/// The value of the one sample of a family with all these parts; none or two is an error.
fn sample<'a>(text: &'a str, family: &str, parts: &[&str]) -> &'a str {
    let found: Vec<_> = samples(text, family).into_iter().filter(|line| parts.iter().all(|part| line.contains(part))).collect();
    assert_eq!(found.len(), 1, "{family} {parts:?}: {found:?}");
    found[0].rsplit_once(' ').unwrap().1
}

#[tokio::test]
async fn a_credential_has_its_end_and_its_standing_as_series() {
    let objects = [
        application("a1", "Payroll").secret("old", -300.0, 20.0).secret("new", -5.0, 360.0),
        application("a2", "Wiki").endless_secret("ever"),
        application("a3", "Bare"),
    ];
    let site = Site::contoso(objects).await;
    let (status, text) = site.text("/metrics").await;
    assert_eq!(status, 200);
    let end = day(20.0).timestamp();
    assert_eq!(
        samples(&text, "entra_credential_not_after_timestamp_seconds")[1],
        format!(
            "{{tenant=\"contoso\",object_kind=\"application\",object_id=\"a1\",key_id=\"old\",app_id=\"app-a1\",\
             app_name=\"Payroll\",kind=\"secret\",credential_name=\"secret old\"}} {end}"
        )
    );
    assert_eq!(sample(&text, "entra_credential_not_after_timestamp_seconds", &["ever"]), "+Inf");
    assert_eq!(sample(&text, "entra_credential_rotated", &["key_id=\"old\""]), "1");
    assert_eq!(sample(&text, "entra_credential_rotated", &["key_id=\"new\""]), "0");
    assert_eq!(sample(&text, "entra_credential_last_one", &["key_id=\"old\""]), "0");
    assert_eq!(sample(&text, "entra_credential_last_one", &["key_id=\"new\""]), "1");
    let coverage = "entra_object_last_credential_not_after_timestamp_seconds";
    let covered = day(360.0).timestamp().to_string();
    assert_eq!(sample(&text, coverage, &["object_id=\"a1\""]), covered);
    assert_eq!(sample(&text, coverage, &["object_id=\"a2\""]), "+Inf");
    assert_eq!(sample(&text, "entra_objects", &["object_kind=\"application\""]), "3");
    assert_eq!(samples(&text, "entrawatch_outbox_oldest_timestamp_seconds"), Vec::<&str>::new(), "absent, not 0");
}

#[tokio::test]
async fn objects_that_are_left_out_are_counted_with_or_without_a_credential() {
    let mut managed = service_principal("m1", "vm-build");
    managed.service_principal_type = Some("ManagedIdentity".into());
    let mut disabled = service_principal("d1", "Retired").app_id("shared");
    disabled.account_enabled = Some(false);
    let site = Site::contoso([
        managed,
        disabled,
        application("d2", "Retired").app_id("shared").secret("k", -1.0, 40.0),
        application("a1", "Proxy").secret("CWAP", -1.0, 40.0),
    ])
    .await;
    let (_, text) = site.text("/metrics").await;
    let excluded = |kind: &str, reason: &str| {
        let parts = [format!("object_kind=\"{kind}\""), format!("reason=\"{reason}\"")];
        sample(&text, "entra_objects_excluded", &[&parts[0], &parts[1]]).to_owned()
    };
    assert_eq!(excluded("service_principal", "excluded_managed_identity"), "1");
    assert_eq!(excluded("service_principal", "excluded_disabled"), "1");
    assert_eq!(excluded("application", "excluded_disabled"), "1", "its own service principal is disabled");
    assert_eq!(excluded("application", "excluded_platform"), "0");
}

/// The watcher's own application, signed in to with a secret that ends on a day, beside one that ends sooner and is not in use.
pub fn own_application(home: Home, end: Option<f64>) -> OwnApplication {
    let credential = |key_id: &str, end: f64, in_use| OwnCredential {
        key_id: key_id.to_owned(),
        name: None,
        is_secret: true,
        not_after: Some(day(end)),
        in_use,
    };
    OwnApplication {
        read_at: start(),
        client_id: "own".to_owned(),
        name: Some("EntraWatch".to_owned()),
        sign_in: SignIn::Secret,
        home,
        credentials: end
            .map(|end| [credential("old", 5.0, InUse::No), credential("now", end, InUse::Yes)])
            .into_iter()
            .flatten()
            .collect(),
        permissions: None,
    }
}

#[tokio::test]
async fn the_end_of_the_watchers_own_credential_is_told_where_it_can_be_seen() {
    let config = config();
    let tenant = |name: &str, own| {
        let mut tenant = snapshot(name, [], &config, start());
        tenant.state.own = own;
        tenant
    };
    let elsewhere = || Home::Elsewhere(Some("guid".into()));
    let stranger = OwnApplication { client_id: "other".into(), ..own_application(elsewhere(), None) };
    let managed = OwnApplication { sign_in: SignIn::ManagedIdentity, ..own_application(Home::Platform, None) };
    let tenants = [
        tenant("contoso", Some(own_application(Home::Here, Some(50.0)))),
        tenant("fabrikam", Some(own_application(elsewhere(), None))),
        tenant("northwind", Some(stranger)),
        tenant("cloud", Some(managed)),
        tenant("unread", None),
    ];
    let site = Site::of(tenants, config.clone()).await;
    let family = "entrawatch_own_credential_not_after_timestamp_seconds";
    let expected = ["contoso", "fabrikam"].map(|name| format!("{{tenant=\"{name}\"}} {}", day(50.0).timestamp()));
    assert_eq!(samples(&site.text("/metrics").await.1, family), expected);
    site.clock.set(day(60.0));
    assert_eq!(samples(&site.text("/metrics").await.1, family), expected, "over, and said so");
}

#[tokio::test]
async fn the_counts_follow_the_clock_between_two_snapshots() {
    let site = Site::contoso([
        application("a1", "Payroll").secret("one", -300.0, 70.0),
        application("a2", "Wiki").secret("two", 2.0, 300.0),
    ])
    .await;
    let counts = async |state: &'static str| {
        let text = site.text("/metrics").await.1;
        let number: i32 =
            sample(&text, "entra_credentials", &["kind=\"secret\"", &format!("state=\"{state}\"")]).parse().unwrap();
        number
    };
    let ending = async |within: &'static str| {
        let text = site.text("/metrics").await.1;
        let number: i32 = sample(&text, "entra_credentials_ending", &["kind=\"secret\"", within]).parse().unwrap();
        number
    };
    let states = async || {
        let mut found = Vec::new();
        for state in ["valid", "expiring", "expired", "not_yet_valid"] {
            found.push(counts(state).await);
        }
        found
    };
    assert_eq!(states().await, [1, 0, 0, 1]);
    assert_eq!((ending("\"60d\"").await, ending("\"90d\"").await), (0, 1));
    for (at, expected) in [
        (9.0, [2, 0, 0, 0]),
        (10.0, [1, 1, 0, 0]),
        (69.999, [1, 1, 0, 0]),
        (70.0, [1, 0, 1, 0]),
        (240.0, [0, 1, 1, 0]),
        (400.0, [0, 0, 2, 0]),
        (-2.0, [1, 0, 0, 1]),
    ] {
        site.clock.set(day(at));
        assert_eq!(states().await, expected, "on day {at}");
    }
    site.clock.set(day(69.5));
    assert_eq!((ending("\"1d\"").await, ending("\"7d\"").await), (1, 1));
    site.clock.set(day(70.0));
    assert_eq!(ending("\"90d\"").await, 0, "what has ended is not ending");
}

#[tokio::test]
async fn a_credential_that_is_gone_has_no_series_and_a_failed_poll_changes_none() {
    let site = Site::contoso([application("a1", "Payroll").secret("one", -300.0, 70.0).secret("two", -1.0, 100.0)]).await;
    let (_, before) = site.text("/metrics").await;
    let mut failed = snapshot("contoso", [], &site.parts.config, day(0.0));
    let first = &site.snapshots.all()[0];
    failed.inventory = first.inventory.clone();
    failed.standings = first.standings.clone();
    failed.decisions = first.decisions.clone();
    failed.state.polls.error = Some("Microsoft Graph does not answer".into());
    site.snapshots.publish(0, failed);
    let (_, after) = site.text("/metrics").await;
    for family in SNAPSHOT_FAMILIES {
        assert_eq!(samples(&before, &family.name), samples(&after, &family.name));
    }
    site.publish(0, "contoso", [application("a1", "Payroll").secret("two", -1.0, 100.0)]);
    let (_, text) = site.text("/metrics").await;
    assert_eq!(samples(&text, "entra_credential_rotated").len(), 1);
    assert_eq!(sample(&text, "entra_credentials", &["secret", "\"valid\""]), "1");
}

#[tokio::test]
async fn fewer_series_can_be_asked_for_and_the_counts_stay() {
    let objects = || {
        [
            application("a1", "Payroll").secret("soon", -300.0, 10.0),
            application("a2", "Wiki").secret("late", -1.0, 300.0),
            service_principal("s1", "Vendor").secret("gone", -300.0, -1.0),
        ]
    };
    for (mode, keys) in [("all", vec!["soon", "late", "gone"]), ("expiring", vec!["soon", "gone"]), ("none", vec![])] {
        let mut config = config();
        config.metrics.credentials = mode.parse().unwrap();
        let tenant = snapshot("contoso", objects(), &config, day(0.0));
        let site = Site::of([tenant], config).await;
        let (_, text) = site.text("/metrics").await;
        let mut named: Vec<_> = samples(&text, "entra_credential_last_one")
            .into_iter()
            .map(|line| line.split_once("key_id=\"").unwrap().1.split_once('"').unwrap().0)
            .collect();
        named.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(named, keys, "{mode}");
        assert_eq!(sample(&text, "entra_credentials", &["secret", "\"expiring\""]), "1", "{mode}");
        // A credential joins those that end soon when its time has come, with no new snapshot.
        site.clock.set(day(250.0));
        let (_, text) = site.text("/metrics").await;
        assert_eq!(samples(&text, "entra_credential_last_one").len(), if mode == "none" { 0 } else { 3 }, "{mode}");
    }
}

#[tokio::test]
async fn every_family_has_help_and_type_even_without_series() {
    let site = Site::of([], config()).await;
    let (_, text) = site.text("/metrics").await;
    let mut families: Vec<String> = SNAPSHOT_FAMILIES.iter().map(|family| family.name.to_string()).collect();
    families.extend(site.parts.metrics.families().iter().map(|family| family.name.to_string()));
    for family in families {
        for keyword in ["HELP", "TYPE"] {
            assert_eq!(text.matches(&format!("# {keyword} {family} ")).count(), 1, "{keyword} {family}");
        }
    }
}

/// What docs/metrics.md says of each family: name, type, labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        assert!(cells.len() == 5 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
        let name = cells[0].split('`').nth(1).unwrap().to_owned();
        assert!(cells[4].contains(&name), "the example of {name} does not use it");
        (name, (cells[1].to_owned(), cells[2].split(", ").filter(|label| *label != "none").map(str::to_owned).collect()))
    })
    .collect()
}

#[tokio::test]
async fn the_documentation_lists_every_family_with_its_type_and_labels_and_no_other() {
    let mut config = config();
    config.tenants = vec![tenant_config("contoso", "app-a1")];
    let mut tenant = snapshot("contoso", [application("a1", "Payroll").secret("k", -1.0, 40.0)], &config, start());
    tenant.state.own = Some(own_application(Home::Here, Some(9.0)));
    let site = Site::of([tenant], config).await;
    let metrics = &site.parts.metrics;
    metrics.polled("contoso", "full", entrawatch::state::PollOutcome::Complete, 1.5);
    metrics.graph_answered("contoso", Some(200), 0.2);
    metrics.mail_delayed(3.0);
    site.parts.delivery.update(|state| state.oldest = Some(day(0.0)));
    let (_, text) = site.text("/metrics").await;
    let mut served: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            served.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') {
            let (name, labels) = line.split_once('{').map_or((line.split(' ').next().unwrap(), ""), |(name, rest)| (name, rest));
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|part| name.strip_suffix(part))
                .filter(|base| served.contains_key(*base));
            let (_, known) = served.get_mut(base.unwrap_or(name)).unwrap_or_else(|| panic!("{name} has no TYPE"));
            let named = labels.split(',').filter_map(|label| label.split_once("=\"")).map(|(name, _)| name.to_owned());
            known.extend(named.filter(|name| name != "le"));
        }
    }
    assert_eq!(served, documented());
}

#[tokio::test]
async fn promtool_accepts_the_whole_exposition_with_hostile_names() {
    let hostile =
        ["quote \" backslash \\ newline \n tab \t", "\u{202e}gnp.exe", "cut\0off \u{fffd}", "{a=\"b\"} 1", &"🔑".repeat(256)];
    let objects = hostile
        .iter()
        .enumerate()
        .map(|(index, name)| application(&format!("a{index}"), name).secret(&format!("k{index}"), -10.0, 40.0));
    let site = Site::contoso(objects).await;
    site.parts.metrics.polled("contoso", "full", entrawatch::state::PollOutcome::Complete, 1.5);
    site.parts.metrics.graph_answered("contoso", Some(200), 0.2);
    site.parts.metrics.mail_delayed(3.0);
    let (_, text) = site.text("/metrics").await;
    let Ok(mut child) = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        return missing("promtool");
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn compressed_and_plain_are_the_same_text() {
    let objects = (0..500).map(|index| application(&format!("a{index}"), "Payroll").secret("k", -10.0, 40.0));
    let site = Site::contoso(objects).await;
    let plain = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let without_clock = |text: &str| text.lines().filter(|line| !line.starts_with("process_")).collect::<Vec<_>>().join("\n");
    let response = plain.get(site.url("/metrics")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(!response.headers().contains_key("content-encoding"));
    let text = response.text().await.unwrap();
    let response = plain.get(site.url("/metrics")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let compressed = response.bytes().await.unwrap();
    assert!(compressed.len() * 5 < text.len(), "{} of {}", compressed.len(), text.len());
    assert_eq!(without_clock(&site.text("/metrics").await.1), without_clock(&text));
}
