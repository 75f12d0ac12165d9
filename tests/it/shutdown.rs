//! How the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entrawatch::shutdown::{Failure, SOFT, Shutdown};
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Signals that the test sends.
fn signals() -> (mpsc::UnboundedSender<&'static str>, impl futures_util::Stream<Item = &'static str> + Unpin) {
    let (send, receive) = mpsc::unbounded_channel();
    (send, Box::pin(stream::unfold(receive, async |mut receive| receive.recv().await.map(|signal| (signal, receive)))))
}

fn trip(message: &str) {
    panic!("{message}");
}

#[tokio::test(start_paused = true)]
async fn a_signal_lets_tasks_finish_what_they_have_begun() {
    let shutdown = Shutdown::new();
    let tasks = shutdown.tasks();
    let finished = Arc::new(AtomicBool::new(false));
    let (stop, done) = (tasks.stop().clone(), Arc::clone(&finished));
    tasks.spawn("worker", async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        done.store(true, Ordering::SeqCst);
    });
    let began = Instant::now();
    let (send, signals) = signals();
    send.send("SIGTERM").unwrap();
    assert_eq!(shutdown.wait(signals).await, Ok(()));
    assert!(finished.load(Ordering::SeqCst));
    assert!(began.elapsed() < Duration::from_millis(2100), "it waits for no more than the task: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_finish_is_cut_off_within_five_seconds() {
    let shutdown = Shutdown::new();
    let (watching, deaf) = (shutdown.tasks(), shutdown.tasks());
    let cut_off = Arc::new(AtomicBool::new(false));
    let (hard, seen) = (shutdown.hard().clone(), Arc::clone(&cut_off));
    watching.spawn("watching", async move {
        hard.cancelled().await;
        seen.store(true, Ordering::SeqCst);
    });
    deaf.spawn("deaf", std::future::pending::<()>());
    let began = Instant::now();
    assert_eq!(shutdown.wait(stream::iter(["SIGTERM"]).chain(stream::pending())).await, Ok(()));
    assert!(cut_off.load(Ordering::SeqCst));
    assert!(began.elapsed() >= SOFT && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_it_at_once() {
    let shutdown = Shutdown::new();
    shutdown.tasks().spawn("deaf", std::future::pending::<()>());
    let began = Instant::now();
    assert_eq!(shutdown.wait(stream::iter(["SIGINT", "SIGINT"]).chain(stream::pending())).await, Ok(()));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_by_itself_ends_the_process_and_is_named() {
    async fn end<F>(task: F) -> Failure
    where
        F: Future<Output: entrawatch::shutdown::Outcome> + Send + 'static,
    {
        let shutdown = Shutdown::new();
        let tasks = shutdown.tasks();
        let stop = tasks.stop().clone();
        tasks.spawn("other", async move { stop.cancelled().await });
        tasks.spawn("tenant contoso", task);
        shutdown.wait(stream::pending()).await.unwrap_err()
    }
    assert_eq!(end(async {}).await.to_string(), "the task tenant contoso ended by itself");
    assert_eq!(end(async { Err::<(), _>("no route") }).await.to_string(), "the task tenant contoso failed: no route");
    assert_eq!(end(async { trip("index 3") }).await.to_string(), "the task tenant contoso panicked: index 3");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_stopping_is_a_failure_too() {
    let shutdown = Shutdown::new();
    let tasks = shutdown.tasks();
    let stop = tasks.stop().clone();
    tasks.spawn("web", async move {
        stop.cancelled().await;
        trip("poisoned");
    });
    let failure = shutdown.wait(stream::iter(["SIGTERM"]).chain(stream::pending())).await.unwrap_err();
    assert_eq!(failure.to_string(), "the task web panicked: poisoned");
}

#[tokio::test(start_paused = true)]
async fn a_group_of_tasks_can_end_before_the_process_does() {
    let shutdown = Shutdown::new();
    let old = shutdown.tasks();
    let stop = old.stop().clone();
    old.spawn("tenant", async move { stop.cancelled().await });
    old.end().await;
    assert!(!shutdown.soft().is_cancelled(), "a new configuration takes over");
    let new = shutdown.tasks();
    new.spawn("tenant", async {});
    assert_eq!(shutdown.wait(stream::pending()).await.unwrap_err().how, "ended by itself");
}
