//! What must hold whatever happens: random histories of outages, restarts, clock changes, rotations, silences, configuration changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use entrawatch::clock::UtcTime;
use entrawatch::inventory::{DirectoryObject, Matcher, Pattern, Posture, Severity};
use entrawatch::policy::{CredentialKey, DigestMode, Notice, Route, RouteBatch, Silence, SilenceScope, Windows};
use proptest::prelude::*;

use super::world::{Letter, World};
use crate::support::builder::{With as _, application, day, user};

const APPS: usize = 4;

#[derive(Debug, Clone)]
enum Event {
    /// The program runs again after this many minutes.
    Run(i64),
    /// It runs every quarter of an hour for this many hours.
    Live(i64),
    /// A secret is added: application, days from start to now, days from now to its end.
    Add(usize, i64, i64),
    /// The oldest secret of an application is removed.
    Remove(usize),
    /// The clock is set back by minutes.
    Back(i64),
    MailServer(bool),
    Owner(usize, bool),
    Silence(usize, i64),
    Thresholds(Vec<i64>),
    Mode(bool),
    /// The newest secret of an application is removed: a rotation is undone.
    Undo(usize),
    /// The clock stands ten years ahead for a moment, and is set right.
    Ahead,
    /// The mail server refuses an application's owner for good, or not any more.
    Refuse(usize, bool),
    /// Another team is fallback.
    Fallback(bool),
    /// A route takes the place of an application's owners, or does not.
    Route(usize, bool),
    /// The store is lost.
    Lost,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (15..5000_i64).prop_map(Event::Run),
        4 => (1..30_i64).prop_map(Event::Live),
        4 => (0..APPS, 0..500_i64, -20..120_i64).prop_map(|(app, from, to)| Event::Add(app, from, to)),
        2 => (0..APPS).prop_map(Event::Remove),
        1 => (1..1200_i64).prop_map(Event::Back),
        2 => any::<bool>().prop_map(Event::MailServer),
        2 => (0..APPS, any::<bool>()).prop_map(|(app, owned)| Event::Owner(app, owned)),
        1 => (0..APPS, 1..30_i64).prop_map(|(app, days)| Event::Silence(app, days)),
        1 => prop::collection::vec(0..90_i64, 1..6).prop_map(Event::Thresholds),
        1 => any::<bool>().prop_map(Event::Mode),
        1 => (0..APPS).prop_map(Event::Undo),
        1 => Just(Event::Ahead),
        1 => (0..APPS, any::<bool>()).prop_map(|(app, refused)| Event::Refuse(app, refused)),
        1 => any::<bool>().prop_map(Event::Fallback),
        1 => (0..APPS, any::<bool>()).prop_map(|(app, routed)| Event::Route(app, routed)),
        1 => Just(Event::Lost),
    ]
}

/// Histories begin with some secrets there.
fn history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 5..40)
}

struct Play {
    world: World,
    apps: Vec<DirectoryObject>,
    letters: Vec<Letter>,
    /// When the program evaluated with the mail server up.
    ran: Vec<UtcTime>,
    silenced_until: BTreeMap<String, UtcTime>,
    next_key: usize,
    /// Minutes.
    set_back: i64,
    /// How many letters had been sent each time the store was lost.
    forgotten: BTreeSet<usize>,
}

impl Play {
    fn new() -> Self {
        let apps: Vec<_> = (0..APPS).map(|n| application(&format!("app{n}"), &format!("App {n}"))).collect();
        let world = World::new(day(0.0), apps.clone());
        Self {
            world,
            apps,
            letters: Vec::new(),
            ran: Vec::new(),
            silenced_until: BTreeMap::new(),
            next_key: 0,
            set_back: 0,
            forgotten: BTreeSet::new(),
        }
    }

