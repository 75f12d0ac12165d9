//! Whatever happens between them, the rounds lead to the inventory that one clean listing shows.

use chrono::TimeDelta;
use entrawatch::demo::{Directory, ObjectId};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{APPLICATIONS, PRINCIPALS, differences, poll, poll_after, rig};
use crate::support::days;
use crate::support::faults::{Faults, status};
use crate::support::rig::Rig;

/// What happens next; numbers choose among the objects there are.
#[derive(Debug, Clone)]
enum Event {
    AddApplication,
    AddSecret(usize),
    RemoveSecret(usize),
    AddCertificate(usize),
    Rename(usize),
    Delete(usize),
    Restore(usize),
    Purge(usize),
    /// A poll after so many minutes: a round, and a listing where it is time for one.
    Poll(i64),
    /// The newest of so many changes are told after the next poll.
    Lag(usize),
    /// The next round breaks off at this request of the collection.
    Break(bool, usize),
    Resync(Option<u16>),
    /// The process stands still for more than a week.
    Sleep,
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let some = 0..8usize;
    prop_oneof![
        3 => Just(Event::AddApplication),
        4 => some.clone().prop_map(Event::AddSecret),
        2 => some.clone().prop_map(Event::RemoveSecret),
        2 => some.clone().prop_map(Event::AddCertificate),
        3 => some.clone().prop_map(Event::Rename),
        2 => some.clone().prop_map(Event::Delete),
        2 => some.clone().prop_map(Event::Restore),
        1 => some.prop_map(Event::Purge),
        6 => prop_oneof![Just(15), Just(15), Just(60), Just(400)].prop_map(Event::Poll),
        2 => (0..4usize).prop_map(Event::Lag),
        2 => (any::<bool>(), 0..3usize).prop_map(|(of_applications, after)| Event::Break(of_applications, after)),
        1 => prop_oneof![Just(None), Just(Some(404)), Just(Some(400)), Just(Some(410))].prop_map(Event::Resync),
        1 => Just(Event::Sleep),
        1 => Just(Event::Restart),
    ]
}

struct World {
    rig: Rig,
    faults: Faults,
    apps: Vec<ObjectId>,
    secrets: Vec<(ObjectId, uuid::Uuid)>,
}

impl World {
    async fn new() -> Self {
        let (mut rig, faults) = rig().await;
        let directory = rig.simulated.directory.clone();
        directory.cut_delta_pages(2);
        let apps = (0..4).map(|number| directory.add_application(&format!("app {number}")).id).collect();
        poll(&mut rig).await;
        Self { rig, faults, apps, secrets: Vec::new() }
    }

    fn directory(&self) -> Directory {
        self.rig.simulated.directory.clone()
    }

    fn app(&self, number: usize) -> ObjectId {
        self.apps[number % self.apps.len()]
    }

    async fn live(mut self, event: Event) -> Self {
        let (directory, now) = (self.directory(), self.directory().now());
        match event {
            Event::AddApplication => self.apps.push(directory.add_application("new").id),
            Event::AddSecret(number) => {
                let app = self.app(number);
                self.secrets.push((app, directory.add_secret(app, "secret", now, now + days(90))));
            }
            Event::RemoveSecret(number) => {
                if let Some((app, key)) = (!self.secrets.is_empty()).then(|| self.secrets.remove(number % self.secrets.len())) {
                    directory.remove_credential(app, key);
                }
            }
            Event::AddCertificate(number) => drop(directory.add_certificate(self.app(number), "CN=x", now, now + days(30))),
            Event::Rename(number) => directory.rename(self.app(number), &format!("named at {now}")),
            Event::Delete(number) => directory.delete(self.app(number)),
            Event::Restore(number) => directory.restore(self.app(number)),
            Event::Purge(number) => directory.purge(self.app(number)),
            Event::Poll(minutes) => {
                poll_after(&mut self.rig, TimeDelta::minutes(minutes)).await;
                // What was on its way arrives within the hour.
                directory.hold_back_changes(0);
            }
            Event::Lag(count) => directory.hold_back_changes(count),
            Event::Break(of_applications, after) => {
                let path = if of_applications { APPLICATIONS } else { PRINCIPALS };
                self.faults.add(path, after, 1, status(403, "Authorization_RequestDenied"));
            }
            Event::Resync(curt) => {
                directory.refuse_forgotten_tokens_with(curt);
                directory.require_resync();
            }
            Event::Sleep => {
                poll_after(&mut self.rig, days(8)).await;
                directory.hold_back_changes(0);
            }
            Event::Restart => self.rig = self.rig.restart().await,
        }
        self
    }

    /// Everything arrives; one more round at most tells the rest.
    async fn end(mut self) -> (Vec<String>, u64) {
        self.faults.clear();
        self.directory().hold_back_changes(0);
        poll(&mut self.rig).await;
        let missed = u64::from(self.rig.snapshot().state.delta.missed().is_some());
        (differences(&self.rig).await, missed)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_ends_in_what_one_clean_listing_shows(events in prop::collection::vec(event(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (found, missed) = runtime.block_on(async {
            let mut world = World::new().await;
            for event in events {
                world = Box::pin(world.live(event)).await;
            }
            world.end().await
        });
        if !found.is_empty() || missed > 0 {
            return Err(TestCaseError::fail(format!("{found:?}, switched off: {missed}")));
        }
    }
}
