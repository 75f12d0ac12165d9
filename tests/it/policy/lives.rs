//! Lives of one credential, as the mails that are sent.

use chrono::TimeDelta;

use super::world::World;
use crate::support::builder::{With as _, application, day, service_principal};

const QUARTER: TimeDelta = TimeDelta::minutes(15);

#[track_caller]
fn expect(lines: &[String], expected: &[&str]) {
    assert_eq!(lines.join("\n"), expected.join("\n"));
}

#[test]
fn a_last_secret_without_owner_is_told_in_every_window_once() {
    let mut world = World::new(day(0.0), [application("a", "Payroll API").secret("s", -300.0, 65.0)]);
    let lines = world.live(day(100.0), QUARTER);
    // Ends on day 65 at 10:00; slots at 09:00. A window that opens between two slots is told by the slot before it.
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline ",
            "day 5 09:00 ops@example.com: expiring 60d s info",
            "day 35 09:00 ops@example.com: expiring 30d s warning",
            "day 51 09:00 ops@example.com: expiring 14d s warning",
            "day 58 09:00 ops@example.com: expiring 7d s critical",
            "day 62 09:00 ops@example.com: expiring 3d s critical",
            "day 64 09:00 ops@example.com: expiring 1d s critical",
            "day 65 10:00 ops@example.com: expired s critical",
        ],
    );
}

#[test]
fn owners_are_told_and_ops_inside_the_last_week() {
    let mut owned = application("a", "Payroll API").secret("s", -300.0, 20.0).endless_secret("e");
    owned.detail.owners = Some(vec![crate::support::builder::user("ann@example.com")]);
    let mut world = World::new(day(0.0), [owned]);
    expect(
        &world.live(day(60.0), QUARTER),
        &[
            "day 0 10:00 ops@example.com: baseline expiring 30d s warning",
            "day 1 09:00 ann@example.com: expiring 30d s warning",
            "day 6 09:00 ann@example.com: expiring 14d s warning",
            "day 13 09:00 ann@example.com: expiring 7d s warning",
            "day 13 09:00 ops@example.com: expiring 7d s warning",
            "day 17 09:00 ann@example.com: expiring 3d s warning",
            "day 17 09:00 ops@example.com: expiring 3d s warning",
            "day 19 09:00 ann@example.com: expiring 1d s warning",
            "day 19 09:00 ops@example.com: expiring 1d s warning",
            "day 20 10:00 ann@example.com: expired s warning",
            "day 20 10:00 ops@example.com: expired s warning",
        ],
    );
}

#[test]
fn a_rotation_quietens_and_the_removal_rides_along() {
    let mut world =
        World::new(day(0.0), [application("a", "A").secret("s", -300.0, 20.0), application("b", "B").secret("t", -300.0, 30.5)]);
    world.rules.recipients.owners = false;
    let mut lines = world.live(day(5.0), QUARTER);
    world.see(application("a", "A").secret("s", -300.0, 20.0).secret("n", 5.0, 370.0));
    lines.extend(world.live(day(12.0), QUARTER));
    world.see(application("a", "A").secret("n", 5.0, 370.0));
    lines.extend(world.live(day(17.0), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline expiring 30d s warning, expiring 30d t warning",
            "day 1 09:00 ops@example.com: expiring 14d s info",
            "day 4 09:00 ops@example.com: expiring 14d t warning, resolved s info",
        ],
    );
}

#[test]
fn a_graveyard_is_never_dug_up() {
    let graves =
        (0..50_i32).map(|n| application(&format!("g{n}"), "Old").secret(&format!("s{n}"), -900.0, -31.0 - f64::from(n) * 9.0));
    let mut world = World::new(day(0.0), graves);
    expect(&world.live(day(40.0), QUARTER), &["day 0 10:00 ops@example.com: baseline "]);
    world.lose_store();
    expect(&world.live(day(80.0), QUARTER), &["day 0 10:15 ops@example.com: baseline "]);
}

#[test]
fn what_is_not_active_is_never_told() {
    let mut principal = service_principal("p", "Salesforce").saml("old", "AA", -1000.0, 20.0).saml("new", "BB", -5.0, 1090.0);
    principal.preferred_thumbprint = Some("BB".into());
    let mut world = World::new(day(0.0), [principal]);
    expect(&world.live(day(40.0), QUARTER), &["day 0 10:00 ops@example.com: baseline "]);
    assert_eq!(world.reasons(), ["old inactive", "new not_yet"]);
}

#[test]
fn a_mail_server_away_for_three_days_is_followed_by_one_true_mail() {
    let mut world = World::new(day(0.0), [application("a", "A").secret("s", -300.0, 9.0)]);
    let mut lines = world.live(day(1.5), QUARTER);
    world.mail_up = false;
    lines.extend(world.live(day(6.5), QUARTER));
    world.mail_up = true;
    lines.extend(world.live(day(9.5), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline expiring 14d s warning",
            // Down over the windows of 7 and 3 days: at once, and the narrowest only.
            "day 0 22:15 ops@example.com: expiring 3d s critical",
            "day 2 09:00 ops@example.com: expiring 1d s critical",
            "day 3 10:00 ops@example.com: expired s critical",
        ],
    );
}

