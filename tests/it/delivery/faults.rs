//! The table: what a server does, and what becomes of the mail.

use chrono::TimeDelta;
use entrawatch::clock::Clock as _;
use entrawatch::outbox::deliver::Next;
use entrawatch::store::{LONGEST_WAIT, MailState};

use super::Post;
use crate::store::samples::TENANT;
use crate::support::builder::start;
use crate::support::mailer::Answer::{self, Broken, Later, Never, SignInRefused, Taken, TakenButBroken};

struct Row {
    name: &'static str,
    /// The answers to the first attempts; the last one stands for all further ones.
    answers: &'static [Answer],
    state: MailState,
    /// Attempts on the mail's account.
    attempts: i64,
    /// How often the server took it.
    arrived: usize,
    /// The wait until it was settled, or the time watched, without jitter.
    after: TimeDelta,
    /// Between the first answer and the second attempt it may be decided afresh.
    withdrawable: bool,
}

const ROWS: &[Row] = &[
    Row {
        name: "taken",
        answers: &[Taken],
        state: MailState::Sent,
        attempts: 1,
        arrived: 1,
        after: TimeDelta::zero(),
        withdrawable: false,
    },
    Row {
        name: "greylisted once",
        answers: &[Later, Taken],
        state: MailState::Sent,
        attempts: 2,
        arrived: 1,
        after: TimeDelta::seconds(5),
        withdrawable: true,
    },
    Row {
        name: "broken before DATA, five times",
        answers: &[Broken, Broken, Broken, Broken, Broken, Taken],
        state: MailState::Sent,
        attempts: 6,
        arrived: 1,
        after: TimeDelta::seconds(5 + 10 + 20 + 40 + 80),
        withdrawable: true,
    },
    Row {
        name: "taken, then broken",
        answers: &[TakenButBroken, Taken],
        state: MailState::Sent,
        attempts: 2,
        arrived: 2,
        after: TimeDelta::seconds(5),
        withdrawable: false,
    },
    Row {
        name: "no such user",
        answers: &[Never],
        state: MailState::Dead,
        attempts: 1,
        arrived: 0,
        after: TimeDelta::zero(),
        withdrawable: false,
    },
    Row {
        name: "away for good",
        answers: &[Broken],
        state: MailState::Dead,
        attempts: 295,
        arrived: 0,
        after: TimeDelta::days(3),
        withdrawable: true,
    },
    Row {
        name: "sign-in refused for ten days, then mended",
        answers: &[SignInRefused],
        state: MailState::Pending,
        attempts: 0,
        arrived: 0,
        after: TimeDelta::days(10),
        withdrawable: true,
    },
];

#[tokio::test]
async fn what_a_server_does_decides_what_becomes_of_a_mail() {
    println!("{:<42} {:<8} {:>8} {:>7}  after", "what the server does", "state", "attempts", "arrived");
    for row in ROWS {
        let post = Post::on_sqlite().await;
        let to = "a@example.com";
        post.mailer.script(to, row.answers);
        post.mailer.answer_all(*row.answers.last().unwrap());
        let mails = post.put(&[to]).await;

        post.step().await;
        let withdrawable = !post.store.mails(TENANT, start()).await.unwrap().withdrawable.is_empty();
        assert_eq!(withdrawable, row.withdrawable, "{}", row.name);
        let watched = row.after.max(TimeDelta::hours(1)) * 3 / 2;
        post.steps(if row.state == MailState::Pending { row.after } else { watched }).await;

        let found = post.store.notifications(None, 1).await.unwrap().items.remove(0);
        let taken = post.mailer.taken();
        let after = found.settled_at.unwrap_or(post.clock.now()) - start();
        println!("{:<42} {:<8} {:>8} {:>7}  {after}", row.name, found.state.to_string(), found.attempts, taken.len());
        assert_eq!(found.state, row.state, "{}", row.name);
        assert_eq!(taken.len(), row.arrived, "{}", row.name);
        assert!(taken.iter().all(|taken| taken.id == mails[0].id && taken.message == mails[0].message), "{}", row.name);
        let slack = row.attempts / 4;
        assert!(
            (row.attempts - slack..=row.attempts + slack).contains(&found.attempts),
            "{}: {} attempts",
            row.name,
            found.attempts
        );
        let tolerance = (row.after / 4).max(TimeDelta::seconds(1)).min(LONGEST_WAIT);
        assert!(after >= row.after - tolerance && after <= row.after + tolerance, "{}: after {after}", row.name);

        if row.state == MailState::Pending {
            let state = post.status.get();
            assert_eq!(state.misconfigured.as_deref(), Some("535 5.7.3 authentication unsuccessful"));
            assert_eq!((state.pending, state.oldest, state.failing_since), (1, Some(start()), Some(start())));
            post.mailer.answer_all(Taken);
            post.steps(TimeDelta::hours(1)).await;
            assert_eq!(post.mailer.taken().len(), 1, "it resumes by itself");
            assert_eq!((post.status.get().misconfigured.clone(), post.status.get().pending), (None, 0));
        }
    }
}

