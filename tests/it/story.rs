//! One tenant's quarter, told by steps: the real client against the simulated tenant over HTTP, a real store, a real mail server, a clock in our hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, UtcTime};
use entrawatch::config::SmtpTls;
use entrawatch::mail::smtp::SmtpMailer;
use entrawatch::state::PollOutcome;
use mail_parser::MessageParser;

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::{Rig, Sent};
use crate::support::smtp::exim::Exim;
use crate::support::smtp::{PASSWORD, config, sign_in};

fn lines(sent: &[Sent], began: UtcTime) -> Vec<String> {
    let day = |mail: &Sent| (mail.at.date_naive() - began.date_naive()).num_days();
    sent.iter().map(|mail| format!("day {} {} {}: {}", day(mail), mail.at.format("%H:%M"), mail.to, mail.subject)).collect()
}

#[tokio::test]
async fn a_secret_nears_its_end_is_rotated_and_removed() {
    let simulated = Tenant::start().await;
    let began = simulated.clock.now();
    let directory = simulated.directory.clone();
    let payroll = directory.add_application("Payroll API");
    let ann = directory.add_user("Ann", Some("ann@example.com"));
    directory.add_owner(payroll.id, ann);
    let old = directory.add_secret(payroll.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(40));
    let mut rig = Rig::new(simulated, rules()).await;
    let exim = Exim::start(true);
    if let Some(exim) = &exim {
        let server = sign_in(config(exim.port, SmtpTls::StarttlsRequired, Some(&exim.authority.ca_file())), PASSWORD);
        *rig.mailer.through.lock().unwrap() = Some(Arc::new(SmtpMailer::new(&server)));
    }

    let mut story = rig.live(began + TimeDelta::days(20)).await;
    // Ann makes a new secret on day 20, and takes the old one away on day 50.
    directory.add_secret(payroll.id, "2026", rig.clock.now(), rig.clock.now() + TimeDelta::days(360));
    story.extend(rig.live(began + TimeDelta::days(50)).await);
    directory.remove_credential(payroll.id, old);
    story.extend(rig.live(began + TimeDelta::days(55)).await);
    rig = rig.restart().await;
    story.extend(rig.live(began + TimeDelta::days(90)).await);
    assert_eq!(
        lines(&story, began),
        [
            "day 0 12:00 ops@example.com: Payroll API: client secret ends in 40 days: first digest of contoso",
            "day 1 09:00 ann@example.com: Payroll API: client secret ends in 39 days",
            "day 10 09:00 ann@example.com: Payroll API: client secret ends in 30 days",
            "day 26 09:00 ann@example.com: Payroll API: old client secret ends in 14 days, a newer one exists",
            "day 39 09:00 ann@example.com: Payroll API: old client secret ends in 27 hours, a newer one exists",
        ]
    );
    if let Some(exim) = exim {
        let mut arrived: Vec<_> = exim.mails(story.len()).iter().map(|(_, mail)| addressed(mail)).collect();
        let mut sent: Vec<_> = story.into_iter().map(|mail| (mail.to, mail.subject)).collect();
        arrived.sort();
        sent.sort();
        assert_eq!(arrived, sent, "what the server has is what was sent, each once");
    }
}

/// To whom a mail is, and about what.
fn addressed(mail: &[u8]) -> (String, String) {
    let mail = MessageParser::default().parse(mail).unwrap();
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap();
    (to.to_owned(), mail.subject().unwrap().to_owned())
}

#[tokio::test]
async fn a_mail_server_that_was_away_is_followed_by_one_true_mail() {
    let simulated = Tenant::start().await;
    let began = simulated.clock.now();
    let directory = simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(9));
    let mut rig = Rig::new(simulated, rules()).await;
    rig.step().await;

    rig.clock.advance(TimeDelta::days(1));
    rig.mailer.go_away();
    assert!(rig.live(began + TimeDelta::days(7)).await.is_empty());
    rig.mailer.come_back();
    // The delivery tries again within a quarter of an hour.
    let mut story = rig.live(began + TimeDelta::days(7) + TimeDelta::hours(20)).await;
    assert_eq!(lines(&story, began), ["day 7 12:00 ops@example.com: Payroll API: client secret ends in 2 days"]);
    let mail = story.remove(0);
    assert!(mail.text.contains("1 December 2026, 12:00 UTC"), "the end as an instant:\n{}", mail.text);
}

#[tokio::test]
async fn what_crosses_a_threshold_while_graph_cannot_be_reached_is_told_and_says_as_of_when() {
    let down = Down::default();
    let clock = Arc::new(ManualClock::new(at("2026-11-22T12:00:00Z")));
    let layer = axum::middleware::from_fn_with_state(down.clone(), refuse);
    let simulated = Tenant::start_layered(clock, |router| router.layer(layer)).await;
    let began = simulated.clock.now();
    let directory = simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(10) + TimeDelta::hours(1));
    let mut rig = Rig::new(simulated, rules()).await;
    rig.step().await;
    down.0.store(true, Ordering::SeqCst);
    let story = rig.live(began + TimeDelta::days(4)).await;
    assert_eq!(
        lines(&story, began),
        [
            "day 0 15:00 ops@example.com: EntraWatch: contoso is not seen",
            "day 3 09:00 ops@example.com: Payroll API: client secret ends in 7 days"
        ]
    );
    assert!(story[1].text.contains("as of Sun 22 November 2026, 12:00 UTC"), "as of when:\n{}", story[1].text);
    assert_eq!(rig.snapshot().state.polls.outcome, Some(PollOutcome::Failed));
}

#[tokio::test]
async fn a_second_start_mails_nothing_again() {
    let simulated = Tenant::start().await;
    let began = simulated.clock.now();
    let directory = simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(3));
    let mut rig = Rig::new(simulated, rules()).await;
    assert_eq!(rig.step().await.len(), 1);
    for _ in 0..3 {
        rig = rig.restart().await;
        assert_eq!(lines(&rig.step().await, began), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_was_replaced_just_before_the_mail_is_not_mailed() {
    let simulated = Tenant::start().await;
    let began = simulated.clock.now();
    let directory = simulated.directory.clone();
    let app = directory.add_application("Payroll API");
    directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(31));
    let mut rig = Rig::new(simulated, rules()).await;
    rig.step().await;
    rig.clock.set(at("2026-11-23T08:55:00Z"));
    rig.step().await;
    // Rotated after the last poll: the evaluation at the slot would tell, and confirming finds the new secret.
    rig.clock.set(at("2026-11-23T08:58:00Z"));
    directory.add_secret(app.id, "2026", rig.clock.now(), rig.clock.now() + TimeDelta::days(360));
    rig.clock.set(at("2026-11-23T09:06:00Z"));
    rig.tenant.evaluate_once().await;
    assert_eq!(lines(&rig.step().await, began), Vec::<String>::new());
}

#[derive(Debug, Clone, Default)]
struct Down(Arc<AtomicBool>);

async fn refuse(State(down): State<Down>, request: Request, next: Next) -> Response {
    if down.0.load(Ordering::SeqCst) {
        return (StatusCode::BAD_REQUEST, "down").into_response();
    }
    next.run(request).await
}
