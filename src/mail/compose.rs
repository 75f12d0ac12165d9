//! The message itself: RFC 5322, 7-bit, as it is stored and sent.

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};
use uuid::Uuid;

use super::letter::Tone;
use crate::clock::UtcTime;

/// What a message is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Sender.
    pub from: &'a Mailbox,
    /// Recipient.
    pub to: &'a str,
    /// Identity, also in the Message-ID.
    pub id: Uuid,
    /// Date.
    pub at: UtcTime,
    /// Subject, harmless already.
    pub subject: &'a str,
    /// Decides the importance.
    pub tone: Tone,
    /// Plain text part.
    pub text: &'a str,
    /// HTML part; `None`: text only.
    pub html: Option<&'a str>,
    /// Name and content of a CSV file to attach.
    pub file: Option<(&'a str, Vec<u8>)>,
}

/// Puts a message together.
pub fn message(parts: Parts<'_>) -> Result<String, lettre::error::Error> {
    let Parts { from, to, id, at, subject, tone, text, html, file } = parts;
    let builder = Message::builder()
        .from(from.clone())
        .subject(subject)
        .message_id(Some(message_id(from, id)))
        .raw_header(raw("Date", &date(at)))
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"));
    let builder = importance(tone).into_iter().fold(builder, |builder, (name, value)| builder.raw_header(raw(name, value)));
    let builder = match to.parse::<Address>() {
        Ok(address) => builder.to(Mailbox::new(None, address)),
        // Delivery says what is wrong with the address; the header must not carry it.
        Err(_) => builder
            .raw_header(raw("To", "undisclosed-recipients:;"))
            .envelope(Envelope::new(Some(from.email.clone()), vec![from.email.clone()])?),
    };
    let boundary = |name: &str| format!("{name}-{}", id.simple());
    let plain = SinglePart::plain(text.to_owned());
    let message = match (html, file) {
        (None, None) => builder.singlepart(plain)?,
        (html, file) => {
            let alternative = MultiPart::alternative().boundary(boundary("alternative")).singlepart(plain);
            let alternative = match html {
                Some(html) => alternative.singlepart(SinglePart::html(html.to_owned())),
                None => alternative,
            };
            match file {
                None => builder.multipart(alternative)?,
                Some((name, content)) => builder.multipart(
                    MultiPart::mixed()
                        .boundary(boundary("mixed"))
                        .multipart(alternative)
                        .singlepart(Attachment::new(name.to_owned()).body(content, csv())),
                )?,
            }
        }
    };
    Ok(String::from_utf8_lossy(&message.formatted()).into_owned())
}

/// `<id@sender-domain>`.
fn message_id(from: &Mailbox, id: Uuid) -> String {
    format!("<{id}@{}>", from.email.domain())
}

/// RFC 5322 knows years of four digits.
fn date(at: UtcTime) -> String {
    at.format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// What the different mail programs read the importance from.
fn importance(tone: Tone) -> [(&'static str, &'static str); 2] {
    match tone {
        Tone::Critical => [("Importance", "high"), ("X-Priority", "1")],
        Tone::Warning => [("Importance", "normal"), ("X-Priority", "3")],
        Tone::Info | Tone::Good => [("Importance", "low"), ("X-Priority", "5")],
    }
}

fn csv() -> ContentType {
    ContentType::parse("text/csv; charset=utf-8").unwrap_or(ContentType::TEXT_PLAIN)
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}
