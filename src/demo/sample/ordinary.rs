//! The many applications with which nothing is wrong.

use super::Scene;
use super::life::{Event, Life};

/// Name, days since the secret was made, days until it ends.
const APPLICATIONS: &[(&str, f64, f64)] = &[
    ("Address Validation", 40.0, 140.0),
    ("Delivery Tracking", 210.0, 155.0),
    ("Expense OCR", 75.0, 290.0),
    ("Feature Flags", 12.0, 353.0),
    ("Intune Reporting", 300.0, 430.0),
    ("Log Shipper", 95.0, 85.0),
    ("Meeting Room Displays", 500.0, 230.0),
    ("Power BI Gateway", 120.0, 245.0),
    ("Price Calculator", 33.0, 147.0),
    ("Print Queue", 180.0, 185.0),
    ("Service Desk Bot", 260.0, 105.0),
    ("Time Tracking", 5.0, 360.0),
];

/// How long before the end these teams renew, in days.
const EARLY: f64 = 70.0;

pub(super) fn add(scene: &Scene<'_>, life: &mut Life) {
    let people = &scene.people;
    let owners = [people.anna, people.jonas, people.priya, people.mateo, people.sofie, people.wei];
    for ((name, age, left), owner) in APPLICATIONS.iter().zip(owners.iter().cycle()) {
        let app = scene.app(name, age + 130.0).owners(&[*owner]);
        let key = app.new_secret(&format!("{} key", name.to_lowercase()), -age, *left);
        life.at(scene.day(left - EARLY), Event::Renew(app.application.id, key));
    }
    life.at(scene.day(1.8), Event::Register("Expense OCR (new)"));
    life.at(scene.day(8.3), Event::Register("Vendor Onboarding"));
}
