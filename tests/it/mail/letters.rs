//! What mails say and what they are made of.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use entrawatch::config::Cloud;
use entrawatch::inventory::{Credential, DirectoryObject, Severity, Standing, Tracked};
use entrawatch::mail::render::{Rendered, Renderer};
use entrawatch::mail::samples::{bulletins, renderer, samples};
use entrawatch::outbox::digest::{Digest, Item};
use entrawatch::policy::Via;
use entrawatch::snapshot::TenantLabel;
use mail_parser::MessageParser;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

fn sample(name: &str) -> Digest {
    samples().into_iter().find(|sample| sample.name == name).unwrap_or_else(|| panic!("no sample {name}")).digest
}

fn rendered(digest: &Digest) -> Rendered {
    renderer().unwrap().try_render(digest, Uuid::from_u128(1)).unwrap()
}

/// The item with another object and credential.
fn changed(item: &Item, change: impl FnOnce(&mut DirectoryObject, &mut Credential)) -> Item {
    let mut object = item.standing.object.object.clone();
    let mut credential = item.standing.credential.clone();
    change(&mut object, &mut credential);
    let tracked = Tracked { object, hash: String::new(), missing_since: None, gone_at: None };
    Item { standing: Standing { object: Arc::new(tracked), credential, ..item.standing.clone() }, ..item.clone() }
}

#[test]
fn every_situation_reads_as_it_should() {
    for sample in samples().iter().filter(|sample| sample.name != "digest-large") {
        let mail = rendered(&sample.digest);
        insta::assert_snapshot!(sample.name, format!("Subject: {}\n\n{}", mail.subject, mail.text));
    }
}

#[test]
fn mails_hold_nothing_remote_and_links_lead_to_the_portal_or_home() {
    for sample in samples() {
        let html = rendered(&sample.digest).html;
        for remote in ["<img", "<link", "<script", "<iframe", "<form", "url(", "@import", "src=", "srcset", "javascript:"] {
            assert!(!html.to_lowercase().contains(remote), "{}: {remote}", sample.name);
        }
        for href in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let known = ["https://entra.microsoft.com/#view/", "https://entrawatch.example.com/apps/contoso/"];
            assert!(known.iter().any(|known| href.starts_with(known)), "{}: {href}", sample.name);
        }
        assert!(html.len() < 100_000, "{}: {}", sample.name, html.len());
        balanced(sample.name, &html);
    }
}

