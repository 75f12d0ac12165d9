//! What EntraWatch says about itself: once when it begins, once when it is over, and never in a loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use entrawatch::clock::{Clock as _, ManualClock, UtcTime};
use entrawatch::policy::{Rules, Silence, SilenceScope, Trouble};
use strum::IntoEnumIterator as _;

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::{Rig, Sent};

/// What Graph answers instead of what was asked; 0: what was asked.
#[derive(Debug, Clone, Default)]
struct Fault(Arc<AtomicU16>);

impl Fault {
    fn set(&self, status: u16) {
        self.0.store(status, Ordering::SeqCst);
    }
}

async fn answer(State(fault): State<Fault>, request: Request, next: Next) -> Response {
    let is_graph = request.uri().path().starts_with("/v1.0/");
    match StatusCode::from_u16(fault.0.load(Ordering::SeqCst)) {
        Ok(status) if is_graph => (status, r#"{"error":{"code":"Authorization_RequestDenied","message":"No."}}"#).into_response(),
        _ => next.run(request).await,
    }
}

async fn rig(rules: Rules) -> (Rig, Fault) {
    let fault = Fault::default();
    let clock = Arc::new(ManualClock::new(at("2026-11-22T12:00:00Z")));
    let layer = axum::middleware::from_fn_with_state(fault.clone(), answer);
    let simulated = Tenant::start_layered(clock, |router| router.layer(layer)).await;
    (Rig::new(simulated, rules).await, fault)
}

/// Steps every five minutes until `end`; `hh:mm recipient: subject` of each mail, with the day before it.
async fn live(rig: &mut Rig, end: UtcTime) -> Vec<Sent> {
    let mut sent = Vec::new();
    while rig.clock.now() < end {
        sent.extend(rig.step().await);
        rig.clock.advance(TimeDelta::minutes(5));
    }
    sent
}

fn lines(sent: &[Sent]) -> Vec<String> {
    sent.iter().map(|mail| format!("{} {}: {}", mail.at.format("%d %H:%M"), mail.to, mail.subject)).collect()
}

#[tokio::test]
async fn a_tenant_that_is_not_seen_is_told_once_and_once_when_it_is_over() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    fault.set(400);
    let begun = live(&mut rig, at("2026-11-24T13:00:00Z")).await;
    assert_eq!(lines(&begun), ["22 14:50 ops@example.com: EntraWatch: contoso is not seen"]);
    assert!(
        begun[0].text.contains("No poll has seen the whole tenant since Sun 22 November 2026, 12:45 UTC"),
        "{}",
        begun[0].text
    );
    assert!(begun[0].text.contains("answered 400"), "why:\n{}", begun[0].text);
    fault.set(0);
    let over = live(&mut rig, at("2026-11-26T13:00:00Z")).await;
    assert_eq!(lines(&over), ["24 14:00 ops@example.com: EntraWatch: contoso is seen completely again"]);
}

#[tokio::test]
async fn a_permission_that_is_taken_away_is_told_before_the_tenant_counts_as_unseen_and_not_once_more_then() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    fault.set(403);
    let begun = live(&mut rig, at("2026-11-23T13:00:00Z")).await;
    assert_eq!(lines(&begun), ["22 13:20 ops@example.com: EntraWatch: Microsoft refuses access to contoso"]);
    assert!(begun[0].text.contains("Application.Read.All"), "what to give:\n{}", begun[0].text);
    fault.set(0);
    let over = live(&mut rig, at("2026-11-24T13:00:00Z")).await;
    assert_eq!(lines(&over), ["23 14:00 ops@example.com: EntraWatch: Microsoft grants access to contoso again"]);
}

#[tokio::test]
async fn trouble_that_comes_and_goes_is_one_trouble() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    let mut sent = Vec::new();
    for round in 1..=8 {
        fault.set(if round % 2 == 1 { 403 } else { 0 });
        sent.extend(live(&mut rig, at("2026-11-22T13:00:00Z") + TimeDelta::minutes(40 * round)).await);
    }
    assert_eq!(lines(&sent), ["22 13:20 ops@example.com: EntraWatch: Microsoft refuses access to contoso"]);
}

