//! Every fault × every place where it can strike: requests are counted, waits are measured, what was seen is kept.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::response::Json;
use axum::routing::{get, post};
use entrawatch::clock::ManualClock;
use entrawatch::graph::retry::{LONGEST_WAIT, TRIES_FAILED, TRIES_THROTTLED, bound};
use entrawatch::graph::{self, Client, Context, Limits, Listing};
use entrawatch::inventory::ObjectKind;
use entrawatch::metrics::Metrics;
use entrawatch::progress::Progress;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{Waits, list, names};
use crate::support::at;
use crate::support::faults::{Fault, Faults, status, throttled};
use crate::support::graph::{BEGIN, Requests};

/// A deadline that no answer on loopback misses.
const PATIENT: Duration = Duration::from_mins(1);

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Token,
    FirstPage,
    MiddlePage,
    LastPage,
}

impl Place {
    const ALL: [Self; 4] = [Self::Token, Self::FirstPage, Self::MiddlePage, Self::LastPage];

    fn path(self) -> &'static str {
        if self == Self::Token { "/token" } else { "/applications" }
    }

    /// How many requests to the path pass before it strikes; as many objects were seen then.
    fn after(self) -> usize {
        match self {
            Self::Token | Self::FirstPage => 0,
            Self::MiddlePage => 1,
            Self::LastPage => 2,
        }
    }
}

/// What shall come of a fault that passes after two attempts, and of one that stays.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// Two waits of these bounds in seconds, then success; where it stays, so many attempts.
    Waits(f64, f64, u32),
    /// The same with waits that nobody asked for: between nothing and a bound that doubles.
    Backoff(u32),
    /// An error at once.
    GivesUp,
}

use Expected::{Backoff, GivesUp, Waits as Honoured};

/// The faults of issue and table, each with what shall come of it.
fn table() -> Vec<(&'static str, Fault, Expected)> {
    let date = |text: &str, retry_after: &str| {
        let headers = vec![("date", text.to_owned()), ("retry-after", retry_after.to_owned())];
        Fault::Answer(429, headers, String::new())
    };
    let too_long = (LONGEST_WAIT + Duration::from_secs(1)).as_secs().to_string();
    let (noon, later) = ("Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23 Nov 2026 12:00:30 GMT");
    let redirect = Fault::Answer(302, vec![("location", "https://example.com/".to_owned())], String::new());
    vec![
        ("429, seconds", throttled(429, "7"), Honoured(7.0, 8.0, TRIES_THROTTLED)),
        ("429, a fraction", throttled(429, "2.128"), Honoured(2.128, 3.128, TRIES_THROTTLED)),
        ("429, a date by the server's clock", date(noon, later), Honoured(30.0, 31.0, TRIES_THROTTLED)),
        ("429, a date that has passed", date(later, noon), Honoured(0.0, 1.0, TRIES_THROTTLED)),
        ("429, nonsense", throttled(429, "soon"), Backoff(TRIES_THROTTLED)),
        ("429, no wait", status(429, "TooManyRequests"), Backoff(TRIES_THROTTLED)),
        ("429, longer than a poll can wait", throttled(429, &too_long), GivesUp),
        ("503, seconds", throttled(503, "4"), Honoured(4.0, 5.0, TRIES_THROTTLED)),
        ("503, no wait", status(503, "ServiceUnavailable"), Backoff(TRIES_FAILED)),
        ("500", status(500, "InternalServerError"), Backoff(TRIES_FAILED)),
        ("502", status(502, "BadGateway"), Backoff(TRIES_FAILED)),
        ("504", status(504, "GatewayTimeout"), Backoff(TRIES_FAILED)),
        ("504 of a proxy", Fault::Answer(504, Vec::new(), "<html>".to_owned()), Backoff(TRIES_FAILED)),
        ("408", status(408, "RequestTimeout"), Backoff(TRIES_FAILED)),
        ("509", status(509, "BandwidthLimitExceeded"), Backoff(TRIES_FAILED)),
        ("a reset", Fault::Reset, Backoff(TRIES_FAILED)),
        ("a body that breaks off", Fault::Broken, Backoff(TRIES_FAILED)),
        ("half a body", Fault::Half, Backoff(TRIES_FAILED)),
        ("a body that trickles", Fault::Trickle(Duration::from_millis(50)), Backoff(TRIES_FAILED)),
        ("400", status(400, "BadRequest"), GivesUp),
        ("403", status(403, "Authorization_RequestDenied"), GivesUp),
        ("404", status(404, "Request_ResourceNotFound"), GivesUp),
        ("405", status(405, "MethodNotAllowed"), GivesUp),
        ("501", status(501, "NotImplemented"), GivesUp),
        ("a redirect", redirect, GivesUp),
    ]
}

