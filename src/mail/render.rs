//! From what is to be told to a whole message.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::Tz;
use lettre::message::Mailbox;
use minijinja::{Environment, Value};
use url::Url;
use uuid::Uuid;

use super::compose::{self, Parts};
use super::digest::{self, FILE, SHOWN, Setting};
use super::letter::Letter;
use super::list;
use super::report::{self, Report};
use super::watcher::{self, Bulletin};
use super::words::{self, MARKS, NAMES};
use crate::clock::UtcTime;
use crate::html::{self, escaped};
use crate::outbox::digest::Digest;

/// Gmail cuts off what is longer than 102 KB.
const HTML_LIMIT: usize = 100_000;

/// The layout of the HTML part.
const TEMPLATES: [(&str, &str); 2] =
    [("letter.html.j2", include_str!("templates/letter.html.j2")), ("style.css", include_str!("templates/style.css"))];

/// A mail, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject line.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part; empty where the template failed and the mail is plain text only.
    pub html: String,
    /// The whole message, RFC 5322, 7-bit.
    pub message: String,
    /// Hash of what it says, without its id and date: two mails with equal ones tell their reader the same.
    pub fingerprint: String,
}

/// Who a mail is for, when it was decided, and what it is called.
struct Envelope<'a> {
    to: &'a str,
    at: UtcTime,
    id: Uuid,
}

/// Words mails and makes messages of them.
#[derive(Debug)]
pub struct Renderer {
    from: Mailbox,
    setting: Setting,
    templates: Environment<'static>,
}

impl Renderer {
    /// Mails from `from`, with times in `zone`, pointing to our own pages at `page` where people can reach them.
    #[must_use]
    pub fn new(from: Mailbox, zone: Tz, page: Option<Url>) -> Self {
        Self { from, setting: Setting { zone, page }, templates: templates() }
    }

    /// A mail about a tenant's credentials. It always makes one: where the HTML part fails, the mail is plain text, and the log
    /// says so.
    #[must_use]
    pub fn render(&self, digest: &Digest, id: Uuid) -> Rendered {
        self.try_render(digest, id).unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "the HTML part of a mail cannot be made; it leaves as plain text");
            self.plain(digest, id)
        })
    }

    /// The same, strictly: for previews and tests.
    pub fn try_render(&self, digest: &Digest, id: Uuid) -> anyhow::Result<Rendered> {
        let mut shown = SHOWN;
        loop {
            let letter = digest::letter(digest, &self.setting, shown);
            let html = self.html(&letter)?;
            if html.len() > HTML_LIMIT && shown > 1 {
                shown = shown.min(digest.items.len()) * 4 / 5;
                continue;
            }
            let file = (digest.items.len() > shown).then(|| list::csv(digest)).transpose()?;
            let envelope = Envelope { to: &digest.recipient, at: digest.at, id };
            return self.compose(&letter, html, file.map(|content| (FILE, content)), &envelope);
        }
    }

    /// A mail about EntraWatch itself. It always makes one, as [`Renderer::render`] does.
    #[must_use]
    pub fn render_bulletin(&self, bulletin: &Bulletin, id: Uuid) -> Rendered {
        let letter = self.with_page(watcher::letter(bulletin, self.setting.zone));
        self.lay_out(&letter, &Envelope { to: &bulletin.recipient, at: bulletin.at, id }, None)
    }

    /// The regular report, with its file. It always makes one, as [`Renderer::render`] does.
    #[must_use]
    pub fn render_report(&self, report: &Report, id: Uuid) -> Rendered {
        let letter = self.with_page(report::letter(report, self.setting.zone));
        let file = report::csv(report).inspect_err(|error| tracing::error!(%error, "the file of a report cannot be made")).ok();
        let envelope = Envelope { to: &report.recipient, at: report.at, id };
        self.lay_out(&letter, &envelope, file.map(|content| (report::FILE, content)))
    }

    fn with_page(&self, mut letter: Letter) -> Letter {
        letter.footer.extend(self.setting.page.as_ref().map(|page| words::digest::status_page(page.as_str())));
        letter
    }

    /// HTML and text where that can be had, else text alone.
    fn lay_out(&self, letter: &Letter, envelope: &Envelope<'_>, file: Option<(&str, Vec<u8>)>) -> Rendered {
        let html = self.html(letter).unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "the HTML part of a mail cannot be made; it leaves as plain text");
            String::new()
        });
        self.compose(letter, html, file, envelope).unwrap_or_else(|error| Self::bare(letter, &error))
    }

    /// What is kept of a mail that cannot be put together: delivery says what is wrong with it.
    fn bare(letter: &Letter, error: &anyhow::Error) -> Rendered {
        tracing::error!(error = format!("{error:#}"), "a mail cannot be put together");
        let (subject, text) = (letter.subject.clone(), letter.text());
        Rendered { fingerprint: fingerprint(&subject, &text), subject, message: String::new(), html: String::new(), text }
    }

    /// What leaves when the HTML part cannot be made.
    fn plain(&self, digest: &Digest, id: Uuid) -> Rendered {
        let letter = digest::letter(digest, &self.setting, SHOWN);
        let envelope = Envelope { to: &digest.recipient, at: digest.at, id };
        self.compose(&letter, String::new(), None, &envelope).unwrap_or_else(|error| Self::bare(&letter, &error))
    }

    fn html(&self, letter: &Letter) -> anyhow::Result<String> {
        Ok(self.templates.get_template("letter.html.j2")?.render(letter)?)
    }

    fn compose(
        &self,
        letter: &Letter,
        html: String,
        file: Option<(&str, Vec<u8>)>,
        envelope: &Envelope<'_>,
    ) -> anyhow::Result<Rendered> {
        let text = letter.text();
        let message = compose::message(Parts {
            from: &self.from,
            to: envelope.to,
            id: envelope.id,
            at: envelope.at,
            subject: &letter.subject,
            tone: letter.tone,
            text: &text,
            html: Some(html.as_str()).filter(|html| !html.is_empty()),
            file,
        })?;
        Ok(Rendered { subject: letter.subject.clone(), fingerprint: fingerprint(&letter.subject, &text), message, html, text })
    }
}

