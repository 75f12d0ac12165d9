//! Mails that nobody takes, in the whole program: who is told of what they said, and that it ends there.

use std::sync::Arc;

use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, UtcTime};
use entrawatch::outbox::deliver::Next;
use entrawatch::store::MailState;
use tokio_util::sync::CancellationToken;

use crate::policy::rules;
use crate::support::at;
use crate::support::counter;
use crate::support::graph::Tenant;
use crate::support::mailer::{Answer, MemoryMailer};
use crate::support::rig::{Rig, Sent};

/// A tenant whose applications have an owner each and a secret that ends so many days from now.
async fn rig(owners: &[&str], days: i64) -> Rig {
    let simulated = Tenant::start().await;
    let began = simulated.clock.now();
    for owner in owners {
        let app = simulated.directory.add_application(&format!("App of {owner}"));
        simulated.directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(days));
        let user = simulated.directory.add_user(owner, Some(&format!("{owner}@example.com")));
        simulated.directory.add_owner(app.id, user);
    }
    Rig::new(simulated, rules()).await
}

/// A mail server in memory.
fn server(rig: &Rig) -> Arc<MemoryMailer> {
    let server = Arc::new(MemoryMailer::new());
    *rig.mailer.through.lock().unwrap() = Some(server.clone());
    server
}

fn lines(sent: &[Sent], began: UtcTime) -> Vec<String> {
    let day = |mail: &Sent| (mail.at.date_naive() - began.date_naive()).num_days();
    sent.iter().map(|mail| format!("day {} {}: {}", day(mail), mail.to, mail.subject)).collect()
}

#[tokio::test]
async fn what_a_dead_mail_said_goes_to_fallback_once_and_to_nobody_again() {
    let mut rig = rig(&["ann"], 50).await;
    let began = rig.clock.now();
    server(&rig).script("ann@example.com", &[Answer::Never; 100]);
    let story = rig.live(began + TimeDelta::days(35)).await;
    assert_eq!(
        lines(&story, began),
        [
            "day 0 ops@example.com: App of ann: client secret ends in 50 days: first digest of contoso",
            "day 1 ops@example.com: EntraWatch: mail to ann@example.com cannot be delivered",
            "day 21 ops@example.com: App of ann: client secret ends in 29 days",
        ],
        "what Ann was to hear on day 1 is in the first digest; that of day 20 is in the next one"
    );
    let why = story[2].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(why.contains("because a mail about this to ann@example.com could not be delivered"), "{why}");
    let mails = rig.store.notifications(None, 100).await.unwrap().items;
    let dead = mails.iter().filter(|mail| mail.state == MailState::Dead).count();
    assert_eq!((dead, counter(&rig.metrics, "entrawatch_mails_total", "dead")), (2, 2), "one a window, and no more");
}

#[tokio::test]
async fn where_fallback_is_dead_too_nothing_runs_in_circles() {
    let mut rig = rig(&["ann"], 50).await;
    let began = rig.clock.now();
    server(&rig).answer_all(Answer::Never);
    assert!(rig.live(began + TimeDelta::days(35)).await.is_empty());
    let mails = rig.store.notifications(None, 100).await.unwrap().items;
    assert!(mails.iter().all(|mail| mail.state == MailState::Dead));
    // The first digest, Ann's two windows, and what fallback is to hear in her place.
    assert!(mails.len() <= 5, "{} mails in 35 days: {mails:#?}", mails.len());
    assert!(rig.status.get().last_error.as_deref().is_some_and(|error| error.contains("no such user")));
}

/// Steps of tenant and delivery, each when it is next due.
async fn step_by_step(rig: &mut Rig, end: UtcTime) -> Vec<Sent> {
    let mut tenant = rig.clock.now();
    while rig.clock.now() < end {
        if rig.clock.now() >= tenant {
            tenant = rig.tenant.step().await;
        }
        let next = rig.delivery.deliver_once(&CancellationToken::new()).await.unwrap();
        let due = match next {
            Next::At(at) => at.min(tenant),
            Next::WhenFilled => tenant,
        };
        rig.clock.set(due.max(rig.clock.now() + TimeDelta::seconds(1)).min(end));
    }
    rig.mailer.take()
}

#[tokio::test]
async fn after_three_days_without_a_mail_server_each_gets_one_mail_and_it_is_true() {
    let owners = ["ann", "bob", "cyd"];
    let mut rig = rig(&owners, 9).await;
    let began = rig.clock.now();
    step_by_step(&mut rig, began + TimeDelta::hours(1)).await;
    rig.mailer.go_away();
    let gone = at("2026-11-23T08:59:00Z");
    assert!(step_by_step(&mut rig, gone + TimeDelta::days(3)).await.is_empty());
    let tried = counter(&rig.metrics, "entrawatch_mails_total", "retried");
    rig.mailer.come_back();
    // Every wait is over within 18 minutes.
    let story = step_by_step(&mut rig, gone + TimeDelta::days(3) + TimeDelta::minutes(20)).await;
    let mut to: Vec<&str> = story.iter().map(|mail| mail.to.as_str()).collect();
    to.sort_unstable();
    println!("away for three days: {tried} attempts failed, then {} mails to {to:?}", story.len());
    assert_eq!(to, ["ann@example.com", "bob@example.com", "cyd@example.com", "ops@example.com"]);
    for mail in &story {
        assert!(mail.subject.contains("client secret ends in 5 days"), "{}", mail.subject);
        assert!(mail.text.contains("Ends: Tue 1 December 2026, 12:00 UTC"), "{}", mail.text);
    }
    assert_eq!(counter(&rig.metrics, "entrawatch_mails_total", "dead"), 0);
    assert!(step_by_step(&mut rig, gone + TimeDelta::days(3) + TimeDelta::hours(12)).await.is_empty(), "and none again");
}
