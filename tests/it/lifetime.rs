//! The last days of credentials, as tables that a person can read: time left, what is sent to whom, why. Run through the whole program by
//! steps, morning and evening, with a clock in the test's hand.

mod misbehaviour;

use chrono::{NaiveDate, TimeDelta};
use entrawatch::clock::{Clock as _, UtcTime};
use entrawatch::demo::Application;
use entrawatch::policy::{Reason, Rules, Via};
use uuid::Uuid;

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::Rig;

/// One credential's days.
struct Table {
    key_id: String,
    end: UtcTime,
    lines: Vec<String>,
}

impl Table {
    fn of(key_id: Uuid, end: UtcTime) -> Self {
        Self { key_id: key_id.to_string(), end, lines: vec![format!("{:<10}  {:>9}  {}", "day", "left", "sent -> why")] }
    }

    /// What somebody does meanwhile.
    fn note(&mut self, text: &str) {
        self.lines.push(format!("           ({text})"));
    }

    /// A row for each day, with a step at nine in the morning and one at nine in the evening.
    async fn live(&mut self, rig: &mut Rig, until: &str) {
        let until: NaiveDate = until.parse().unwrap();
        let mut day = rig.clock.now().date_naive();
        while day < until {
            let mut sent = Vec::new();
            let mut reason = None;
            for hour in [9, 21] {
                let time = day.and_hms_opt(hour, 0, 0).unwrap().and_utc();
                if time <= rig.clock.now() {
                    continue;
                }
                rig.clock.set(time);
                let mails = rig.step().await;
                sent.extend(mails.iter().map(|mail| format!("{} {}: {}", mail.at.format("%H:%M"), mail.to, mail.subject)));
                let (is_due, why) = self.why(rig);
                if is_due || reason.is_none() {
                    reason = Some(why);
                }
            }
            if let Some(reason) = reason {
                self.row(day, &sent, &reason);
            }
            day = day.succ_opt().unwrap();
        }
    }

    fn row(&mut self, day: NaiveDate, sent: &[String], why: &str) {
        let left = self.end - day.and_hms_opt(9, 0, 0).unwrap().and_utc();
        let left = format!("{}d {:>2}h", left.num_days(), left.num_hours().abs() % 24);
        let (first, rest) = sent.split_first().map_or(("nothing", &[][..]), |(first, rest)| (first.as_str(), rest));
        self.lines.push(format!("{day}  {left:>9}  {first} -> {why}"));
        self.lines.extend(rest.iter().map(|more| format!("{:23}{more}", "")));
    }

    /// The reason of the decision, with whom it concerns where it is due.
    fn why(&self, rig: &Rig) -> (bool, String) {
        let snapshot = rig.snapshot();
        let decision = snapshot.decisions.iter().find(|decision| decision.credential.key_id == self.key_id);
        let Some(decision) = decision else { return (false, "not there".to_owned()) };
        let due = decision.tellings.iter().filter(|telling| telling.reason == Reason::Due);
        let who: Vec<String> = due
            .map(|telling| {
                let via = match &telling.via {
                    Via::Route(number) => format!("route {number}"),
                    Via::Undeliverable(address) => format!("in place of {address}"),
                    via => format!("{via:?}").to_lowercase(),
                };
                format!("{} by {via}", telling.recipient)
            })
            .collect();
        let severity = <&str>::from(decision.severity);
        let window = decision.threshold.map_or_else(String::new, |threshold| format!(" {}d", threshold.num_days()));
        if who.is_empty() {
            (false, format!("{}, {severity}", decision.reason))
        } else {
            (true, format!("due{window}, {severity}: {}", who.join(", ")))
        }
    }

    fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A program that has its first digest behind it, at noon of a Saturday.
async fn program(rules: Rules, begin: &str) -> Rig {
    let mut rig = Rig::new(Tenant::start_at(at(begin)).await, rules).await;
    rig.step().await;
    rig
}

/// An application with an owner of its own.
fn owned(rig: &Rig, name: &str, owner: &str) -> Application {
    let directory = &rig.simulated.directory;
    let app = directory.add_application(name);
    directory.add_owner(app.id, directory.add_user(owner, Some(&format!("{}@example.com", owner.to_lowercase()))));
    app
}

#[tokio::test]
async fn the_last_hundred_days_of_one_credential_of_each_kind() {
    let mut rig = program(rules(), "2026-11-21T12:00:00Z").await;
    let directory = rig.simulated.directory.clone();
    let end = at("2027-03-02T15:00:00Z");
    let start = end - TimeDelta::days(700);
    let (secret, certificate) = (owned(&rig, "Payroll API", "Ann"), owned(&rig, "SFTP Gateway", "Bea"));
    let (saml, vault) = (owned(&rig, "Travel Portal", "Cem"), owned(&rig, "Contract Vault", "Dot"));
    let signing = directory.add_saml_certificate(saml.principal, "CN=Federated SSO", start, end);
    directory.set_active_thumbprint(saml.principal, Some(&signing.thumbprint));
    let keys = [
        ("secret", directory.add_secret(secret.id, "2025", start, end), "Payroll API"),
        ("certificate", directory.add_certificate(certificate.id, "CN=sftp", start, end), "SFTP Gateway"),
        ("saml_signing", signing.key_id, "Travel Portal"),
        ("token_encryption", directory.add_token_encryption(vault.id, "CN=vault", start, end), "Contract Vault"),
    ];
    rig.clock.set(at("2026-11-21T21:00:00Z"));
    rig.step().await;
    rig.clock.set(at("2026-11-22T00:00:00Z"));
    // One life, seen four times.
    let mut tables: Vec<Table> = keys.iter().map(|(_, key_id, _)| Table::of(*key_id, end)).collect();
    let mut day: NaiveDate = "2026-11-22".parse().unwrap();
    while day <= "2027-03-06".parse().unwrap() {
        let mut sent = vec![Vec::new(); keys.len()];
        let mut reasons: Vec<Option<String>> = vec![None; keys.len()];
        for hour in [9, 15, 21] {
            rig.clock.set(day.and_hms_opt(hour, 0, 0).unwrap().and_utc());
            for mail in rig.step().await {
                for ((_, _, name), sent) in keys.iter().zip(&mut sent) {
                    if mail.text.contains(name) {
                        sent.push(format!("{} {}: {}", mail.at.format("%H:%M"), mail.to, mail.subject));
                    }
                }
            }
            for (table, reason) in tables.iter().zip(&mut reasons) {
                let (is_due, why) = table.why(&rig);
                if is_due || reason.is_none() {
                    *reason = Some(why);
                }
            }
        }
        for ((table, sent), reason) in tables.iter_mut().zip(&sent).zip(&reasons) {
            table.row(day, sent, reason.as_deref().unwrap());
        }
        day = day.succ_opt().unwrap();
    }
    for ((kind, ..), table) in keys.iter().zip(&tables) {
        insta::assert_snapshot!(*kind, table.text());
    }
}