#[tokio::test]
async fn a_refused_address_hurts_itself_only() {
    let post = Post::on_sqlite().await;
    post.mailer.script("gone@example.com", &[Never]);
    post.mailer.script("full@example.com", &[Later]);
    post.put(&["a@example.com", "gone@example.com", "full@example.com", "not an address", "b@example.com"]).await;
    post.step().await;
    let mut taken: Vec<String> = post.mailer.taken().into_iter().map(|taken| taken.to).collect();
    taken.sort_unstable();
    assert_eq!(taken, ["a@example.com", "b@example.com"]);
    assert_eq!((post.mails("sent"), post.mails("dead"), post.mails("retried")), (2, 2, 1));
    let dead = post.store.mails(TENANT, start()).await.unwrap().dead;
    let answers: Vec<&str> = dead.iter().map(|mail| mail.answer.as_str()).collect();
    assert!(answers.contains(&"550 5.1.1 no such user"), "{answers:?}");
    assert!(answers.contains(&"\"not an address\" is not an address that mail can be sent to"), "{answers:?}");
    assert_eq!(post.mailer.attempts().len(), 4, "what is no address is not tried");
}

#[tokio::test]
async fn while_the_sign_in_is_refused_one_mail_at_a_time_is_tried_and_nothing_dies() {
    let post = Post::on_sqlite().await;
    let recipients: Vec<String> = (0..20).map(|n| format!("{n}@example.com")).collect();
    post.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
    post.mailer.answer_all(SignInRefused);
    post.step().await;
    let first = post.mailer.attempts().len();
    assert!(first <= 4, "only what was on its way already: {first}");
    post.steps(TimeDelta::days(10)).await;
    assert_eq!(post.store.waiting().await.unwrap().count, 20);
    let tried = post.mailer.attempts().len();
    assert!((800..1200).contains(&tried), "once in a quarter of an hour, in ten days: {tried}");
    let mut tried: Vec<String> = post.mailer.attempts();
    tried.sort_unstable();
    tried.dedup();
    assert!(tried.len() > 4, "not the same mail every time");
    post.mailer.answer_all(Taken);
    let Next::At(at) = post.step().await else { panic!("mails wait") };
    post.clock.set(at);
    post.steps(TimeDelta::minutes(1)).await;
    assert_eq!(post.mailer.taken().len(), 20, "once it is mended, all leave");
    assert_eq!(post.mails("dead"), 0);
}

#[tokio::test]
async fn one_mail_that_looks_like_a_refused_sign_in_does_not_keep_the_others_back() {
    let post = Post::on_sqlite().await;
    post.mailer.script("odd@example.com", &[SignInRefused; 500]);
    let mut recipients = vec!["odd@example.com".to_owned()];
    recipients.extend((0..40).map(|n| format!("{n}@example.com")));
    post.put(&recipients.iter().map(String::as_str).collect::<Vec<_>>()).await;
    post.steps(TimeDelta::minutes(5)).await;
    assert_eq!(post.mailer.taken().len(), 40);
}

#[tokio::test]
async fn a_mail_decided_before_a_long_stop_is_not_given_up_at_the_first_answer() {
    let post = Post::on_sqlite().await;
    post.mailer.script("a@example.com", &[Later, Later]);
    post.put(&["a@example.com"]).await;
    post.clock.advance(TimeDelta::days(30));
    post.steps(TimeDelta::hours(1)).await;
    assert_eq!(post.mailer.taken().len(), 1);
}

#[tokio::test]
async fn a_clock_set_back_delays_no_mail_for_longer_than_one_wait() {
    for back in [TimeDelta::minutes(10), TimeDelta::hours(1), TimeDelta::days(3653)] {
        for answer in [Later, SignInRefused] {
            let post = Post::on_sqlite().await;
            post.mailer.answer_all(answer);
            post.put(&["a@example.com"]).await;
            post.steps(TimeDelta::hours(2)).await;
            post.clock.advance(-back);
            let now = post.clock.now();
            post.mailer.answer_all(Taken);
            post.steps(LONGEST_WAIT).await;
            assert_eq!(post.mailer.taken().len(), 1, "{back} back after {answer:?}");
            assert!(post.clock.now() - now <= LONGEST_WAIT);
        }
    }
}
