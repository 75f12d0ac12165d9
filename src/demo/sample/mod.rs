//! Contoso, the tenant of `entrawatch demo`: every case that decides about a credential, under names that look real.
//!
//! Everything is placed relative to the time of the clock when it is made, so the demo begins with something to see on any day.

mod certificates;
mod life;
mod ordinary;
mod secrets;
mod special;

use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

pub use life::Life;

use super::record::ObjectId;
use super::tenant::{Application, Directory, Watcher};
use crate::clock::{Clock, UtcTime};

/// What the demo's watcher was consented to.
const ROLES: &[&str] = &["Application.Read.All", "User.ReadBasic.All"];

/// The tenant of the demo.
#[derive(Debug)]
pub struct Contoso {
    /// The directory.
    pub directory: Directory,
    /// What the watcher signs in as.
    pub watcher: Watcher,
    /// What will happen in it as time passes.
    pub life: Life,
}

/// Makes Contoso as of the clock's time.
#[must_use]
pub fn contoso(clock: Arc<dyn Clock>) -> Contoso {
    let directory = Directory::new("contoso.onmicrosoft.com", clock);
    let scene = Scene { now: directory.now(), people: People::of(&directory), directory: &directory };
    let mut life = Life::new(directory.clone());
    secrets::add(&scene, &mut life);
    certificates::add(&scene, &mut life);
    special::add(&scene, &mut life);
    ordinary::add(&scene, &mut life);
    let watcher = directory.add_watcher(ROLES);
    Contoso { directory, watcher, life }
}

/// Who works at Contoso, and with it.
struct People {
    anna: ObjectId,
    jonas: ObjectId,
    priya: ObjectId,
    mateo: ObjectId,
    sofie: ObjectId,
    wei: ObjectId,
    /// From a partner.
    guest: ObjectId,
    /// Has no mailbox.
    robot: ObjectId,
}

impl People {
    fn of(directory: &Directory) -> Self {
        Self {
            anna: directory.add_user("Anna Berg", Some("anna.berg@contoso.example")),
            jonas: directory.add_user("Jonas Keller", Some("jonas.keller@contoso.example")),
            priya: directory.add_user("Priya Nair", Some("priya.nair@contoso.example")),
            mateo: directory.add_user("Mateo Rossi", Some("mateo.rossi@contoso.example")),
            sofie: directory.add_user("Sofie Lindqvist", Some("sofie.lindqvist@contoso.example")),
            wei: directory.add_user("Wei Chen", Some("wei.chen@contoso.example")),
            guest: directory.add_guest("Kevin Hartmann", "kevin.hartmann@fabrikam.example"),
            robot: directory.add_user("Build Robot", None),
        }
    }
}

/// Where the applications are put.
struct Scene<'a> {
    directory: &'a Directory,
    now: UtcTime,
    people: People,
}

impl Scene<'_> {
    /// So many days from now; negative ones are past.
    fn day(&self, days: f64) -> UtcTime {
        #[expect(clippy::cast_possible_truncation, reason = "some hundred years of seconds are exact enough")]
        let seconds = (days * 86_400.0) as i64;
        self.now + TimeDelta::seconds(seconds)
    }

    /// An application that has existed for `age` days.
    fn app(&self, name: &str, age: f64) -> Shaping<'_> {
        let application = self.directory.add_application(name);
        self.directory.set_created(application.id, self.day(-age));
        self.directory.set_created(application.principal, self.day(-age));
        Shaping { scene: self, application }
    }
}

/// An application in the making. Days count from now.
#[derive(Clone, Copy)]
struct Shaping<'a> {
    scene: &'a Scene<'a>,
    application: Application,
}

impl Shaping<'_> {
    fn owners(self, owners: &[ObjectId]) -> Self {
        for owner in owners {
            self.scene.directory.add_owner(self.application.id, *owner);
        }
        self
    }

    fn tags(self, tags: &[&str]) -> Self {
        self.scene.directory.set_tags(self.application.id, tags);
        self
    }

    fn notes(self, notes: &str) -> Self {
        self.scene.directory.set_notes(self.application.id, Some(notes));
        self
    }

    fn secret(self, name: &str, from: f64, to: f64) -> Self {
        self.new_secret(name, from, to);
        self
    }

    fn certificate(self, name: &str, from: f64, to: f64) -> Self {
        self.new_certificate(name, from, to);
        self
    }

    /// As [`Self::secret`], where its key id is needed later.
    fn new_secret(self, name: &str, from: f64, to: f64) -> Uuid {
        let (from, to) = (self.scene.day(from), self.scene.day(to));
        self.scene.directory.add_secret(self.application.id, name, from, to)
    }

    fn new_certificate(self, name: &str, from: f64, to: f64) -> Uuid {
        let (from, to) = (self.scene.day(from), self.scene.day(to));
        self.scene.directory.add_certificate(self.application.id, name, from, to)
    }
}
