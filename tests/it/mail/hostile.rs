//! Directory text is anybody's text: in every kind of mail it stays text.

use std::sync::Arc;

use entrawatch::inventory::Tracked;
use entrawatch::mail::samples::{renderer, samples};
use entrawatch::outbox::digest::Digest;
use entrawatch::policy::Via;
use entrawatch::snapshot::TenantLabel;
use mail_parser::{MessageParser, MimeHeaders as _};
use uuid::Uuid;

use crate::support::python;

const NAMES: [&str; 6] = [
    "Payroll\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>",
    "[click](https://evil.example) **bold** {{ 7*7 }} ${x} %s &amp; <b>\"'`",
    "\u{202e}gnp.exe\u{2066}\u{200f}\u{0}\u{7}\u{1b}[2J",
    "=HYPERLINK(\"https://evil.example\",\"pay\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u{fffd}",
];

/// Every sample with these names everywhere that a name can stand.
fn hostile() -> Vec<(String, Digest)> {
    let emoji = "\u{1f600}".repeat(256);
    let names = NAMES.iter().copied().chain([emoji.as_str()]);
    let with = |name: &str, digest: &Digest| {
        let mut digest = digest.clone();
        digest.tenant = Arc::new(TenantLabel { name: name.to_owned(), ..(*digest.tenant).clone() });
        for item in &mut digest.items {
            let mut object = item.standing.object.object.clone();
            name.clone_into(&mut object.display_name);
            object.notes = Some(name.to_owned());
            object.tags = vec![name.to_owned()];
            item.standing.object = Arc::new(Tracked { object, hash: String::new(), missing_since: None, gone_at: None });
            item.standing.credential.name = Some(name.to_owned());
            item.standing.credential.thumbprint = item.standing.credential.thumbprint.as_ref().map(|_| name.to_owned());
            if let Some(newer) = &mut item.standing.replaced_by {
                newer.name = Some(name.to_owned());
            }
            item.via = Via::Undeliverable(name.to_owned());
        }
        digest
    };
    let all = samples();
    names
        .flat_map(|name| all.iter().map(move |sample| (format!("{} {name:.12?}", sample.name), with(name, &sample.digest))))
        .collect()
}

#[tokio::test]
async fn no_name_breaks_a_header_a_page_or_a_cell_of_any_mail() {
    let renderer = renderer().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (index, (what, digest)) in hostile().into_iter().enumerate() {
        let mail =
            renderer.try_render(&digest, Uuid::from_u128(index as u128)).unwrap_or_else(|error| panic!("{what}: {error:#}"));
        let control = |c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200f}')
        };
        assert!(!mail.subject.contains(control) && mail.subject.chars().count() < 200, "{what}: {:?}", mail.subject);
        for text in [&mail.text, &mail.html] {
            let found = text.split(control).next().filter(|before| before.len() < text.len());
            assert_eq!(found.map(|before| before.chars().rev().take(80).collect::<String>()), None, "{what}: read it backwards");
        }
        for element in ["<script", "<b>", "<img", "evil.example\">", "href=\"https://evil"] {
            assert!(!mail.html.contains(element), "{what}: {element}");
        }
        let of_sample = what.starts_with("digest-large");
        assert!(mail.html.len() <= 100_000 && (of_sample || mail.message.len() < 300_000), "{what}: {}", mail.html.len());
        assert!(mail.message.is_ascii() && mail.message.split("\r\n").all(|line| line.len() <= 998), "{what}");

        let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
        let headers: Vec<&str> = parsed.headers().iter().map(mail_parser::Header::name).collect();
        assert!(!headers.contains(&"Bcc") && headers.len() == 11, "{what}: {headers:?}");
        assert_eq!(parsed.subject(), Some(mail.subject.as_str()), "{what}");
        for file in parsed.attachments() {
            assert_eq!(file.attachment_name(), Some("credentials.csv"), "{what}");
            let mut rows = csv::Reader::from_reader(file.contents());
            let cells = rows.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
            assert!(cells.into_iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{what}");
        }
        let path = folder.path().join(format!("{index}.eml"));
        std::fs::write(&path, &mail.message).unwrap();
        files.push(path);
    }
    let Some(read) = python::peer("read_mails.py", &serde_json::json!(files)).await else { return };
    assert_eq!(read["read"], files.len(), "{read}");
    assert_eq!(read["defects"], serde_json::json!([]), "{read}");
}
