//! The letter about a tenant's credentials: from a [`Digest`] to a [`Letter`].

use chrono_tz::Tz;
use url::Url;

use super::letter::{Block, Card, Cell, Fact, Guide, Letter, Link, Table, Tone};
use super::links::{self, Ids};
use super::situation::{Task, ended, tone};
use super::text::clean;
use super::words;
use super::words::digest::FURTHER;
use crate::clock::UtcTime;
use crate::inventory::{CredentialKind, ObjectKind};
use crate::outbox::digest::{Coverage, Digest, DigestKind, Item};
use crate::policy::{Notice, Via};

/// So many items get a card of their own; a reader does not take in more.
const CARDS: usize = 8;

/// So many items are shown at all; the others are counted and stand in the attached file.
pub const SHOWN: usize = 50;

/// The name of the attached file.
pub const FILE: &str = "credentials.csv";

/// What words need to know besides the digest.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Zone of the times.
    pub zone: Tz,
    /// Base of our own pages, where people can reach them.
    pub page: Option<Url>,
}

/// Words a digest, showing at most `shown` items.
#[must_use]
pub fn letter(digest: &Digest, setting: &Setting, shown: usize) -> Letter {
    let tenant = clean(&digest.tenant.name, 80);
    let visible = digest.items.get(..shown).unwrap_or(&digest.items);
    let guides = Guides::of(visible, digest.at);
    let mut blocks = Vec::new();
    if let DigestKind::Baseline(_) = digest.kind {
        blocks.push(Block::Text { text: words::baseline::intro(&tenant, digest.items.len()) });
    }
    if digest.items.len() > 1 {
        blocks.push(Block::Text { text: tally(digest) });
    }
    if let Some(at) = digest.as_of {
        blocks.push(Block::Callout { tone: Tone::Warning, text: words::digest::as_of(at, setting.zone) });
    }
    let reasons = reasons(digest);
    blocks.extend(visible.iter().take(CARDS).map(|item| Block::Card(card(item, digest, setting, &guides))));
    if let Some(rest) = visible.get(CARDS..).filter(|rest| !rest.is_empty()) {
        blocks.push(Block::Heading { text: FURTHER.to_owned() });
        blocks.push(Block::Table(table(rest, digest, setting, &guides)));
        blocks.push(Block::Text { text: words::digest::zone(digest.at, setting.zone) });
    }
    if visible.len() < digest.items.len() {
        let text = words::digest::omitted(visible.len(), digest.items.len() - visible.len(), FILE);
        blocks.push(Block::Callout { tone: Tone::Info, text });
    }
    blocks.extend(guides.blocks());
    if let DigestKind::Baseline(coverage) = &digest.kind {
        blocks.extend(baseline(coverage));
    }
    let (subject, heading) = subject(digest, &tenant, setting.zone);
    Letter {
        language: words::LANGUAGE,
        subject,
        preview: preview(digest, setting.zone),
        tone: digest.items.iter().map(tone).max().unwrap_or(Tone::Good),
        kicker: words::digest::kicker(&tenant, &clean(&digest.tenant.id, 80)),
        heading,
        blocks,
        footer: footer(&reasons, &tenant, setting),
    }
}

fn subject(digest: &Digest, tenant: &str, zone: Tz) -> (String, String) {
    let Some((worst, rest)) = digest.items.split_first() else {
        let quiet = words::baseline::quiet(tenant);
        return (quiet.clone(), quiet);
    };
    let headline = words::item::headline(worst, digest.at, zone);
    let subject = words::digest::subject(&headline, rest.len());
    match digest.kind {
        DigestKind::Regular => (subject.clone(), subject),
        DigestKind::Baseline(_) => (words::baseline::subject(&subject, tenant), subject),
    }
}

fn preview(digest: &Digest, zone: Tz) -> String {
    let first = digest.items.first();
    let end = first.and_then(|item| words::item::end(item, digest.at, zone)).map(|(label, end)| format!("{label} {end}."));
    let said = first.and_then(|item| words::item::sentences(item, digest.at, zone).into_iter().next());
    words::unmarked(&end.into_iter().chain(said).collect::<Vec<_>>().join(" "))
}

fn tally(digest: &Digest) -> String {
    let number = |tone_wanted: Tone| digest.items.iter().filter(|item| tone(item) == tone_wanted).count();
    words::digest::tally(number(Tone::Critical), number(Tone::Warning), number(Tone::Info), number(Tone::Good))
}

fn card(item: &Item, digest: &Digest, setting: &Setting, guides: &Guides) -> Card {
    let ids = Ids::of(item);
    let credential = &item.standing.credential;
    let key_label = match credential.kind {
        CredentialKind::Secret => words::item::SECRET_ID,
        _ => words::item::CERTIFICATE_ID,
    };
    let mut facts = Vec::new();
    if item.standing.object.object.app_id.is_some() {
        facts.push(fact(words::item::CLIENT_ID, &ids.app));
    }
    if item.standing.object.object.key.kind == ObjectKind::ServicePrincipal || facts.is_empty() {
        facts.push(fact(words::item::OBJECT_ID, &ids.object));
    }
    facts.push(fact(key_label, &ids.key));
    facts.extend(credential.thumbprint.as_deref().map(|thumbprint| fact(words::item::THUMBPRINT, &clean(thumbprint, 64))));
    let resolved = item.notice == Notice::Resolved;
    let mut links = Vec::new();
    if let Some(href) = links::portal(item, &digest.tenant).filter(|_| !resolved) {
        links.push(Link { label: links::portal_label(item).to_owned(), href, main: true });
    }
    if let Some(base) = &setting.page {
        links.push(Link {
            label: words::item::STATUS_PAGE.to_owned(),
            href: links::status_page(item, &digest.tenant, base),
            main: false,
        });
    }
    let mut sentences = words::item::sentences(item, digest.at, setting.zone);
    sentences.extend(guides.letter(Task::of(item)).map(words::guide::reference));
    Card {
        tone: tone(item),
        label: words::item::label(item, digest.at),
        title: words::item::application(item),
        subtitle: words::item::subtitle(item),
        lead: words::item::end(item, digest.at, setting.zone).map(|(label, value)| fact(label, &value)),
        sentences,
        facts,
        links,
        command: (!resolved).then(|| fact(words::item::SILENCE, &links::silence(item, &digest.tenant, digest.at))),
    }
}

