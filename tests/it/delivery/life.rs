//! Delivery in its surroundings: a store that fails, a process that stops, dies and starts again.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use entrawatch::clock::TokioSleeper;
use entrawatch::outbox::deliver::Next;
use entrawatch::store::{Commit, Error, MailState, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Post;
use crate::store::samples::{TENANT, load, silence};
use crate::support::builder::start;
use crate::support::database::{Database, Server};
use crate::support::mailer::Answer::{Silence, TakenButBroken};

/// Looks until it holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_more_than_four_are_on_their_way_and_every_one_arrives_once() {
    let post = Post::on_sqlite().await;
    let recipients: Vec<String> = (0..200).map(|n| format!("{n}@example.com")).collect();
    post.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(post.step().await, Next::WhenFilled);
    assert_eq!((post.mailer.taken().len(), post.mailer.most_at_once()), (200, 4));
    assert_eq!(post.mails("sent"), 200);
    let state = post.status.get();
    assert_eq!((state.pending, state.oldest, state.last_accepted), (0, None, Some(start())));
}

#[tokio::test]
async fn a_stop_lets_what_is_on_its_way_arrive() {
    let post = Arc::new(Post::on_sqlite().await);
    post.put(&["a@example.com", "b@example.com", "c@example.com", "d@example.com", "waits@example.com"]).await;
    post.mailer.gate.forget_permits(usize::MAX);
    let mut tasks = JoinSet::new();
    let working = Arc::clone(&post);
    tasks.spawn(async move { working.step().await });
    until("four on their way", async || post.mailer.most_at_once() == 4).await;
    post.stop.cancel();
    post.mailer.gate.add_permits(100);
    timeout(Duration::from_secs(2), tasks.join_next()).await.expect("it ends as soon as they have arrived");
    assert_eq!(post.mailer.taken().len(), 4, "and begins no more");
    assert_eq!(post.store.mails(TENANT, start()).await.unwrap().withdrawable.len(), 1);
}

#[tokio::test]
async fn a_stop_returns_what_does_not_arrive_in_time() {
    let post = Arc::new(Post::on_sqlite().await);
    let mails = post.put(&["a@example.com"]).await;
    post.mailer.script("a@example.com", &[Silence]);
    let mut tasks = JoinSet::new();
    let working = Arc::clone(&post);
    tasks.spawn(async move { working.step().await });
    until("one on its way", async || post.mailer.most_at_once() == 1).await;
    let began = Instant::now();
    post.stop.cancel();
    tasks.join_next().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let waiting = post.store.mails(TENANT, start()).await.unwrap();
    assert_eq!((waiting.leaving.len(), waiting.withdrawable.len()), (1, 0), "the server may have taken it");
    let again = Post::at(post.store.clone());
    again.step().await;
    assert_eq!(again.mailer.taken()[0].message, mails[0].message, "the next process sends the same message at once");
}

#[tokio::test]
async fn a_mail_put_in_wakes_the_task_and_a_stop_ends_it() {
    let Post { store, mailer, delivery, stop, clock, database, .. } = Post::on_sqlite().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(delivery.run(Arc::new(TokioSleeper), stop.clone()));
    sleep(Duration::from_millis(300)).await;
    let other = Post { database, clock, ..Post::at(store) };
    other.put(&["a@example.com"]).await;
    let began = Instant::now();
    until("it leaves", async || mailer.taken().len() == 1).await;
    assert!(began.elapsed() < Duration::from_secs(5), "without waiting for the end of a sleep");
    stop.cancel();
    timeout(Duration::from_secs(1), tasks.join_next()).await.expect("ends");
}

#[tokio::test]
async fn a_mail_put_in_while_another_hangs_does_not_wait_for_it() {
    let post = Arc::new(Post::on_sqlite().await);
    post.mailer.script("hangs@example.com", &[Silence]);
    post.put(&["hangs@example.com"]).await;
    let mut tasks = JoinSet::new();
    let working = Arc::clone(&post);
    tasks.spawn(async move { working.step().await });
    until("one hangs", async || post.mailer.most_at_once() == 1).await;
    post.put(&["urgent@example.com"]).await;
    until("the other arrives", async || post.mailer.taken().len() == 1).await;
    post.stop.cancel();
    tasks.join_next().await;
}

#[tokio::test]
async fn an_acceptance_is_written_down_although_the_store_fails_for_a_while() {
    let Some(database) = Database::postgres().await else { return };
    let post = Arc::new(Post::new(database).await);
    post.put(&["a@example.com"]).await;
    post.mailer.gate.forget_permits(usize::MAX);
    let mut tasks = JoinSet::new();
    let working = Arc::clone(&post);
    tasks.spawn(async move { working.delivery.deliver_once(&working.stop).await });
    until("one on its way", async || post.mailer.most_at_once() == 1).await;
    let database = post.database.as_ref().unwrap();
    database.execute("ALTER TABLE mail RENAME TO hidden").await;
    let server = Server::of_this_run().unwrap();
    let name = database.plain_url().rsplit('/').next().unwrap();
    server.admin(&format!("SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity WHERE datname = '{name}'")).await;
    post.mailer.gate.add_permits(100);
    until("the server has it", async || post.mailer.taken().len() == 1).await;
    sleep(Duration::from_millis(500)).await;
    database.execute("ALTER TABLE hidden RENAME TO mail").await;
    tasks.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(post.store.notifications(None, 1).await.unwrap().items[0].state, MailState::Sent);
    assert_eq!(post.mailer.taken().len(), 1);
}

