//! The regular report: to fallback, on its day, true when it arrives, and with its file.

use chrono::{TimeDelta, Weekday};
use entrawatch::clock::Clock as _;
use entrawatch::mail::samples::{renderer, report};
use entrawatch::policy::{ReportEvery, ReportRules, Rules};
use mail_parser::{MessageParser, MimeHeaders as _};

use crate::policy::rules;
use crate::support::at;
use crate::support::graph::Tenant;
use crate::support::rig::{Rig, Sent};

fn weekly() -> Rules {
    Rules { report: ReportRules { every: ReportEvery::Week, day: Weekday::Mon }, ..rules() }
}

fn reports(sent: &[Sent]) -> Vec<&Sent> {
    sent.iter().filter(|mail| mail.subject.contains("report on")).collect()
}

fn lines(sent: &[Sent]) -> Vec<String> {
    reports(sent).iter().map(|mail| format!("{} {}: {}", mail.at.format("%a %d %H:%M"), mail.to, mail.subject)).collect()
}

#[tokio::test]
async fn it_comes_to_fallback_each_week_and_names_what_it_found() {
    let simulated = Tenant::start().await;
    let (directory, began) = (simulated.directory.clone(), simulated.clock.now());
    let ann = directory.add_user("Ann", Some("ann@example.com"));
    let add = |name: &str, from: i64, to: i64| {
        let app = directory.add_application(name);
        directory.add_secret(app.id, "s", began + TimeDelta::days(from), began + TimeDelta::days(to));
        app
    };
    for (name, from, to) in [
        ("Ends Soon", -300, 80),
        ("Ends Later", -300, 120),
        ("Ended", -900, -100),
        ("Long Lived", -10, 2000),
        ("Never Owned", -300, 300),
    ] {
        let app = add(name, from, to);
        if name != "Never Owned" {
            directory.add_owner(app.id, ann);
        }
    }
    let mut rig = Rig::new(simulated, weekly()).await;
    // The first Monday at nine is tomorrow.
    let first = rig.live(at("2026-11-25T12:00:00Z")).await;
    assert_eq!(lines(&first), ["Mon 23 09:00 ops@example.com: Weekly report on contoso: 1 ends within 90 days, 1 has ended"]);
    let text = &reports(&first)[0].text;
    assert_eq!(text.lines().next(), Some("When this mail stops coming, EntraWatch is dead"));
    let section = |text: &str, name: &str| text.to_uppercase().contains(&name.to_uppercase());
    assert!(!section(text, "new since"), "nothing is new before a first digest:\n{text}");
    assert!(section(text, "lives longer than 730 days") && section(text, "2 applications have no owner"), "{text}");
    assert!(text.contains("* Never Owned |"), "{text}");

    // What is added afterwards is new, once.
    let app = rig.simulated.directory.add_application("Added");
    rig.simulated.directory.add_owner(app.id, ann);
    let (from, to) = (rig.clock.now(), rig.clock.now() + TimeDelta::days(200));
    rig.simulated.directory.add_secret(app.id, "s", from - TimeDelta::days(30), to);
    let second = rig.live(at("2026-12-02T12:00:00Z")).await;
    assert!(section(&reports(&second)[0].text, "1 credential is new since the last report"), "{}", reports(&second)[0].text);
    assert!(reports(&second)[0].text.contains("* Added | Client secret"), "{}", reports(&second)[0].text);
    rig = rig.restart().await;
    let third = rig.live(at("2026-12-09T12:00:00Z")).await;
    assert_eq!(lines(&third).len(), 1, "{:?}", lines(&third));
    assert!(!section(&reports(&third)[0].text, "new since"), "{}", reports(&third)[0].text);
}

#[tokio::test]
async fn one_that_waited_for_the_mail_server_is_true_when_it_arrives_and_one_that_was_missed_is_made_up_once() {
    let simulated = Tenant::start().await;
    let (directory, began) = (simulated.directory.clone(), simulated.clock.now());
    let app = directory.add_application("Payroll API");
    let secret = directory.add_secret(app.id, "s", began - TimeDelta::days(300), began + TimeDelta::days(60));
    let mut rig = Rig::new(simulated, weekly()).await;
    rig.step().await;
    rig.mailer.go_away();
    let none = rig.live(at("2026-11-23T15:00:00Z")).await;
    assert_eq!(lines(&none), Vec::<String>::new());
    rig.simulated.directory.remove_credential(app.id, secret);
    rig.live(at("2026-11-24T09:00:00Z")).await;
    rig.mailer.come_back();
    let told = rig.live(at("2026-11-25T12:00:00Z")).await;
    assert_eq!(lines(&told), ["Tue 24 09:00 ops@example.com: Weekly report on contoso: nothing ends within 90 days"]);
    // Off for three weeks: one report, not three.
    rig.clock.set(at("2026-12-17T12:00:00Z"));
    let told = rig.live(at("2026-12-20T12:00:00Z")).await;
    assert_eq!(lines(&told), ["Thu 17 12:00 ops@example.com: Weekly report on contoso: nothing ends within 90 days"]);
}

#[test]
fn it_reads_as_it_should_and_its_file_lists_everything() {
    let mail = renderer().unwrap().render_report(&report(), uuid::Uuid::from_u128(1));
    insta::assert_snapshot!("report", format!("Subject: {}\n\n{}", mail.subject, mail.text));
    assert!(mail.html.len() < 100_000 && mail.html.contains("When this mail stops coming"));
    let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    let file = parsed.attachments().next().unwrap();
    assert_eq!(file.attachment_name(), Some("report.csv"));
    let csv = std::str::from_utf8(file.contents()).unwrap();
    assert_eq!(csv.lines().count(), 1 + report().findings.named.len());
    insta::assert_snapshot!("report-file", csv.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
}