fn fingerprint(subject: &str, text: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(subject.as_bytes());
    context.update(&[0]);
    context.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(context.finish())
}

fn templates() -> Environment<'static> {
    let mut environment = html::environment();
    environment.add_filter("options", |line: &str| Value::from_safe_string(options(line)));
    environment.add_filter("marked", |sentence: &str| Value::from_safe_string(marked(sentence)));
    for (name, source) in TEMPLATES {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(%error, "a mail template does not parse");
        }
    }
    environment
}

/// A command line in HTML, whose options are not broken after their hyphens.
fn options(line: &str) -> String {
    let word = |word: &str| match word.strip_prefix('-') {
        Some(_) => format!("<span style=\"white-space:nowrap\">{}</span>", escaped(word)),
        None => escaped(word),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A sentence in HTML, its literal text set as code.
fn marked(sentence: &str) -> String {
    escaped(sentence)
        .replace(MARKS.0, "<code style=\"font-family:Consolas,Menlo,monospace;font-size:0.93em;white-space:nowrap;\">")
        .replace(MARKS.1, "</code>")
        .replace(NAMES.0, "<strong>")
        .replace(NAMES.1, "</strong>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::samples::{renderer, samples};

    #[test]
    fn a_broken_template_costs_the_html_and_not_the_mail() {
        let sample = &samples()[0].digest;
        let whole = renderer().unwrap().render(sample, Uuid::from_u128(1));
        let broken = Renderer { templates: Environment::new(), ..renderer().unwrap() };
        assert!(broken.try_render(sample, Uuid::from_u128(1)).is_err());
        let plain = broken.render(sample, Uuid::from_u128(1));
        assert_eq!((plain.subject, plain.text, plain.fingerprint), (whole.subject, whole.text, whole.fingerprint));
        assert_eq!(plain.html, "");
        assert!(plain.message.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{}", plain.message);
        assert!(plain.message.contains("No other credential can sign in as this application after that"), "{}", plain.message);
    }

    #[test]
    fn nothing_in_a_template_is_left_undefined() {
        for sample in samples() {
            renderer()
                .unwrap()
                .try_render(&sample.digest, Uuid::from_u128(1))
                .unwrap_or_else(|error| panic!("{}: {error:#}", sample.name));
        }
    }
}
