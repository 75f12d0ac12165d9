//! Time and state that misbehave, a table each.

use std::fmt::Write as _;

use chrono::{NaiveTime, TimeDelta};
use entrawatch::clock::Clock as _;
use entrawatch::policy::{Rules, TransportKind, Windows};

use super::{Rig, Table, owned, program};
use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;

const BEGIN: &str = "2026-11-21T12:00:00Z";

/// A program and the table of a secret of Ann's that ends at this instant.
async fn secret(begin: &str, end: &str) -> (Rig, super::Application, Table) {
    let rig = program(rules(), begin).await;
    let app = owned(&rig, "Payroll API", "Ann");
    let key_id = rig.simulated.directory.add_secret(app.id, "2025", at(end) - TimeDelta::days(500), at(end));
    (rig, app, Table::of(key_id, at(end)))
}

#[tokio::test]
async fn off_for_a_weekend() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-12-13T15:00:00Z").await;
    table.live(&mut rig, "2026-12-05").await;
    table.note("off from Saturday until Monday noon");
    rig.clock.set(at("2026-12-07T12:00:00Z"));
    rig = rig.restart().await;
    table.live(&mut rig, "2026-12-17").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn off_for_a_year() {
    let (mut rig, app, mut table) = secret(BEGIN, "2026-12-27T15:00:00Z").await;
    table.live(&mut rig, "2026-11-26").await;
    table.note("off for a year; what has ended meanwhile is long over, and another of the application ends in ten days");
    rig.clock.set(at("2027-11-26T10:00:00Z"));
    let end = at("2027-12-06T15:00:00Z");
    let next = rig.simulated.directory.add_secret(app.id, "2026", end - TimeDelta::days(300), end);
    rig = rig.restart().await;
    table.live(&mut rig, "2027-11-28").await;
    let mut other = Table::of(next, end);
    other.live(&mut rig, "2027-12-08").await;
    insta::assert_snapshot!(format!("{}\n\n{}", table.text(), other.text()));
}