#[tokio::test]
async fn a_start_after_a_weekend_and_a_machine_that_slept_say_nothing_of_what_nobody_looked_at() {
    let (mut rig, _) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    rig.clock.set(at("2026-11-25T08:00:00Z"));
    // The watcher looks first: nobody has polled for days, but nobody was there to.
    rig.watcher.watch_once().await.unwrap();
    assert_eq!(lines(&live(&mut rig, at("2026-11-25T12:00:00Z")).await), Vec::<String>::new());
    rig.clock.set(at("2026-11-28T08:00:00Z"));
    rig = rig.restart().await;
    rig.watcher.watch_once().await.unwrap();
    assert_eq!(lines(&live(&mut rig, at("2026-11-28T12:00:00Z")).await), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_start_repeats_nothing_of_what_lasts() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    fault.set(400);
    assert_eq!(live(&mut rig, at("2026-11-22T16:00:00Z")).await.len(), 1);
    rig = rig.restart().await;
    assert_eq!(lines(&live(&mut rig, at("2026-11-22T23:00:00Z")).await), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_mail_server_that_is_away_cannot_take_is_decided_afresh_and_not_told_once_it_is_over() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    rig.mailer.go_away();
    fault.set(403);
    live(&mut rig, at("2026-11-22T16:00:00Z")).await;
    fault.set(0);
    live(&mut rig, at("2026-11-22T17:00:00Z")).await;
    rig.mailer.come_back();
    assert_eq!(lines(&live(&mut rig, at("2026-11-22T23:00:00Z")).await), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_that_is_given_up_names_its_recipient_and_the_servers_answer_and_once_more_when_mail_arrives_again() {
    let (mut rig, _) = rig(rules()).await;
    let directory = rig.simulated.directory.clone();
    let began = rig.clock.now();
    for (name, days) in [("Payroll API", 16), ("Warehouse", 10), ("Invoices", 20)] {
        let app = directory.add_application(name);
        let ann = directory.add_user("Ann", Some("ann@example.com"));
        directory.add_owner(app.id, ann);
        directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(days));
        // Not the last one: nothing here is critical.
        directory.add_secret(app.id, "parallel", began - TimeDelta::days(301), began + TimeDelta::days(300));
    }
    rig.mailer.refuse("ann@example.com", true);
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    let told = live(&mut rig, at("2026-11-27T12:00:00Z")).await;
    let about: Vec<_> = lines(&told).into_iter().filter(|line| line.contains("EntraWatch:")).collect();
    assert_eq!(about, ["23 09:05 ops@example.com: EntraWatch: mail to ann@example.com cannot be delivered"]);
    let mail = told.iter().find(|mail| mail.subject.starts_with("EntraWatch:")).unwrap();
    assert!(mail.text.contains("550 5.1.1 no such user"), "{}", mail.text);
    rig.mailer.refuse("ann@example.com", false);
    let over = live(&mut rig, at("2026-12-06T12:00:00Z")).await;
    let about: Vec<_> = lines(&over).into_iter().filter(|line| line.contains("EntraWatch:")).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].ends_with("EntraWatch: mail to ann@example.com is delivered again"), "{about:?}");
}

#[tokio::test]
async fn a_mail_that_dies_for_fallback_itself_makes_no_other_mail() {
    let (mut rig, fault) = rig(rules()).await;
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    rig.mailer.refuse("ops@example.com", true);
    fault.set(400);
    live(&mut rig, at("2026-11-24T13:00:00Z")).await;
    let page = rig.store.notifications(None, 50).await.unwrap();
    let dead: Vec<_> = page.items.iter().filter(|mail| mail.subject.starts_with("EntraWatch:")).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    // Nor is it dug up when the address works again.
    rig.mailer.refuse("ops@example.com", false);
    assert_eq!(lines(&live(&mut rig, at("2026-11-25T08:00:00Z")).await), Vec::<String>::new());
}

#[tokio::test]
async fn a_listing_that_suddenly_lacks_a_third_of_the_objects_is_told_and_no_credential_counts_as_gone() {
    let (mut rig, _) = rig(rules()).await;
    let (directory, began) = (rig.simulated.directory.clone(), rig.clock.now());
    let apps: Vec<_> = (0..90).map(|number| directory.add_application(&format!("Service {number:02}"))).collect();
    for app in &apps {
        directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(200));
    }
    live(&mut rig, at("2026-11-22T13:00:00Z")).await;
    let before = rig.snapshot().standings.len();
    apps.iter().take(30).for_each(|app| directory.purge(app.id));
    let sent = live(&mut rig, at("2026-11-23T11:00:00Z")).await;
    assert_eq!(lines(&sent), ["22 13:00 ops@example.com: EntraWatch: many objects are missing from contoso at once"]);
    assert!(sent[0].text.contains("60 of 182 objects"), "{}", sent[0].text);
    assert_eq!(rig.snapshot().standings.len(), before);
    // After a day they count as gone, and it is over.
    let sent = live(&mut rig, at("2026-11-24T13:00:00Z")).await;
    assert_eq!(lines(&sent), ["23 14:00 ops@example.com: EntraWatch: the listing of contoso is believed again"]);
    assert_eq!(rig.snapshot().standings.len(), before - 30, "thirty applications, and what they sign in as");
}

