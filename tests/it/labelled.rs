//! A tenant of which it was written down by hand, from the rules and not from what the program says, who is to be told of what how loudly.
//!
//! Everything is there at once on a Tuesday morning at 08:30, long after the first digest; the program runs over the slot at 09:00 and
//! ten minutes more. Every credential, those beside the labelled ones too, is judged: missed or superfluous is a failure.

mod credentials;
mod objects;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::demo::{Application, Directory, ObjectId};
use entrawatch::inventory::{Matcher, Pattern};
use entrawatch::policy::{Recipients, Route, RouteBatch, Rules, Silence, SilenceScope, Windows};
use uuid::Uuid;

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::Rig;

const NOW: &str = "2026-11-24T08:30:00Z";

/// Whose mail is `ann@example.com` stands in a label as `ann`.
fn address(who: &str) -> String {
    if who.contains('@') { who.to_owned() } else { format!("{who}@example.com") }
}

fn after(days: f64) -> UtcTime {
    #[expect(clippy::cast_possible_truncation, reason = "test values are small")]
    let seconds = (days * 86_400.0) as i64;
    at(NOW) + TimeDelta::seconds(seconds)
}

/// Who is told how loudly, of a key id.
type Told = BTreeMap<String, BTreeSet<(String, String, String)>>;

struct Scene {
    directory: Directory,
    ann: ObjectId,
    bob: ObjectId,
    expected: Told,
    situations: BTreeSet<String>,
    number: usize,
}

impl Scene {
    /// A new application in a situation.
    fn app(&mut self, situation: &str) -> Application {
        self.named(situation, &format!("App {:03}", self.number + 1))
    }

    fn named(&mut self, situation: &str, name: &str) -> Application {
        self.number += 1;
        self.situations.insert(situation.to_owned());
        self.directory.add_application(name)
    }

    /// The same, with Ann as its owner.
    fn owned(&mut self, situation: &str) -> Application {
        let app = self.app(situation);
        self.directory.add_owner(app.id, self.ann);
        app
    }

    /// Writes down who is to be told: `ann ops critical`, or nobody: `-`.
    fn label(&mut self, key_id: Uuid, days: f64, label: &str) {
        let mut words: Vec<&str> = label.split(' ').collect();
        let severity = words.pop().unwrap();
        let notice = if days <= 0.0 { "expired" } else { "expiring" };
        let told = words.into_iter().map(|who| (address(who), notice.to_owned(), severity.to_owned()));
        assert!(self.expected.insert(key_id.to_string(), told.collect()).is_none());
    }

    /// Labelled lives of one situation: `days left: label`, one application each.
    fn lives(&mut self, situation: &str, labels: &str, make: impl Fn(&mut Self, f64) -> Uuid) {
        for line in labels.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (days, label) = line.split_once(": ").unwrap();
            let days: f64 = days.parse().unwrap();
            self.situations.insert(situation.to_owned());
            let key_id = make(self, days);
            self.label(key_id, days, label);
        }
    }

    fn secret(&self, id: ObjectId, from: f64, to: f64) -> Uuid {
        self.directory.add_secret(id, "s", after(from), after(to))
    }
}

fn setting() -> Rules {
    let name = |glob: &str| Matcher { app_name: Some(Pattern::new(glob).unwrap()), ..Matcher::default() };
    let route = |matcher, to: &str, thresholds: Option<&[i64]>, batch| Route {
        matcher,
        to: vec![address(to)],
        thresholds: thresholds.map(|days| Windows::new(days.iter().copied().map(TimeDelta::days))),
        batch,
    };
    let ticket = Matcher { tag: Some(Pattern::new("ticket").unwrap()), ..Matcher::default() };
    let mut rules = rules();
    rules.recipients = Recipients { notes: true, allowed_domains: vec!["example.com".into()], ..rules.recipients };
    rules.routes = vec![
        route(name("payroll-*"), "team", None, RouteBatch::Recipient),
        route(name("late-*"), "late", Some(&[10, 0]), RouteBatch::Recipient),
        route(ticket, "tickets", None, RouteBatch::App),
    ];
    rules.watch.ignore = vec![name("legacy-*")];
    rules.watch.ignore_tag = true;
    rules
}