#[tokio::test]
async fn the_machine_was_suspended_for_five_days() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-12-10T15:00:00Z").await;
    table.live(&mut rig, "2026-12-02").await;
    table.note("suspended; no restart");
    rig.clock.set(at("2026-12-07T17:00:00Z"));
    table.live(&mut rig, "2026-12-12").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn the_clock_is_set_back_an_hour_again_and_again() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-12-10T15:00:00Z").await;
    for day in ["2026-12-04", "2026-12-05", "2026-12-08", "2026-12-10", "2026-12-11", "2026-12-12"] {
        table.live(&mut rig, day).await;
        let now = rig.clock.now();
        rig.clock.set(now - TimeDelta::hours(1));
        let again = rig.step().await;
        assert!(again.is_empty(), "{again:?}");
        table.note("set back an hour: nothing");
        rig.clock.set(now);
    }
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn the_clock_stands_a_decade_ahead_and_is_set_back() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-12-10T15:00:00Z").await;
    table.live(&mut rig, "2026-11-29").await;
    rig.clock.set(at("2036-11-29T09:00:00Z"));
    let ahead = rig.step().await;
    table.note(&format!(
        "a decade ahead for a moment: {} mails about it",
        ahead.iter().filter(|mail| mail.subject.contains("Payroll")).count()
    ));
    rig.clock.set(at("2026-11-29T08:00:00Z"));
    table.live(&mut rig, "2026-12-12").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn a_leap_day() {
    let (mut rig, _, mut table) = secret("2028-02-12T12:00:00Z", "2028-03-07T15:00:00Z").await;
    table.live(&mut rig, "2028-03-09").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn both_changes_of_daylight_saving_and_a_slot_at_midnight() {
    let mut rules = rules();
    rules.digest.timezone = chrono_tz::Europe::Berlin;
    rules.digest.at = NaiveTime::from_hms_opt(0, 0, 0).unwrap();
    let mut text = String::new();
    for (begin, end) in [("2027-03-20T12:00:00Z", "2027-03-30T22:30:00Z"), ("2027-10-23T12:00:00Z", "2027-11-02T22:30:00Z")] {
        let mut rig = program(rules.clone(), begin).await;
        let app = owned(&rig, "Payroll API", "Ann");
        rig.simulated.directory.add_secret(app.id, "2025", at(end) - TimeDelta::days(500), at(end));
        let mut sent = Vec::new();
        while rig.clock.now() < at(end) + TimeDelta::hours(2) {
            sent.extend(rig.step().await);
            rig.clock.advance(TimeDelta::minutes(30));
        }
        for mail in sent {
            let local = mail.at.with_timezone(&chrono_tz::Europe::Berlin).format("%a %d %b %H:%M %Z");
            writeln!(text, "{local}  {}: {}", mail.to, mail.subject).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn first_seen_after_it_ended() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-11-18T15:00:00Z").await;
    table.live(&mut rig, "2026-11-28").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn appears_and_vanishes_between_two_polls() {
    let mut rig = program(rules(), BEGIN).await;
    let app = owned(&rig, "Payroll API", "Ann");
    rig.clock.set(at("2026-11-21T21:01:00Z"));
    let end = at("2026-11-24T15:00:00Z");
    let key_id = rig.simulated.directory.add_secret(app.id, "2025", end - TimeDelta::days(500), end);
    rig.simulated.directory.remove_credential(app.id, key_id);
    let mut table = Table::of(key_id, end);
    table.live(&mut rig, "2026-11-27").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn an_end_that_moves() {
    let (mut rig, app, mut table) = secret(BEGIN, "2026-11-27T15:00:00Z").await;
    table.live(&mut rig, "2026-11-23").await;
    table.note("the end moves by three weeks");
    let patch = |end: &str| {
        serde_json::json!({ "passwordCredentials": [{
            "keyId": table.key_id, "displayName": "2025", "hint": "abc", "secretText": null, "customKeyIdentifier": null,
            "startDateTime": "2025-07-15T15:00:00Z", "endDateTime": end,
        }] })
    };
    let moved = patch("2026-12-18T15:00:00Z");
    rig.simulated.directory.patch(app.id, moved.as_object().unwrap());
    table.end = at("2026-12-18T15:00:00Z");
    table.live(&mut rig, "2026-12-20").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn a_rotation_that_is_undone() {
    let (mut rig, app, mut table) = secret(BEGIN, "2026-12-15T15:00:00Z").await;
    table.live(&mut rig, "2026-11-25").await;
    table.note("a newer one is added");
    let now = rig.clock.now();
    let newer = rig.simulated.directory.add_secret(app.id, "2026", now, now + TimeDelta::days(400));
    table.live(&mut rig, "2026-12-04").await;
    table.note("and taken away again");
    rig.simulated.directory.remove_credential(app.id, newer);
    table.live(&mut rig, "2026-12-17").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn fallback_and_thresholds_changed_after_a_year_dig_up_no_grave() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-11-26T15:00:00Z").await;
    let directory = rig.simulated.directory.clone();
    for number in 0..40 {
        let grave = directory.add_application(&format!("Old {number}"));
        directory.add_secret(grave.id, "s", at("2024-01-01"), at("2026-09-01") - TimeDelta::days(number));
    }
    table.live(&mut rig, "2026-11-29").await;
    table.note("a year later: another fallback, another list of thresholds, the secret still there");
    rig.clock.set(at("2027-11-29T08:00:00Z"));
    let mut changed: Rules = rules();
    changed.recipients.fallback = vec!["new@example.com".into()];
    changed.recipients.escalate = vec!["new@example.com".into()];
    changed.alerts.thresholds = Windows::new([90, 45, 10, 5, 2, 1, 0].map(TimeDelta::days));
    rig = rig.restart_with(changed, TransportKind::Smtp).await;
    table.live(&mut rig, "2027-12-02").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn a_trial_with_a_folder_before_smtp() {
    let mut rig = Rig::new(Tenant::start_at(at(BEGIN)).await, rules()).await;
    rig = rig.restart_with(rules(), TransportKind::Folder).await;
    let (app, end) = (owned(&rig, "Payroll API", "Ann"), at("2026-12-01T15:00:00Z"));
    let key_id = rig.simulated.directory.add_secret(app.id, "2025", end - TimeDelta::days(500), end);
    let mut table = Table::of(key_id, end);
    table.note("mails go to a folder");
    table.live(&mut rig, "2026-11-25").await;
    table.note("mails go to the mail server: all of it counts as not told, and the first digest comes once more");
    rig = rig.restart_with(rules(), TransportKind::Smtp).await;
    table.live(&mut rig, "2026-12-03").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn a_store_that_is_lost() {
    let (mut rig, _, mut table) = secret(BEGIN, "2026-12-08T15:00:00Z").await;
    let grave = rig.simulated.directory.add_application("Old");
    rig.simulated.directory.add_secret(grave.id, "s", at("2024-01-01"), at("2026-09-01"));
    table.live(&mut rig, "2026-12-03").await;
    table.note("the store is lost: a first digest to fallback, the owner from the next slot on, no grave");
    rig = rig.lose_store().await;
    table.live(&mut rig, "2026-12-10").await;
    insta::assert_snapshot!(table.text());
}

#[tokio::test]
async fn a_listing_that_lacks_a_third_of_the_objects_for_half_a_day() {
    let (mut rig, app, mut table) = secret(BEGIN, "2026-12-08T15:00:00Z").await;
    let directory = rig.simulated.directory.clone();
    let apps: Vec<_> = (0..90).map(|number| directory.add_application(&format!("Service {number:02}"))).collect();
    table.live(&mut rig, "2026-12-01").await;
    table.note("a third of the objects are missing, Payroll API among them");
    for gone in apps.iter().take(30).chain([&app]) {
        directory.delete(gone.id);
    }
    rig.clock.set(at("2026-12-01T06:00:00Z"));
    table.live(&mut rig, "2026-12-02").await;
    table.note("they are there again");
    for back in apps.iter().take(30).chain([&app]) {
        directory.restore(back.id);
    }
    table.live(&mut rig, "2026-12-10").await;
    insta::assert_snapshot!(table.text());
}