/// Every element that is opened is closed, in order.
fn balanced(name: &str, html: &str) {
    let mut open = Vec::new();
    for tag in html.split('<').skip(1).filter(|tag| !tag.starts_with('!')).map(|tag| tag.split('>').next().unwrap()) {
        let element = tag.trim_start_matches('/').split([' ', '\n', '/']).next().unwrap();
        match tag.starts_with('/') {
            _ if ["meta", "br"].contains(&element) => {}
            true => assert_eq!(open.pop(), Some(element), "{name}"),
            false => open.push(element),
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "{name}");
}

#[test]
fn hostile_names_break_no_header_page_or_cell() {
    let digest = sample("hostile");
    let mail = rendered(&digest);
    assert!(!mail.subject.contains(['\r', '\n', '\u{202e}', '\u{2066}']), "{:?}", mail.subject);
    assert!(mail.subject.chars().count() < 120, "{}", mail.subject);
    assert!(!mail.html.contains("<script>") && mail.html.contains("&lt;script&gt;"));
    assert!(!mail.html.contains(['\u{202e}', '\u{2066}']) && !mail.text.contains(['\u{202e}', '\u{2066}']));
    assert!(mail.message.is_ascii());
    assert!(mail.message.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    let names: Vec<&str> = parsed.headers().iter().map(mail_parser::Header::name).collect();
    let expected =
        ["From", "Subject", "Message-ID", "Date", "Auto-Submitted", "X-Auto-Response-Suppress", "Importance", "X-Priority"];
    assert_eq!(names[..8], expected);
    assert_eq!(names[8..], ["To", "MIME-Version", "Content-Type"]);

    let many = Digest { items: std::iter::repeat_n(digest.items[0].clone(), 60).collect(), ..digest };
    let mail = rendered(&many);
    let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    let file = parsed.attachments().next().unwrap();
    let mut rows = csv::Reader::from_reader(file.contents());
    let cells: Vec<String> = rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(cells.len(), 60 * 12);
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t']) && !cell.contains(['\r', '\n'])), "{cells:?}");
}

#[test]
fn a_mail_of_the_longest_names_stays_under_a_hundred_kilobytes_and_shows_fewer() {
    let item = changed(&sample("saml-newer-inactive").items[0], |object, credential| {
        object.display_name = "&".repeat(500);
        credential.name = Some("\"".repeat(500));
    });
    let digest = Digest { items: std::iter::repeat_n(item, 500).collect(), ..sample("secret") };
    let mail = rendered(&digest);
    assert!(mail.html.len() <= 100_000, "{}", mail.html.len());
    assert!(mail.text.contains("most urgent are shown."), "{}", mail.text);
    let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    assert_eq!(String::from_utf8_lossy(parsed.attachments().next().unwrap().contents()).lines().count(), 501);
}

#[test]
fn a_digest_of_five_hundred_shows_fifty_and_counts_the_rest() {
    let mail = rendered(&sample("digest-large"));
    assert_eq!(mail.subject, "Service 000: client secret ends in 25 hours (+499 more)");
    let shown: Vec<&str> = mail.html.matches("Service ").collect();
    assert!(mail.html.contains("Service 049") && !mail.html.contains("Service 050"), "{}", shown.len());
    let text = mail.text.replace("\n  ", " ");
    assert!(text.contains("450 more are in the attached file credentials.csv"), "{text}");
}

#[test]
fn importance_follows_the_worst_item() {
    for (name, importance, priority) in
        [("secret", "high", "1"), ("secret-parallel", "normal", "3"), ("rotated", "low", "5"), ("resolved", "low", "5")]
    {
        let message = rendered(&sample(name)).message;
        assert!(message.contains(&format!("\r\nImportance: {importance}\r\nX-Priority: {priority}\r\n")), "{name}: {message}");
    }
}

#[test]
fn what_is_said_alike_has_one_fingerprint() {
    let digest = sample("digest");
    let mail = rendered(&digest);
    let again =
        renderer().unwrap().render(&Digest { at: digest.at + TimeDelta::minutes(20), ..digest.clone() }, Uuid::from_u128(2));
    assert_eq!(mail.fingerprint, again.fingerprint);
    assert_ne!(mail.message, again.message);
    let mut other = digest.clone();
    other.items[3] = changed(&other.items[3], |_, credential| {
        credential.not_after = credential.not_after.map(|end| end + TimeDelta::hours(1));
    });
    assert_ne!(rendered(&other).fingerprint, mail.fingerprint);
    let mut other = digest.clone();
    other.items[3].severity = Severity::Critical;
    assert_ne!(rendered(&other).fingerprint, mail.fingerprint);
}

#[test]
fn links_go_to_the_cloud_of_the_tenant() {
    for cloud in Cloud::iter() {
        // The portals of the newest clouds are said by those who live there.
        let portal = cloud.preset().portal.unwrap_or("https://portal.example.com");
        let mut digest = sample("digest");
        let label = (*digest.tenant).clone();
        digest.tenant = Arc::new(TenantLabel { cloud, portal: portal.parse().unwrap(), ..label });
        let html = rendered(&digest).html;
        let hrefs: Vec<&str> = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let links: Vec<&&str> = hrefs.iter().filter(|href| href.contains("#view/")).collect();
        assert!(links.len() >= 4 && links.iter().all(|href| href.starts_with(&format!("{portal}/#view/"))), "{cloud}: {links:?}");
    }
}

#[test]
fn each_silence_command_is_one_that_the_program_takes() {
    let mut seen = 0;
    for sample in samples() {
        let text = rendered(&sample.digest).text;
        for line in text.lines().map(str::trim).filter(|line| line.starts_with("entrawatch silence add")) {
            let words = line.split(' ').map(|word| word.trim_matches('"'));
            if let Err(error) = entrawatch::cli::grammar().try_get_matches_from(words) {
                panic!("{}: {line}: {error}", sample.name);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

/// Ready for a second language: what makes letters holds no words, they are in `src/mail/words/`.
#[test]
fn every_word_of_a_mail_stands_in_one_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail");
    // These speak to operators, in the log and on the command line.
    let elsewhere = ["folder.rs", "graph.rs", "mod.rs", "identity.rs", "trial.rs"];
    let mut seen = 0;
    let mut check = |name: &str, text: &str| {
        let shown = text.split(['{', '<']).next().unwrap();
        let words = shown.split(' ').filter(|word| word.len() > 2 && word.chars().all(char::is_alphabetic)).count();
        assert!(words < 2, "{name}: {text:?} belongs into src/mail/words/");
        seen += 1;
    };
    for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if elsewhere.contains(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines().map(str::trim_start);
        let code = code.filter(|line| !line.starts_with("//") && !line.starts_with('#'));
        for line in
            code.filter(|line| !["tracing::", "context(", "entrawatch silence add"].iter().any(|sign| line.contains(sign)))
        {
            line.split('"').skip(1).step_by(2).for_each(|literal| check(name, literal));
        }
    }
    let template = std::fs::read_to_string(folder.join("templates/letter.html.j2")).unwrap();
    let (_, body) = template.split_once("<body").unwrap();
    body.split('>').skip(1).for_each(|between| check("letter.html.j2", between));
    assert!(seen > 50, "{seen}");
}

#[test]
fn without_a_zone_and_pages_of_ones_own_there_is_utc_and_the_portal() {
    let renderer = Renderer::new("entrawatch@example.com".parse().unwrap(), chrono_tz::Tz::UTC, None);
    let mail = renderer.try_render(&sample("secret"), Uuid::from_u128(1)).unwrap();
    assert!(mail.text.contains("Ends: Wed 25 November 2026, 10:30 UTC\n"), "{}", mail.text);
    assert!(!mail.text.contains("status page") && !mail.html.contains("status page"), "{}", mail.text);
}

#[test]
fn an_address_that_is_none_costs_no_mail() {
    let digest = Digest { recipient: "not an address\r\nBcc: victim@example.com".to_owned(), ..sample("secret") };
    let mail = rendered(&digest);
    assert!(mail.message.contains("\r\nTo: undisclosed-recipients:;\r\n"), "{}", mail.message);
    assert!(!mail.message.contains("victim@example.com"));
}

#[test]
fn a_long_list_of_reasons_is_cut_short() {
    let mut digest = sample("digest-large");
    for item in digest.items.iter_mut().skip(400) {
        item.via = Via::Escalation;
    }
    let text = rendered(&digest).text;
    let footer: String = text.split("\n-- \n").nth(1).unwrap().replace('\n', " ");
    assert!(
        footer.contains("You are told about Service 000, Service 001, Service 002 and 397 more because nobody else is known"),
        "{footer}"
    );
    assert!(
        footer.contains("You are told about Service 400, Service 401, Service 402 and 97 more because the end is near"),
        "{footer}"
    );
}

#[test]
fn samples_can_be_looked_at_as_files() {
    let folder = tempfile::tempdir().unwrap();
    let written = entrawatch::mail::samples::preview(&folder.path().join("mails")).unwrap();
    assert_eq!(written.len(), (samples().len() + bulletins().len() + 1) * 3);
    assert!(written.iter().all(|path| path.metadata().is_ok_and(|file| file.len() > 400)), "{written:?}");
}