/// A tenant of some pages with an object each, and a client that waits without taking time.
struct Pages {
    faults: Faults,
    requests: Requests,
    waits: Arc<Waits>,
    client: Client,
}

impl Pages {
    async fn start(count: u32, answer_within: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (faults, requests) = (Faults::default(), Requests::default());
        let link = base.join("/v1.0/applications").unwrap();
        let router = Router::new()
            .route(
                "/{tenant}/oauth2/v2.0/token",
                post(|| async { Json(json!({"access_token": "granted", "expires_in": 3_599})) }),
            )
            .route("/v1.0/applications", get(move |query| std::future::ready(page(&link, count, query))));
        let router = requests.layer(faults.layer(router));
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await.unwrap() });
        let waits = Arc::new(Waits::default());
        let client = client(&base, &waits, answer_within);
        Self { faults, requests, waits, client }
    }
}

fn page(link: &Url, count: u32, Query(query): Query<std::collections::HashMap<String, String>>) -> Json<Value> {
    let number: u32 = query.get("page").map_or(0, |page| page.parse().unwrap());
    let object = json!({"id": number.to_string(), "displayName": format!("app {number}"), "passwordCredentials": [], "keyCredentials": []});
    let mut body = json!({"value": [object]});
    if number + 1 < count {
        body["@odata.nextLink"] = json!(format!("{link}?page={}", number + 1));
    }
    Json(body)
}

fn client(base: &Url, waits: &Arc<Waits>, answer_within: Duration) -> Client {
    let context = Context {
        clock: Arc::new(ManualClock::new(at(BEGIN))),
        sleeper: waits.clone(),
        metrics: Arc::new(Metrics::new().unwrap()),
        progress: Progress::default(),
        http: graph::http_client(&[]).unwrap(),
    };
    let limits = Limits { answer_within, ..Limits::default() };
    Client::with_limits(&crate::support::graph::config_at(base), context, limits)
}

/// Lists with a fault that strikes `times` times.
async fn strike(place: Place, fault: &Fault, times: usize) -> (Pages, Listing) {
    let is_slow = matches!(fault, Fault::Trickle(_));
    let pages = Pages::start(3, if is_slow { Duration::from_secs(1) } else { PATIENT }).await;
    pages.faults.add(place.path(), place.after(), times, fault.clone());
    let listing = list(&pages.client, ObjectKind::Application).await;
    (pages, listing)
}

#[tokio::test]
async fn a_fault_that_passes_costs_its_waits_and_nothing_else() {
    for (name, fault, expected) in table() {
        let struck = join_all(Place::ALL.map(|place| strike(place, &fault, 2))).await;
        for (place, (pages, listing)) in Place::ALL.into_iter().zip(struck) {
            let what = format!("{name} at {place:?}");
            let waits = pages.waits.all();
            let bounds = match expected {
                GivesUp => continue,
                Honoured(least, most, _) => [(least, most); 2],
                Backoff(_) => [1, 2].map(|attempt| (0.0, bound(attempt).as_secs_f64())),
            };
            assert_eq!((listing.error.as_ref(), names(&listing).len()), (None, 3), "{what}");
            assert_eq!(waits.len(), 2, "{what}");
            for (wait, (least, most)) in waits.iter().zip(bounds) {
                assert!((least..=most).contains(&wait.as_secs_f64()), "{what}: {wait:?}");
            }
            // A connection that was reset is not in the log: nothing was answered.
            let unanswered = if matches!(fault, Fault::Reset) { 2 } else { 0 };
            let pages_asked = pages.requests.count("/applications") + if place == Place::Token { 0 } else { unanswered };
            let tokens_asked = pages.requests.count("/token") + if place == Place::Token { unanswered } else { 0 };
            let expected = if place == Place::Token { (3, 3) } else { (1, 5) };
            assert_eq!((tokens_asked, pages_asked), expected, "{what}: nothing is asked for again that was answered");
        }
    }
}

