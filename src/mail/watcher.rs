//! The letter about EntraWatch itself: from what was decided to a [`Letter`].

use chrono_tz::Tz;

use super::letter::{Block, Card, Cell, Letter, Table, Tone};
use super::text::clean;
use super::words;
use crate::clock::UtcTime;
use crate::inventory::Severity;
use crate::policy::Remark;

/// So many remarks get a card of their own.
const CARDS: usize = 8;

/// What one recipient is to hear about EntraWatch itself, merged over tenants.
#[derive(Debug, Clone)]
pub struct Bulletin {
    /// Lower-cased address.
    pub recipient: String,
    /// When it was decided.
    pub at: UtcTime,
    /// What it says, the worst first; never empty.
    pub remarks: Vec<Remark>,
}

/// Words a bulletin.
#[must_use]
pub fn letter(bulletin: &Bulletin, zone: Tz) -> Letter {
    let remarks = &bulletin.remarks;
    let headline = remarks.first().map(words::watcher::headline).unwrap_or_default();
    let subject = words::watcher::subject(&words::digest::subject(&headline, remarks.len().saturating_sub(1)));
    Letter {
        language: words::LANGUAGE,
        preview: remarks.first().map(|remark| words::watcher::facts(remark, zone).join(" ")).unwrap_or_default(),
        tone: remarks.iter().map(tone).max().unwrap_or(Tone::Good),
        kicker: words::watcher::kicker(remarks.first().filter(|_| remarks.len() == 1).map(tenant).as_deref()),
        heading: subject.clone(),
        subject,
        blocks: blocks(remarks, zone),
        footer: words::watcher::footer(),
    }
}

/// One remark is told in plain paragraphs, several on a card each; what they mean comes once for all of a kind.
fn blocks(remarks: &[Remark], zone: Tz) -> Vec<Block> {
    let text = |text: String| Block::Text { text };
    let mut blocks: Vec<Block> = match remarks {
        [only] => words::watcher::facts(only, zone).into_iter().map(text).collect(),
        several => several.iter().take(CARDS).map(|remark| Block::Card(card(remark, zone))).collect(),
    };
    if let Some(rest) = remarks.get(CARDS..).filter(|rest| !rest.is_empty()) {
        let cell = |text: String, tone: Option<Tone>| Cell { text, tone, ..Cell::default() };
        let row = |remark: &Remark| vec![cell(tenant(remark), None), cell(words::watcher::headline(remark), Some(tone(remark)))];
        blocks.push(Block::Heading { text: words::watcher::FURTHER.to_owned() });
        blocks.push(Block::Table(Table { head: Vec::new(), rows: rest.iter().map(row).collect() }));
    }
    let mut said: Vec<String> = Vec::new();
    for sentence in remarks.iter().flat_map(words::watcher::advice) {
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    blocks.extend(said.into_iter().map(text));
    blocks
}

fn tone(remark: &Remark) -> Tone {
    match remark {
        Remark::Over { .. } => Tone::Good,
        Remark::Begun(condition) => match condition.severity {
            Severity::Critical => Tone::Critical,
            Severity::Warning => Tone::Warning,
            Severity::Info => Tone::Info,
        },
    }
}

fn tenant(remark: &Remark) -> String {
    match remark {
        Remark::Begun(condition) => clean(&condition.tenant, 80),
        Remark::Over { tenant, .. } => clean(tenant, 80),
    }
}

fn card(remark: &Remark, zone: Tz) -> Card {
    Card {
        tone: tone(remark),
        label: words::watcher::label(remark),
        title: words::watcher::headline(remark),
        subtitle: words::watcher::subtitle(&tenant(remark)),
        lead: None,
        sentences: words::watcher::facts(remark, zone),
        facts: Vec::new(),
        links: Vec::new(),
        command: None,
    }
}