#[tokio::test]
async fn two_processes_on_one_postgres_send_every_mail_once() {
    let Some(database) = Database::postgres().await else { return };
    let second = Arc::new(Post::at(Store::open(&database.url()).await.unwrap()));
    let first = Arc::new(Post::new(database).await);
    let recipients: Vec<String> = (0..200).map(|n| format!("{n}@example.com")).collect();
    first.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut tasks = JoinSet::new();
    for post in [&first, &second] {
        post.mailer.gate.forget_permits(usize::MAX);
        let post = Arc::clone(post);
        // Where both chose the same mails, one of them gets none and looks again, as the task does.
        tasks.spawn(async move { while let Next::At(_) = post.step().await {} });
    }
    // Neither is answered before both have claimed, so that it is a race on every machine.
    until("both have claimed", async || !first.mailer.attempts().is_empty() && !second.mailer.attempts().is_empty()).await;
    for post in [&first, &second] {
        post.mailer.gate.add_permits(1000);
    }
    tasks.join_all().await;
    let (mine, theirs) = (first.mailer.taken(), second.mailer.taken());
    assert!(!mine.is_empty() && !theirs.is_empty(), "they share the work");
    let mut all: Vec<_> = mine.iter().chain(&theirs).map(|taken| taken.id).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!((mine.len() + theirs.len(), all.len()), (200, 200));
}

#[tokio::test]
async fn what_is_withdrawn_while_delivery_runs_is_either_withdrawn_or_sent() {
    for database in [Some(Database::sqlite()), Database::postgres().await].into_iter().flatten() {
        let post = Arc::new(Post::new(database).await);
        let recipients: Vec<String> = (0..100).map(|n| format!("{n}@example.com")).collect();
        let mails = post.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let mut tasks = JoinSet::new();
        let working = Arc::clone(&post);
        post.mailer.gate.forget_permits(usize::MAX);
        tasks.spawn(async move { working.step().await });
        until("delivery has claimed", async || !post.mailer.attempts().is_empty()).await;
        let mut withdrawn = Vec::new();
        for (number, mail) in mails.iter().rev().enumerate() {
            if number == 50 {
                // The first half is withdrawn while some are under way, the second half while they are answered.
                post.mailer.gate.add_permits(1000);
            }
            let version = load(&post.store).await.version;
            match post.store.commit(TENANT, version, Commit { withdraw: vec![mail.id], ..Commit::default() }).await {
                Ok(_) => withdrawn.push(mail.id),
                Err(Error::Conflict) => {}
                Err(error) => panic!("{error}"),
            }
        }
        tasks.join_all().await;
        let mut all: Vec<_> = post.mailer.taken().into_iter().map(|taken| taken.id).chain(withdrawn.iter().copied()).collect();
        assert!(!withdrawn.is_empty() && withdrawn.len() < 100, "there was no race: {} withdrawn", withdrawn.len());
        all.sort_unstable();
        let mut expected: Vec<_> = mails.iter().map(|mail| mail.id).collect();
        expected.sort_unstable();
        assert_eq!(all, expected, "none is both, none is neither");
    }
}

#[tokio::test]
async fn a_mail_that_may_have_arrived_is_repeated_with_the_same_message_id() {
    let post = Post::on_sqlite().await;
    post.mailer.script("a@example.com", &[TakenButBroken]);
    let mails = post.put(&["a@example.com"]).await;
    let version = load(&post.store).await.version;
    let Next::At(at) = post.step().await else { panic!("it is tried again") };
    let withdraw = Commit { withdraw: vec![mails[0].id], ..Commit::default() };
    assert!(matches!(post.store.commit(TENANT, version, withdraw).await, Err(Error::Conflict)));
    post.clock.set(at);
    post.step().await;
    let taken = post.mailer.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0], taken[1]);
}

/// What `entrawatch silence add` does while a daemon writes without a pause.
#[tokio::test]
async fn another_process_gets_its_turn_while_delivery_is_busy() {
    let post = Arc::new(Post::on_sqlite().await);
    load(&post.store).await;
    let recipients: Vec<String> = (0..400).map(|n| format!("{n}@example.com")).collect();
    post.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let beside = Store::open(&post.database.as_ref().unwrap().url()).await.unwrap();
    let mut tasks = JoinSet::new();
    let working = Arc::clone(&post);
    tasks.spawn(async move { working.step().await });
    let mut slowest = Duration::ZERO;
    for n in 0..10 {
        let began = Instant::now();
        beside.add_silence(&silence(&n.to_string(), None, start() + TimeDelta::days(1))).await.unwrap();
        slowest = slowest.max(began.elapsed());
    }
    let left = post.store.waiting().await.unwrap().count;
    println!("ten silences while {left} of 400 mails were left; the slowest took {slowest:?}");
    tasks.join_all().await;
    assert_eq!(post.mailer.taken().len(), 400);
}