#[tokio::test]
async fn its_own_credential_is_told_in_four_windows_and_no_more() {
    let (mut rig, _) = rig(rules()).await;
    rig.step().await;
    // The watcher's secret ends two years after the beginning, on 21 November 2028 at 12:00.
    let mut sent = Vec::new();
    for (from, to) in [("2028-10-20", "2028-10-23"), ("2028-11-13", "2028-11-15"), ("2028-11-19", "2028-11-22")] {
        rig.clock.set(at(from));
        sent.extend(live(&mut rig, at(to)).await);
    }
    let about = |sent: &[Sent]| lines(sent).into_iter().filter(|line| line.contains("own credential")).collect::<Vec<_>>();
    assert_eq!(
        about(&sent),
        [
            "22 12:00 ops@example.com: EntraWatch: its own credential for contoso ends soon",
            "14 12:00 ops@example.com: EntraWatch: its own credential for contoso ends soon",
            "20 12:00 ops@example.com: EntraWatch: its own credential for contoso ends soon",
            "21 12:00 ops@example.com: EntraWatch: its own credential for contoso has ended",
        ]
    );
}

#[tokio::test]
async fn a_permission_that_the_configuration_needs_is_told_while_everything_else_goes_on() {
    let clock = Arc::new(ManualClock::new(at("2026-11-22T12:00:00Z")));
    let directory = entrawatch::demo::Directory::new("contoso.onmicrosoft.com", clock.clone());
    let watcher = directory.add_watcher(&["Application.Read.All"]);
    let simulated = Tenant::serve(clock, directory, watcher, |router| router).await;
    let mut rig = Rig::new(simulated, rules()).await;
    let begun = live(&mut rig, at("2026-11-22T16:00:00Z")).await;
    let about: Vec<_> = lines(&begun).into_iter().filter(|line| line.contains("permission")).collect();
    assert_eq!(about, ["22 12:00 ops@example.com: EntraWatch: the permission User.ReadBasic.All is missing in contoso"]);
}

#[tokio::test]
async fn a_silence_over_a_last_credential_within_seven_days_is_mentioned_once() {
    let (mut rig, _) = rig(rules()).await;
    let (directory, began) = (rig.simulated.directory.clone(), rig.clock.now());
    let app = directory.add_application("Payroll API");
    directory.add_secret(app.id, "2025", began - TimeDelta::days(300), began + TimeDelta::days(10));
    rig.step().await;
    let silence = Silence {
        id: "1a2b3c4d".into(),
        tenant: None,
        scope: SilenceScope::Name("payroll*".into()),
        until: began + TimeDelta::days(30),
        reason: "moves away".into(),
        author: "alex".into(),
        created_at: began,
    };
    rig.store.add_silence(&silence).await.unwrap();
    let sent = rig.live(began + TimeDelta::days(20)).await;
    assert_eq!(lines(&sent), ["25 12:00 ops@example.com: EntraWatch: the last credential of Payroll API is silenced"]);
    let text = sent[0].text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("silence 1a2b3c4d by alex (moves away) covers it"), "{text}");
    assert!(text.contains("entrawatch silence remove 1a2b3c4d"), "{text}");
}

#[test]
fn every_trouble_reads_as_it_should() {
    for (name, bulletin) in entrawatch::mail::samples::bulletins() {
        let mail = entrawatch::mail::samples::renderer().unwrap().render_bulletin(&bulletin, uuid::Uuid::from_u128(1));
        insta::assert_snapshot!(name, format!("Subject: {}\n\n{}", mail.subject, mail.text));
        assert!(!mail.html.is_empty());
    }
    let names: Vec<_> = entrawatch::mail::samples::bulletins().into_iter().map(|(name, _)| name).collect();
    for trouble in Trouble::iter() {
        assert!(names.contains(&format!("watcher-{}", trouble.to_string().replace('_', "-"))), "no sample of {trouble}");
    }
}