#[tokio::test]
async fn a_fault_that_stays_is_given_up_and_what_was_seen_is_kept() {
    for (name, fault, expected) in table() {
        let struck = join_all(Place::ALL.map(|place| strike(place, &fault, usize::MAX))).await;
        for (place, (pages, listing)) in Place::ALL.into_iter().zip(struck) {
            let what = format!("{name} at {place:?}");
            let attempts = match expected {
                GivesUp => 1,
                Honoured(_, _, attempts) | Backoff(attempts) => attempts,
            };
            let error = listing.error.as_ref().unwrap_or_else(|| panic!("{what}"));
            assert!(error.to_string().len() > 40, "{what}: {error}");
            assert_eq!(names(&listing).len(), place.after(), "{what}");
            assert_eq!(pages.waits.all().len(), attempts as usize - 1, "{what}");
            if !matches!(fault, Fault::Reset) {
                assert_eq!(pages.requests.count(place.path()) - place.after(), attempts as usize, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_refused_token_costs_one_fresh_one_wherever_it_strikes() {
    for place in [Place::FirstPage, Place::MiddlePage, Place::LastPage] {
        let (pages, listing) = strike(place, &status(401, "InvalidAuthenticationToken"), 1).await;
        assert_eq!((listing.error.as_ref(), names(&listing).len()), (None, 3), "{place:?}");
        assert_eq!((pages.requests.count("/token"), pages.requests.count("/applications")), (2, 4), "{place:?}");
        assert!(pages.waits.all().is_empty());
    }
}

#[tokio::test]
async fn a_host_without_a_name_is_asked_a_bounded_number_of_times() {
    let waits = Arc::new(Waits::default());
    let listing = list(&client(&Url::parse("http://graph.invalid").unwrap(), &waits, PATIENT), ObjectKind::Application).await;
    let error = listing.error.unwrap();
    assert!(error.to_string().starts_with("graph.invalid cannot be reached: "), "{error}");
    assert_eq!(waits.all().len(), TRIES_FAILED as usize - 1);
}

#[tokio::test]
async fn a_listing_of_three_hundred_pages_that_is_throttled_at_the_last_goes_on_from_there() {
    let pages = Pages::start(300, PATIENT).await;
    pages.faults.add("/applications", 298, 5, throttled(429, "20"));
    let listing = list(&pages.client, ObjectKind::Application).await;
    assert_eq!((listing.error.as_ref(), listing.requests, names(&listing).len()), (None, 300, 300));
    assert_eq!(pages.requests.count("/applications"), 305);
    let waits = pages.waits.all();
    let asked_for = waits.iter().filter(|wait| (20.0..=21.0).contains(&wait.as_secs_f64())).count();
    assert_eq!(asked_for, 5, "{waits:?}");
    // A minute has 140 requests that name keyCredentials. Time stands still here, so each of the next 140 waits a minute, and each of the
    // last 25 two.
    let held_back = waits.iter().filter(|wait| **wait > Duration::from_secs(22)).count();
    assert_eq!(held_back, 140 + 2 * 25, "{waits:?}");
}

#[tokio::test]
async fn a_long_wait_is_slept_in_parts_that_show_that_the_task_lives() {
    let (pages, listing) = strike(Place::FirstPage, &throttled(429, "200"), 1).await;
    assert_eq!(listing.error, None);
    let waits = pages.waits.all();
    assert_eq!(waits[..3], [Duration::from_mins(1); 3]);
    assert_eq!(waits.len(), 4);
    assert!((200.0..=201.0).contains(&pages.waits.sum().as_secs_f64()), "{waits:?}");
}