fn fact(label: &str, value: &str) -> Fact {
    Fact { label: label.to_owned(), value: value.to_owned() }
}

fn table(items: &[Item], digest: &Digest, setting: &Setting, guides: &Guides) -> Table {
    let row = |item: &Item| {
        let end = item.standing.credential.not_after;
        let letter = guides.letter(Task::of(item)).map(words::guide::pointer);
        let notes: Vec<String> = words::item::remark(item).map(ToOwned::to_owned).into_iter().chain(letter).collect();
        vec![
            Cell {
                text: words::item::application(item),
                href: links::portal(item, &digest.tenant).filter(|_| item.notice != Notice::Resolved),
                ..Cell::default()
            },
            Cell {
                text: words::item::credential(&item.standing.credential),
                note: Some(notes.join("; ")).filter(|notes| !notes.is_empty()),
                ..Cell::default()
            },
            Cell {
                text: end.map_or_else(String::new, |end| words::time::short(end, setting.zone)),
                note: Some(words::item::fate(item, digest.at)),
                tone: Some(tone(item)),
                ..Cell::default()
            },
        ]
    };
    Table { head: words::digest::COLUMNS.map(ToOwned::to_owned).into(), rows: items.iter().map(row).collect() }
}

fn baseline(coverage: &Coverage) -> Vec<Block> {
    let row = |(label, number): (String, usize)| {
        let number = Cell { text: number.to_string(), number: true, ..Cell::default() };
        vec![Cell { text: label, ..Cell::default() }, number]
    };
    vec![
        Block::Heading { text: words::baseline::NUMBERS.to_owned() },
        Block::Table(Table { head: Vec::new(), rows: words::baseline::numbers(coverage).into_iter().map(row).collect() }),
        Block::Heading { text: words::baseline::WHO.to_owned() },
        Block::Text { text: words::baseline::owners(coverage.owners) },
    ]
}

/// Why the recipient is told, each reason with the applications it holds for, in the order of the items.
fn reasons(digest: &Digest) -> Vec<(String, Vec<String>)> {
    if digest.items.is_empty() && digest.kind != DigestKind::Regular {
        return vec![(words::digest::why(&Via::Baseline), Vec::new())];
    }
    let mut reasons: Vec<(&Via, Vec<String>)> = Vec::new();
    for item in &digest.items {
        let application = words::item::application(item);
        match reasons.iter_mut().find(|(via, _)| **via == item.via) {
            Some((_, applications)) if applications.contains(&application) => {}
            Some((_, applications)) => applications.push(application),
            None => reasons.push((&item.via, vec![application])),
        }
    }
    reasons.into_iter().map(|(via, applications)| (words::digest::why(via), applications)).collect()
}

fn footer(reasons: &[(String, Vec<String>)], tenant: &str, setting: &Setting) -> Vec<String> {
    let mut lines = words::digest::reasons(reasons);
    lines.push(words::digest::sender(tenant));
    lines.extend(setting.page.as_ref().map(|page| words::digest::status_page(page.as_str())));
    lines
}

/// The guides a mail needs, each once, in the order in which its items need them.
struct Guides {
    tasks: Vec<Need>,
}

/// A guide that a mail needs.
struct Need {
    task: Task,
    /// Of the one item it is for, or placeholders where it is for several.
    ids: Ids,
    /// Everything it is for has ended already.
    over: bool,
}

impl Guides {
    fn of(items: &[Item], at: UtcTime) -> Self {
        let mut tasks: Vec<Need> = Vec::new();
        for item in items {
            let Some(task) = Task::of(item) else { continue };
            let over = ended(item, at);
            match tasks.iter_mut().find(|need| need.task == task) {
                Some(need) => {
                    need.ids = Ids::placeholders();
                    need.over &= over;
                }
                None => tasks.push(Need { task, ids: Ids::of(item), over }),
            }
        }
        Self { tasks }
    }

    /// The letter by which a card refers to its guide; none where there is only one guide.
    fn letter(&self, task: Option<Task>) -> Option<char> {
        let index = self.tasks.iter().position(|need| Some(need.task) == task)?;
        (self.tasks.len() > 1).then(|| ('A'..='Z').nth(index))?
    }

    fn blocks(&self) -> Vec<Block> {
        let guide = |need: &Need| {
            Block::Guide(Guide {
                title: words::guide::title(need.task, self.letter(Some(need.task))),
                intro: words::guide::intro(need.task),
                steps: words::guide::steps(need.task, &need.ids, need.over),
                outro: words::guide::outro(need.task, need.over),
            })
        };
        self.tasks.iter().map(guide).collect()
    }
}