#[test]
fn a_watcher_that_was_off_for_a_weekend_makes_up_the_slot_at_once() {
    let mut world = World::new(day(0.0), [application("a", "A").secret("s", -300.0, 15.0)]);
    let mut lines = world.live(day(0.2), QUARTER);
    world.now = day(3.1);
    lines.extend(world.live(day(3.5), QUARTER));
    expect(
        &lines,
        &["day 0 10:00 ops@example.com: baseline expiring 30d s warning", "day 0 12:24 ops@example.com: expiring 14d s warning"],
    );
}

#[test]
fn a_clock_that_jumps_a_decade_and_back_neither_repeats_nor_strands() {
    let mut world = World::new(day(0.0), [application("a", "A").secret("s", -300.0, 20.0)]);
    let mut lines = world.live(day(0.5), QUARTER);
    world.now = day(3652.0);
    lines.extend(world.live(day(3652.2), QUARTER));
    world.now = day(1.0);
    lines.extend(world.live(day(20.5), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline expiring 30d s warning",
            "day 5 09:00 ops@example.com: expiring 14d s warning",
            "day 12 09:00 ops@example.com: expiring 7d s critical",
            "day 16 09:00 ops@example.com: expiring 3d s critical",
            "day 18 09:00 ops@example.com: expiring 1d s critical",
            "day 19 10:00 ops@example.com: expired s critical",
        ],
    );
}

#[test]
fn a_trial_with_a_folder_never_counts_as_told() {
    use entrawatch::policy::TransportKind;
    let mut world = World::new(day(0.0), [application("a", "A").secret("s", -300.0, 20.0)]);
    world.transport = Some(TransportKind::Folder);
    let mut lines = world.live(day(1.5), QUARTER);
    world.transport = None;
    lines.extend(world.live(day(2.5), QUARTER));
    world.transport = Some(TransportKind::Smtp);
    lines.extend(world.live(day(4.0), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline expiring 30d s warning",
            "day 0 22:15 ops@example.com: baseline expiring 30d s warning",
        ],
    );
}

#[test]
fn a_rotation_undone_is_told_again_from_its_next_untold_window() {
    let both = || application("a", "A").secret("s", -300.0, 20.0).secret("n", -1.0, 364.0);
    let mut world = World::new(day(0.0), [both()]);
    let mut lines = world.live(day(7.0), QUARTER);
    world.see(application("a", "A").secret("s", -300.0, 20.0));
    lines.extend(world.live(day(20.5), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline ",
            "day 6 09:00 ops@example.com: expiring 14d s info",
            // The replacement goes on day 7.
            "day 1 09:00 ops@example.com: expiring 14d s warning",
            "day 6 09:00 ops@example.com: expiring 7d s critical",
            "day 10 09:00 ops@example.com: expiring 3d s critical",
            "day 12 09:00 ops@example.com: expiring 1d s critical",
            "day 13 10:00 ops@example.com: expired s critical",
        ],
    );
}

#[test]
fn an_end_that_moves_is_a_new_end() {
    let mut world = World::new(day(0.0), [application("a", "A").secret("s", -300.0, 5.0)]);
    let mut lines = world.live(day(1.0), QUARTER);
    world.see(application("a", "A").secret("s", -300.0, 13.0));
    lines.extend(world.live(day(6.0), QUARTER));
    expect(
        &lines,
        &[
            "day 0 10:00 ops@example.com: baseline expiring 7d s critical",
            "day 1 09:00 ops@example.com: expiring 14d s warning",
            "day 5 09:00 ops@example.com: expiring 7d s critical",
        ],
    );
}

#[test]
fn a_dead_mail_is_passed_on_to_fallback_once() {
    let mut owned = application("a", "A").secret("s", -300.0, 40.0).endless_secret("e");
    owned.detail.owners = Some(vec![crate::support::builder::user("gone@example.com")]);
    let mut world = World::new(day(0.0), [owned]);
    world.refused.insert("gone@example.com".into());
    expect(
        &world.live(day(13.0), QUARTER),
        &[
            "day 0 10:00 ops@example.com: baseline expiring 60d s info",
            // Told by the baseline of the window of 60 days; the owner's mail of day 1 died.
            "day 10 09:00 ops@example.com: expiring 30d s warning",
        ],
    );
}

#[test]
fn what_becomes_the_last_one_in_its_last_week_leaves_at_once_only_where_something_is_due() {
    let pair = || application("a", "A").secret("s", -300.0, 6.0).endless_secret("e");
    let mut world = World::new(day(0.0), [pair()]);
    let mut lines = world.live(day(0.5), QUARTER);
    world.see(application("a", "A").secret("s", -300.0, 6.0));
    lines.extend(world.live(day(2.0), QUARTER));
    expect(&lines, &["day 0 10:00 ops@example.com: baseline expiring 7d s warning"]);

    let mut world = World::new(day(0.0), [application("b", "B").secret("x", -300.0, 300.0)]);
    let mut lines = world.live(day(1.5), QUARTER);
    world.see(application("a", "A").secret("s", -300.0, 7.5));
    lines.extend(world.live(day(1.6), QUARTER));
    expect(&lines, &["day 0 10:00 ops@example.com: baseline ", "day 0 22:15 ops@example.com: expiring 7d s critical"]);
}
