//! A token goes to the configured Graph and nowhere else; bodies are bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use entrawatch::clock::ManualClock;
use entrawatch::graph::{Client, Context, Error, Limits, http_client};
use entrawatch::inventory::ObjectKind;
use entrawatch::metrics::Metrics;
use entrawatch::progress::Progress;

use super::{Setup, Waits, list};
use crate::support::at;
use crate::support::faults::{Fault, body};
use crate::support::graph::{BEGIN, Tenant};
use crate::support::tls::Authority;

fn page_with_link(link: &str) -> Fault {
    body(&serde_json::json!({ "@odata.nextLink": link, "value": [] }).to_string())
}

#[tokio::test]
async fn a_link_to_another_host_scheme_or_port_is_refused_before_a_token_is_sent() {
    let setup = Setup::new().await;
    let elsewhere = Tenant::start().await;
    let port = setup.tenant.base.port().unwrap();
    for link in [
        format!("{}v1.0/applications", elsewhere.base),
        format!("https://127.0.0.1:{port}/v1.0/applications"),
        format!("http://localhost:{port}/v1.0/applications"),
        format!("http://somebody@127.0.0.1:{port}/v1.0/applications"),
        format!("http://127.0.0.1:{port}@{}/v1.0/applications", elsewhere.base.authority()),
        "//example.com/v1.0/applications".to_owned(),
        "/v1.0/applications?$skiptoken=x".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        setup.faults.clear();
        setup.faults.next("/applications", 1, page_with_link(&link));
        setup.tenant.requests.clear();
        let listing = list(&setup.client, ObjectKind::Application).await;
        assert!(matches!(listing.error, Some(Error::ForeignLink { .. })), "{link}: {:?}", listing.error);
        assert_eq!(setup.tenant.requests.count("/applications"), 1, "{link}");
    }
    assert!(elsewhere.requests.all().is_empty());
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_said_so_at_once_with_what_to_do() {
    let (known, stranger) = (Authority::new(), Authority::new());
    for (server, why) in [
        (
            stranger.server("localhost"),
            "does not trust; where a proxy looks into TLS, name a file with that proxy's authority in poll.ca_file",
        ),
        (known.server("example.com"), "it is for another host"),
        (known.server_valid_in("localhost", 2000..2001), "it has expired; check the clock"),
        (known.server_valid_in("localhost", 3000..3001), "it is not valid yet; check the clock"),
    ] {
        let clock = Arc::new(ManualClock::new(at(BEGIN)));
        let tenant = Tenant::start_tls(clock.clone(), server).await;
        let waits = Arc::new(Waits::default());
        let context = Context {
            clock,
            sleeper: waits.clone(),
            metrics: Arc::new(Metrics::new().unwrap()),
            progress: Progress::default(),
            http: http_client(&[known.pem().into_bytes()]).unwrap(),
        };
        let listing = list(&Client::new(&tenant.config(), context), ObjectKind::Application).await;
        let said = listing.error.unwrap().to_string();
        let begin = format!("the certificate of localhost:{} is not accepted: ", tenant.base.port().unwrap());
        assert!(said.starts_with(&begin) && said.contains(why), "{said}");
        assert!(waits.all().is_empty(), "trying again does not mend it");
    }
}

#[tokio::test]
async fn a_page_that_leads_back_to_itself_ends_the_listing() {
    let setup = Setup::new().await;
    let link = format!("{}v1.0/applications?$skiptoken=again", setup.tenant.base);
    setup.faults.next("/applications", usize::MAX, page_with_link(&link));
    let listing = list(&setup.client, ObjectKind::Application).await;
    assert_eq!(listing.error, Some(Error::RepeatedLink));
    assert_eq!(setup.tenant.requests.count("/applications"), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let setup = Setup::new().await;
    let elsewhere = Tenant::start().await;
    for status in [301, 302, 303, 307, 308] {
        let location = vec![("location", format!("{}v1.0/applications", elsewhere.base))];
        setup.faults.next("/applications", 1, Fault::Answer(status, location, String::new()));
        let listing = list(&setup.client, ObjectKind::Application).await;
        assert!(matches!(listing.error, Some(Error::Redirected { .. })), "{:?}", listing.error);
    }
    assert!(elsewhere.requests.all().is_empty());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let setup = Setup::new().await;
    let limits = Limits { largest_body: 100_000, ..Limits::default() };
    let client = Client::with_limits(&setup.tenant.config(), setup.context(), limits);
    setup.faults.next("/applications", 1, body(&format!(r#"{{"value":[],"x":"{}"}}"#, "x".repeat(100_000))));
    let listing = list(&client, ObjectKind::Application).await;
    assert!(matches!(listing.error, Some(Error::TooLarge { limit: 100_000, .. })), "{:?}", listing.error);
    assert_eq!(setup.tenant.requests.count("/applications"), 1);
    assert_eq!(list(&client, ObjectKind::Application).await.error, None);
}

#[tokio::test]
async fn a_body_that_trickles_meets_the_deadline_of_the_whole_answer() {
    let setup = Setup::new().await;
    let limits = Limits { answer_within: Duration::from_millis(300), ..Limits::default() };
    let client = Client::with_limits(&setup.tenant.config(), setup.context(), limits);
    setup.faults.next("/applications", usize::MAX, Fault::Trickle(Duration::from_millis(10)));
    let listing = list(&client, ObjectKind::Application).await;
    assert!(matches!(listing.error, Some(Error::Timeout { .. })), "{:?}", listing.error);
    let requests = setup.waits.all().len() + 1;
    assert!(requests > 2, "a deadline that was missed is tried again: {requests}");
    setup.faults.clear();
    assert_eq!(list(&client, ObjectKind::Application).await.error, None);
}