#[tokio::test]
async fn of_a_labelled_tenant_nothing_is_missed_and_nothing_is_superfluous() {
    let simulated = Tenant::start_at(at("2026-11-22T12:00:00Z")).await;
    let directory = simulated.directory.clone();
    let mut rig = Rig::new(simulated, setting()).await;
    rig.step().await;
    rig.clock.set(at("2026-11-23T09:00:00Z"));
    rig.step().await;
    rig.clock.set(at(NOW));

    let ann = directory.add_user("Ann", Some("ann@example.com"));
    let bob = directory.add_user("Bob", Some("bob@example.com"));
    let (expected, situations) = (BTreeMap::new(), BTreeSet::new());
    let mut scene = Scene { directory, ann, bob, expected, situations, number: 0 };
    for part in [
        credentials::plain,
        credentials::short_lives,
        credentials::replaced,
        objects::principals,
        objects::saml,
        objects::unwatched,
        objects::recipients,
    ] {
        part(&mut scene);
    }
    scene.situations.remove("");
    let quiet = Silence {
        id: "1a2b3c4d".into(),
        tenant: None,
        scope: SilenceScope::Name("quiet-*".into()),
        until: after(90.0),
        reason: "moves away".into(),
        author: "alex".into(),
        created_at: at(NOW),
    };
    rig.store.add_silence(&quiet).await.unwrap();

    let mut mails = Vec::new();
    for minutes in [0, 10, 30, 35, 40] {
        rig.clock.set(at(NOW) + TimeDelta::minutes(minutes));
        mails.extend(rig.step().await);
    }
    let mut told: Told = BTreeMap::new();
    for row in rig.store.notices(&rig.snapshot().tenant.id).await.unwrap() {
        let line = (row.recipient, row.notice.to_string(), row.severity.to_string());
        assert!(told.entry(row.credential.key_id).or_default().insert(line.clone()), "told twice: {line:?}");
    }
    let (mut missed, mut superfluous) = (Vec::new(), Vec::new());
    let keys: BTreeSet<&String> = scene.expected.keys().chain(told.keys()).collect();
    let none = BTreeSet::new();
    for key in keys {
        let (wanted, got) = (scene.expected.get(key).unwrap_or(&none), told.get(key).unwrap_or(&none));
        let name = rig.snapshot().standings.iter().find(|standing| standing.credential.key_id == *key).map(|standing| {
            let end = standing.credential.not_after.map(|end| (end - at(NOW)).num_hours());
            format!("{} {:?} h", standing.object.object.display_name, end)
        });
        missed.extend(wanted.difference(got).map(|line| format!("{key} {name:?}: {line:?}")));
        superfluous.extend(got.difference(wanted).map(|line| format!("{key} {name:?}: {line:?}")));
    }
    let (credentials, seen) = (scene.expected.len(), rig.snapshot().standings.len());
    println!(
        "{credentials} labelled credentials (of {seen} in the tenant) in {} situations; {} tellings expected; {} missed, {} superfluous; {} mails",
        scene.situations.len(),
        scene.expected.values().map(BTreeSet::len).sum::<usize>(),
        missed.len(),
        superfluous.len(),
        mails.len()
    );
    assert!(
        missed.is_empty() && superfluous.is_empty(),
        "missed:\n{}\nsuperfluous:\n{}",
        missed.join("\n"),
        superfluous.join("\n")
    );
    assert!(credentials >= 150 && scene.situations.len() >= 40, "{credentials} in {}", scene.situations.len());
    let tickets = mails.iter().filter(|mail| mail.to == "tickets@example.com").count();
    assert_eq!(tickets, 2, "one mail an application");
}
