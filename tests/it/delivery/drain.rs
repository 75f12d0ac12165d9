//! A long outbox through the real process: how fast it empties, and that its memory does not grow with it.

use std::time::Duration;

use entrawatch::clock::{Clock as _, SystemClock};
use entrawatch::mail::samples::{renderer, samples};
use entrawatch::store::{Commit, NewMail, Store};
use tokio::time::Instant;
use uuid::Uuid;

use crate::process::{Place, tenant_with};
use crate::store::samples::{commit, mail};
use crate::support::sink::Sink;

/// How many mails; 10,000 where the environment says so (`tests/long/mails`).
#[expect(clippy::disallowed_methods, reason = "the runner of the tests says in the environment how long it has")]
fn number() -> usize {
    std::env::var("ENTRAWATCH_TESTS_MAILS").ok().and_then(|number| number.parse().ok()).unwrap_or(400)
}

/// What a process takes of the machine's memory, in kilobytes: now, and at most so far.
fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Real letters, all due.
async fn fill(store: &Store, number: usize) -> usize {
    let (now, renderer, sample) = (SystemClock.now(), renderer().unwrap(), samples().remove(0));
    let letter = |index: usize| {
        let id = Uuid::new_v4();
        let message = renderer.render(&sample.digest, id).message;
        NewMail {
            id,
            message,
            created_at: now,
            first_decided_at: now,
            next_attempt_at: now,
            ..mail(&format!("{index}@example.com"))
        }
    };
    let mut bytes = 0;
    for chunk in (0..number).collect::<Vec<_>>().chunks(250) {
        let mails: Vec<NewMail> = chunk.iter().map(|index| letter(*index)).collect();
        bytes += mails.iter().map(|mail| mail.message.len()).sum::<usize>();
        commit(store, Commit { mails, ..Commit::default() }).await;
    }
    bytes / number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_outbox_empties_in_memory_that_does_not_grow() {
    let (number, tenant, sink) = (number(), tenant_with(0).await, Sink::start(Duration::ZERO).await);
    let transport = format!(r#"{{ kind = "smtp", url = "smtp://{}", starttls = "none" }}"#, sink.address);
    let place = Place::new(&tenant, &transport);
    let store = Store::open(&format!("sqlite:{}", place.path("store.db").display()).into()).await.unwrap();
    let bytes = fill(&store, number).await;
    store.close().await;

    let began = Instant::now();
    let process = place.run();
    let mut early = 0;
    for twentieth in 1..=20 {
        place.until("the mails do not arrive", || async { sink.arrived().len() >= number * twentieth / 20 }).await;
        if twentieth == 5 {
            (early, _) = memory(process.pid());
        }
    }
    let took = began.elapsed();
    let (late, peak) = memory(process.pid());
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = number as f64 / took.as_secs_f64();
    println!(
        "{number} mails of {bytes} bytes in {:.1} s, {rate:.0} a second; resident {early} kB after a quarter, {late} kB after all, {peak} kB at most",
        took.as_secs_f64()
    );
    // And the first digest of a tenant without applications.
    let all = number + 1;
    let line = format!("entrawatch_mails_total{{outcome=\"sent\"}} {all}\n");
    place.until("they are not written down", || async { place.get("metrics").await.1.contains(&line) }).await;
    let mut to: Vec<String> = sink.arrived().iter().map(|mail| mail.to.clone()).collect();
    to.sort_unstable();
    to.dedup();
    assert_eq!((to.len(), sink.arrived().len()), (all, all), "each once");
    assert!(late < early + 16_384, "it grew from {early} kB to {late} kB");
}
