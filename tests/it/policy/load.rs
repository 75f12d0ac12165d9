//! How many mails a neglected tenant makes: 2,000 applications of which nobody took care, from the first day on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::inventory::DirectoryObject;

use super::world::World;
use crate::support::builder::{With as _, application, day, start, user};

const APPS: usize = 2_000;
const WEEKS: i64 = 8;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A third has no owner, a tenth is looked after in time, most have ended already or end within the year; one person owns 150.
fn neglected() -> Vec<DirectoryObject> {
    let mut dice = Dice(7);
    (0..APPS)
        .map(|number| {
            let life = [180.0, 365.0, 730.0][usize::try_from(dice.roll(3)).unwrap()];
            #[expect(clippy::cast_precision_loss, reason = "days of a test")]
            let end = dice.roll(1_100) as f64 - 500.0 + dice.roll(24) as f64 / 24.0;
            let key = format!("k{number:04}");
            let mut object = application(&format!("a{number:04}"), &format!("App {number:04}")).secret(&key, end - life, end);
            if number % 10 == 0 {
                object = object.secret(&format!("{key}-new"), end - 30.0, end + 335.0);
            }
            object.detail.owners = Some(match dice.roll(100) {
                0..33 => Vec::new(),
                33..41 => vec![user("busy@example.com")],
                other => vec![user(&format!("owner{:03}@example.com", (other * 7 + dice.roll(11) * 13) % 160))],
            });
            object
        })
        .collect()
}

#[test]
fn mails_a_week_for_a_neglected_tenant_of_2000_applications() {
    let mut world = World::new(day(0.0), neglected());
    // (week, recipient) -> mails, items
    let mut counts: BTreeMap<(i64, String), (usize, usize)> = BTreeMap::new();
    let end = day(0.0) + TimeDelta::weeks(WEEKS);
    // At each slot, and whenever something ends: at no other time is anything told that the slot before did not take in.
    let slots = (0..WEEKS * 7).map(|number| start() + TimeDelta::hours(23) + TimeDelta::days(number));
    let ends = world.standings().into_iter().filter_map(|standing| standing.credential.not_after);
    let times: BTreeSet<UtcTime> = slots.chain(ends).filter(|at| *at > start() && *at < end).chain([start()]).collect();
    for now in times {
        world.now = now;
        for letter in world.evaluate() {
            let count = counts.entry(((now - start()).num_weeks() + 1, letter.digest.recipient.clone())).or_default();
            *count = (count.0 + 1, count.1 + letter.rows().count());
        }
    }
    let of = |week: i64, recipient: &str| counts.get(&(week, recipient.to_owned())).copied().unwrap_or_default();
    let mut totals: BTreeMap<&str, usize> = BTreeMap::new();
    for ((_, recipient), (mails, _)) in &counts {
        *totals.entry(recipient).or_default() += mails;
    }
    let busiest =
        totals.iter().filter(|(recipient, _)| **recipient != "ops@example.com").max_by_key(|(_, mails)| **mails).unwrap();
    let owners = totals.len() - 1;
    println!("week  fallback: mails (items)  busiest owner {}: mails (items)  all {owners} owners: mails", busiest.0);
    for week in 1..=WEEKS {
        let (ops, owner) = (of(week, "ops@example.com"), of(week, busiest.0));
        let all: usize =
            counts.iter().filter(|((then, to), _)| *then == week && to != "ops@example.com").map(|(_, (mails, _))| mails).sum();
        println!("{week:>4}  {:>5} ({:>4})  {:>5} ({:>3})  {all:>5}", ops.0, ops.1, owner.0, owner.1);
        // A digest a day, and what ends or becomes critical between two of them.
        assert!(ops.0 <= 7 * 4, "{ops:?} mails to fallback in week {week}");
        assert!(owner.0 <= 7 * 2, "{owner:?} mails to the busiest owner in week {week}");
    }
}