    fn run(&mut self) {
        let letters = self.world.evaluate();
        assert!(self.world.mail_up || letters.is_empty());
        self.letters.extend(letters);
        if self.world.mail_up {
            self.ran.push(self.world.now);
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Run(minutes) => {
                self.world.now += TimeDelta::minutes(*minutes);
                self.run();
            }
            Event::Live(hours) => {
                for _ in 0..hours * 4 {
                    self.world.now += TimeDelta::minutes(15);
                    self.run();
                }
            }
            Event::Add(app, from, to) => {
                let now = (self.world.now - day(0.0)).num_days();
                self.next_key += 1;
                #[expect(clippy::cast_precision_loss, reason = "days of a test")]
                let (from, to) = ((now - from) as f64, (now + to) as f64 + 0.3);
                let secret = self.apps[*app].clone().secret(&format!("s{}", self.next_key), from, to);
                self.show(*app, secret);
            }
            Event::Remove(app) => {
                let mut object = self.apps[*app].clone();
                if !object.passwords.is_empty() {
                    object.passwords.remove(0);
                }
                self.show(*app, object);
            }
            Event::Back(minutes) => {
                // All together by less than what makes a stored notice one of a clock that was wrong.
                let minutes = (*minutes).min(1400 - self.set_back);
                self.set_back += minutes;
                self.world.now -= TimeDelta::minutes(minutes);
            }
            Event::MailServer(up) => self.world.mail_up = *up,
            Event::Owner(app, owned) => {
                let mut object = self.apps[*app].clone();
                object.detail.owners = Some(owned.then(|| user(&format!("owner{app}@example.com"))).into_iter().collect());
                self.show(*app, object);
            }
            Event::Silence(app, days) => {
                let (id, until) = (format!("app{app}"), self.world.now + TimeDelta::days(*days));
                self.world.silences.push(Silence {
                    id: id.clone(),
                    tenant: None,
                    scope: SilenceScope::App(id.clone()),
                    until,
                    reason: String::new(),
                    author: String::new(),
                    created_at: self.world.now,
                });
                let known = self.silenced_until.entry(id).or_insert(until);
                *known = until.max(*known);
            }
            Event::Thresholds(days) => {
                // The narrow ones stay, so that there is a last window.
                let days = days.iter().copied().chain([1, 0]);
                self.world.rules.alerts.thresholds = Windows::new(days.map(TimeDelta::days));
            }
            Event::Undo(app) => {
                let mut object = self.apps[*app].clone();
                object.passwords.pop();
                self.show(*app, object);
            }
            Event::Ahead => {
                let now = self.world.now;
                self.world.now += TimeDelta::days(3652);
                // Nobody is to be judged by what a clock said that was wrong.
                self.world.evaluate();
                self.world.now = now;
            }
            Event::Refuse(app, refused) => {
                let owner = format!("owner{app}@example.com");
                if *refused {
                    self.world.refused.insert(owner);
                } else {
                    self.world.refused.remove(&owner);
                }
            }
            Event::Fallback(other) => {
                let fallback = vec![if *other { "team@example.com" } else { "ops@example.com" }.to_owned()];
                let recipients = &mut self.world.rules.recipients;
                (recipients.fallback, recipients.escalate) = (fallback.clone(), fallback);
            }
            Event::Route(app, routed) => {
                let name = format!("App {app}");
                let is_its = |route: &Route| route.matcher.app_name.as_ref().is_some_and(|glob| glob.as_str() == name);
                self.world.rules.routes.retain(|route| !is_its(route));
                self.world.rules.routes.extend(routed.then(|| Route {
                    matcher: Matcher { app_name: Some(Pattern::new(&name).unwrap()), ..Matcher::default() },
                    to: vec!["route@example.com".into()],
                    thresholds: None,
                    batch: RouteBatch::App,
                }));
            }
            Event::Lost => {
                self.world.lose_store();
                // What was told is forgotten, and may be told once more.
                self.forgotten.insert(self.letters.len());
            }
            Event::Mode(immediate) => {
                self.world.rules.digest.mode = if *immediate { DigestMode::Immediate } else { DigestMode::Daily };
            }
        }
    }

    fn show(&mut self, app: usize, object: DirectoryObject) {
        self.apps[app] = object.clone();
        self.world.see(object);
    }

    fn nobody_hears_the_same_twice(&self) {
        let mut heard = BTreeSet::new();
        for (number, letter) in self.letters.iter().enumerate() {
            if self.forgotten.contains(&number) {
                heard.clear();
            }
            for row in letter.rows() {
                let key = (row.recipient.clone(), row.credential.clone(), row.not_after, row.posture, row.notice, row.threshold);
                assert!(heard.insert(key), "told twice: {row:?}");
            }
        }
    }

    fn nothing_rotated_is_critical(&self) {
        let rows = self.letters.iter().flat_map(Letter::rows);
        assert!(rows.clone().all(|row| row.posture == Posture::Sole || row.severity == Severity::Info));
        assert!(rows.filter(|row| row.posture == Posture::Rotated).all(|row| row.notice != Notice::Expired));
    }

    fn no_end_comes_untold(&self) {
        let told: BTreeSet<(&CredentialKey, Option<UtcTime>)> =
            self.letters.iter().flat_map(Letter::rows).map(|row| (&row.credential, row.not_after)).collect();
        for standing in self.world.standings() {
            let credential = &standing.credential;
            let Some(end) = credential.not_after.filter(|end| *end < self.world.now) else { continue };
            let lived = end - credential.not_before.unwrap();
            let object = &standing.object.object.key.id;
            let is_silenced = self.silenced_until.contains_key(object);
            let has_last_window = lived > TimeDelta::days(14);
            let ran =
                self.ran.iter().any(|at| *at >= end - TimeDelta::days(1) && *at < end && *at >= self.seen_at(&credential.key_id));
            if standing.posture == Posture::Sole && has_last_window && ran && !is_silenced {
                let key = CredentialKey::of(&standing);
                assert!(told.contains(&(&key, Some(end))), "untold: {} which ended {end}", credential.key_id);
            }
        }
    }

    /// Since when the directory showed it: when it was added in this history.
    fn seen_at(&self, key_id: &str) -> UtcTime {
        self.world.first_seen.get(key_id).copied().unwrap_or(day(0.0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn whatever_happens_nobody_hears_twice_and_no_end_comes_untold(events in history()) {
        let mut play = Play::new();
        for event in &events {
            play.happen(event);
        }
        play.nobody_hears_the_same_twice();
        play.nothing_rotated_is_critical();
        play.no_end_comes_untold();
    }

    #[test]
    fn evaluation_is_a_function_of_its_input(events in history()) {
        let (mut one, mut other) = (Play::new(), Play::new());
        for event in &events {
            one.happen(event);
            other.happen(event);
        }
        let lines = |play: &Play| play.letters.iter().map(Letter::line).collect::<Vec<_>>();
        prop_assert_eq!(lines(&one), lines(&other));
        prop_assert_eq!(one.world.reasons(), other.world.reasons());
    }
}
